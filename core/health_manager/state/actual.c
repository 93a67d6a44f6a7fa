/* What is: heartbeats name what runs, exits say what ended.
 *
 * Nothing here complains: an app of which something changed is marked, and looked at before the step ends.
 */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/health_manager/health_manager.h"

#include <stdio.h>
#include <string.h>

/* A start that DEAs give back is asked for again at once, and then after pauses that double from here. */
static const uint64_t refusal_pause_ns = 500 * NS_PER_MS;
/* Who stopped a wanted instance has a reason, which a change of the desired state is about to tell. */
static const uint64_t stopped_pause_ns = 2 * NS_PER_S;
/* What was kept while there was no connection comes at once when there is one. */
static const uint64_t hear_out_ns = 100 * NS_PER_MS;

/* ---- DEAs ---- */

/* Its instances that are not heard of again are gone; the analysis finds them. */
void hm_actual_on_dea_start(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct health_manager *hm = hm_of_bus(bus);
    const Cupola__DeaHello *hello = (const Cupola__DeaHello *)parsed;
    struct hm_dea *dea = hm_dea_find_or_add(hm, hello->id);
    if (dea == NULL)
        return;
    dea->restarted_at_ns = hm->machine.now_ns;
    hm_lease_hear(hm, dea, hello->lease_address);
}

/* ---- Ends ---- */

/* The pause before the n-th try: doubles from `first_ns` up to `most_ns`. */
static uint64_t doubled(uint64_t first_ns, uint32_t times, uint64_t most_ns)
{
    uint64_t pause_ns = first_ns;
    for (uint32_t i = 0; i < times && pause_ns < most_ns; i++)
        pause_ns *= 2;
    return pause_ns < most_ns ? pause_ns : most_ns;
}

/* Crashes are in a row when the instance did not live for flapping_timeout in between. */
static void end_by_crash(struct health_manager *hm, struct instance *instance)
{
    uint64_t now_ns = hm->machine.now_ns;
    uint64_t alive_since_ns = instance->state == INSTANCE_RUNNING ? instance->changed_at_ns : instance->asked_at_ns;
    if (alive_since_ns < instance->crashed_at_ns)
        alive_since_ns = instance->crashed_at_ns;
    bool in_a_row = instance->crashes > 0 && now_ns - alive_since_ns < hm->times.flapping_timeout_ns;
    instance->crashes = in_a_row ? instance->crashes + 1 : 1;
    instance->crashed_at_ns = now_ns;
    instance->restart_at_ns = now_ns;
    hm_crashes_changed(hm);
    if (instance->crashes <= hm->times.flapping_death) {
        hm_instance_move_to(instance, INSTANCE_DOWN, now_ns);
        return;
    }
    uint32_t times = instance->crashes - hm->times.flapping_death - 1;
    instance->restart_at_ns += doubled(hm->times.flapping_delay_ns, times, hm->times.flapping_delay_most_ns);
    instance->flapping_since_s = machine_wall_seconds(&hm->machine);
    hm_instance_move_to(instance, INSTANCE_FLAPPING, now_ns);
}

static void end_otherwise(struct health_manager *hm, struct instance *instance, enum instance_cause cause)
{
    uint64_t now_ns = hm->machine.now_ns;
    instance->restart_at_ns = now_ns;
    if (cause == CAUSE_REFUSED) {
        if (instance->refusals > 0)
            instance->restart_at_ns += doubled(refusal_pause_ns, instance->refusals - 1, hm->times.restart_timeout_ns);
        instance->refusals++;
    } else if (cause == CAUSE_STOPPED) {
        instance->restart_at_ns += stopped_pause_ns;
    }
    hm_instance_move_to(instance, INSTANCE_DOWN, now_ns);
}

static void end_instance(struct health_manager *hm, struct instance *instance, const char *id,
                         enum instance_cause cause)
{
    bool never_ran = instance->state != INSTANCE_RUNNING;
    if (cause == CAUSE_DEA_SHUTDOWN && never_ran)
        cause = CAUSE_REFUSED;
    if (!never_ran)
        instance->refusals = 0;
    instance->asks = 0;
    bool is_copied = hm_copy_id(instance->ended_id, id);
    assert_that(is_copied);
    instance->cause = cause;
    if (cause == CAUSE_CRASHED)
        end_by_crash(hm, instance);
    else
        end_otherwise(hm, instance, cause);
}

/* CAUSE_NEVER_SEEN: a word that we do not know, which means nothing to us. */
static enum instance_cause cause_of(const char *reason)
{
    static const struct {
        const char *reason;
        enum instance_cause cause;
    } causes[] = {
        {"CRASHED", CAUSE_CRASHED},
        {"STOPPED", CAUSE_STOPPED},
        {"DEA_SHUTDOWN", CAUSE_DEA_SHUTDOWN},
        {"DEA_EVACUATION", CAUSE_DEA_EVACUATION},
    };
    for (size_t i = 0; reason != NULL && i < sizeof causes / sizeof *causes; i++)
        if (strcmp(reason, causes[i].reason) == 0)
            return causes[i].cause;
    return CAUSE_NEVER_SEEN;
}

