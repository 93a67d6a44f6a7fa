/* What a DEA shows of itself: its part of /varz, in v1's names and units, and its state for debuggers and checks. */
#include "core/base/memory.h"
#include "core/dea/dea.h"
#include "core/wire/json.h"

#include <string.h>

/* ---- /varz ---- */

/* Sums over the instances of one framework or runtime. Units as in v1: KB, KB, bytes, percent. */
struct share {
    const char *name;
    uint64_t used_kb;
    uint64_t reserved_kb;
    uint64_t disk_bytes;
    uint64_t cpu_permille;
};

static struct share *find_share(struct share *shares, size_t *count, const char *name)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(shares[i].name, name) == 0)
            return &shares[i];
    shares[*count].name = name;
    return &shares[(*count)++];
}

static const char *framework_of(const struct instance *instance)
{
    return instance->order->framework;
}

static const char *runtime_of(const struct instance *instance)
{
    return instance->order->runtime;
}

static void add_shares(const struct dea *dea, const char *member, const char *(*name_of)(const struct instance *),
                       struct text *json)
{
    struct share *shares = memory_new(HASH_COUNT(dea->instances) * sizeof *shares);
    size_t count = 0;
    const struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (!instance->holds_resources || name_of(instance) == NULL)
            continue;
        struct share *share = find_share(shares, &count, name_of(instance));
        share->used_kb += instance->usage.memory_bytes >> 10;
        share->reserved_kb += (uint64_t)instance->memory_mb << 10;
        share->disk_bytes += instance->usage.disk_bytes;
        share->cpu_permille += instance->usage.cpu_permille;
    }
    text_addf(json, ",\"%s\":{", member);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text_add_char(json, ',');
        json_write_string(json, shares[i].name);
        text_addf(json, ":{\"used_memory\":%llu.0,\"reserved_memory\":%llu,\"used_disk\":%llu,\"used_cpu\":%llu.%llu}",
                  (unsigned long long)shares[i].used_kb, (unsigned long long)shares[i].reserved_kb,
                  (unsigned long long)shares[i].disk_bytes, (unsigned long long)(shares[i].cpu_permille / 10),
                  (unsigned long long)(shares[i].cpu_permille % 10));
    }
    text_add_char(json, '}');
    memory_free(shares);
}

/* The environment and the service credentials stay out of it. */
static void add_instance(const struct instance *instance, struct text *json)
{
    text_addf(json, "{\"droplet_id\":%lld,\"instance_id\":\"%s\",\"instance_index\":%d,\"name\":",
              (long long)instance->droplet, instance->id, instance->index);
    json_write_string(json, instance->order->name);
    text_add_string(json, ",\"version\":");
    json_write_string(json, instance->order->version);
    text_add_string(json, ",\"runtime\":");
    json_write_string(json, instance->order->runtime);
    text_add_string(json, ",\"framework\":");
    json_write_string(json, instance->order->framework == NULL ? "" : instance->order->framework);
    text_addf(json, ",\"state\":\"%s\",\"phase\":\"%s\",\"state_timestamp\":%lld,\"port\":%u,\"epoch\":%lld",
              dea_instance_state_text(instance) == NULL ? "STOPPED" : dea_instance_state_text(instance),
              dea_instance_state_name(instance->state), (long long)instance->state_timestamp_s, instance->port,
              (long long)instance->epoch);
    text_addf(json, ",\"registered\":%s,\"mem_quota\":%llu,\"disk_quota\":%llu,\"fds_quota\":%d",
              instance->is_registered ? "true" : "false", (unsigned long long)instance->memory_mb << 20,
              (unsigned long long)instance->order->limits->disk << 20, instance->order->limits->fds);
    text_addf(json, ",\"usage\":{\"mem\":%llu.0,\"disk\":%llu,\"cpu\":%u.%u}}",
              (unsigned long long)(instance->usage.memory_bytes >> 10), (unsigned long long)instance->usage.disk_bytes,
              instance->usage.cpu_permille / 10, instance->usage.cpu_permille % 10);
}

static void add_instances(const struct dea *dea, bool all, struct text *json)
{
    bool is_first = true;
    const struct instance *instance, *next;
    text_add_char(json, '[');
    HASH_ITER (hh, dea->instances, instance, next) {
        if (!all && !dea_instance_is_live(instance))
            continue;
        if (!is_first)
            text_add_char(json, ',');
        is_first = false;
        add_instance(instance, json);
    }
    text_add_char(json, ']');
}

void dea_varz_add(struct monitor *monitor, struct text *json)
{
    const struct dea *dea = container_of(monitor, struct dea, monitor);
    uint64_t used_bytes = 0;
    const struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        used_bytes += instance->holds_resources ? instance->usage.memory_bytes : 0;
    }
    text_addf(json, ",\"apps_max_memory\":%u,\"apps_reserved_memory\":%llu,\"apps_used_memory\":%llu,\"num_apps\":%u",
              dea->config->max_memory_mb, (unsigned long long)dea->reserved_mb, (unsigned long long)(used_bytes >> 20),
              dea->held_count);
    text_addf(json, ",\"stagings\":%u,\"staged\":%llu,\"stagings_failed\":%llu,\"stagings_refused\":%llu",
              dea->staging.count, (unsigned long long)dea->staging.staged, (unsigned long long)dea->staging.failed,
              (unsigned long long)dea->staging.refused);
    if (dea->phase != DEA_OPEN)
        text_add_string(json, ",\"state\":\"SHUTTING_DOWN\"");
    text_add_string(json, ",\"running_apps\":");
    add_instances(dea, false, json);
    add_shares(dea, "frameworks", framework_of, json);
    add_shares(dea, "runtimes", runtime_of, json);
}

/* ---- Inspection ---- */

static const char *phase_name(enum dea_phase phase)
{
    switch (phase) {
    case DEA_OPEN:
        return "OPEN";
    case DEA_EVACUATING:
        return "EVACUATING";
    case DEA_LEAVING:
        return "LEAVING";
    }
    return "UNBORN";
}

void dea_varz_inspect(struct machine *machine, struct text *ret_json)
{
    const struct dea *dea = container_of(machine, struct dea, machine);
    text_addf(ret_json, "{\"uuid\":\"%s\",\"phase\":\"%s\",\"connected\":%s,\"greeted\":%s", dea->monitor.uuid,
              phase_name(dea->phase), dea->bus.is_connected ? "true" : "false", dea->has_greeted ? "true" : "false");
    text_addf(ret_json, ",\"reserved_mb\":%llu,\"held\":%u,\"crashed\":%u,\"offers\":%u,\"stagings\":%u,\"instances\":",
              (unsigned long long)dea->reserved_mb, dea->held_count, dea->crashed_count, dea->placement.count,
              dea->staging.count);
    add_instances(dea, true, ret_json);
    text_add_char(ret_json, '}');
}
