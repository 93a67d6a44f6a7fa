/* Answers to those who ask: dea.status, droplet.status, dea.find.droplet. */
#include "core/base/duration.h"
#include "core/dea/dea.h"

static uint64_t used_memory_kb(const struct dea *dea)
{
    uint64_t used_bytes = 0;
    const struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        used_bytes += instance->holds_resources ? instance->usage.memory_bytes : 0;
    }
    return used_bytes >> 10;
}

void dea_status_on_dea_status(struct bus_client *client, const ProtobufCMessage *parsed,
                              const struct bus_message *message)
{
    (void)parsed;
    struct dea *dea = dea_of_bus(client);
    Cupola__DeaHello hello;
    dea_fill_hello(dea, &hello);
    Cupola__DeaStatus status = CUPOLA__DEA_STATUS__INIT;
    status.id = hello.id;
    status.ip = hello.ip;
    status.has_port = hello.has_port;
    status.port = hello.port;
    status.has_version = hello.has_version;
    status.version = hello.version;
    status.has_max_memory = status.has_reserved_memory = status.has_used_memory = status.has_num_clients = true;
    status.max_memory = dea->config->max_memory_mb;
    status.reserved_memory = (int64_t)dea->reserved_mb;
    status.used_memory = (double)used_memory_kb(dea) / 1024;
    status.num_clients = (int32_t)dea->held_count;
    if (dea->phase != DEA_OPEN)
        status.state = (char *)"SHUTTING_DOWN";
    bus_answer(client, message, &status.base);
}

void dea_status_on_droplet_status(struct bus_client *client, const ProtobufCMessage *parsed,
                                  const struct bus_message *message)
{
    (void)parsed;
    struct dea *dea = dea_of_bus(client);
    if (dea->phase != DEA_OPEN)
        return;
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (!dea_instance_is_live(instance))
            continue;
        struct usage_stats stats;
        dea_usage_fill_stats(instance, &stats);
        bus_answer(client, message, &stats.stats.base);
        dea_usage_free_stats(&stats);
    }
}

static void answer_found(struct instance *instance, bool with_stats, const struct bus_message *message)
{
    struct dea *dea = instance->dea;
    struct text file_uri = {0}, staged = {0};
    dea_files_add_uri(dea, &file_uri);
    dea_files_add_staged(instance, &staged);
    char *credentials[] = {dea->saved.viewer_user, dea->saved.viewer_password};
    struct usage_stats stats;
    dea_usage_fill_stats(instance, &stats);

    Cupola__DeaFound found = CUPOLA__DEA_FOUND__INIT;
    found.dea = dea->monitor.uuid;
    found.version = instance->order->version;
    found.has_droplet = true;
    found.droplet = instance->droplet;
    found.instance = instance->id;
    found.has_index = true;
    found.index = instance->index;
    found.state = (char *)dea_instance_state_text(instance);
    found.has_state_timestamp = true;
    found.state_timestamp = instance->state_timestamp_s;
    found.file_uri = (char *)text_string(&file_uri);
    found.n_credentials = 2;
    found.credentials = credentials;
    found.staged = (char *)text_string(&staged);
    if (instance->state == INSTANCE_CRASHED && instance->crash_detail[0] != 0)
        found.reason = instance->crash_detail;
    if (with_stats && dea_instance_is_up(instance))
        found.stats = &stats.stats;
    bus_answer(&dea->bus, message, &found.base);
    dea_usage_free_stats(&stats);
    text_free(&staged);
    text_free(&file_uri);
}

void dea_status_on_find_droplet(struct bus_client *client, const ProtobufCMessage *parsed,
                                const struct bus_message *message)
{
    struct dea *dea = dea_of_bus(client);
    const Cupola__DeaFindDroplet *find = (const Cupola__DeaFindDroplet *)parsed;
    if (dea->phase != DEA_OPEN || !find->has_droplet || message->reply == NULL)
        return;
    struct instance_filter filter = {
        .droplet = find->droplet,
        .version = find->version,
        .instances = find->instances,
        .instance_count = find->n_instances,
        .indices = find->indices,
        .index_count = find->n_indices,
        .states = find->states,
        .state_count = find->n_states,
    };
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (dea_instance_matches(instance, &filter))
            answer_found(instance, find->include_stats, message);
    }
}
