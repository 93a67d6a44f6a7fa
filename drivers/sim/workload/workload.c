#include "drivers/sim/workload/workload.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static void on_bind(struct wake *wake);
static void on_end(struct wake *wake);
static void on_news(struct wake *wake);

struct distribution behaviour_duration(const Cupola__SimDuration *duration)
{
    if (duration == NULL)
        return (struct distribution){0};
    return (struct distribution){
        .kind = (enum distribution_kind)duration->kind,
        .share_ppm = duration->share_ppm,
        .first_ns = duration->first_ns,
        .second = duration->second,
    };
}

/* ---- What VCAP_APPLICATION says ---- */

static const char *find_application(const char *const *envp)
{
    static const char name[] = "VCAP_APPLICATION=";
    for (size_t i = 0; envp[i] != NULL; i++) {
        if (strncmp(envp[i], name, sizeof name - 1) == 0)
            return envp[i] + sizeof name - 1;
    }
    return "";
}

/* It was written by our own DEA, compactly: a search is enough. */
static void read_identity(struct workload *workload, const char *const *envp)
{
    const char *json = find_application(envp);
    const char *index = strstr(json, "\"instance_index\":");
    if (index != NULL)
        sscanf(index, "\"instance_index\":%d", &workload->index);
    const char *version = strstr(json, "\"version\":\"");
    if (version != NULL)
        sscanf(version, "\"version\":\"%95[^\"]", workload->version);
}

static void keep_environment(struct workload *workload, const char *const *envp)
{
    for (size_t i = 0; workload->app->shows_environment && envp[i] != NULL; i++)
        text_addf(&workload->environment, "%s\n", envp[i]);
}

/* ---- Plans ---- */

static uint64_t base_memory_bytes(const struct workload *workload)
{
    return workload->app->memory_bytes > 0 ? workload->app->memory_bytes : workload->limits.memory_bytes / 4;
}

uint64_t workload_memory_bytes(const struct workload *workload)
{
    uint64_t used = base_memory_bytes(workload);
    if (workload->growth_bytes_per_s > 0) {
        uint64_t age_ns = workload->host->world->now_ns - workload->started_ns;
        used += (uint64_t)((unsigned __int128)workload->growth_bytes_per_s * age_ns / NS_PER_S);
    }
    uint64_t limit = workload->limits.memory_bytes;
    return limit > 0 && used > limit ? limit : used;
}

static uint64_t oom_ns(const struct workload *workload)
{
    uint64_t limit = workload->limits.memory_bytes;
    uint64_t base = base_memory_bytes(workload);
    if (limit == 0)
        return NEVER_NS;
    if (base > limit)
        return workload->started_ns;
    if (workload->growth_bytes_per_s == 0)
        return NEVER_NS;
    return workload->started_ns +
           (uint64_t)((unsigned __int128)(limit - base) * NS_PER_S / workload->growth_bytes_per_s);
}

static void plan_end(struct workload *workload, uint64_t at_ns, int with_signal, bool oom)
{
    if (at_ns == NEVER_NS || (workload->end.place != 0 && workload->end.at_ns <= at_ns))
        return;
    workload->planned_signal = with_signal;
    workload->planned_oom = oom;
    world_wake_at(workload->host->world, &workload->end, at_ns);
}

static void plan_life(struct workload *workload)
{
    const Cupola__SimApp *app = workload->app;
    if (app->crash_after_mean_ns > 0) {
        struct distribution life = distribution_exponential(0, app->crash_after_mean_ns);
        plan_end(workload, workload->started_ns + distribution_sample(&life, &workload->random), 0, false);
    }
    if (app->exit_after_boot_ns > 0)
        plan_end(workload, workload->started_ns + app->exit_after_boot_ns, 0, false);
    plan_end(workload, oom_ns(workload), SIGKILL, true);
}

static bool means(const struct app_trouble *trouble, const char *app, const char *workload)
{
    return strcmp(trouble->app, app) == 0 &&
           (trouble->share_ppm == 0 ||
            random_hash(trouble->key, workload, strlen(workload)) % 1000000 < trouble->share_ppm);
}

static bool concerns(const struct app_trouble *trouble, const struct workload *workload)
{
    return means(trouble, workload->app->name, workload->name);
}

static void suffer(struct workload *workload, const struct app_trouble *trouble)
{
    workload->growth_bytes_per_s += trouble->growth_bytes_per_s;
    if (trouble->exit_after_ns > 0)
        plan_end(workload, workload->started_ns + trouble->exit_after_ns, 0, false);
    plan_end(workload, oom_ns(workload), SIGKILL, true);
}

void app_trouble_begin(struct world *world, struct app_trouble *trouble)
{
    trouble->previous = NULL;
    trouble->next = world->app_troubles;
    if (trouble->next != NULL)
        trouble->next->previous = trouble;
    world->app_troubles = trouble;
    for (size_t i = 0; i < world->host_count; i++) {
        for (struct workload *at = world->hosts[i]->workloads; at != NULL; at = at->next) {
            if (at->is_running && concerns(trouble, at))
                suffer(at, trouble);
        }
    }
}

