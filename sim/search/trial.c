#include "sim/search/trial.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FAULTS = 25, MOST_CHANGES = 4 };
/* How long things are broken, if nothing else is said. */
static const uint64_t usual_storm_ms = 60000;
/* Of the storm: the unit in which faults last. */
enum { STORM_PARTS = 600 };

static const char *const family_names[] = {
    [FAULT_FAMILY_PROCESS] = "process",   [FAULT_FAMILY_HOST] = "host", [FAULT_FAMILY_CLOCK] = "clock",
    [FAULT_FAMILY_NETWORK] = "network",   [FAULT_FAMILY_DISK] = "disk", [FAULT_FAMILY_STORE] = "store",
    [FAULT_FAMILY_WORKLOAD] = "workload", [FAULT_FAMILY_LOAD] = "load", [FAULT_FAMILY_MESSAGE] = "message",
};

const char *fault_family_name(enum fault_family family)
{
    return family > 0 && family <= FAULT_FAMILY_MESSAGE ? family_names[family] : NULL;
}

/* ---- What can be meant ---- */

static void draw_component(const struct cloud_plan *plan, struct random_stream *stream, char ret_name[TRIAL_MOST_NAME])
{
    const uint32_t counts[ROLE_COUNT] = {
        [ROLE_BUS_SERVER] = plan->bus_servers,         [ROLE_ROUTER] = plan->routers,
        [ROLE_CONTROLLER] = plan->controllers,         [ROLE_DEA] = plan->deas,
        [ROLE_HEALTH_MANAGER] = plan->health_managers, [ROLE_GATEWAY] = plan->gateways,
    };
    uint64_t all = 0;
    for (int role = 0; role < ROLE_COUNT; role++)
        all += counts[role];
    uint64_t drawn = random_below(stream, all);
    for (int role = 0; role < ROLE_COUNT; role++) {
        if (drawn < counts[role]) {
            snprintf(ret_name, TRIAL_MOST_NAME, "%s-%llu", component_role_name((enum component_role)role),
                     (unsigned long long)drawn);
            return;
        }
        drawn -= counts[role];
    }
    assert_unreachable();
}

static const struct app_plan *draw_app(const struct cloud_plan *plan, struct random_stream *stream)
{
    return plan->app_count == 0 ? NULL : &plan->apps[random_below(stream, plan->app_count)];
}

/* Components are spread over the zones in turn: with few of them the last zones stay empty. */
static uint64_t used_zones(const struct cloud_plan *plan)
{
    const uint32_t counts[] = {plan->bus_servers,     plan->routers, plan->controllers,
                               plan->health_managers, plan->deas,    plan->gateways};
    uint32_t most = 1;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        most = counts[i] > most ? counts[i] : most;
    return most < plan->zones ? most : plan->zones;
}

static void draw_target(const struct cloud_plan *plan, enum fault_kind kind, struct random_stream *stream,
                        char ret_name[TRIAL_MOST_NAME])
{
    switch (fault_kind_family(kind)) {
    case FAULT_FAMILY_STORE:
    case FAULT_FAMILY_LOAD:
        return;
    case FAULT_FAMILY_WORKLOAD: {
        const struct app_plan *app = draw_app(plan, stream);
        bool means_one = fault_kind_takes_instances(kind) && random_below(stream, 2) == 0;
        if (app != NULL && means_one)
            snprintf(ret_name, TRIAL_MOST_NAME, "%.40s/%llu", app->name,
                     (unsigned long long)random_below(stream, app->instances == 0 ? 1 : app->instances));
        else if (app != NULL)
            snprintf(ret_name, TRIAL_MOST_NAME, "%.40s", app->name);
        return;
    }
    case FAULT_FAMILY_PROCESS:
    case FAULT_FAMILY_HOST:
    case FAULT_FAMILY_CLOCK:
    case FAULT_FAMILY_NETWORK:
    case FAULT_FAMILY_DISK:
    case FAULT_FAMILY_MESSAGE:
        if (plan->zones > 1 && random_below(stream, 12) == 0)
            snprintf(ret_name, TRIAL_MOST_NAME, "zone:%llu",
                     (unsigned long long)random_below(stream, used_zones(plan)));
        else
            draw_component(plan, stream, ret_name);
        return;
    }
}

