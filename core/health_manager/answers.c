/* What others ask the health manager. What it does not know it is silent about: perhaps another one knows. */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/health_manager/health_manager.h"

#include <string.h>

/* v1 counts what runs in that version, wanted or not; of the current version only wanted indices can make it healthy,
 * and during a rolling update those that still are wanted in the old version do too. */
static int32_t count_healthy(const struct app *app, const char *version)
{
    int32_t healthy = 0;
    if (strcmp(app->version, version) == 0)
        return (int32_t)hm_app_count_state(app, INSTANCE_RUNNING);
    for (size_t i = 0; i < app->stray_count; i++)
        healthy += app->strays[i].claim.is_running && strcmp(app->strays[i].version, version) == 0;
    return healthy;
}

void hm_answer_health(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    struct health_manager *hm = hm_of_bus(bus);
    const Cupola__HealthRequest *request = (const Cupola__HealthRequest *)parsed;
    hm->counters.health_requests++;
    for (size_t i = 0; i < request->n_droplets; i++) {
        const Cupola__DropletVersion *asked = request->droplets[i];
        const struct app *app = hm_app_find(&hm->apps, asked->droplet);
        if (app == NULL || !app->is_desired)
            continue;
        Cupola__HealthReply reply = CUPOLA__HEALTH_REPLY__INIT;
        reply.has_droplet = reply.has_healthy = true;
        reply.droplet = app->id;
        reply.version = asked->version;
        reply.healthy = count_healthy(app, asked->version == NULL ? app->version : asked->version);
        bus_answer(bus, message, &reply.base);
    }
}

/* What is known of an index; nothing before anything was heard of it. */
static bool fill_seen(const struct health_manager *hm, const struct app *app, size_t i, Cupola__SeenInstance *seen)
{
    static const char *const states[] = {[INSTANCE_DOWN] = "DOWN",
                                         [INSTANCE_STARTING] = "STARTING",
                                         [INSTANCE_RUNNING] = "RUNNING",
                                         [INSTANCE_FLAPPING] = "FLAPPING"};
    const struct instance *instance = &app->instances[i];
    bool is_asked_for = instance->state == INSTANCE_STARTING && instance->claim.id[0] == '\0';
    if (instance->state == INSTANCE_UNKNOWN)
        return false;
    bool is_there = instance->claim.id[0] != '\0';
    uint64_t heard_ns = is_there ? instance->claim.heard_at_ns : hm->machine.now_ns;
    cupola__seen_instance__init(seen);
    seen->has_index = seen->has_age_ms = true;
    seen->index = (int32_t)i;
    seen->state = (char *)(uintptr_t)(is_asked_for ? "DOWN" : states[instance->state]);
    seen->has_since = is_there || instance->state == INSTANCE_FLAPPING;
    seen->since = is_there ? instance->claim.state_timestamp : instance->flapping_since_s;
    seen->age_ms = (int64_t)((hm->machine.now_ns - heard_ns) / NS_PER_MS);
    return true;
}

static void answer_with_seen(struct bus_client *bus, const struct app *app, Cupola__FlappingReply *reply,
                             const struct bus_message *message)
{
    Cupola__SeenInstance *instances = memory_new(app->instance_count * sizeof *instances);
    Cupola__SeenInstances seen = CUPOLA__SEEN_INSTANCES__INIT;
    seen.version = (char *)(uintptr_t)app->version;
    seen.instances = memory_new(app->instance_count * sizeof *seen.instances);
    for (size_t i = 0; i < app->instance_count; i++)
        if (fill_seen(hm_of_bus(bus), app, i, &instances[i]))
            seen.instances[seen.n_instances++] = &instances[i];
    reply->seen = &seen;
    bus_answer(bus, message, &reply->base);
    reply->seen = NULL;
    memory_free(seen.instances);
    memory_free(instances);
}

