/* What is registered, as a whole: its digest from time to time and for each router that starts, all of it for a router
 * that found the digest to differ from its own. In steady state a DEA sends one small message in half a minute, however
 * many instances and routers there are. */
#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/dea/dea.h"
#include "core/wire/json.h"
#include "core/wire/route_digest.h"

#include <string.h>

/* Routes in one message: some 100 KB, of the 1 MB that a bus takes. */
enum { PAGE_ROUTES = 200 };

/* A digest follows changes so soon, and only one however many they were. */
enum { AFTER_CHANGE_MS = 1000 };

/* ---- The digest ---- */

static void add_to_digest(const struct instance *instance, Cupola__RouteTable *table)
{
    for (size_t i = 0; i < instance->order->n_uris; i++) {
        const char *uri = instance->order->uris[i];
        table->digest ^=
            route_digest(instance->dea->host, instance->port, instance->id, (struct http_text){uri, strlen(uri)});
        table->count++;
    }
}

/* Without the way to the viewer. */
static void fill_digest(struct dea *dea, Cupola__RouteTable *ret_table)
{
    cupola__route_table__init(ret_table);
    ret_table->dea = dea->monitor.uuid;
    ret_table->life = dea->life;
    ret_table->has_sequence = true;
    ret_table->sequence = (int64_t)dea->route_changes;
    ret_table->has_digest = true;
    ret_table->has_count = true;
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (instance->is_registered)
            add_to_digest(instance, ret_table);
    }
}

/* The way to the whole table that does not need the bus. */
static void fill_viewer(struct dea *dea, Cupola__RouteTable *table)
{
    if (!dea->files.server.is_open)
        return;
    table->viewer_host = (char *)dea->host;
    table->has_viewer_port = true;
    table->viewer_port = dea->files.server.port;
    table->viewer_user = dea->saved.viewer_user;
    table->viewer_password = dea->saved.viewer_password;
}

void dea_route_table_answer_digest(struct dea *dea, const struct bus_message *message)
{
    Cupola__RouteTable table;
    fill_digest(dea, &table);
    fill_viewer(dea, &table);
    bus_answer(&dea->bus, message, &table.base);
}

void dea_route_table_publish_digest(struct dea *dea)
{
    if (!dea->bus.is_connected || dea->phase == DEA_LEAVING || mutation_is(DEA_TELLS_NO_DIGEST))
        return;
    Cupola__RouteTable table;
    fill_digest(dea, &table);
    fill_viewer(dea, &table);
    bus_publish_message(&dea->bus, "router.digest", NULL, &table.base);
}

static void on_digest_due(struct timer *timer);

/* A quarter more or less: DEAs that started together do not speak together for ever. */
static void tell_digest_in(struct dea *dea, uint64_t period_ns)
{
    if (period_ns > 0)
        timer_set(&dea->machine, &dea->digest_timer, period_ns * 3 / 4 + dea_jitter_ns(dea, period_ns / 2),
                  on_digest_due);
}

static void on_digest_due(struct timer *timer)
{
    struct dea *dea = container_of(timer, struct dea, digest_timer);
    dea_route_table_publish_digest(dea);
    dea_route_table_begin(dea);
}

void dea_route_table_begin(struct dea *dea)
{
    tell_digest_in(dea, dea->config->digest_ms * NS_PER_MS);
}

/* The number of a later message shows that one was lost; behind the last one comes none. */
void dea_route_table_tell_soon(struct dea *dea)
{
    uint64_t latest_ns = dea->machine.now_ns + AFTER_CHANGE_MS * NS_PER_MS * 5 / 4;
    bool is_soon = timer_is_set(&dea->digest_timer) && dea->digest_timer.at_ns <= latest_ns;
    if (dea->config->digest_ms > AFTER_CHANGE_MS && !is_soon)
        tell_digest_in(dea, AFTER_CHANGE_MS * NS_PER_MS);
}

/* ---- The whole ---- */

void dea_route_table_note_ended(const struct instance *instance)
{
    struct dea_ends *ends = &instance->dea->ends;
    memcpy(ends->instances[ends->count++ % DEA_ENDS_KEPT], instance->id, INSTANCE_ID_SIZE);
}

/* Points into the DEA; `pointers` has room for DEA_ENDS_KEPT. */
static void fill_ended(struct dea *dea, Cupola__RouteTable *table, char **pointers)
{
    struct dea_ends *ends = &dea->ends;
    table->ended = pointers;
    table->n_ended = ends->count < DEA_ENDS_KEPT ? ends->count : DEA_ENDS_KEPT;
    for (uint32_t i = 0; i < table->n_ended; i++)
        pointers[i] = ends->instances[(ends->count - table->n_ended + i) % DEA_ENDS_KEPT];
}

/* Those from `first` on, at most so many; returns the next page's first, NULL at the end. */
static struct instance *fill_page(struct instance *first, Cupola__RouteTable *table, Cupola__RouterRegister *routes,
                                  size_t most)
{
    struct instance *instance = first;
    for (; instance != NULL && table->n_routes < most; instance = instance->hh.next) {
        if (!instance->is_registered || instance->order->n_uris == 0)
            continue;
        dea_routes_fill(instance, &routes[table->n_routes]);
        table->routes[table->n_routes] = &routes[table->n_routes];
        table->n_routes++;
    }
    return instance;
}

void dea_route_table_on_asked(struct bus_client *client, const ProtobufCMessage *parsed,
                              const struct bus_message *message)
{
    (void)parsed;
    struct dea *dea = dea_of_bus(client);
    Cupola__RouterRegister *routes = memory_new(PAGE_ROUTES * sizeof *routes);
    Cupola__RouterRegister **pointers = memory_new(PAGE_ROUTES * sizeof *pointers);
    struct instance *next = dea->instances;
    char *ended[DEA_ENDS_KEPT];
    bool is_first = true;
    do {
        Cupola__RouteTable table;
        fill_digest(dea, &table);
        if (is_first)
            fill_ended(dea, &table, ended);
        is_first = false;
        table.routes = pointers;
        next = fill_page(next, &table, routes, PAGE_ROUTES);
        table.has_more = next != NULL;
        table.more = next != NULL;
        bus_answer(&dea->bus, message, &table.base);
    } while (next != NULL);
    memory_free(routes);
    memory_free(pointers);
}

void dea_route_table_answer_viewer(struct dea *dea, struct http_exchange *exchange)
{
    size_t most = HASH_COUNT(dea->instances);
    Cupola__RouterRegister *routes = memory_new((most + 1) * sizeof *routes);
    Cupola__RouterRegister **pointers = memory_new((most + 1) * sizeof *pointers);
    char *ended[DEA_ENDS_KEPT];
    Cupola__RouteTable table;
    fill_digest(dea, &table);
    fill_ended(dea, &table, ended);
    table.routes = pointers;
    fill_page(dea->instances, &table, routes, most);
    struct text json = {0};
    json_write(&json, &table.base);
    http_answer_text(exchange, 200, "application/json", &json);
    memory_free(routes);
    memory_free(pointers);
}
