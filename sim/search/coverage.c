#include "sim/search/coverage.h"

#include "core/base/memory.h"
#include "core/cloud_controller/view.h"
#include "core/dea/view.h"
#include "core/health_manager/view.h"
#include "core/router/view.h"
#include "sim/faults/state.h"

#include <string.h>

/* ---- States ---- */

enum { STATE_DOWN = 0 };

static const char *const state_names[ROLE_COUNT][COVERAGE_STATES] = {
    [ROLE_BUS_SERVER] = {"down", "up"},
    [ROLE_ROUTER] = {"down", "no routes", "routing", "busy"},
    [ROLE_CONTROLLER] = {"down", "behind", "idle", "working"},
    [ROLE_HEALTH_MANAGER] = {"down", "ignorant", "cut off", "watching", "speaking"},
    [ROLE_DEA] = {"down", "idle", "starting", "running", "ending", "leaving"},
};

const char *coverage_state_name(enum component_role role, size_t state)
{
    return state < COVERAGE_STATES ? state_names[role][state] : NULL;
}

static size_t dea_state(const struct machine *machine)
{
    enum { IDLE = 1, STARTING, RUNNING, ENDING, LEAVING };
    struct dea_view view;
    dea_view(machine, &view);
    if (view.is_evacuating)
        return LEAVING;
    size_t state = IDLE;
    struct dea_instance_view instance;
    for (const void *at = NULL; dea_view_next(machine, &at, &instance);) {
        if (strcmp(instance.state, "STARTING") == 0)
            return STARTING;
        bool is_running = strcmp(instance.state, "RUNNING") == 0;
        state = is_running && state != ENDING ? RUNNING : ENDING;
    }
    return state;
}

/* The state that a component is in now. */
static size_t state_of(const struct component *component)
{
    const struct machine *machine = component_machine(component);
    if (machine == NULL)
        return STATE_DOWN;
    switch (component->role) {
    case ROLE_BUS_SERVER:
        return 1;
    case ROLE_ROUTER:
        return router_route_count(machine) == 0 ? 1 : router_session_count(machine) == 0 ? 2 : 3;
    case ROLE_CONTROLLER:
        if (!controller_view_is_caught_up(machine))
            return 1;
        return controller_view_pending_count(machine) == 0 ? 2 : 3;
    case ROLE_HEALTH_MANAGER: {
        struct hm_view view;
        hm_view(machine, &view);
        return !view.knows_desired ? 1 : !view.is_connected ? 2 : !view.speaks ? 3 : 4;
    }
    case ROLE_DEA:
        return dea_state(machine);
    case ROLE_GATEWAY: /* It is no part of the table. */
    case ROLE_COUNT:
        break;
    }
    return STATE_DOWN;
}

/* ---- Watching ---- */

static void set_bucket(struct coverage_watch *watch, uint64_t hash)
{
    uint32_t place = (uint32_t)(hash % COVERAGE_BUCKETS);
    uint8_t *seen = &watch->seen[place / 8], bit = (uint8_t)(1u << place % 8);
    if ((*seen & bit) != 0)
        return;
    *seen = (uint8_t)(*seen | bit);
    uint8_t *bucket = &watch->coverage->buckets[place];
    if (*bucket == 0) {
        watch->coverage->bucket_count++;
        watch->news++;
        watch->newest = place;
    }
    *bucket = (uint8_t)(*bucket + (*bucket < UINT8_MAX));
}

uint32_t coverage_rarity(const struct coverage *coverage, uint32_t feature)
{
    return feature < COVERAGE_BUCKETS ? coverage->buckets[feature] : coverage->edges[feature - COVERAGE_BUCKETS];
}

