/* What the health manager complains about.
 *
 * START: ordered anew through the journal, so that a complaint that reaches several controllers, or twice the same one,
 * orders one start: whoever appends second finds it ordered a moment ago. Complaints that come while an append is under
 * way go together into the next one. STOP: passed on as v1 does;
 * one that rests on another state of the app than ours ends nothing that is wanted now.
 */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/cloud_controller/controller.h"
#include "core/cloud_controller/instances/dea_messages.h"
#include "core/cloud_controller/instances/placement.h"
#include "core/cloud_controller/instances/updates.h"

#include <string.h>

enum {
    MAX_WISHES = 65536, /* More complaints than that at a time are dropped: they will come again. */
    MAX_ORDERS = 1024,  /* Of one entry. */
};

struct start_wish {
    int64_t app_id;
    int32_t index;
    uint64_t instead_of; /* An order that came to nothing; 0: the health manager misses it. */
    char version[VERSION_CAPACITY];
};

static void take_start(struct controller *controller, const Cupola__HealthManagerRequest *request);
static void take_stop(struct controller *controller, const Cupola__HealthManagerRequest *request);
static void submit_orders(struct controller *controller);
static bool prepare_orders(struct change *change);
static void on_ordered(struct change *change, enum change_outcome outcome);

static bool is_word(const char *text, const char *lower_case_word)
{
    for (; *text != '\0' && *lower_case_word != '\0'; text++, lower_case_word++)
        if ((*text | 0x20) != *lower_case_word)
            return false;
    return *text == *lower_case_word;
}

void cc_on_hm_request(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct controller *controller = container_of(bus, struct controller, bus);
    const Cupola__HealthManagerRequest *request = (const Cupola__HealthManagerRequest *)parsed;
    controller->complaints++;
    if (!controller->journal.is_caught_up || controller->is_stopping || request->op == NULL || !request->has_droplet)
        return;
    if (mutation_is(CC_IGNORES_HEALTH_MANAGER))
        return;
    if (is_word(request->op, "start"))
        take_start(controller, request);
    else if (is_word(request->op, "stop"))
        take_stop(controller, request);
}

/* ---- START ---- */

/* In the version that is wanted on that index while an update is under way, or in that of the app. */
static bool is_wanted(const struct app *app, const char *version, int32_t index)
{
    struct layout layout;
    if (cc_app_has_version(app->value, version))
        return true;
    cc_app_layout(app->value, &layout);
    const char *wanted = cc_layout_version(&layout, index);
    return version != NULL && wanted != NULL && strcmp(wanted, version) == 0;
}

/* The app, if it wants that index in that version and no start of it is in flight: nobody has ordered it since
 * `instead_of`, or, without that, lately. */
static struct app *find_missing(const struct controller *controller, int64_t app_id, const char *version, int32_t index,
                                uint64_t instead_of)
{
    struct app *app = cc_state_find_app(&controller->state, app_id);
    if (app == NULL || index < 0 || (size_t)index >= app->index_count || !is_wanted(app, version, index))
        return NULL;
    if (instead_of != 0)
        return app->indices[index].epoch == instead_of ? app : NULL;
    uint64_t ordered_at_ns = app->indices[index].ordered_at_ns;
    uint64_t memory_ns = controller->config->start_memory_ms * NS_PER_MS;
    bool is_in_flight = ordered_at_ns != 0 && controller->machine.now_ns - ordered_at_ns < memory_ns;
    return is_in_flight || cc_placement_is_pending(controller, app_id, index) ? NULL : app;
}

static bool is_wished(const struct start_orders *orders, int64_t app_id, int32_t index)
{
    for (size_t i = 0; i < orders->wish_count; i++)
        if (orders->wishes[i].app_id == app_id && orders->wishes[i].index == index)
            return true;
    return false;
}