/* Whether anything of that kind is wrong with it now; `offset` is that of a bool in struct app_trouble. */
static bool suffers(const struct world *world, const char *app, const char *workload, size_t offset)
{
    for (const struct app_trouble *at = world->app_troubles; at != NULL; at = at->next) {
        if (*(const bool *)((const char *)at + offset) && means(at, app, workload))
            return true;
    }
    return false;
}

/* Processes that run keep what was planned for them; those started from now on are sound. */
void app_trouble_end(struct world *world, struct app_trouble *trouble)
{
    if (trouble->previous != NULL)
        trouble->previous->next = trouble->next;
    else
        world->app_troubles = trouble->next;
    if (trouble->next != NULL)
        trouble->next->previous = trouble->previous;
    trouble->previous = trouble->next = NULL;
    if (!trouble->is_unreaped)
        return;
    for (size_t i = 0; i < world->host_count; i++) {
        for (struct workload *at = world->hosts[i]->workloads; at != NULL; at = at->next)
            workload_tell(at);
    }
}

/* ---- Life ---- */

static void boot(struct workload *workload)
{
    struct world *world = workload->host->world;
    struct distribution duration = behaviour_duration(workload->app->boot);
    uint64_t boot_ns = distribution_sample(&duration, &workload->random);
    bool binds = !workload->app->never_binds;
    plan_life(workload);
    for (const struct app_trouble *at = world->app_troubles; at != NULL; at = at->next) {
        if (!concerns(at, workload))
            continue;
        suffer(workload, at);
        boot_ns += distribution_sample(&at->boot_extra, &workload->random);
        binds = binds && !at->never_binds;
    }
    if (binds)
        world_wake_in(world, &workload->bind, boot_ns + workload->host->slow_ns);
}

static void join_host(struct workload *workload)
{
    struct host *host = workload->host;
    workload->previous = host->last_workload;
    if (workload->previous != NULL)
        workload->previous->next = workload;
    else
        host->workloads = workload;
    host->last_workload = workload;
    HASH_ADD_STR(host->workloads_by_name, name, workload);
}

/* What the kernel of the host lets its processes have. */
static void count_grant(struct workload *workload, bool begins)
{
    struct host *host = workload->host;
    uint64_t bytes = workload->limits.memory_bytes;
    workload->is_running = begins;
    host->granted_bytes = begins ? host->granted_bytes + bytes : host->granted_bytes - bytes;
    if (bytes == 0)
        host->unlimited_count = begins ? host->unlimited_count + 1 : host->unlimited_count - 1;
}

static void init_wakes(struct workload *workload)
{
    uint64_t key = workload->random.key;
    workload->bind = (struct wake){.happen = on_bind, .key = random_mix(key, 1)};
    workload->end = (struct wake){.happen = on_end, .key = random_mix(key, 2)};
    workload->news = (struct wake){.happen = on_news, .key = random_mix(key, 3)};
}

enum io_status workload_launch(struct process *watcher, const struct effect *effect, struct workload **ret_workload)
{
    struct host *host = watcher->host;
    const struct blob *blob = blob_store_find(watcher->blobs, effect->workload_start.digest);
    if (blob == NULL)
        return IO_NOT_FOUND;
    if (workload_lookup(watcher, effect->workload_start.workload) != NULL)
        return IO_IN_USE;
    Cupola__SimApp *app = cupola__sim_app__unpack(NULL, blob->slice.size, slice_data(blob->slice));
    if (app == NULL)
        return IO_CORRUPT;
    if (suffers(host->world, app->name, effect->workload_start.workload, offsetof(struct app_trouble, cannot_fork))) {
        cupola__sim_app__free_unpacked(app, NULL);
        return IO_FAILED;
    }
    struct workload *workload = memory_new(sizeof *workload);
    workload->host = host;
    workload->watcher = watcher;
    workload->watched_life = watcher->life_count;
    snprintf(workload->name, sizeof workload->name, "%s", effect->workload_start.workload);
    workload->app = app;
    workload->growth_bytes_per_s = app->memory_growth_bytes_per_s;
    read_identity(workload, effect->workload_start.envp);
    keep_environment(workload, effect->workload_start.envp);
    char label[96];
    snprintf(label, sizeof label, "%s/%d", app->name, workload->index);
    workload->label = world_keep_label(host->world, label);
    workload->note = slice_copy(effect->workload_start.note.data, effect->workload_start.note.size);
    workload->limits = effect->workload_start.limits;
    workload->port.number = effect->workload_start.port;
    workload->port.on_accepted = responders_accept;
    workload->number = ++host->workload_count;
    workload->random = random_numbered(host->world->seed, "workload", random_named(0, workload->name).key);
    workload->started_ns = host->world->now_ns;
    count_grant(workload, true);
    init_wakes(workload);
    join_host(workload);
    boot(workload);
    *ret_workload = workload;
    return IO_OK;
}

