/* What is missing: what time says about each wanted index, and the complaints about those that are down. All that is
 * missing of one app goes into one START, in portions.
 *
 * Canary: of an app of which every index crash-loops only the first is tried. When it has run for canary_ms, whatever
 * was wrong with the app is over, and all the others come back at once.
 */
#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/health_manager/health_manager.h"

enum { PORTION = 256 }; /* Indices of one complaint. */

/* ---- Time passes ---- */

static void go_down(struct health_manager *hm, struct instance *instance, enum instance_cause cause)
{
    instance->cause = cause;
    instance->restart_at_ns = hm->machine.now_ns;
    hm_instance_move_to(instance, INSTANCE_DOWN, hm->machine.now_ns);
}

/* A singleton may run on, unseen, until its lease has ended by the slowest clock, and it itself with all its grace. */
static uint64_t singleton_ends_ns(const struct health_manager *hm, const struct hm_dea *dea)
{
    uint64_t lease_ns = hm->times.singleton_lease_ns;
    uint64_t granted_ns = hm_speaker_others_until_ns(hm);
    if (dea != NULL && dea->lease.granted_at_ns > granted_ns)
        granted_ns = dea->lease.granted_at_ns;
    return granted_ns + lease_ns + lease_ns / 10 + hm->times.singleton_grace_ns;
}

/* Silence, not word, says that it is gone. A host that lives without its agent cannot end a singleton: false. */
static bool go_down_in_silence(struct health_manager *hm, const struct app *app, struct instance *instance,
                               enum instance_cause cause)
{
    const struct hm_dea *dea = hm_dea_at(hm, instance->claim.dea);
    if (!app->is_singleton) {
        go_down(hm, instance, cause);
        return true;
    }
    if (dea != NULL && (dea->lease.state == LEASE_STALLED || dea->lease.state == LEASE_AGENTLESS))
        return false;
    uint64_t ends_ns = singleton_ends_ns(hm, dea);
    go_down(hm, instance, cause);
    if (ends_ns > instance->restart_at_ns)
        instance->restart_at_ns = ends_ns;
    return true;
}

/* How long a start may be without a sign of it. Pauses double, for those that find no place. */
static uint64_t unseen_ns(const struct health_manager *hm, const struct instance *instance)
{
    uint64_t most_ns = hm->times.restart_timeout_ns;
    uint64_t pause_ns = hm->times.start_seen_ns;
    if (!hm_deas_tell_starts(hm))
        return most_ns;
    for (uint32_t i = 1; i < instance->asks && pause_ns < most_ns; i++)
        pause_ns *= 2;
    return pause_ns < most_ns ? pause_ns : most_ns;
}

static void age_instance(struct health_manager *hm, const struct app *app, struct instance *instance)
{
    uint64_t now_ns = hm->machine.now_ns;
    enum instance_cause cause;
    bool is_heard = instance->claim.id[0] != '\0';
    if (instance->state == INSTANCE_UNKNOWN) {
        if (hm->deas.have_told || hm_is_silence(hm, instance->asked_at_ns, hm->times.droplet_lost_ns))
            go_down_in_silence(hm, app, instance, CAUSE_NEVER_SEEN);
    } else if (is_heard && hm_is_lost(hm, &instance->claim, &cause)) {
        bool is_silence = cause == CAUSE_SILENT || cause == CAUSE_HOST_LOST;
        if (!is_silence)
            go_down(hm, instance, cause);
        else if (go_down_in_silence(hm, app, instance, cause))
            hm_brake_note_silence(&hm->brake, now_ns);
    } else if (instance->state == INSTANCE_STARTING && (!is_heard || mutation_is(HM_ASKS_IN_FLIGHT))) {
        if (hm_is_silence(hm, instance->asked_at_ns, unseen_ns(hm, instance)))
            go_down_in_silence(hm, app, instance, CAUSE_NOTHING_CAME);
    } else if (instance->state == INSTANCE_RUNNING && instance->crashes > 0 &&
               now_ns - instance->changed_at_ns >= hm->times.flapping_timeout_ns) {
        instance->crashes = 0; /* It has proved itself. */
        hm_crashes_changed(hm);
    }
}