/* A step's event and the kinds of its effects, whatever their number. */
static uint64_t phase_of(const struct event *event, struct effects *effects)
{
    uint64_t kinds = 0;
    for (size_t i = 0; i < effects_count(effects); i++)
        kinds |= UINT64_C(1) << effects_at(effects, i)->kind;
    uint64_t status = event->kind == EVENT_DONE     ? (uint64_t)event->done.status
                      : event->kind == EVENT_CLOSED ? (uint64_t)event->closed.status
                                                    : 0;
    return random_mix((uint64_t)event->kind << 8 | status, kinds);
}

static bool fault_means_host(const struct fault *fault, size_t host)
{
    return fault->hosts != NULL && fault->hosts[host];
}

static void on_step(void *context, const struct process *process, const struct event *event, struct effects *effects)
{
    struct coverage_watch *watch = context;
    size_t host = process->host->number;
    const struct component *component = host < watch->host_count ? watch->by_host[host] : NULL;
    if (component == NULL || component->process != process || event->kind == EVENT_WRITTEN)
        return;
    uint64_t phase = phase_of(event, effects);
    uint64_t place = random_mix((uint64_t)component->role << 8 | state_of(component), phase);
    set_bucket(watch, random_mix(place, watch->phases[host]));
    watch->phases[host] = phase;
    for (size_t i = 0; i < watch->cloud->fault_count; i++) {
        const struct fault *fault = watch->cloud->faults[i];
        if (fault->state == FAULT_ACTIVE)
            set_bucket(watch, random_mix(place, (uint64_t)fault->spec.kind << 1 | fault_means_host(fault, host)));
    }
}

/* Whether a fault means a component: by its host, or by what the role relies on. */
static bool is_meant(const struct fault *fault, const struct component *component)
{
    switch (fault_kind_family(fault->spec.kind)) {
    case FAULT_FAMILY_STORE:
        return component->role == ROLE_CONTROLLER;
    case FAULT_FAMILY_WORKLOAD:
        return component->role == ROLE_DEA;
    case FAULT_FAMILY_LOAD:
        return component->role == ROLE_ROUTER;
    case FAULT_FAMILY_PROCESS:
    case FAULT_FAMILY_HOST:
    case FAULT_FAMILY_CLOCK:
    case FAULT_FAMILY_NETWORK:
    case FAULT_FAMILY_DISK:
    case FAULT_FAMILY_MESSAGE:
        break;
    }
    return fault_means_host(fault, component->host->number);
}

static void on_line(void *context, const struct story_line *line)
{
    struct coverage_watch *watch = context;
    if (watch->coverage == NULL || line->kind != STORY_FAULT)
        return;
    for (size_t i = 0; i < watch->cloud->fault_count; i++) {
        const struct fault *fault = watch->cloud->faults[i];
        /* Told at its beginning, before it is applied. */
        if (fault->state != FAULT_ACTIVE || fault->began_ns != watch->cloud->world->now_ns ||
            fault->spec.target != line->who)
            continue;
        for (size_t host = 0; host < watch->host_count; host++) {
            const struct component *component = watch->by_host[host];
            if (component != NULL && is_meant(fault, component))
                watch->coverage->met[fault->spec.kind][component->role][state_of(component)]++;
        }
    }
}

void coverage_watch(struct coverage_watch *watch, struct coverage *coverage, struct cloud *cloud)
{
    *watch = (struct coverage_watch){.coverage = coverage, .cloud = cloud, .host_count = cloud->world->host_count};
    watch->by_host = memory_new(watch->host_count * sizeof(struct component *));
    watch->phases = memory_new(watch->host_count * sizeof *watch->phases);
    watch->seen = memory_new(COVERAGE_BUCKETS / 8);
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (size_t i = 0; i < cloud->component_counts[role]; i++)
            watch->by_host[cloud->components[role][i].host->number] = &cloud->components[role][i];
    }
    cloud_observe(cloud, on_line, watch);
    cloud_observe_steps(cloud, on_step, watch);
}

