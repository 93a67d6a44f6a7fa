/* The comparison of what should be with what is.
 *
 * One pass over an app's wanted indices and strays; all that is missing goes into one START, all that is too much into
 * one STOP (in portions). A full pass is linear in the number of instances and touches no memory but theirs.
 */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/health_manager/health_manager.h"

#include <string.h>

enum { PORTION = 256 }; /* Indices or instances of one complaint. */

/* What is too much may be about to end anyway: whoever changed the app stops it. */
static const uint64_t stray_grace_ns = 2 * NS_PER_S;
/* One that is heard of so long after it was to be stopped did not get the message. */
static const uint64_t stop_repeat_ns = 5 * NS_PER_S;
/* A DEA tells of its survivors before it says that it is back, but not long before. */
static const uint64_t recovery_ns = NS_PER_S;

static void analyse_indices(struct health_manager *hm, struct app *app);
static void analyse_strays(struct health_manager *hm, struct app *app);

void hm_analyse_app(struct health_manager *hm, struct app *app)
{
    if (!hm->desired.is_known || !hm->bus.is_connected || hm->is_stopping)
        return;
    analyse_indices(hm, app);
    if (app->stray_count > 0)
        analyse_strays(hm, app);
    if (app->crash_count > 0 && hm->machine.now_ns > hm->times.droplet_lost_ns)
        hm_app_forget_crashes_before(app, hm->machine.now_ns - hm->times.droplet_lost_ns);
}

static void tell_of_brakes(struct health_manager *hm)
{
    struct brake *brake = &hm->brake;
    if (brake->is_slow && !brake->told_slow)
        machine_log(&hm->machine, LOG_WARNING, "%zu of %zu instances fell silent: healing slows down",
                    brake->fell_silent, brake->live);
    if (brake->holds_stops && !brake->told_holding)
        machine_log(&hm->machine, LOG_WARNING,
                    "%zu of %zu instances belong to apps that no controller knows: none of them is stopped",
                    brake->unknown, brake->live);
    brake->told_slow = brake->is_slow;
    brake->told_holding = brake->holds_stops;
}

/* Apps of which nothing runs are first when starts have to wait. */
static void analyse_dead_apps(struct health_manager *hm)
{
    for (struct app *app = hm->apps.apps; app != NULL; app = app->hh.next)
        if (app->is_started && hm_app_count_state(app, INSTANCE_RUNNING) == 0)
            hm_analyse_app(hm, app);
}

void hm_analyse_all(struct health_manager *hm)
{
    hm->counters.analyses++;
    if (hm->brake.is_scarce)
        analyse_dead_apps(hm);
    hm_brake_begin_pass(&hm->brake);
    struct app *app, *next;
    HASH_ITER (hh, hm->apps.apps, app, next) {
        hm_analyse_app(hm, app);
        if (!app->is_desired && app->stray_count == 0 && !app->is_dirty)
            hm_app_remove(&hm->apps, app);
    }
    hm_brake_end_pass(&hm->brake, hm->machine.now_ns);
    tell_of_brakes(hm);
}

/* ---- Silence ---- */

bool hm_is_silence(const struct health_manager *hm, uint64_t since_ns, uint64_t allowed_ns)
{
    uint64_t now_ns = hm->machine.now_ns;
    if (since_ns >= hm->connected_at_ns)
        return now_ns - since_ns >= allowed_ns;
    /* What was sent before we could hear counts only when everyone has had the time to say it again. */
    return now_ns - since_ns >= allowed_ns && now_ns - hm->connected_at_ns >= hm->times.droplet_lost_ns;
}

static bool is_lost(const struct health_manager *hm, const struct claim *claim, enum instance_cause *ret_cause)
{
    const struct hm_dea *dea = hm_dea_at(hm, claim->dea);
    if (dea != NULL && claim->beat != dea->complete_beats) {
        *ret_cause = CAUSE_NOT_LISTED;
        return true;
    }
    if (dea != NULL && claim->heard_at_ns + recovery_ns < dea->restarted_at_ns) {
        *ret_cause = CAUSE_DEA_RESTARTED;
        return true;
    }
    *ret_cause = CAUSE_SILENT;
    return hm_is_silence(hm, claim->heard_at_ns, hm->times.droplet_lost_ns);
}

/* ---- What is missing ---- */

