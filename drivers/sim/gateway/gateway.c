#include "drivers/sim/gateway/gateway.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/wire/json.h"
#include "core/wire/message.h"
#include "drivers/sim/gateway/state.h"

#include <stdio.h>
#include <string.h>

enum { MOST_BODY_BYTES = 65536, MOST_CONNECTIONS = 256 };

static struct sim_gateway *gateway_of(const struct machine *machine)
{
    assert_that(machine->class == &sim_gateway_class);
    return container_of(machine, struct sim_gateway, machine);
}

/* ---- What there is ---- */

struct thing *gateway_find(const struct sim_gateway *gateway, const char *id)
{
    struct thing *thing = gateway->things;
    while (thing != NULL && strcmp(thing->id, id) != 0)
        thing = thing->next;
    return thing;
}

static struct thing *append(struct sim_gateway *gateway, const char *id, const char *service)
{
    struct thing *thing = memory_new(sizeof *thing);
    struct thing **end = &gateway->things;
    while (*end != NULL)
        end = &(*end)->next;
    snprintf(thing->id, sizeof thing->id, "%s", id);
    snprintf(thing->service, sizeof thing->service, "%s", service);
    thing->since_ns = gateway->machine.now_ns;
    *end = thing;
    return thing;
}

struct thing *gateway_add(struct sim_gateway *gateway, const char *service)
{
    char id[THING_ID_SIZE];
    random_hex(&gateway->ids, id, 16);
    struct thing *thing = append(gateway, id, service);
    thing->is_known = true;
    return thing;
}

void gateway_remove(struct sim_gateway *gateway, struct thing *thing)
{
    struct thing **place = &gateway->things;
    while (*place != thing)
        place = &(*place)->next;
    *place = thing->next;
    memory_free(thing);
}

/* ---- Its store ---- */

static void on_saved(struct op *op, const struct op_result *result);

static void save_now(struct sim_gateway *gateway)
{
    struct text packed = {0};
    for (const struct thing *thing = gateway->things; thing != NULL; thing = thing->next) {
        Cupola__SimGatewayThing one = CUPOLA__SIM_GATEWAY_THING__INIT;
        Cupola__SimGatewayThing *list[] = {&one};
        Cupola__SimGatewayStore store = CUPOLA__SIM_GATEWAY_STORE__INIT;
        one.id = (char *)(uintptr_t)thing->id;
        one.service = (char *)(uintptr_t)thing->service;
        store.n_things = 1;
        store.things = list;
        /* Packed messages behind each other are one whose lists are joined. */
        size_t size = cupola__sim_gateway_store__get_packed_size(&store);
        text_grow(&packed, cupola__sim_gateway_store__pack(&store, text_room(&packed, size)));
    }
    gateway->saving_changes = gateway->changes;
    op_save(&gateway->machine, &gateway->save, text_take(&packed), on_saved);
}

uint64_t gateway_save(struct sim_gateway *gateway)
{
    gateway->changes++;
    if (!op_is_pending(&gateway->save))
        save_now(gateway);
    return gateway->changes;
}

static void exit_if_done(struct sim_gateway *gateway)
{
    if (gateway->is_stopping && !op_is_pending(&gateway->save))
        machine_exit(&gateway->machine, 0, (struct io_bytes){0});
}

static void on_saved(struct op *op, const struct op_result *result)
{
    struct sim_gateway *gateway = container_of(op, struct sim_gateway, save);
    bool is_durable = result->status == IO_OK;
    if (is_durable)
        gateway->saved_changes = gateway->saving_changes;
    if (!is_durable || gateway->changes > gateway->saved_changes)
        save_now(gateway);
    gateway_jobs_saved(gateway);
    exit_if_done(gateway);
}

static void restore(struct sim_gateway *gateway, struct io_bytes saved)
{
    Cupola__SimGatewayStore *store = cupola__sim_gateway_store__unpack(NULL, saved.size, saved.data);
    for (size_t i = 0; store != NULL && i < store->n_things; i++) {
        const Cupola__SimGatewayThing *one = store->things[i];
        append(gateway, one->id, one->service)->is_known = gateway->config->remembers;
    }
    if (store != NULL)
        cupola__sim_gateway_store__free_unpacked(store, NULL);
}

/* ---- Life ---- */

static void start(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved)
{
    struct sim_gateway *gateway = gateway_of(machine);
    gateway->config = message_copy(configuration);
    gateway->ids = random_named(machine->seed, "gateway.ids");
    gateway->luck = random_named(machine->seed, "gateway.luck");
    restore(gateway, saved);
    struct http_server_options options = {
        .host = gateway->config->host,
        .port = (uint16_t)gateway->config->port,
        .max_body_bytes = MOST_BODY_BYTES,
        .max_connections = MOST_CONNECTIONS,
        .header_timeout_ns = 10 * NS_PER_S,
        .idle_timeout_ns = 60 * NS_PER_S,
    };
    http_server_open(machine, &gateway->server, &options, &gateway_server_handlers);
    gateway_upkeep_begin(gateway);
}

static void stop(struct machine *machine)
{
    struct sim_gateway *gateway = gateway_of(machine);
    gateway->is_stopping = true;
    gateway_upkeep_end(gateway);
    http_server_drain(&gateway->server);
    exit_if_done(gateway);
}

static void destroy(struct machine *machine)
{
    struct sim_gateway *gateway = gateway_of(machine);
    gateway_jobs_free(gateway);
    http_call_release(&gateway->call);
    http_server_destroy(&gateway->server);
    while (gateway->things != NULL)
        gateway_remove(gateway, gateway->things);
    if (gateway->config != NULL)
        cupola__sim_gateway_config__free_unpacked(gateway->config, NULL);
}

static void inspect(struct machine *machine, struct text *ret_json)
{
    const struct sim_gateway *gateway = gateway_of(machine);
    text_add_string(ret_json, "{\"label\":");
    json_write_string(ret_json, gateway_view_label(machine));
    text_add_string(ret_json, ",\"things\":[");
    for (const struct thing *thing = gateway->things; thing != NULL; thing = thing->next)
        text_addf(ret_json, "%s{\"id\":\"%s\",\"service\":\"%s\",\"known\":%s}", thing == gateway->things ? "" : ",",
                  thing->id, thing->service, thing->is_known ? "true" : "false");
    text_add_string(ret_json, "]}");
}

const struct machine_class sim_gateway_class = {
    .name = "gateway",
    .configuration = &cupola__sim_gateway_config__descriptor,
    .size = sizeof(struct sim_gateway),
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .inspect = inspect,
};

/* ---- The view ---- */

const char *gateway_view_label(const struct machine *machine)
{
    const struct sim_gateway *gateway = gateway_of(machine);
    return gateway->config == NULL ? "" : gateway->config->label;
}

bool gateway_view_next(const struct machine *machine, const void **at, struct gateway_thing_view *ret_view)
{
    const struct thing *previous = *at;
    const struct thing *thing = previous == NULL ? gateway_of(machine)->things : previous->next;
    *at = thing;
    if (thing == NULL)
        return false;
    *ret_view = (struct gateway_thing_view){.id = thing->id, .service = thing->service, .is_known = thing->is_known};
    return true;
}