/* ---- Faults ---- */

static int64_t draw_amount(enum fault_kind kind, struct random_stream *stream)
{
    if (fault_kind_takes_share(kind))
        return (int64_t)random_between(stream, 1, 50) * 10000;
    if (kind == FAULT_CLOCK_STEP)
        return (int64_t)(random_between(stream, 1, 3600) * NS_PER_S) * (random_below(stream, 2) == 0 ? -1 : 1);
    if (kind == FAULT_CLOCK_DRIFT)
        return ((int64_t)random_between(stream, 1, 400) - 201) * 1000;
    if (kind == FAULT_KILL_AT_EFFECT)
        return (int64_t)random_between(stream, 1, 300);
    if (kind == FAULT_FEW_DESCRIPTORS)
        return (int64_t)random_below(stream, 20);
    if (kind == FAULT_SURGE)
        return (int64_t)random_between(stream, 2, 5);
    if (kind == FAULT_SLOW_LORIS)
        return (int64_t)random_between(stream, 1, 50);
    if (kind == FAULT_BANDWIDTH || kind == FAULT_APP_LEAKS)
        return (int64_t)1 << random_between(stream, 14, 22);
    return 0;
}

static bool means_many(const struct cloud_plan *plan, const char *target)
{
    for (size_t i = 0; i < plan->app_count; i++) {
        if (strcmp(target, plan->apps[i].name) == 0)
            return true;
    }
    return strncmp(target, "zone:", 5) == 0;
}

static void draw_fault(const struct cloud_plan *plan, enum fault_kind kind, uint64_t storm_ms,
                       struct random_stream *stream, struct trial_action *ret_action)
{
    bool is_network = fault_kind_family(kind) == FAULT_FAMILY_NETWORK;
    bool is_slow = kind == FAULT_SLOW_PROCESS || kind == FAULT_SLOW_HOST;
    uint64_t most_delay_ms = is_slow ? 20 : kind == FAULT_IDLE_EXPIRY ? 30000 : 3000;
    uint64_t least_delay_ms = is_slow ? 1 : kind == FAULT_MEMORY_PRESSURE ? 500 : 10;
    ret_action->act = TRIAL_FAULT;
    ret_action->fault.kind = kind;
    draw_target(plan, kind, stream, ret_action->target);
    if (means_many(plan, ret_action->target) && random_below(stream, 2) == 0)
        ret_action->fault.share_ppm = (uint32_t)random_between(stream, 1, 9) * 100000;
    if (is_network && random_below(stream, 3) == 0)
        draw_component(plan, stream, ret_action->peer);
    ret_action->fault.one_way = is_network && random_below(stream, 3) == 0;
    ret_action->fault.amount = draw_amount(kind, stream);
    if (fault_kind_needs_delay(kind) || kind == FAULT_REBOOT)
        ret_action->fault.delay =
            distribution_constant(random_between(stream, least_delay_ms, most_delay_ms) * NS_PER_MS);
    if (!fault_kind_is_instant(kind) && kind != FAULT_REBOOT)
        ret_action->fault.duration_ns = random_between(stream, 1, 400) * storm_ms / STORM_PARTS * NS_PER_MS;
}

static bool is_in_budget(const struct cloud_plan *plan, enum fault_kind kind, uint32_t families)
{
    enum fault_family family = fault_kind_family(kind);
    return !fault_kind_lies(kind) && (families & (1u << family)) != 0 &&
           (family != FAULT_FAMILY_WORKLOAD || plan->app_count > 0);
}

/* First the family, then the kind: one of few is drawn as often as one of many, so that no menu is crowded out by the
 * longest. */
