/* The menu of faults: names, families, and what each of them needs. */
#include "sim/faults/fault.h"

#include "core/base/assert.h"

#include <stdint.h>
#include <string.h>

enum trait {
    INSTANT = 1,    /* Over at once. */
    SHARE = 2,      /* Its amount is one, in a million. */
    DELAY = 4,      /* Senseless without one. */
    LIES = 8,       /* Outside of what any promise covers. */
    INSTANCES = 16, /* Hurts those that run. */
};

static const struct {
    const char *name;
    enum fault_family family;
    uint32_t traits;
} menu[FAULT_KIND_END] = {
    [FAULT_KILL] = {"kill", FAULT_FAMILY_PROCESS, INSTANT},
    [FAULT_KEEP_DOWN] = {"keep_down", FAULT_FAMILY_PROCESS, 0},
    [FAULT_PAUSE] = {"pause", FAULT_FAMILY_PROCESS, 0},
    [FAULT_SLOW_PROCESS] = {"slow_process", FAULT_FAMILY_PROCESS, DELAY},
    [FAULT_KILL_AT_EFFECT] = {"kill_at_effect", FAULT_FAMILY_PROCESS, INSTANT},
    [FAULT_CRASH_LOOP] = {"crash_loop", FAULT_FAMILY_PROCESS, DELAY},
    [FAULT_RESTART] = {"restart", FAULT_FAMILY_PROCESS, INSTANT},
    [FAULT_EVACUATE] = {"evacuate", FAULT_FAMILY_PROCESS, 0},
    [FAULT_SLOW_START] = {"slow_start", FAULT_FAMILY_PROCESS, DELAY},
    [FAULT_OLD_VERSION] = {"old_version", FAULT_FAMILY_PROCESS, 0},
    [FAULT_BAD_CONFIG] = {"bad_config", FAULT_FAMILY_PROCESS, 0},
    [FAULT_FEW_DESCRIPTORS] = {"few_descriptors", FAULT_FAMILY_PROCESS, 0},
    [FAULT_POWER_OFF] = {"power_off", FAULT_FAMILY_HOST, 0},
    [FAULT_SLOW_HOST] = {"slow_host", FAULT_FAMILY_HOST, DELAY},
    [FAULT_NEW_ADDRESS] = {"new_address", FAULT_FAMILY_HOST, 0},
    [FAULT_NO_FORKS] = {"no_forks", FAULT_FAMILY_HOST, 0},
    [FAULT_STRANGER] = {"stranger", FAULT_FAMILY_HOST, LIES},
    [FAULT_REBOOT] = {"reboot", FAULT_FAMILY_HOST, 0},
    [FAULT_MEMORY_PRESSURE] = {"memory_pressure", FAULT_FAMILY_HOST, DELAY},
    [FAULT_CLOCK_STEP] = {"clock_step", FAULT_FAMILY_CLOCK, 0},
    [FAULT_CLOCK_DRIFT] = {"clock_drift", FAULT_FAMILY_CLOCK, 0},
    [FAULT_CLOCK_FREEZE] = {"clock_freeze", FAULT_FAMILY_CLOCK, 0},
    [FAULT_CLOCK_LEAP] = {"clock_leap", FAULT_FAMILY_CLOCK, 0},
    [FAULT_PARTITION] = {"partition", FAULT_FAMILY_NETWORK, 0},
    [FAULT_FLAPPING] = {"flapping", FAULT_FAMILY_NETWORK, DELAY},
    [FAULT_LATENCY] = {"latency", FAULT_FAMILY_NETWORK, DELAY},
    [FAULT_LOSS] = {"loss", FAULT_FAMILY_NETWORK, SHARE},
    [FAULT_BANDWIDTH] = {"bandwidth", FAULT_FAMILY_NETWORK, 0},
    [FAULT_RESET] = {"reset", FAULT_FAMILY_NETWORK, INSTANT},
    [FAULT_HALF_OPEN] = {"half_open", FAULT_FAMILY_NETWORK, INSTANT},
    [FAULT_REFUSE] = {"refuse", FAULT_FAMILY_NETWORK, 0},
    [FAULT_BLACK_HOLE] = {"black_hole", FAULT_FAMILY_NETWORK, 0},
    [FAULT_TABLE_FULL] = {"table_full", FAULT_FAMILY_NETWORK, 0},
    [FAULT_JAM] = {"jam", FAULT_FAMILY_NETWORK, 0},
    [FAULT_FINISH] = {"finish", FAULT_FAMILY_NETWORK, INSTANT},
    [FAULT_ZERO_WINDOW] = {"zero_window", FAULT_FAMILY_NETWORK, 0},
    [FAULT_IDLE_EXPIRY] = {"idle_expiry", FAULT_FAMILY_NETWORK, DELAY},
    [FAULT_CORRUPT] = {"corrupt", FAULT_FAMILY_NETWORK, SHARE | LIES},
    [FAULT_WRONG_NAME] = {"wrong_name", FAULT_FAMILY_NETWORK, LIES},
    [FAULT_NO_NAME] = {"no_name", FAULT_FAMILY_NETWORK, 0},
    [FAULT_DISK_SLOW] = {"disk_slow", FAULT_FAMILY_DISK, DELAY},
    [FAULT_DISK_FULL] = {"disk_full", FAULT_FAMILY_DISK, 0},
    [FAULT_DISK_ERROR] = {"disk_error", FAULT_FAMILY_DISK, SHARE},
    [FAULT_DISK_READ_ERROR] = {"disk_read_error", FAULT_FAMILY_DISK, SHARE},
    [FAULT_DISK_WRITE_ERROR] = {"disk_write_error", FAULT_FAMILY_DISK, SHARE},
    [FAULT_DISK_READ_ONLY] = {"disk_read_only", FAULT_FAMILY_DISK, 0},
    [FAULT_DISK_BIT_ROT] = {"disk_bit_rot", FAULT_FAMILY_DISK, LIES},
    [FAULT_DISK_TORN_STATE] = {"disk_torn_state", FAULT_FAMILY_DISK, LIES},
    [FAULT_DISK_OLD_IMAGE] = {"disk_old_image", FAULT_FAMILY_DISK, LIES},
    [FAULT_DISK_WIPED] = {"disk_wiped", FAULT_FAMILY_DISK, 0},
    [FAULT_DISK_SWAPPED] = {"disk_swapped", FAULT_FAMILY_DISK, LIES},
    [FAULT_DISK_LYING_SYNC] = {"disk_lying_sync", FAULT_FAMILY_DISK, LIES},
    [FAULT_JOURNAL_OUTAGE] = {"journal_outage", FAULT_FAMILY_STORE, 0},
    [FAULT_JOURNAL_SLOW] = {"journal_slow", FAULT_FAMILY_STORE, DELAY},
    [FAULT_JOURNAL_CONFLICTS] = {"journal_conflicts", FAULT_FAMILY_STORE, SHARE},
    [FAULT_JOURNAL_SHORT] = {"journal_short", FAULT_FAMILY_STORE, SHARE},
    [FAULT_JOURNAL_UNSURE] = {"journal_unsure", FAULT_FAMILY_STORE, SHARE},
    [FAULT_JOURNAL_TORN] = {"journal_torn", FAULT_FAMILY_STORE, SHARE | LIES},
    [FAULT_BLOBS_MISSING] = {"blobs_missing", FAULT_FAMILY_STORE, 0},
    [FAULT_BLOBS_DAMAGED] = {"blobs_damaged", FAULT_FAMILY_STORE, 0},
    [FAULT_KILL_INSTANCE] = {"kill_instance", FAULT_FAMILY_WORKLOAD, INSTANT | INSTANCES},
    [FAULT_HANG_INSTANCE] = {"hang_instance", FAULT_FAMILY_WORKLOAD, INSTANCES},
    [FAULT_SICK_INSTANCE] = {"sick_instance", FAULT_FAMILY_WORKLOAD, INSTANCES},
    [FAULT_SLOW_INSTANCE] = {"slow_instance", FAULT_FAMILY_WORKLOAD, DELAY | INSTANCES},
    [FAULT_APP_CRASHES] = {"app_crashes", FAULT_FAMILY_WORKLOAD, DELAY},
    [FAULT_APP_NEVER_BINDS] = {"app_never_binds", FAULT_FAMILY_WORKLOAD, 0},
    [FAULT_APP_SLOW_BOOT] = {"app_slow_boot", FAULT_FAMILY_WORKLOAD, DELAY},
    [FAULT_APP_IGNORES_TERM] = {"app_ignores_term", FAULT_FAMILY_WORKLOAD, 0},
    [FAULT_APP_CANNOT_FORK] = {"app_cannot_fork", FAULT_FAMILY_WORKLOAD, 0},
    [FAULT_APP_PORT_TAKEN] = {"app_port_taken", FAULT_FAMILY_WORKLOAD, 0},
    [FAULT_APP_ZOMBIE] = {"app_zombie", FAULT_FAMILY_WORKLOAD, 0},
    [FAULT_APP_EXITS_WELL] = {"app_exits_well", FAULT_FAMILY_WORKLOAD, 0},
    [FAULT_APP_LEAKS] = {"app_leaks", FAULT_FAMILY_WORKLOAD, 0},
    [FAULT_SURGE] = {"surge", FAULT_FAMILY_LOAD, 0},
    [FAULT_SLOW_LORIS] = {"slow_loris", FAULT_FAMILY_LOAD, DELAY},
    [FAULT_BAD_CLIENTS] = {"bad_clients", FAULT_FAMILY_LOAD, DELAY},
    [FAULT_MESSAGE_LOSS] = {"message_loss", FAULT_FAMILY_MESSAGE, SHARE},
    [FAULT_MESSAGE_DUPLICATES] = {"message_duplicates", FAULT_FAMILY_MESSAGE, SHARE},
    [FAULT_MESSAGE_DELAY] = {"message_delay", FAULT_FAMILY_MESSAGE, SHARE | DELAY},
    [FAULT_MESSAGE_DAMAGE] = {"message_damage", FAULT_FAMILY_MESSAGE, SHARE | LIES},
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

static bool has_trait(enum fault_kind kind, enum trait trait)
{
    assert_that(kind > 0 && kind < FAULT_KIND_END);
    return (menu[kind].traits & trait) != 0;
}

bool fault_kind_is_instant(enum fault_kind kind)
{
    return has_trait(kind, INSTANT);
}

bool fault_kind_takes_share(enum fault_kind kind)
{
    return has_trait(kind, SHARE);
}

bool fault_kind_needs_delay(enum fault_kind kind)
{
    return has_trait(kind, DELAY);
}

bool fault_kind_lies(enum fault_kind kind)
{
    return has_trait(kind, LIES);
}

bool fault_kind_takes_instances(enum fault_kind kind)
{
    return has_trait(kind, INSTANCES);
}