static void answer_flapping(struct bus_client *bus, const struct app *app, bool wants_seen,
                            const struct bus_message *message)
{
    size_t most = hm_app_count_state(app, INSTANCE_FLAPPING);
    Cupola__FlappingIndex *indices = memory_new(most * sizeof *indices);
    Cupola__FlappingIndex **places = memory_new(most * sizeof *places);
    Cupola__FlappingReply reply = CUPOLA__FLAPPING_REPLY__INIT;
    reply.indices = places;
    for (size_t i = 0; i < app->instance_count; i++) {
        if (app->instances[i].state != INSTANCE_FLAPPING)
            continue;
        Cupola__FlappingIndex *index = &indices[reply.n_indices];
        cupola__flapping_index__init(index);
        index->has_index = index->has_since = true;
        index->index = (int32_t)i;
        index->since = app->instances[i].flapping_since_s;
        places[reply.n_indices++] = index;
    }
    if (wants_seen)
        answer_with_seen(bus, app, &reply, message);
    else
        bus_answer(bus, message, &reply.base);
    memory_free(places);
    memory_free(indices);
}

static void answer_crashed(struct bus_client *bus, const struct app *app, const struct bus_message *message)
{
    Cupola__CrashedInstance crashed[MAX_CRASHES];
    Cupola__CrashedInstance *places[MAX_CRASHES];
    Cupola__CrashedReply reply = CUPOLA__CRASHED_REPLY__INIT;
    reply.instances = places;
    for (size_t i = 0; i < app->crash_count; i++) {
        cupola__crashed_instance__init(&crashed[i]);
        crashed[i].instance = app->crashes[i].id;
        crashed[i].has_since = true;
        crashed[i].since = app->crashes[i].since_s;
        if (app->crashes[i].reason[0] != '\0')
            crashed[i].reason = app->crashes[i].reason;
        places[reply.n_instances++] = &crashed[i];
    }
    bus_answer(bus, message, &reply.base);
}

void hm_answer_status(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    struct health_manager *hm = hm_of_bus(bus);
    const Cupola__HealthStatusRequest *request = (const Cupola__HealthStatusRequest *)parsed;
    hm->counters.status_requests++;
    const struct app *app = hm_app_find(&hm->apps, request->droplet);
    if (app == NULL || !app->is_desired || request->state == NULL)
        return;
    if (strcmp(request->state, "FLAPPING") == 0)
        answer_flapping(bus, app, request->wants_seen, message);
    else if (strcmp(request->state, "CRASHED") == 0)
        answer_crashed(bus, app, message);
}

/* ---- Freshness ---- */

void hm_add_freshness(const struct health_manager *hm, struct text *text)
{
    uint64_t tenths = hm_deas_oldest_ns(hm) / (NS_PER_S / 10);
    text_addf(text, "%u of %u hosts fresh, %llu.%llu s old", hm->leases.counts[LEASE_FRESH], hm_deas_known(hm),
              (unsigned long long)tenths / 10, (unsigned long long)tenths % 10);
}

/* The reasons go out as one text: they are for people. */
void hm_answer_freshness(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)parsed;
    struct health_manager *hm = hm_of_bus(bus);
    struct text freshness = {0}, reasons = {0};
    hm_add_freshness(hm, &freshness);
    hm_brake_add_reasons(&hm->brake, &reasons);
    char *brakes[] = {(char *)(uintptr_t)text_string(&reasons)};
    Cupola__FreshnessReply reply = CUPOLA__FRESHNESS_REPLY__INIT;
    reply.id = hm->monitor.uuid;
    reply.has_speaks = reply.has_hosts = reply.has_fresh_hosts = reply.has_oldest_ms = true;
    reply.speaks = hm_speaker_speaks(hm);
    reply.hosts = (int32_t)hm_deas_known(hm);
    reply.fresh_hosts = (int32_t)hm->leases.counts[LEASE_FRESH];
    reply.oldest_ms = (int64_t)(hm_deas_oldest_ns(hm) / NS_PER_MS);
    reply.freshness = (char *)(uintptr_t)text_string(&freshness);
    reply.brakes = brakes;
    reply.n_brakes = reasons.size > 0;
    bus_answer(bus, message, &reply.base);
    text_free(&freshness);
    text_free(&reasons);
}