static void on_bind(struct wake *wake)
{
    struct workload *workload = container_of(wake, struct workload, bind);
    bool is_taken = suffers(workload->host->world, workload->app->name, workload->name,
                            offsetof(struct app_trouble, is_port_taken));
    workload->is_listening = !is_taken && host_open_port(workload->host, &workload->port);
    workload->host->world->change_count++;
    if (!workload->is_listening) /* Somebody has the port: it exits, as servers do. */
        plan_end(workload, workload->host->world->now_ns, 0, false);
}

/* The process is gone; its files stay until it is removed. */
static void end(struct workload *workload, int exit_code, int with_signal, bool oom)
{
    struct world *world = workload->host->world;
    count_grant(workload, false);
    workload->exit_code = exit_code;
    workload->signal = with_signal;
    workload->out_of_memory = oom;
    world->change_count++;
    world_cancel(world, &workload->bind);
    world_cancel(world, &workload->end);
    if (workload->is_listening)
        host_close_port(workload->host, &workload->port);
    workload->is_listening = false;
    responders_drop_all(workload);
    commands_drop_all(workload);
    workload_tell(workload);
}

static void on_end(struct wake *wake)
{
    struct workload *workload = container_of(wake, struct workload, end);
    bool is_killed = workload->planned_signal != 0;
    end(workload, is_killed ? -1 : 1, workload->planned_signal, workload->planned_oom);
}

void workload_exit(struct workload *workload)
{
    plan_end(workload, workload->host->world->now_ns, 0, false);
}

static bool ignores_term(const struct workload *workload)
{
    return workload->app->ignores_term || suffers(workload->host->world, workload->app->name, workload->name,
                                                  offsetof(struct app_trouble, ignores_term));
}

void workload_send_signal(struct workload *workload, int signal)
{
    struct world *world = workload->host->world;
    if (!workload->is_running)
        return;
    if (signal == SIGKILL) {
        plan_end(workload, world->now_ns, SIGKILL, false);
    } else if (!ignores_term(workload) && !workload->hangs) {
        struct distribution stop = behaviour_duration(workload->app->stop);
        plan_end(workload, world->now_ns + distribution_sample(&stop, &workload->random), signal, false);
    }
}

void workload_discard(struct workload *workload)
{
    workload->is_told = true; /* Its end is not news any more. */
    if (workload->is_running)
        end(workload, -1, SIGKILL, false);
    world_cancel(workload->host->world, &workload->news);
    if (workload->previous != NULL)
        workload->previous->next = workload->next;
    else
        workload->host->workloads = workload->next;
    if (workload->next != NULL)
        workload->next->previous = workload->previous;
    else
        workload->host->last_workload = workload->previous;
    HASH_DELETE(hh, workload->host->workloads_by_name, workload);
    text_free(&workload->environment);
    buffer_unref(workload->note.buffer);
    cupola__sim_app__free_unpacked(workload->app, NULL);
    memory_free(workload);
}

struct workload *workload_lookup(const struct process *watcher, const char *name)
{
    struct workload *workload = NULL;
    HASH_FIND_STR(watcher->host->workloads_by_name, name, workload);
    return workload != NULL && workload->watcher == watcher ? workload : NULL;
}

/* ---- What the DEA hears ---- */

static bool has_news(const struct workload *workload)
{
    return !workload->is_running && !workload->is_told && workload->is_start_answered &&
           process_runs(workload->watcher) && workload->watched_life == workload->watcher->life_count &&
           !suffers(workload->host->world, workload->app->name, workload->name,
                    offsetof(struct app_trouble, is_unreaped));
}

void workload_tell(struct workload *workload)
{
    if (has_news(workload) && workload->news.place == 0)
        world_wake_in(workload->host->world, &workload->news, 0);
}

static void on_news(struct wake *wake)
{
    struct workload *workload = container_of(wake, struct workload, news);
    if (!has_news(workload) || !process_may_step(workload->watcher, wake))
        return;
    workload->is_told = true;
    struct event event = {.kind = EVENT_WORKLOAD_EXITED};
    event.workload_exited.workload = workload->name;
    bool is_hidden =
        suffers(workload->host->world, workload->app->name, workload->name, offsetof(struct app_trouble, exits_well));
    event.workload_exited.exit_code = is_hidden ? 0 : workload->exit_code;
    event.workload_exited.signal = is_hidden ? 0 : workload->signal;
    event.workload_exited.breach = workload->out_of_memory ? BREACH_MEMORY : BREACH_NONE;
    process_step(workload->watcher, &event);
}

void workloads_wake_watcher(struct process *watcher)
{
    for (struct workload *at = watcher->host->workloads; at != NULL; at = at->next) {
        if (at->watcher == watcher)
            workload_tell(at);
    }
}

/* ---- With the host ---- */

void workloads_lose_power(struct host *host)
{
    for (struct workload *at = host->workloads; at != NULL; at = at->next) {
        if (at->is_running)
            end(at, -1, SIGKILL, false);
    }
}

void workloads_destroy(struct host *host)
{
    while (host->workloads != NULL)
        workload_discard(host->workloads);
}