/* Whether an exit of instance `id` ends what we know of the index: it is the tracked instance, or nothing is tracked
 * and it is no old news. */
static bool ends(const struct instance *instance, const char *id)
{
    if (instance->claim.id[0] != '\0')
        return strcmp(instance->claim.id, id) == 0;
    bool waits = instance->state == INSTANCE_UNKNOWN || instance->state == INSTANCE_STARTING;
    return waits && strcmp(instance->ended_id, id) != 0;
}

/* What a DEA gave back, or ended with itself, may never have run. */
static void note_epochs(struct instance *instance, int64_t epoch, enum instance_cause cause)
{
    if (epoch > instance->ended_epoch)
        instance->ended_epoch = epoch;
    if (epoch > instance->ran_epoch && cause != CAUSE_DEA_SHUTDOWN)
        instance->ran_epoch = epoch;
}

void hm_actual_on_exited(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct health_manager *hm = hm_of_bus(bus);
    const Cupola__DropletExited *exited = (const Cupola__DropletExited *)parsed;
    hm->counters.exits++;
    if (mutation_is(HM_FORGETS_EXITS))
        return;
    struct hm_dea *dea = hm_dea_find_or_add(hm, exited->dea);
    if (dea != NULL)
        hm_dea_take_sequence(hm, dea, exited->life, exited->sequence, false);
    struct app *app = hm_app_find(&hm->apps, exited->droplet);
    enum instance_cause cause = cause_of(exited->reason);
    char id[INSTANCE_ID_SIZE];
    if (app == NULL || cause == CAUSE_NEVER_SEEN || !hm_copy_id(id, exited->instance))
        return;
    struct stray *stray = hm_app_find_stray(app, id);
    if (stray != NULL)
        hm_app_remove_stray(app, stray);
    if (cause == CAUSE_CRASHED)
        hm_app_note_crash(app, id, exited->detail, exited->crash_timestamp, hm->machine.now_ns);
    struct instance *instance = exited->version == NULL ? NULL : hm_app_index_for(app, exited->version, exited->index);
    if (instance != NULL)
        note_epochs(instance, exited->epoch, cause);
    if (instance != NULL && ends(instance, id)) {
        end_instance(hm, instance, id, cause);
        /* What comes late has perhaps a sequel: its DEA may have started it again while nobody heard. */
        if (dea != NULL && hm_dea_has_more_to_tell(hm, dea) && !mutation_is(HM_HEARS_NOBODY_OUT))
            instance->restart_at_ns += hear_out_ns;
    }
    hm_mark_dirty(hm, app);
}

/* ---- Heartbeats ---- */

static void refresh_index(struct health_manager *hm, struct instance *instance, const struct claim *claim)
{
    instance->claim = *claim;
    instance->asks = 0;
    hm_instance_move_to(instance, claim->is_running ? INSTANCE_RUNNING : INSTANCE_STARTING, hm->machine.now_ns);
    if (!claim->is_running)
        return;
    instance->refusals = 0;
    if (claim->epoch > instance->ran_epoch)
        instance->ran_epoch = claim->epoch;
}

/* It serves, where routers let it, until its successor does. */
static void replace_outdated(struct health_manager *hm, struct app *app, struct instance *instance,
                             const struct claim *claim, const char *version, int32_t index)
{
    hm_app_add_stray(app, claim, version, index, hm->machine.now_ns);
    if (strcmp(instance->claim.id, claim->id) != 0)
        return;
    instance->cause = CAUSE_OUTDATED;
    end_otherwise(hm, instance, CAUSE_OUTDATED);
}

static void take_claim(struct health_manager *hm, struct app *app, const struct claim *claim, const char *version,
                       int32_t index)
{
    uint64_t now_ns = hm->machine.now_ns;
    struct stray *stray = hm_app_find_stray(app, claim->id);
    struct instance *instance = hm_app_index_for(app, version, index);
    if (instance == NULL) {
        hm_app_add_stray(app, claim, version, index, now_ns);
        return;
    }
    if (strcmp(instance->ended_id, claim->id) == 0) {
        /* Its end was told: it is about to go, or these are old news. But an agent that ended in the midst of an
         * evacuation has forgotten that it told so: what serves beside its replacement is too much. */
        if (instance->state == INSTANCE_RUNNING && strcmp(instance->claim.id, claim->id) != 0)
            hm_app_add_stray(app, claim, version, index, now_ns);
        else if (stray != NULL)
            hm_app_remove_stray(app, stray);
        return;
    }
    if (hm_claim_is_outdated(instance, claim)) {
        replace_outdated(hm, app, instance, claim, version, index);
        return;
    }
    bool is_tracked = strcmp(instance->claim.id, claim->id) == 0;
    bool is_vacant = instance->claim.id[0] == '\0';
    if (!is_tracked && !is_vacant && hm_claim_wins(&instance->claim, claim)) {
        hm_app_add_stray(app, claim, version, index, now_ns);
        return;
    }
    if (stray != NULL)
        hm_app_remove_stray(app, stray);
    if (!is_tracked && !is_vacant)
        hm_app_add_stray(app, &instance->claim, version, index, now_ns);
    refresh_index(hm, instance, claim);
}