static void add_wish(struct start_orders *orders, int64_t app_id, int32_t index, const char *version,
                     uint64_t instead_of)
{
    orders->wishes = memory_room(orders->wishes, orders->wish_count, &orders->wish_capacity, sizeof *orders->wishes);
    struct start_wish *wish = &orders->wishes[orders->wish_count++];
    *wish = (struct start_wish){.app_id = app_id, .index = index, .instead_of = instead_of};
    memcpy(wish->version, version, strnlen(version, VERSION_CAPACITY - 1));
}

/* The last order of the i-th index, if the health manager knows that its instance has ended; otherwise 0. */
static uint64_t ended_order(const struct controller *controller, const Cupola__HealthManagerRequest *request, size_t i)
{
    const struct app *app = cc_state_find_app(&controller->state, request->droplet);
    int32_t index = request->indices[i];
    if (app == NULL || index < 0 || (size_t)index >= app->index_count || i >= request->n_epochs)
        return 0;
    uint64_t epoch = app->indices[index].epoch;
    return request->epochs[i] > 0 && (uint64_t)request->epochs[i] == epoch ? epoch : 0;
}

static void take_start(struct controller *controller, const Cupola__HealthManagerRequest *request)
{
    struct start_orders *orders = &controller->start_orders;
    for (size_t i = 0; i < request->n_indices && orders->wish_count < MAX_WISHES; i++) {
        int32_t index = request->indices[i];
        uint64_t ended = ended_order(controller, request, i);
        if (find_missing(controller, request->droplet, request->version, index, ended) != NULL &&
            !is_wished(orders, request->droplet, index))
            add_wish(orders, request->droplet, index, request->version, ended);
    }
    submit_orders(controller);
}

void cc_order_anew(struct controller *controller, int64_t app_id, int32_t index, uint64_t epoch)
{
    struct start_orders *orders = &controller->start_orders;
    const struct app *app = cc_state_find_app(&controller->state, app_id);
    if (app == NULL || is_wished(orders, app_id, index) || orders->wish_count >= MAX_WISHES)
        return;
    struct layout layout;
    cc_app_layout(app->value, &layout);
    const char *version = cc_layout_version(&layout, index);
    if (version == NULL)
        return;
    add_wish(orders, app_id, index, version, epoch);
    submit_orders(controller);
}

static void submit_orders(struct controller *controller)
{
    struct start_orders *orders = &controller->start_orders;
    if (orders->is_submitted || orders->wish_count == 0)
        return;
    orders->is_submitted = true;
    orders->change.prepare = prepare_orders;
    orders->change.done = on_ordered;
    orders->change.is_internal = true;
    cc_journal_submit(controller, &orders->change);
}

/* Takes what is wished by now, up to the size of an entry; after a conflict it looks again at what it took before. */
static bool prepare_orders(struct change *change)
{
    struct controller *controller = change->controller;
    struct start_orders *orders = &controller->start_orders;
    if (orders->ordered == NULL) {
        size_t count = orders->wish_count < MAX_ORDERS ? orders->wish_count : MAX_ORDERS;
        orders->ordered = memory_new(count * sizeof *orders->ordered);
        memcpy(orders->ordered, orders->wishes, count * sizeof *orders->ordered);
        orders->ordered_count = count;
        orders->wish_count -= count;
        memmove(orders->wishes, orders->wishes + count, orders->wish_count * sizeof *orders->wishes);
    }
    Cupola__StartOrder *entries = memory_new(orders->ordered_count * sizeof *entries);
    Cupola__StartOrder **places = memory_new(orders->ordered_count * sizeof *places);
    Cupola__StartOrders starts = CUPOLA__START_ORDERS__INIT;
    starts.orders = places;
    for (size_t i = 0; i < orders->ordered_count; i++) {
        struct start_wish *wish = &orders->ordered[i];
        if (find_missing(controller, wish->app_id, wish->version, wish->index, wish->instead_of) == NULL)
            continue;
        Cupola__StartOrder *entry = &entries[starts.n_orders];
        cupola__start_order__init(entry);
        entry->has_app = true;
        entry->app = wish->app_id;
        entry->version = wish->version;
        entry->indices = &wish->index;
        entry->n_indices = 1;
        places[starts.n_orders++] = entry;
    }
    if (starts.n_orders > 0) {
        Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
        entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_STARTS_ORDERED;
        entry.starts_ordered = &starts;
        cc_change_write(change, &entry, NULL);
    }
    memory_free(entries);
    memory_free(places);
    return starts.n_orders > 0;
}