/* ---- Who may be started ---- */

static bool is_looping(const struct health_manager *hm, const struct instance *instance)
{
    return instance->crashes > hm->times.flapping_death;
}

static bool is_down(const struct instance *instance)
{
    return instance->state == INSTANCE_DOWN || instance->state == INSTANCE_FLAPPING;
}

static bool is_due(const struct health_manager *hm, const struct app *app, size_t index)
{
    const struct instance *instance = &app->instances[index];
    const struct instance *canary = &app->instances[0];
    uint64_t now_ns = hm->machine.now_ns;
    if (!is_down(instance))
        return false;
    if (!app->is_looping || index == 0)
        return instance->restart_at_ns <= now_ns;
    if (canary->state != INSTANCE_RUNNING || now_ns - canary->changed_at_ns < hm->times.canary_ns)
        return false;
    return instance->restart_at_ns <= now_ns || instance->crashed_at_ns < canary->changed_at_ns;
}

size_t hm_missing_age(struct health_manager *hm, struct app *app)
{
    size_t looping = 0, down = 0, due = 0;
    struct brake *brake = &hm->brake;
    for (size_t i = 0; i < app->instance_count; i++) {
        struct instance *instance = &app->instances[i];
        age_instance(hm, app, instance);
        looping += is_looping(hm, instance);
        down += is_down(instance);
        brake->live_so_far += instance->claim.id[0] != '\0';
        /* One that finds no place is asked for again and again: it keeps nobody else from starting. */
        brake->in_flight_so_far +=
            instance->state == INSTANCE_STARTING && (instance->claim.id[0] != '\0' || instance->asks <= 1);
    }
    app->is_looping = looping > 1 && looping == app->instance_count;
    for (size_t i = 0; down > 0 && i < app->instance_count; i++)
        due += is_due(hm, app, i);
    return due;
}

/* ---- The complaint ---- */

struct missing {
    int32_t indices[PORTION];
    int64_t epochs[PORTION];
    size_t count;
    bool is_flapping;
    const char *version;       /* Lent by the app; in a rolling update there are two. */
    enum instance_cause cause; /* Of the first. */
};

static void complain(struct health_manager *hm, const struct app *app, struct missing *missing)
{
    struct hm_start start = {
        .app = app,
        .version = missing->version,
        .indices = missing->indices,
        .epochs = missing->epochs,
        .count = missing->count,
        .is_flapping = missing->is_flapping,
        .reason = hm_instance_cause_text(missing->cause),
    };
    if (missing->count > 0)
        hm_request_start(hm, &start);
    missing->count = 0;
}

void hm_missing_ask(struct health_manager *hm, struct app *app)
{
    uint64_t now_ns = hm->machine.now_ns;
    struct missing missing;
    missing.count = 0;
    missing.is_flapping = false;
    missing.version = NULL;
    missing.cause = CAUSE_NEVER_SEEN;
    if (mutation_is(HM_SKIPS_CHANGED_APPS) && machine_wall_seconds(&hm->machine) - app->last_updated < 60)
        return;
    for (size_t i = 0; i < app->instance_count; i++) {
        struct instance *instance = &app->instances[i];
        if (!is_due(hm, app, i) || !hm_brake_take_start(&hm->brake, now_ns))
            continue;
        bool is_flapping = is_looping(hm, instance);
        const char *version = hm_app_version_of(app, i);
        bool is_alike = missing.is_flapping == is_flapping && missing.version == version;
        if (missing.count == PORTION || (missing.count > 0 && !is_alike))
            complain(hm, app, &missing);
        if (missing.count == 0) {
            missing.version = version;
            missing.is_flapping = is_flapping;
            missing.cause = instance->cause;
        }
        missing.epochs[missing.count] = instance->ended_epoch;
        missing.indices[missing.count++] = (int32_t)i;
        instance->asked_at_ns = now_ns;
        instance->asks++;
        hm_instance_move_to(instance, INSTANCE_STARTING, now_ns);
    }
    complain(hm, app, &missing);
}
