/* The menu of faults: names, families, and which of them are over at once. */
#include "sim/fault.h"

#include "core/base/assert.h"

#include <string.h>

static const struct {
    const char *name;
    enum fault_family family;
    bool is_instant;
} menu[FAULT_KIND_END] = {
    [FAULT_KILL] = {"kill", FAULT_FAMILY_PROCESS, true},
    [FAULT_KEEP_DOWN] = {"keep_down", FAULT_FAMILY_PROCESS, false},
    [FAULT_PAUSE] = {"pause", FAULT_FAMILY_PROCESS, false},
    [FAULT_SLOW_PROCESS] = {"slow_process", FAULT_FAMILY_PROCESS, false},
    [FAULT_KILL_AT_EFFECT] = {"kill_at_effect", FAULT_FAMILY_PROCESS, true},
    [FAULT_CRASH_LOOP] = {"crash_loop", FAULT_FAMILY_PROCESS, false},
    [FAULT_POWER_OFF] = {"power_off", FAULT_FAMILY_HOST, false},
    [FAULT_REBOOT] = {"reboot", FAULT_FAMILY_HOST, false},
    [FAULT_CLOCK_STEP] = {"clock_step", FAULT_FAMILY_CLOCK, false},
    [FAULT_CLOCK_DRIFT] = {"clock_drift", FAULT_FAMILY_CLOCK, false},
    [FAULT_CLOCK_FREEZE] = {"clock_freeze", FAULT_FAMILY_CLOCK, false},
    [FAULT_PARTITION] = {"partition", FAULT_FAMILY_NETWORK, false},
    [FAULT_FLAPPING] = {"flapping", FAULT_FAMILY_NETWORK, false},
    [FAULT_LATENCY] = {"latency", FAULT_FAMILY_NETWORK, false},
    [FAULT_LOSS] = {"loss", FAULT_FAMILY_NETWORK, false},
    [FAULT_BANDWIDTH] = {"bandwidth", FAULT_FAMILY_NETWORK, false},
    [FAULT_RESET] = {"reset", FAULT_FAMILY_NETWORK, true},
    [FAULT_HALF_OPEN] = {"half_open", FAULT_FAMILY_NETWORK, true},
    [FAULT_REFUSE] = {"refuse", FAULT_FAMILY_NETWORK, false},
    [FAULT_BLACK_HOLE] = {"black_hole", FAULT_FAMILY_NETWORK, false},
    [FAULT_DISK_SLOW] = {"disk_slow", FAULT_FAMILY_DISK, false},
    [FAULT_DISK_FULL] = {"disk_full", FAULT_FAMILY_DISK, false},
    [FAULT_DISK_ERROR] = {"disk_error", FAULT_FAMILY_DISK, false},
    [FAULT_DISK_LYING_SYNC] = {"disk_lying_sync", FAULT_FAMILY_DISK, false},
    [FAULT_JOURNAL_OUTAGE] = {"journal_outage", FAULT_FAMILY_STORE, false},
    [FAULT_JOURNAL_SLOW] = {"journal_slow", FAULT_FAMILY_STORE, false},
    [FAULT_JOURNAL_CONFLICTS] = {"journal_conflicts", FAULT_FAMILY_STORE, false},
    [FAULT_BLOBS_MISSING] = {"blobs_missing", FAULT_FAMILY_STORE, false},
    [FAULT_KILL_INSTANCE] = {"kill_instance", FAULT_FAMILY_WORKLOAD, true},
    [FAULT_HANG_INSTANCE] = {"hang_instance", FAULT_FAMILY_WORKLOAD, false},
    [FAULT_APP_CRASHES] = {"app_crashes", FAULT_FAMILY_WORKLOAD, false},
    [FAULT_APP_NEVER_BINDS] = {"app_never_binds", FAULT_FAMILY_WORKLOAD, false},
    [FAULT_APP_SLOW_BOOT] = {"app_slow_boot", FAULT_FAMILY_WORKLOAD, false},
    [FAULT_APP_IGNORES_TERM] = {"app_ignores_term", FAULT_FAMILY_WORKLOAD, false},
    [FAULT_APP_LEAKS] = {"app_leaks", FAULT_FAMILY_WORKLOAD, false},
    [FAULT_SURGE] = {"surge", FAULT_FAMILY_LOAD, false},
};

const char *fault_kind_name(enum fault_kind kind)
{
    assert_that(kind > 0 && kind < FAULT_KIND_END);
    return menu[kind].name;
}

enum fault_kind fault_kind_find(const char *name)
{
    for (int kind = 1; kind < FAULT_KIND_END; kind++) {
        if (strcmp(menu[kind].name, name) == 0)
            return (enum fault_kind)kind;
    }
    return 0;
}

enum fault_family fault_kind_family(enum fault_kind kind)
{
    assert_that(kind > 0 && kind < FAULT_KIND_END);
    return menu[kind].family;
}

bool fault_kind_is_instant(enum fault_kind kind)
{
    assert_that(kind > 0 && kind < FAULT_KIND_END);
    return menu[kind].is_instant;
}