/* Crashes that its DEA has healed by itself, while nobody else did, count like ours. */
static void count_healed_crashes(struct health_manager *hm, struct app *app, const Cupola__InstanceHeartbeat *beat)
{
    struct instance *instance = hm_app_index_for(app, beat->version, beat->index);
    if (instance == NULL || beat->crashes <= 0 || instance->crashes >= (uint32_t)beat->crashes ||
        strcmp(instance->claim.id, beat->instance) != 0)
        return;
    instance->crashes = (uint32_t)beat->crashes;
    instance->crashed_at_ns = hm->machine.now_ns;
    hm_crashes_changed(hm);
}

/* The DEA holds the files of a crashed instance. That it crashed was told by an exit, which may have been lost. */
static void take_crash(struct health_manager *hm, struct app *app, const Cupola__InstanceHeartbeat *beat,
                       const char *id)
{
    hm_app_note_crash(app, id, beat->detail, beat->state_timestamp, hm->machine.now_ns);
    struct instance *instance = hm_app_index_for(app, beat->version, beat->index);
    if (instance != NULL && strcmp(instance->claim.id, id) == 0)
        end_instance(hm, instance, id, CAUSE_CRASHED);
}

/* Whether the claim is the one that keeps its index, in the state that we know, and nothing else is to be judged. */
static bool is_known(struct app *app, const struct claim *claim, const Cupola__InstanceHeartbeat *beat)
{
    const struct instance *instance = hm_app_index_for(app, beat->version, beat->index);
    enum instance_state state = claim->is_running ? INSTANCE_RUNNING : INSTANCE_STARTING;
    return instance != NULL && instance->state == state && strcmp(instance->claim.id, claim->id) == 0 &&
           app->stray_count == 0 && beat->crashes <= 0;
}

/* The app is looked at unless the beat, of a heartbeat without news, only says again what is known. */
static void take_beat(struct health_manager *hm, const struct hm_dea *dea, const Cupola__InstanceHeartbeat *beat,
                      bool has_news)
{
    struct claim claim = {.heard_at_ns = hm->machine.now_ns, .state_timestamp = beat->state_timestamp};
    if (!beat->has_droplet || !beat->has_index || beat->index < 0 || beat->state == NULL || beat->version == NULL ||
        strlen(beat->version) >= VERSION_SIZE || !hm_copy_id(claim.id, beat->instance))
        return;
    bool is_crashed = strcmp(beat->state, "CRASHED") == 0;
    claim.is_running = strcmp(beat->state, "RUNNING") == 0;
    if (!is_crashed && !claim.is_running && strcmp(beat->state, "STARTING") != 0)
        return;
    claim.epoch = beat->epoch;
    claim.dea = dea == NULL ? 0 : dea->place;
    claim.beat = dea == NULL ? 0 : dea->complete_beats;

    struct app *app = is_crashed ? hm_app_find(&hm->apps, beat->droplet)
                                 : hm_app_find_or_add(&hm->apps, beat->droplet, hm->machine.now_ns);
    if (app == NULL)
        return;
    has_news = has_news || is_crashed || !is_known(app, &claim, beat);
    if (is_crashed)
        take_crash(hm, app, beat, claim.id);
    else
        take_claim(hm, app, &claim, beat->version, beat->index);
    if (!is_crashed)
        count_healed_crashes(hm, app, beat);
    if (has_news || !is_known(app, &claim, beat)) /* It may be outdated by now. */
        hm_mark_dirty(hm, app);
}

void hm_actual_on_heartbeat(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct health_manager *hm = hm_of_bus(bus);
    const Cupola__DeaHeartbeat *heartbeat = (const Cupola__DeaHeartbeat *)parsed;
    hm->counters.heartbeats++;
    struct hm_dea *dea = hm_dea_find_or_add(hm, heartbeat->dea);
    bool is_complete =
        dea != NULL && heartbeat->complete && !hm_dea_has_overtaken(dea, heartbeat->life, heartbeat->sequence);
    bool has_news = !is_complete || heartbeat->n_droplets != dea->listed;
    if (is_complete) {
        dea->complete_beats++; /* What this one does not name keeps the old number. */
        dea->listed = heartbeat->n_droplets;
    }
    if (dea != NULL) {
        hm_dea_take_sequence(hm, dea, heartbeat->life, heartbeat->sequence, is_complete);
        hm_lease_hear(hm, dea, heartbeat->lease_address);
    }
    for (size_t i = 0; i < heartbeat->n_droplets; i++)
        take_beat(hm, dea, heartbeat->droplets[i], has_news);
}
