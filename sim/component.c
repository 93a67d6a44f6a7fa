/* Components and instances as scenarios see and handle them. */
#include "sim/cloud_state.h"

#include "core/base/assert.h"
#include "core/base/duration.h"

#include <stdio.h>
#include <string.h>

const char *component_role_name(enum component_role role)
{
    static const char *const names[ROLE_COUNT] = {
        [ROLE_BUS_SERVER] = "bus",
        [ROLE_ROUTER] = "router",
        [ROLE_CONTROLLER] = "controller",
        [ROLE_HEALTH_MANAGER] = "health_manager",
        [ROLE_DEA] = "dea",
        [ROLE_GATEWAY] = "gateway",
    };
    assert_that(role < ROLE_COUNT);
    return names[role];
}

size_t cloud_component_count(const struct cloud *cloud, enum component_role role)
{
    return cloud->component_counts[role];
}

struct component *cloud_component(struct cloud *cloud, enum component_role role, size_t index)
{
    assert_that(index < cloud->component_counts[role]);
    return &cloud->components[role][index];
}

struct component *cloud_find_component(struct cloud *cloud, const char *name)
{
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (size_t i = 0; i < cloud->component_counts[role]; i++) {
            if (strcmp(cloud->components[role][i].name, name) == 0)
                return &cloud->components[role][i];
        }
    }
    return NULL;
}

bool component_is_running(const struct component *component)
{
    return process_runs(component->process);
}

const char *component_host_name(const struct component *component)
{
    return component->host->name;
}

const char *component_address(const struct component *component)
{
    return component->host->address;
}

uint32_t component_zone(const struct component *component)
{
    return component->host->zone;
}

bool component_host_has_power(const struct component *component)
{
    return component->host->has_power;
}

const struct machine *component_machine(const struct component *component)
{
    return component->process->machine;
}

void component_inspect(const struct component *component, struct text *ret_json)
{
    struct machine *machine = component->process->machine;
    if (machine == NULL)
        text_add_string(ret_json, "{}");
    else
        machine->class->inspect(machine, ret_json);
}

uint64_t component_unsent_bytes(const struct component *component)
{
    const struct process *process = component->process;
    uint64_t bytes = 0;
    for (size_t i = 0; process_runs(process) && i < process->conn_capacity; i++) {
        if (process->conns[i] == NULL || process->conns[i]->socket == NULL)
            continue;
        const struct segments *out = &process->conns[i]->socket->out;
        for (uint32_t k = 0; k < out->count; k++)
            bytes += segments_at(out, k)->slice.size;
    }
    return bytes;
}

bool component_trace(const struct component *component, size_t life, struct io_bytes *ret_trace)
{
    const struct process *process = component->process;
    if (life >= process->life_count)
        return false;
    const struct text *text = &process->traces[life].text;
    *ret_trace = (struct io_bytes){(const uint8_t *)text_string(text), text->size};
    return true;
}

/* ---- What a person does to them ---- */

void component_start(struct component *component)
{
    process_start(component->process, 0);
}

void component_stop(struct component *component)
{
    component->process->on_end = NULL; /* Nobody starts it again, who was about to. */
    process_stop(component->process);
}

void component_evacuate(struct component *component)
{
    process_evacuate(component->process);
}

void component_kill(struct component *component)
{
    process_kill(component->process);
}

static void start_after_end(struct process *process)
{
    process->on_end = NULL;
    process_start(process, 100 * NS_PER_MS);
}

void component_restart(struct component *component)
{
    if (!process_runs(component->process)) {
        process_start(component->process, 0);
        return;
    }
    component->process->on_end = start_after_end;
    process_stop(component->process);
}

/* ---- Instances ---- */

uint64_t cloud_started_instances(const struct cloud *cloud)
{
    uint64_t count = 0;
    for (size_t i = 0; i < cloud->world->host_count; i++)
        count += cloud->world->hosts[i]->workload_count;
    return count;
}

size_t cloud_running_commands(const struct cloud *cloud, const char *app)
{
    size_t count = 0;
    for (size_t i = 0; i < cloud->world->host_count; i++) {
        for (const struct workload *at = cloud->world->hosts[i]->workloads; at != NULL; at = at->next)
            if (app == NULL || strcmp(at->app->name, app) == 0)
                count += commands_count(at);
    }
    return count;
}

size_t cloud_instances(struct cloud *cloud, const char *app, struct instance_info *ret_infos, size_t capacity)
{
    size_t count = 0;
    for (size_t i = 0; i < cloud->component_counts[ROLE_DEA]; i++) {
        struct component *dea = &cloud->components[ROLE_DEA][i];
        for (const struct workload *at = dea->host->workloads; at != NULL; at = at->next) {
            if (!at->is_running || (app != NULL && strcmp(at->app->name, app) != 0))
                continue;
            if (count < capacity)
                ret_infos[count] = (struct instance_info){
                    .app = at->app->name,
                    .instance = at->name,
                    .index = at->index,
                    .version = at->version,
                    .dea = dea,
                    .port = at->port.number,
                    .is_listening = at->is_listening,
                    .started_ns = at->started_ns,
                };
            count++;
        }
    }
    return count;
}

bool cloud_signal_instance(struct cloud *cloud, const char *instance, int signal)
{
    for (size_t i = 0; i < cloud->component_counts[ROLE_DEA]; i++) {
        for (struct workload *at = cloud->components[ROLE_DEA][i].host->workloads; at != NULL; at = at->next) {
            if (!at->is_running || strcmp(at->name, instance) != 0)
                continue;
            char text[160];
            snprintf(text, sizeof text, "signal %d to %s on %s", signal, at->label,
                     cloud->components[ROLE_DEA][i].name);
            story_add(cloud, STORY_SCENARIO, LOG_INFO, at->label, text);
            workload_send_signal(at, signal);
            return true;
        }
    }
    return false;
}