struct missing {
    int32_t indices[PORTION];
    size_t count;
    bool is_flapping;
    enum instance_cause cause; /* Of the first. */
};

static void complain_missing(struct health_manager *hm, const struct app *app, struct missing *missing)
{
    if (missing->count > 0)
        hm_request_start(hm, app, missing->indices, missing->count, missing->is_flapping,
                         hm_instance_cause_text(missing->cause));
    missing->count = 0;
}

static void go_down(struct health_manager *hm, struct instance *instance, enum instance_cause cause)
{
    instance->cause = cause;
    instance->restart_at_ns = hm->machine.now_ns;
    hm_instance_move_to(instance, INSTANCE_DOWN, hm->machine.now_ns);
}

/* Takes what time tells into the state. */
static void age_instance(struct health_manager *hm, struct instance *instance)
{
    enum instance_cause cause;
    bool is_heard = instance->claim.id[0] != '\0';
    if (instance->state == INSTANCE_UNKNOWN) {
        if (hm_is_silence(hm, instance->asked_at_ns, hm->times.droplet_lost_ns))
            go_down(hm, instance, CAUSE_NEVER_SEEN);
    } else if (is_heard && is_lost(hm, &instance->claim, &cause)) {
        if (cause == CAUSE_SILENT)
            hm_brake_note_silence(&hm->brake, hm->machine.now_ns);
        go_down(hm, instance, cause);
    } else if (instance->state == INSTANCE_STARTING && !is_heard) {
        if (hm_is_silence(hm, instance->asked_at_ns, hm->times.restart_timeout_ns))
            go_down(hm, instance, CAUSE_NOTHING_CAME);
    } else if (instance->state == INSTANCE_RUNNING && instance->crashes > 0 &&
               hm->machine.now_ns - instance->changed_at_ns >= hm->times.flapping_timeout_ns) {
        instance->crashes = 0; /* It has proved itself. */
    }
}

static void analyse_indices(struct health_manager *hm, struct app *app)
{
    uint64_t now_ns = hm->machine.now_ns;
    struct missing missing = {.count = 0};
    for (size_t i = 0; i < app->instance_count; i++) {
        struct instance *instance = &app->instances[i];
        age_instance(hm, instance);
        bool is_missing = instance->state == INSTANCE_DOWN || instance->state == INSTANCE_FLAPPING;
        hm->brake.live_so_far += instance->claim.id[0] != '\0';
        if (!is_missing || instance->restart_at_ns > now_ns || !hm_brake_take_start(&hm->brake, now_ns))
            continue;
        bool is_flapping = instance->crashes > hm->times.flapping_death;
        if (missing.count == PORTION || (missing.count > 0 && missing.is_flapping != is_flapping))
            complain_missing(hm, app, &missing);
        if (missing.count == 0) {
            missing.is_flapping = is_flapping;
            missing.cause = instance->cause;
        }
        missing.indices[missing.count++] = (int32_t)i;
        instance->asked_at_ns = now_ns;
        hm_instance_move_to(instance, INSTANCE_STARTING, now_ns);
    }
    complain_missing(hm, app, &missing);
}

/* ---- What is too much ---- */

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
    if (instance == NULL || instance->claim.id[0] != '\0' || stray->stop_asked_at_ns != 0)
        return false;
    instance->claim = stray->claim;
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
        if (is_lost(hm, &stray->claim, &cause) || fill_vacant_index(hm, app, stray))
            hm_app_remove_stray(app, stray);
        else
            i++;
    }
}

static void analyse_strays(struct health_manager *hm, struct app *app)
{
    struct surplus surplus = {.count = 0};
    forget_lost_strays(hm, app);
    hm->brake.live_so_far += app->stray_count;
    hm->brake.unknown_so_far += app->is_desired || app->was_deleted ? 0 : app->stray_count;
    for (size_t i = 0; i < app->stray_count; i++) {
        struct stray *stray = &app->strays[i];
        enum stray_reason reason = reason_to_stop(hm, app, stray);
        if (reason == STRAY_IS_FINE || !is_due(hm, stray))
            continue;
        if (surplus.count == PORTION || (surplus.count > 0 && surplus.reason != reason))
            complain_surplus(hm, app, &surplus);
        surplus.reason = reason;
        surplus.instances[surplus.count++] = stray->claim.id;
        stray->stop_asked_at_ns = hm->machine.now_ns;
    }
    complain_surplus(hm, app, &surplus);
}
