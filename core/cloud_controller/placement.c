#include "core/cloud_controller/placement.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/cloud_controller/dea_messages.h"

#include <string.h>

enum placement_state { PLACEMENT_QUEUED = 1, PLACEMENT_ASKING, PLACEMENT_PAUSED };

struct placement_key {
    int64_t app_id;
    int64_t index;
};

struct placement {
    struct placement_key key;
    struct controller *controller;
    enum placement_state state;
    uint64_t epoch;
    uint32_t attempts;
    struct bus_request request;
    struct timer retry;
    char dea[80]; /* Who answered first. */
    UT_hash_handle hh;
};

static void start_asking(struct controller *controller);
static bool on_answer(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_end(struct bus_request *request, bool timed_out);
static void on_retry(struct timer *timer);

static const struct bus_request_handlers handlers = {.on_answer = on_answer, .on_end = on_end};

static struct placement *find(const struct controller *controller, int64_t app_id, int32_t index)
{
    struct placement_key key = {app_id, index};
    struct placement *placement = NULL;
    HASH_FIND(hh, controller->placements, &key, sizeof key, placement);
    return placement;
}

void cc_placement_start(struct controller *controller, const struct app *app, int32_t index)
{
    assert_that(index >= 0 && (size_t)index < app->index_count);
    struct placement *placement = find(controller, app->id, index);
    if (placement != NULL) {
        placement->epoch = app->indices[index].epoch; /* Still looking: for the newer order from now on. */
        return;
    }
    placement = memory_new(sizeof *placement);
    placement->key = (struct placement_key){app->id, index};
    placement->controller = controller;
    placement->state = PLACEMENT_QUEUED;
    placement->epoch = app->indices[index].epoch;
    HASH_ADD(hh, controller->placements, key, sizeof placement->key, placement);
    start_asking(controller);
}

bool cc_placement_is_pending(const struct controller *controller, int64_t app_id, int32_t index)
{
    return find(controller, app_id, index) != NULL;
}

const char *cc_placement_reason(const struct controller *controller, int64_t app_id, int32_t index)
{
    const struct placement *placement = find(controller, app_id, index);
    if (placement == NULL)
        return NULL;
    return placement->attempts == 0 ? "looking for a DEA" : "no DEA offers a place: memory or runtime is missing";
}

size_t cc_placement_count(const struct controller *controller)
{
    return HASH_COUNT(controller->placements);
}

static void free_placement(struct placement *placement)
{
    HASH_DELETE(hh, placement->controller->placements, placement);
    memory_free(placement);
}

/* The app, if the order still stands. */
static struct app *find_ordered_app(const struct placement *placement)
{
    struct app *app = cc_state_find_app(&placement->controller->state, placement->key.app_id);
    if (app == NULL || placement->key.index >= (int64_t)app->index_count ||
        app->indices[placement->key.index].epoch != placement->epoch)
        return NULL;
    return app;
}

static void ask(struct placement *placement, const struct app *app)
{
    struct controller *controller = placement->controller;
    const Cupola__JournalApp *value = app->value;
    Cupola__DeaLimits limits = CUPOLA__DEA_LIMITS__INIT;
    limits.has_mem = limits.has_disk = limits.has_fds = true;
    limits.mem = value->memory_mb;
    limits.disk = value->disk_mb;
    limits.fds = value->descriptors;
    Cupola__DeaDiscover discover = CUPOLA__DEA_DISCOVER__INIT;
    discover.has_droplet = true;
    discover.droplet = app->id;
    discover.limits = &limits;
    discover.name = value->name;
    discover.runtime = value->runtime;
    discover.sha = value->droplet_sha1;
    placement->state = PLACEMENT_ASKING;
    placement->dea[0] = '\0';
    controller->discovers++;
    bus_request_start(&controller->bus, &placement->request, "dea.discover", &discover.base,
                      &cupola__dea_hello__descriptor, 1, controller->config->discover_timeout_ms * NS_PER_MS,
                      &handlers);
}

/* Those without an order drop out wherever they are met. */
static void start_asking(struct controller *controller)
{
    struct placement *placement, *next;
    HASH_ITER (hh, controller->placements, placement, next) {
        if (controller->discovers >= controller->config->max_discovers)
            return;
        if (placement->state != PLACEMENT_QUEUED)
            continue;
        const struct app *app = find_ordered_app(placement);
        if (app == NULL)
            free_placement(placement);
        else
            ask(placement, app);
    }
}

/* The id becomes part of a subject: anything else than one plain token is no DEA. */
static bool is_dea_id(const char *id)
{
    size_t size = strlen(id);
    return size > 0 && size < sizeof((struct placement *)0)->dea && strcspn(id, " \t\r\n.*>") == size;
}

static bool on_answer(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct placement *placement = container_of(request, struct placement, request);
    const Cupola__DeaHello *hello = (const Cupola__DeaHello *)parsed;
    if (hello->id == NULL || !is_dea_id(hello->id))
        return true;
    memcpy(placement->dea, hello->id, strlen(hello->id) + 1);
    return false;
}

static void send_start(struct placement *placement, struct app *app)
{
    struct controller *controller = placement->controller;
    int32_t index = (int32_t)placement->key.index;
    cc_dea_start(controller, placement->dea, app, index, placement->epoch);
    app->indices[index].ordered_at_ns = controller->machine.now_ns; /* In flight from now. */
    controller->starts_sent++;
}

static void on_end(struct bus_request *request, bool timed_out)
{
    (void)timed_out;
    struct placement *placement = container_of(request, struct placement, request);
    struct controller *controller = placement->controller;
    assert_that(placement->state == PLACEMENT_ASKING);
    assert_that(controller->discovers > 0);
    controller->discovers--;
    struct app *app = find_ordered_app(placement);
    if (app == NULL) {
        free_placement(placement);
    } else if (placement->dea[0] != '\0') {
        send_start(placement, app);
        free_placement(placement);
    } else {
        if (placement->attempts++ == 0)
            machine_log(&controller->machine, LOG_WARNING, "no DEA offers a place for app %lld, index %lld; trying on",
                        (long long)app->id, (long long)placement->key.index);
        placement->state = PLACEMENT_PAUSED;
        timer_set(&controller->machine, &placement->retry, controller->config->start_retry_ms * NS_PER_MS, on_retry);
    }
    start_asking(controller);
}

/* Asks by itself where it can: with thousands unplaced, a search for the next one at every retry would cost too much.
 */
static void on_retry(struct timer *timer)
{
    struct placement *placement = container_of(timer, struct placement, retry);
    struct controller *controller = placement->controller;
    const struct app *app = find_ordered_app(placement);
    placement->state = PLACEMENT_QUEUED;
    if (app == NULL)
        free_placement(placement);
    else if (controller->discovers < controller->config->max_discovers)
        ask(placement, app);
}

void cc_placement_destroy(struct controller *controller)
{
    struct placement *placement, *next;
    HASH_ITER (hh, controller->placements, placement, next)
        free_placement(placement);
}