static enum fault_kind draw_kind(struct random_stream *stream)
{
    enum fault_family family = (enum fault_family)random_between(stream, 1, FAULT_FAMILY_MESSAGE);
    uint64_t count = 0;
    for (int kind = 1; kind < FAULT_KIND_END; kind++)
        count += fault_kind_family((enum fault_kind)kind) == family;
    uint64_t drawn = random_below(stream, count);
    for (int kind = 1; kind < FAULT_KIND_END; kind++) {
        if (fault_kind_family((enum fault_kind)kind) == family && drawn-- == 0)
            return (enum fault_kind)kind;
    }
    assert_unreachable();
}

/* ---- The whole ---- */

static int by_time(const void *a, const void *b)
{
    const struct trial_action *x = a, *y = b;
    return x->at_ns < y->at_ns ? -1 : x->at_ns > y->at_ns; /* add_action makes times unique. */
}

static struct trial_action *add_action(struct trial *trial, uint64_t from_ms, struct random_stream *stream)
{
    assert_that(trial->action_count < TRIAL_MOST_ACTIONS);
    struct trial_action *action = &trial->actions[trial->action_count++];
    memset(action, 0, sizeof *action);
    uint64_t left_ms = from_ms < trial->storm_ms ? trial->storm_ms - from_ms : 1000;
    /* The place makes the time unique. */
    uint64_t at_ms = from_ms + random_below(stream, left_ms);
    action->at_ns = (at_ms - at_ms % TRIAL_MOST_ACTIONS + trial->action_count + TRIAL_MOST_ACTIONS) * NS_PER_MS;
    return action;
}

static void draw_actions(const struct cloud_plan *plan, struct trial *trial, uint64_t from_ms, uint64_t future)
{
    struct random_stream stream = random_numbered(trial->number, "trial.actions", future);
    size_t first = trial->action_count;
    uint64_t faults = trial->families == 0 ? 0 : random_between(&stream, 1, MOST_FAULTS);
    uint64_t changes = random_below(&stream, MOST_CHANGES + 1);
    for (uint64_t i = 0; i < faults && trial->action_count < TRIAL_MOST_ACTIONS; i++) {
        enum fault_kind kind = draw_kind(&stream);
        if (is_in_budget(plan, kind, trial->families))
            draw_fault(plan, kind, trial->storm_ms, &stream, add_action(trial, from_ms, &stream));
    }
    for (uint64_t i = 0; i < changes && trial->action_count < TRIAL_MOST_ACTIONS; i++) {
        const struct app_plan *app = draw_app(plan, &stream);
        if (app == NULL || app->is_not_pushed)
            continue;
        struct trial_action *action = add_action(trial, from_ms, &stream);
        action->act = random_below(&stream, 4) == 0 ? TRIAL_RESTART : TRIAL_SCALE;
        action->instances = (uint32_t)random_between(&stream, 1, 8);
        snprintf(action->target, sizeof action->target, "%.40s", app->name);
    }
    qsort(trial->actions + first, trial->action_count - first, sizeof trial->actions[0], by_time);
}

void trial_draw(const struct cloud_plan *plan, uint64_t number, const struct trial_options *options,
                struct trial *ret_trial)
{
    memset(ret_trial, 0, sizeof *ret_trial);
    ret_trial->number = number;
    ret_trial->storm_ms = options->storm_ms == 0 ? usual_storm_ms : options->storm_ms;
    struct random_stream stream = random_numbered(number, "trial.families", 0);
    bool is_calm = options->calm_every > 0 && number % options->calm_every == 0;
    ret_trial->allowed = is_calm ? 0 : options->families;
    ret_trial->families = (uint32_t)random_draw(&stream) & ret_trial->allowed;
    draw_actions(plan, ret_trial, 0, 0);
}

void trial_redraw(const struct cloud_plan *plan, struct trial *trial, size_t kept, uint64_t future)
{
    uint64_t from_ms = kept == 0 ? 0 : trial->actions[kept - 1].at_ns / NS_PER_MS;
    struct random_stream stream = random_numbered(trial->number, "trial.families", future);
    trial->families = (uint32_t)random_draw(&stream) & trial->allowed;
    trial->action_count = kept < trial->action_count ? kept : trial->action_count;
    draw_actions(plan, trial, from_ms, future);
}
