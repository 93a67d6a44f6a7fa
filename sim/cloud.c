#include "sim/cloud_state.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"

#include <stdarg.h>
#include <stdio.h>

static void on_calls(struct wake *wake);

struct cloud_plan cloud_plan_default(void)
{
    return (struct cloud_plan){
        .zones = 1,
        .bus_servers = 1,
        .routers = 1,
        .controllers = 1,
        .health_managers = 1,
        .deas = 2,
        .dea_memory_mb = 4096,
        .link_same_zone = {.latency = distribution_lognormal(150 * NS_PER_US, 200000), .bytes_per_s = 1250000000},
        .link_other_zone = {.latency = distribution_lognormal(700 * NS_PER_US, 200000), .bytes_per_s = 625000000},
        .link_outside = {.latency = distribution_lognormal(5 * NS_PER_MS, 300000), .bytes_per_s = 12500000},
        .disk = {.sync = distribution_lognormal(2 * NS_PER_MS, 400000),
                 .read = distribution_lognormal(200 * NS_PER_US, 400000)},
        .staging = distribution_lognormal(800 * NS_PER_MS, 300000),
        .password_hash = distribution_uniform(40 * NS_PER_MS, 60 * NS_PER_MS),
        .restart_delay_ns = NS_PER_S,
        .boot_ns = 5 * NS_PER_S,
        .clock_offset_most_ns = 50 * NS_PER_MS,
        .check_interval_ns = 50 * NS_PER_MS,
    };
}

/* ---- Life ---- */

struct cloud *cloud_create(const struct cloud_plan *plan, uint64_t seed)
{
    struct cloud *cloud = memory_new(sizeof *cloud);
    cloud->seed = seed;
    cloud->world = world_create(seed);
    cloud->call_wake = (struct wake){.happen = on_calls, .key = random_named(seed, "cloud.calls").key};
    story_init(cloud);
    cloud_build(cloud, plan);
    operators_init(cloud);
    for (size_t i = 0; i < plan->load_count; i++)
        cloud_load_add(cloud, &plan->loads[i]);
    cloud_start_components(cloud);
    return cloud;
}

void cloud_destroy(struct cloud *cloud)
{
    if (cloud == NULL)
        return;
    cloud->world->watcher = (struct world_watcher){0};
    cloud->is_finishing = true;
    faults_release(cloud);
    loads_release(cloud);
    raw_clients_release(cloud);
    rest_clients_release(cloud);
    for (size_t i = 0; i < cloud->world->process_count; i++)
        cloud->world->processes[i]->on_end = NULL;
    operators_release(cloud);
    world_end_processes(cloud->world);
    journal_store_destroy(cloud->journal);
    blob_store_destroy(cloud->blobs);
    blob_store_destroy(cloud->client_blobs);
    while (cloud->calls != NULL) {
        struct call *call = cloud->calls;
        cloud->calls = call->next;
        memory_free(call);
    }
    checks_release(cloud);
    story_release(cloud);
    for (int role = 0; role < ROLE_COUNT; role++)
        memory_free(cloud->components[role]);
    world_destroy(cloud->world);
    memory_free(cloud->measurements);
    memory_free(cloud->marks);
    memory_free(cloud->apps);
    text_free(&cloud->explanation);
    text_free(&cloud->violation);
    memory_free(cloud);
}

uint64_t cloud_now_ns(const struct cloud *cloud)
{
    return cloud->world->now_ns;
}

uint64_t cloud_hash(const struct cloud *cloud)
{
    return cloud->world->hash;
}

uint64_t cloud_step_count(const struct cloud *cloud)
{
    return cloud->world->step_count;
}

uint64_t cloud_seed(const struct cloud *cloud)
{
    return cloud->seed;
}

struct random_stream cloud_random(const struct cloud *cloud, const char *name)
{
    return random_numbered(cloud->seed, "scenario", random_named(0, name).key);
}

/* ---- Violations ---- */

const char *cloud_violation(const struct cloud *cloud)
{
    return cloud->violation.size == 0 ? NULL : text_string(&cloud->violation);
}

void cloud_violate(struct cloud *cloud, const char *check, const char *format, ...)
{
    if (cloud->violation.size > 0)
        return;
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    text_addf(&cloud->violation, "%s: %s", check, text);
    story_add(cloud, STORY_CHECK, LOG_ERROR, check, text);
}

void cloud_end_when(struct cloud *cloud, const volatile sig_atomic_t *flag)
{
    cloud->end_flag = flag;
}

/* ---- Time ---- */

/* What a run waits for. */
struct look {
    cloud_predicate *predicate; /* NULL: only for the time to pass. */
    void *context;
    uint64_t next_ns;
    uint64_t seen_changes;
};

/* A look costs as much as the cloud is large, and what it waits for takes longer there. */
static uint64_t look_interval_ns(const struct cloud *cloud)
{
    size_t deas = cloud->component_counts[ROLE_DEA];
    return deas <= LARGE_DEAS ? LOOK_INTERVAL_NS : LOOK_INTERVAL_NS * deas / LARGE_DEAS;
}

static bool holds(struct cloud *cloud, struct look *look, struct text *ret_why)
{
    look->seen_changes = cloud->world->change_count;
    look->next_ns = cloud->world->now_ns + look_interval_ns(cloud);
    return look->predicate(cloud, look->context, ret_why);
}

