#include "core/cloud_controller/instances/known.h"

#include "core/base/duration.h"
#include "core/base/memory.h"

#include <stdio.h>
#include <string.h>

enum { KNOWN_MOST = 256 };
static const uint64_t fresh_ns = 30 * NS_PER_S;

static void forget(struct controller *controller, struct known_app *known)
{
    HASH_DELETE(hh, controller->known_apps, known);
    for (size_t i = 0; i < known->count; i++)
        text_free(&known->lines[i].stats);
    memory_free(known->lines);
    memory_free(known);
}

/* The one that was not asked for the longest time makes room. */
static void make_room(struct controller *controller)
{
    struct known_app *oldest = controller->known_apps;
    if (HASH_COUNT(controller->known_apps) < KNOWN_MOST)
        return;
    for (struct known_app *known = controller->known_apps; known != NULL; known = known->hh.next)
        if (known->used_ns < oldest->used_ns)
            oldest = known;
    forget(controller, oldest);
}

struct known_app *cc_known_take(struct controller *controller, int64_t app_id, const char *version, size_t count)
{
    struct known_app *known = NULL;
    HASH_FIND(hh, controller->known_apps, &app_id, sizeof app_id, known);
    if (known != NULL && (known->count != count || strcmp(known->version, version) != 0)) {
        forget(controller, known);
        known = NULL;
    }
    if (known == NULL) {
        make_room(controller);
        known = memory_new(sizeof *known);
        known->id = app_id;
        snprintf(known->version, sizeof known->version, "%s", version);
        known->lines = memory_new(count * sizeof *known->lines);
        known->count = count;
        HASH_ADD(hh, controller->known_apps, id, sizeof known->id, known);
    }
    known->used_ns = controller->machine.now_ns;
    return known;
}

bool cc_known_is_fresh(const struct controller *controller, const struct known_line *line)
{
    return line->fate != FATE_UNHEARD && controller->machine.now_ns - line->heard_ns < fresh_ns;
}

void cc_known_note(struct known_line *line, enum instance_fate fate, int64_t since_s, uint64_t heard_ns)
{
    line->fate = fate;
    line->since_s = since_s;
    line->heard_ns = heard_ns;
}

void cc_known_destroy(struct controller *controller)
{
    while (controller->known_apps != NULL)
        forget(controller, controller->known_apps);
}

/* ---- The health manager's picture ---- */

void cc_known_ask_health_manager(struct controller *controller, const struct app *app, struct bus_request *request,
                                 const struct bus_request_handlers *handlers)
{
    char version[VERSION_CAPACITY];
    cc_app_version(app->value, version);
    Cupola__HealthStatusRequest message = CUPOLA__HEALTH_STATUS_REQUEST__INIT;
    message.has_droplet = message.has_wants_seen = message.wants_seen = true;
    message.droplet = app->id;
    message.version = version;
    message.state = (char *)(uintptr_t) "FLAPPING";
    bus_request_start(&controller->bus, request, "healthmanager.status", &message.base,
                      &cupola__flapping_reply__descriptor, 1, controller->config->health_timeout_ms * NS_PER_MS,
                      handlers);
}

static enum instance_fate fate_of(const char *state)
{
    static const char *const names[] = {
        [FATE_DOWN] = "DOWN", [FATE_FLAPPING] = "FLAPPING", [FATE_STARTING] = "STARTING", [FATE_RUNNING] = "RUNNING"};
    for (enum instance_fate fate = FATE_DOWN; state != NULL && fate <= FATE_RUNNING; fate++)
        if (strcmp(names[fate], state) == 0)
            return fate;
    return FATE_UNHEARD;
}

void cc_known_take_seen(const struct controller *controller, const struct app *app, const Cupola__FlappingReply *reply,
                        struct known_line *lines, size_t count)
{
    uint64_t now_ns = controller->machine.now_ns;
    const Cupola__SeenInstances *all = reply->seen;
    if (all == NULL || all->version == NULL || !cc_app_has_version(app->value, all->version))
        return;
    for (size_t i = 0; i < all->n_instances; i++) {
        const Cupola__SeenInstance *seen = all->instances[i];
        uint64_t age_ns = seen->age_ms <= 0 ? 0 : (uint64_t)seen->age_ms * NS_PER_MS;
        if (seen->index < 0 || (size_t)seen->index >= count || age_ns > now_ns)
            continue;
        int64_t since_s = seen->has_since ? seen->since : app->value->changed_s;
        cc_known_note(&lines[seen->index], fate_of(seen->state), since_s, now_ns - age_ns);
    }
}
