/* What is too much: strays that are to be stopped, and those that fill an index by now. All of one reason goes into one
 * STOP, in portions. */
#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/health_manager/health_manager.h"

#include <string.h>

enum { PORTION = 256 }; /* Instances of one complaint. */

/* What is too much may be about to end anyway: whoever changed the app stops it. */
static const uint64_t stray_grace_ns = 2 * NS_PER_S;
/* One that is heard of so long after it was to be stopped did not get the message. */
static const uint64_t stop_repeat_ns = 5 * NS_PER_S;

static enum stray_reason reason_to_stop(const struct health_manager *hm, struct app *app, const struct stray *stray)
{
    uint64_t now_ns = hm->machine.now_ns;
    if (!app->is_desired && !app->was_deleted) {
        /* It may be younger than what we know, or a controller may have lost its memory: no hurry. */
        bool is_sure = now_ns - stray->since_ns >= hm->times.unknown_app_ns &&
                       now_ns - app->undesired_since_ns >= hm->times.unknown_app_ns &&
                       now_ns - hm->connected_at_ns >= hm->times.unknown_app_ns;
        return is_sure && !hm->brake.holds_stops ? STRAY_UNKNOWN_APP : STRAY_IS_FINE;
    }
    struct instance *instance = hm_app_index_for(app, stray->version, stray->index);
    if (instance != NULL) /* The loser serves until the winner does. */
        return instance->state == INSTANCE_RUNNING || !stray->claim.is_running ? STRAY_DUPLICATE : STRAY_IS_FINE;
    if (app->is_settling || now_ns - stray->since_ns < stray_grace_ns)
        return STRAY_IS_FINE;
    if (!app->is_desired)
        return STRAY_DELETED_APP;
    if (!app->is_started)
        return STRAY_STOPPED_APP;
    return strcmp(stray->version, app->version) != 0 ? STRAY_WRONG_VERSION : STRAY_EXTRA_INDEX;
}

/* A loser may outlive the winner: then it is what the index needs. */
static bool fill_vacant_index(struct health_manager *hm, struct app *app, const struct stray *stray)
{
    struct instance *instance = hm_app_index_for(app, stray->version, stray->index);
    if (instance == NULL || instance->claim.id[0] != '\0' || stray->stop_asked_at_ns != 0 ||
        hm_claim_is_outdated(instance, &stray->claim))
        return false;
    instance->claim = stray->claim;
    if (strcmp(instance->ended_id, stray->claim.id) == 0)
        instance->ended_id[0] = '\0'; /* It lives after all. */
    hm_instance_move_to(instance, stray->claim.is_running ? INSTANCE_RUNNING : INSTANCE_STARTING, hm->machine.now_ns);
    return true;
}

static bool is_due(const struct health_manager *hm, const struct stray *stray)
{
    if (stray->stop_asked_at_ns == 0)
        return true;
    return stray->claim.heard_at_ns > stray->stop_asked_at_ns &&
           hm->machine.now_ns - stray->stop_asked_at_ns >= stop_repeat_ns;
}

struct surplus {
    char *instances[PORTION]; /* Lent by the strays, which stay in place while they are collected. */
    size_t count;
    enum stray_reason reason; /* Of the first. */
};

static void complain_surplus(struct health_manager *hm, const struct app *app, struct surplus *surplus)
{
    if (surplus->count > 0)
        hm_request_stop(hm, app, surplus->instances, surplus->count, hm_stray_reason_text(surplus->reason));
    surplus->count = 0;
}

static void forget_lost_strays(struct health_manager *hm, struct app *app)
{
    enum instance_cause cause;
    for (size_t i = 0; i < app->stray_count;) {
        struct stray *stray = &app->strays[i];
        if (hm_is_lost(hm, &stray->claim, &cause) || fill_vacant_index(hm, app, stray))
            hm_app_remove_stray(app, stray);
        else
            i++;
    }
}

void hm_surplus_look(struct health_manager *hm, struct app *app)
{
    struct surplus surplus = {.count = 0};
    forget_lost_strays(hm, app);
    hm->brake.live_so_far += app->stray_count;
    hm->brake.unknown_so_far += app->is_desired || app->was_deleted ? 0 : app->stray_count;
    for (size_t i = 0; i < app->stray_count; i++) {
        struct stray *stray = &app->strays[i];
        enum stray_reason reason = reason_to_stop(hm, app, stray);
        if (reason == STRAY_IS_FINE || !is_due(hm, stray) || mutation_is(HM_STOPS_NOTHING))
            continue;
        if (surplus.count == PORTION || (surplus.count > 0 && surplus.reason != reason))
            complain_surplus(hm, app, &surplus);
        surplus.reason = reason;
        surplus.instances[surplus.count++] = stray->claim.id;
        stray->stop_asked_at_ns = hm->machine.now_ns;
    }
    complain_surplus(hm, app, &surplus);
}