void coverage_unwatch(struct coverage_watch *watch)
{
    cloud_observe_steps(watch->cloud, NULL, NULL);
    memory_free(watch->by_host);
    memory_free(watch->phases);
    memory_free(watch->seen);
    *watch = (struct coverage_watch){0};
}

/* ---- The table ---- */

const char coverage_not_drawn[] = "never drawn: no promise holds with it";

/* What a fault of that kind can mean at all. Explorations draw nothing that lies. */
bool coverage_can_meet(enum fault_kind kind, enum component_role role)
{
    if (fault_kind_lies(kind))
        return false;
    switch (fault_kind_family(kind)) {
    case FAULT_FAMILY_STORE:
        return role == ROLE_CONTROLLER;
    case FAULT_FAMILY_WORKLOAD:
        return role == ROLE_DEA;
    case FAULT_FAMILY_LOAD:
        return role == ROLE_ROUTER;
    case FAULT_FAMILY_PROCESS:
    case FAULT_FAMILY_HOST:
    case FAULT_FAMILY_CLOCK:
    case FAULT_FAMILY_NETWORK:
    case FAULT_FAMILY_DISK:
    case FAULT_FAMILY_MESSAGE:
        break;
    }
    return true;
}

static void print_row(const struct coverage *coverage, enum fault_kind kind, struct text *text, size_t *met,
                      size_t *cells)
{
    text_addf(text, "  %-18s", fault_kind_name(kind));
    if (fault_kind_lies(kind)) {
        text_addf(text, " %s\n", coverage_not_drawn);
        return;
    }
    for (int role = 0; role < ROLE_COUNT; role++) {
        char letters[COVERAGE_STATES + 1] = "";
        for (size_t state = 0; coverage_can_meet(kind, (enum component_role)role) && state < COVERAGE_STATES; state++) {
            const char *name = state_names[role][state];
            if (name == NULL)
                break;
            bool is_met = coverage->met[kind][role][state] > 0;
            letters[state] = is_met ? name[0] : '.';
            *met += is_met;
            ++*cells;
        }
        text_addf(text, " %-16s", letters);
    }
    text_add_char(text, '\n');
}

static void print_empty(const struct coverage *coverage, struct text *text)
{
    text_add_string(text, "  never met:\n");
    for (int kind = 1; kind < FAULT_KIND_END; kind++) {
        for (int role = 0; role < ROLE_COUNT; role++) {
            for (size_t state = 0; coverage_can_meet((enum fault_kind)kind, (enum component_role)role); state++) {
                const char *name = coverage_state_name((enum component_role)role, state);
                if (name == NULL)
                    break;
                if (coverage->met[kind][role][state] == 0)
                    text_addf(text, "    %s x %s x %s\n", fault_kind_name((enum fault_kind)kind),
                              component_role_name((enum component_role)role), name);
            }
        }
    }
}

void coverage_print(const struct coverage *coverage, bool names_empty, struct text *ret_text)
{
    text_addf(ret_text, "  %-18s", "what met what");
    for (int role = 0; role < ROLE_COUNT; role++)
        text_addf(ret_text, " %-16s", component_role_name((enum component_role)role));
    text_add_char(ret_text, '\n');
    size_t met = 0, cells = 0;
    for (int kind = 1; kind < FAULT_KIND_END; kind++)
        print_row(coverage, (enum fault_kind)kind, ret_text, &met, &cells);
    text_add_string(ret_text, "  letters:          ");
    for (int role = 0; role < ROLE_COUNT; role++) {
        text_addf(ret_text, "%s%s", role == 0 ? "" : "; ", component_role_name((enum component_role)role));
        for (size_t state = 0; coverage_state_name((enum component_role)role, state) != NULL; state++)
            text_addf(ret_text, "%s %s", state == 0 ? "" : ",", state_names[role][state]);
    }
    text_addf(ret_text, "\n  %zu of %zu cells met\n", met, cells);
    if (names_empty && met < cells)
        print_empty(coverage, ret_text);
}
