/* Faults of components: their processes, builds and configurations. */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/wire/json.h"
#include "sim/faults/state.h"

#include <string.h>

/* ---- Configurations ---- */

/* The keys of the fault for a component of that role; NULL, and why, if they make no sense there. */
static ProtobufCMessage *read_config(const struct fault_spec *spec, enum component_role role,
                                     struct json_error *ret_error)
{
    struct io_bytes json = {(const uint8_t *)spec->config, strlen(spec->config)};
    return json_read(component_config_descriptor(role), json, JSON_STRICT, ret_error);
}

bool fault_config_is_valid(const struct fault *fault, struct text *ret_why)
{
    for (size_t i = 0; fault->spec.config != NULL && i < fault->component_count; i++) {
        struct json_error error = {0};
        ProtobufCMessage *message = read_config(&fault->spec, fault->components[i]->role, &error);
        if (message == NULL) {
            text_addf(ret_why, "config: %s", error.text);
            return false;
        }
        protobuf_c_message_free_unpacked(message, NULL);
    }
    return true;
}

static bool means(const struct fault *fault, const struct component *component)
{
    for (size_t i = 0; i < fault->component_count; i++) {
        if (fault->components[i] == component)
            return true;
    }
    return false;
}

/* What all such faults that are active say; the one that began last counts. */
void fault_configure(struct fault *fault, const struct component *component)
{
    struct component_settings settings = {0};
    ProtobufCMessage *given = NULL;
    for (size_t i = 0; i < fault->cloud->fault_count; i++) {
        const struct fault *at = fault->cloud->faults[i];
        if (at->spec.kind != FAULT_BAD_CONFIG || at->state != FAULT_ACTIVE || !means(at, component))
            continue;
        if (at->spec.config == NULL) {
            settings.is_wrong = true;
            continue;
        }
        struct json_error error;
        if (given != NULL)
            protobuf_c_message_free_unpacked(given, NULL);
        given = read_config(&at->spec, component->role, &error);
    }
    settings.given = given;
    struct slice config = component_configure(fault->cloud, component, &settings);
    process_set_config(component->process, (struct io_bytes){slice_data(config), config.size});
    buffer_unref(config.buffer);
    if (given != NULL)
        protobuf_c_message_free_unpacked(given, NULL);
}

/* ---- Beginning ---- */

static void install(struct process *process, bool is_old)
{
    uint32_t one = is_old ? 1 : UINT32_MAX; /* Adds, or takes away, by wrapping round. */
    process->old_builds += one;
    process->world->old_processes += one;
}

/* The least that any such fault leaves. */
static void limit_descriptors(const struct fault *fault, const struct component *component)
{
    struct process *process = component->process;
    process->is_limited = false;
    for (size_t i = 0; i < fault->cloud->fault_count; i++) {
        const struct fault *at = fault->cloud->faults[i];
        if (at->spec.kind != FAULT_FEW_DESCRIPTORS || at->state != FAULT_ACTIVE || !means(at, component))
            continue;
        if (!process->is_limited || process->most_descriptors > at->spec.amount)
            process->most_descriptors = (uint32_t)at->spec.amount;
        process->is_limited = true;
    }
}

static void apply_to_component(struct fault *fault, struct component *component)
{
    struct process *process = component->process;
    switch ((int)fault->spec.kind) {
    case FAULT_KILL:
        process_kill(process);
        return;
    case FAULT_KEEP_DOWN:
        process->held_down++;
        process_kill(process);
        return;
    case FAULT_PAUSE:
        process_pause(process);
        return;
    case FAULT_KILL_AT_EFFECT:
        process->effects_to_live = process->machine == NULL ? 0 : (uint64_t)fault->spec.amount;
        return;
    case FAULT_SLOW_PROCESS:
        process->step_cost_ns += fault->step_cost_ns;
        return;
    case FAULT_SLOW_START:
        process->start_extra_ns += fault->step_cost_ns;
        return;
    case FAULT_RESTART:
        component_restart(component);
        return;
    case FAULT_EVACUATE:
        process->held_down++; /* It goes by itself; nobody starts it again meanwhile. */
        process_evacuate(process);
        return;
    case FAULT_OLD_VERSION:
        install(process, true);
        component_restart(component);
        return;
    case FAULT_FEW_DESCRIPTORS:
        limit_descriptors(fault, component);
        return;
    case FAULT_BAD_CONFIG:
        fault_configure(fault, component);
        component_restart(component);
        return;
    default:
        assert_that(fault->spec.kind == FAULT_CRASH_LOOP);
        process_kill(process);
        process_start(process, 100 * NS_PER_MS);
    }
}

void fault_apply_to_processes(struct fault *fault)
{
    fault->step_cost_ns = distribution_sample(&fault->spec.delay, &fault->random);
    for (size_t i = 0; i < fault->component_count; i++)
        apply_to_component(fault, fault->components[i]);
    if (fault->spec.kind == FAULT_CRASH_LOOP)
        world_wake_in(fault->cloud->world, &fault->tick, fault->step_cost_ns);
}

/* ---- Ending ---- */

static void start_after_end(struct process *process)
{
    process->on_end = NULL;
    process_start(process, 0);
}

/* Also if it has not gone yet. */
static void bring_back(struct process *process)
{
    if (process_runs(process))
        process->on_end = start_after_end;
    else
        process_start(process, 0);
}

static void undo_on_component(struct fault *fault, struct component *component)
{
    struct process *process = component->process;
    if (fault->spec.kind == FAULT_KEEP_DOWN) {
        if (--process->held_down == 0)
            process_start(process, 0);
    } else if (fault->spec.kind == FAULT_PAUSE) {
        if (!fault_is_doubled(fault, process->host))
            process_resume(process);
    } else if (fault->spec.kind == FAULT_SLOW_PROCESS) {
        process->step_cost_ns -= fault->step_cost_ns;
    } else if (fault->spec.kind == FAULT_SLOW_START) {
        process->start_extra_ns -= fault->step_cost_ns;
    } else if (fault->spec.kind == FAULT_EVACUATE) {
        if (--process->held_down == 0)
            bring_back(process);
    } else if (fault->spec.kind == FAULT_OLD_VERSION) {
        install(process, false);
        component_restart(component);
    } else if (fault->spec.kind == FAULT_FEW_DESCRIPTORS) {
        limit_descriptors(fault, component);
    } else if (fault->spec.kind == FAULT_BAD_CONFIG) {
        fault_configure(fault, component);
        component_restart(component);
    }
}

void fault_undo_on_processes(struct fault *fault)
{
    for (size_t i = 0; i < fault->component_count; i++)
        undo_on_component(fault, fault->components[i]);
}