/* Checks look before the time moves on past the moment at which they are due, so that they see the state that stood. */
static void look_at_checks(struct cloud *cloud, uint64_t next_ns)
{
    if (next_ns < cloud->next_check_ns || cloud->checked_changes == cloud->world->change_count)
        return;
    cloud->checked_changes = cloud->world->change_count;
    cloud->next_check_ns = cloud->world->now_ns + cloud->plan.check_interval_ns;
    checks_look(cloud);
}

static enum cloud_result run(struct cloud *cloud, struct look *look, uint64_t until_ns)
{
    struct world *world = cloud->world;
    if (look->predicate != NULL && holds(cloud, look, NULL))
        return CLOUD_OK;
    for (;;) {
        uint64_t next_ns = queue_next_ns(&world->queue);
        look_at_checks(cloud, next_ns);
        if (cloud->moment_observer != NULL)
            cloud->moment_observer(cloud, cloud->moment_context);
        if (cloud->end_flag != NULL && *cloud->end_flag != 0)
            cloud_violate(cloud, "interrupted", "before its end");
        if (cloud->violation.size > 0)
            return CLOUD_VIOLATED;
        if (look->predicate != NULL && next_ns >= look->next_ns && look->seen_changes != world->change_count &&
            holds(cloud, look, NULL))
            return CLOUD_OK;
        if (!world_advance(world, until_ns))
            break;
    }
    if (look->predicate == NULL)
        return CLOUD_OK;
    text_clear(&cloud->explanation);
    return holds(cloud, look, &cloud->explanation) ? CLOUD_OK : CLOUD_TIMED_OUT;
}

enum cloud_result cloud_run_for(struct cloud *cloud, uint64_t duration_ns)
{
    if (cloud->violation.size > 0)
        return CLOUD_VIOLATED;
    struct look look = {0};
    return run(cloud, &look, cloud->world->now_ns + duration_ns);
}

enum cloud_result cloud_wait_until(struct cloud *cloud, cloud_predicate *predicate, void *context, uint64_t bound_ns,
                                   uint64_t *ret_took_ns)
{
    if (cloud->violation.size > 0)
        return CLOUD_VIOLATED;
    uint64_t from_ns = cloud->world->now_ns;
    struct look look = {.predicate = predicate, .context = context};
    enum cloud_result result = run(cloud, &look, from_ns + bound_ns);
    if (ret_took_ns != NULL)
        *ret_took_ns = cloud->world->now_ns - from_ns;
    return result;
}

const char *cloud_explanation(const struct cloud *cloud)
{
    return text_string(&cloud->explanation);
}

/* ---- Calls ---- */

static void on_calls(struct wake *wake)
{
    struct cloud *cloud = container_of(wake, struct cloud, call_wake);
    while (cloud->calls != NULL && cloud->calls->at_ns <= cloud->world->now_ns) {
        struct call *call = cloud->calls;
        cloud->calls = call->next;
        call->wake(cloud, call->context);
        memory_free(call);
    }
    cloud->world->change_count++;
    if (cloud->calls != NULL)
        world_wake_at(cloud->world, wake, cloud->calls->at_ns);
}

/* ---- The end ---- */

static bool all_have_exited(struct cloud *cloud, void *context, struct text *ret_why)
{
    (void)context;
    for (size_t i = 0; i < cloud->world->process_count; i++) {
        if (!process_runs(cloud->world->processes[i]))
            continue;
        if (ret_why != NULL)
            text_addf(ret_why, "%s has not exited", cloud->world->processes[i]->name);
        return false;
    }
    return true;
}

static void check_leftovers(struct cloud *cloud)
{
    for (size_t i = 0; i < cloud->world->process_count; i++) {
        const struct process *process = cloud->world->processes[i];
        /* Open connections are no fault: the kernel of a host closes what its processes leave. */
        if (process->leftover_ops > 0)
            cloud_violate(cloud, "clean_exit", "%s exited with %zu operations outstanding", process->name,
                          process->leftover_ops);
    }
}

enum cloud_result cloud_finish(struct cloud *cloud, uint64_t bound_ns)
{
    if (cloud->violation.size > 0)
        return CLOUD_VIOLATED;
    cloud->is_finishing = true;
    faults_end_all(cloud);
    loads_stop(cloud);
    raw_clients_stop(cloud);
    operators_stop(cloud);
    static const enum component_role order[] = {ROLE_GATEWAY,    ROLE_ROUTER, ROLE_HEALTH_MANAGER,
                                                ROLE_CONTROLLER, ROLE_DEA,    ROLE_BUS_SERVER};
    uint64_t until_ns = cloud->world->now_ns + bound_ns;
    enum cloud_result drained = cloud_wait_until(cloud, loads_idle, NULL, bound_ns, NULL);
    if (drained != CLOUD_OK)
        return drained;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (cloud->component_counts[order[i]] == 0)
            continue;
        for (size_t j = 0; j < cloud->component_counts[order[i]]; j++)
            component_stop(&cloud->components[order[i]][j]);
        enum cloud_result result = cloud_run_for(cloud, 100 * NS_PER_MS);
        if (result != CLOUD_OK)
            return result;
    }
    uint64_t left_ns = until_ns > cloud->world->now_ns ? until_ns - cloud->world->now_ns : 0;
    enum cloud_result result = cloud_wait_until(cloud, all_have_exited, NULL, left_ns, NULL);
    if (result != CLOUD_OK)
        return result;
    check_leftovers(cloud);
    return cloud->violation.size > 0 ? CLOUD_VIOLATED : CLOUD_OK;
}
