/* The states of a wanted index, and who of two claimants keeps it. */
#include "core/health_manager/state/instance.h"

#include "core/base/assert.h"
#include "core/base/mutation.h"

#include <string.h>

enum { STATE_COUNT = INSTANCE_FLAPPING + 1 };

/* allowed[from][to]; the diagram is in instance.h. */
static const bool allowed[STATE_COUNT][STATE_COUNT] = {
    [INSTANCE_UNKNOWN] =
        {[INSTANCE_DOWN] = true, [INSTANCE_STARTING] = true, [INSTANCE_RUNNING] = true, [INSTANCE_FLAPPING] = true},
    [INSTANCE_DOWN] = {[INSTANCE_STARTING] = true, [INSTANCE_RUNNING] = true},
    [INSTANCE_STARTING] = {[INSTANCE_DOWN] = true, [INSTANCE_RUNNING] = true, [INSTANCE_FLAPPING] = true},
    [INSTANCE_RUNNING] = {[INSTANCE_DOWN] = true, [INSTANCE_STARTING] = true, [INSTANCE_FLAPPING] = true},
    [INSTANCE_FLAPPING] = {[INSTANCE_STARTING] = true, [INSTANCE_RUNNING] = true},
};

void hm_instance_move_to(struct instance *instance, enum instance_state state, uint64_t now_ns)
{
    assert_that(instance->state >= INSTANCE_UNKNOWN && instance->state <= INSTANCE_FLAPPING);
    assert_that(state >= INSTANCE_UNKNOWN && state <= INSTANCE_FLAPPING);
    if (instance->state == state)
        return;
    assert_that(allowed[instance->state][state]);
    instance->state = state;
    instance->changed_at_ns = now_ns;
    if (state == INSTANCE_RUNNING)
        instance->asks = 0;
    if (state == INSTANCE_DOWN || state == INSTANCE_FLAPPING) {
        if (instance->claim.epoch > instance->ended_epoch)
            instance->ended_epoch = instance->claim.epoch;
        instance->claim = (struct claim){0};
    }
    assert_that(state != INSTANCE_RUNNING || instance->claim.id[0] != '\0');
}

bool hm_claim_wins(const struct claim *a, const struct claim *b)
{
    if (mutation_is(HM_KEEPS_THE_FIRST))
        return true;
    if (a->epoch != b->epoch)
        return a->epoch > b->epoch;
    if (a->is_running != b->is_running)
        return a->is_running;
    if (a->state_timestamp != b->state_timestamp)
        return a->state_timestamp < b->state_timestamp;
    return strcmp(a->id, b->id) < 0;
}

bool hm_claim_is_outdated(const struct instance *instance, const struct claim *claim)
{
    return claim->epoch != 0 && claim->epoch < instance->ran_epoch;
}

const char *hm_instance_state_name(enum instance_state state)
{
    switch (state) {
    case INSTANCE_UNKNOWN:
        return "UNKNOWN";
    case INSTANCE_DOWN:
        return "DOWN";
    case INSTANCE_STARTING:
        return "STARTING";
    case INSTANCE_RUNNING:
        return "RUNNING";
    case INSTANCE_FLAPPING:
        return "FLAPPING";
    }
    assert_unreachable();
}

const char *hm_instance_cause_text(enum instance_cause cause)
{
    switch (cause) {
    case CAUSE_NEVER_SEEN:
        return "no DEA has it";
    case CAUSE_CRASHED:
        return "it crashed";
    case CAUSE_DEA_SHUTDOWN:
        return "its DEA shut down";
    case CAUSE_DEA_EVACUATION:
        return "its DEA is evacuated";
    case CAUSE_REFUSED:
        return "a DEA gave the start back";
    case CAUSE_STOPPED:
        return "it was stopped though it is wanted";
    case CAUSE_SILENT:
        return "nothing was heard of it for too long";
    case CAUSE_NOT_LISTED:
        return "its DEA does not have it any more";
    case CAUSE_DEA_RESTARTED:
        return "its DEA came back without it";
    case CAUSE_NOTHING_CAME:
        return "nothing came of its last start";
    case CAUSE_HOST_LOST:
        return "its host is lost";
    case CAUSE_OUTDATED:
        return "a newer one ran meanwhile";
    }
    assert_unreachable();
}

const char *hm_stray_reason_text(enum stray_reason reason)
{
    switch (reason) {
    case STRAY_IS_FINE:
        break; /* Nobody complains about it. */
    case STRAY_UNKNOWN_APP:
        return "no controller knows the app";
    case STRAY_DELETED_APP:
        return "the app was deleted";
    case STRAY_STOPPED_APP:
        return "the app is stopped";
    case STRAY_WRONG_VERSION:
        return "the app has another version now";
    case STRAY_EXTRA_INDEX:
        return "the app wants fewer instances";
    case STRAY_DUPLICATE:
        return "another instance has its index";
    }
    assert_unreachable();
}