static void on_ordered(struct change *change, enum change_outcome outcome)
{
    struct controller *controller = change->controller;
    struct start_orders *orders = &controller->start_orders;
    for (size_t i = 0; i < orders->ordered_count && outcome == CHANGE_DURABLE; i++) {
        const struct start_wish *wish = &orders->ordered[i];
        const struct app *app = cc_state_find_app(&controller->state, wish->app_id);
        if (app == NULL || (size_t)wish->index >= app->index_count ||
            app->indices[wish->index].epoch != change->difference.sequence) {
            cc_placement_review(controller, wish->app_id, wish->index); /* Overtaken. */
            continue;
        }
        cc_placement_start(controller, app, wish->index);
        controller->starts_ordered++;
    }
    memory_free(orders->ordered);
    orders->ordered = NULL;
    orders->ordered_count = 0;
    orders->is_submitted = false;
    submit_orders(controller);
}

/* An instance has ended: its index may be started again at once. */
void cc_on_droplet_exited(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct controller *controller = container_of(bus, struct controller, bus);
    const Cupola__DropletExited *exited = (const Cupola__DropletExited *)parsed;
    cc_updates_on_exited(controller, exited);
    struct app *app = cc_state_find_app(&controller->state, exited->droplet);
    if (app == NULL || exited->index < 0 || (size_t)exited->index >= app->index_count)
        return;
    struct app_index *index = &app->indices[exited->index];
    if (exited->has_epoch ? (uint64_t)exited->epoch >= index->epoch : is_wanted(app, exited->version, exited->index))
        index->ordered_at_ns = 0;
}

/* ---- STOP ---- */

static void spare_wanted(const struct app *app, Cupola__DeaStop *stop)
{
    stop->wanted_epochs = memory_new((app->index_count + 1) * sizeof *stop->wanted_epochs);
    for (size_t i = 0; i < app->index_count; i++)
        stop->wanted_epochs[stop->n_wanted_epochs++] = (int64_t)app->indices[i].epoch;
}

static void take_stop(struct controller *controller, const Cupola__HealthManagerRequest *request)
{
    const struct app *app = cc_state_find_app(&controller->state, request->droplet);
    Cupola__DeaStop stop = CUPOLA__DEA_STOP__INIT;
    stop.has_droplet = true;
    stop.droplet = request->droplet;
    if (app == NULL) {
        /* Ids are given in order: one beyond ours was given by a controller whose journal this is not. */
        if (request->droplet <= 0 || request->droplet > controller->state.last_app_id) {
            machine_log(&controller->machine, LOG_WARNING,
                        "the health manager wants app %lld stopped, which this journal never knew; refused",
                        (long long)request->droplet);
            return;
        }
        cc_dea_stop(controller, &stop);
        return;
    }
    if (request->n_instances == 0 && request->n_indices == 0)
        return;
    if (mutation_is(CC_STOPS_ONLY_OLD_APPS) && controller->machine.now_ns - app->seen_at_ns < 60 * NS_PER_S)
        return;
    stop.instances = request->instances;
    stop.n_instances = request->n_instances;
    stop.indices = request->indices;
    stop.n_indices = request->n_indices;
    stop.version = request->n_instances == 0 ? request->version : NULL;
    if (request->last_updated != app->value->changed_s)
        spare_wanted(app, &stop); /* It speaks of another state of the app. */
    cc_dea_stop(controller, &stop);
    memory_free(stop.wanted_epochs);
}

void cc_hm_requests_destroy(struct controller *controller)
{
    memory_free(controller->start_orders.wishes);
    memory_free(controller->start_orders.ordered);
}
