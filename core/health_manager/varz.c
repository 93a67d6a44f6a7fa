/* Numbers for operators, under the names of v1. No users: they are none of its business, and their addresses are not
 * for everyone who watches. */
#include "core/health_manager/health_manager.h"
#include "core/wire/json.h"

#include <string.h>

enum { MAX_GROUPS = 64 }; /* Frameworks or runtimes that are told apart. */

struct totals {
    uint64_t apps;
    uint64_t instances;
    uint64_t memory_mb;
    uint64_t running_apps;
    uint64_t crashes;
    uint64_t running;
    uint64_t missing;
    uint64_t flapping;
};

struct group {
    const char *name; /* Lent by an app. */
    struct totals totals;
};

struct groups {
    struct group items[MAX_GROUPS];
    size_t count;
};

static struct totals totals_of(const struct app *app)
{
    size_t running = hm_app_count_state(app, INSTANCE_RUNNING);
    size_t flapping = hm_app_count_state(app, INSTANCE_FLAPPING);
    size_t starting = hm_app_count_state(app, INSTANCE_STARTING);
    return (struct totals){
        .apps = 1,
        .instances = app->instance_count,
        .memory_mb = app->memory_mb < 0 ? 0 : (uint64_t)app->memory_mb * app->instance_count,
        .running_apps = app->is_started,
        .crashes = app->crash_count,
        .running = running,
        .missing = app->instance_count - running - flapping - starting,
        .flapping = flapping,
    };
}

static void add_totals(struct totals *sum, const struct totals *more)
{
    sum->apps += more->apps;
    sum->instances += more->instances;
    sum->memory_mb += more->memory_mb;
    sum->running_apps += more->running_apps;
    sum->crashes += more->crashes;
    sum->running += more->running;
    sum->missing += more->missing;
    sum->flapping += more->flapping;
}

static void add_to_group(struct groups *groups, const char *name, const struct totals *totals)
{
    size_t i = 0;
    while (i < groups->count && strcmp(groups->items[i].name, name) != 0)
        i++;
    if (i == groups->count) {
        if (groups->count == MAX_GROUPS)
            return;
        groups->items[groups->count++].name = name;
    }
    add_totals(&groups->items[i].totals, totals);
}

static void add_number(struct text *json, const char *name, uint64_t number)
{
    text_addf(json, ",\"%s\":%llu", name, (unsigned long long)number);
}

static void add_groups(struct text *json, const char *name, const struct groups *groups)
{
    text_addf(json, ",\"%s\":{", name);
    for (size_t i = 0; i < groups->count; i++) {
        const struct totals *totals = &groups->items[i].totals;
        if (i > 0)
            text_add_char(json, ',');
        json_write_string(json, groups->items[i].name);
        text_addf(json, ":{\"total_apps\":%llu", (unsigned long long)totals->apps);
        add_number(json, "total_instances", totals->instances);
        add_number(json, "total_memory", totals->memory_mb);
        add_number(json, "running_apps", totals->running_apps);
        add_number(json, "crashes", totals->crashes);
        add_number(json, "running_instances", totals->running);
        add_number(json, "missing_instances", totals->missing);
        add_number(json, "flapping_instances", totals->flapping);
        text_add_char(json, '}');
    }
    text_add_char(json, '}');
}

static void add_hosts(const struct health_manager *hm, struct text *json)
{
    add_number(json, "hosts", hm_deas_known(hm));
    add_number(json, "fresh_hosts", hm->leases.counts[LEASE_FRESH]);
    add_number(json, "suspect_hosts", hm->leases.counts[LEASE_SUSPECT]);
    add_number(json, "stalled_hosts", hm->leases.counts[LEASE_STALLED]);
    add_number(json, "agentless_hosts", hm->leases.counts[LEASE_AGENTLESS]);
    add_number(json, "lost_hosts", hm->leases.counts[LEASE_LOST]);
    add_number(json, "hosts_ever_suspect", hm->counters.looks);
    add_number(json, "hosts_ever_lost", hm->counters.hosts_lost);
    add_number(json, "complete_heartbeats_asked_for", hm->counters.catch_ups);
}

void hm_add_varz(struct monitor *monitor, struct text *json)
{
    struct health_manager *hm = container_of(monitor, struct health_manager, monitor);
    struct groups frameworks = {.count = 0};
    struct groups runtimes = {.count = 0};
    struct totals all = {0};
    for (const struct app *app = hm->apps.apps; app != NULL; app = app->hh.next) {
        if (!app->is_desired)
            continue;
        struct totals totals = totals_of(app);
        add_totals(&all, &totals);
        add_to_group(&frameworks, app->framework, &totals);
        add_to_group(&runtimes, app->runtime, &totals);
    }
    add_number(json, "total_apps", all.apps);
    add_number(json, "total_instances", all.instances);
    add_number(json, "running_instances", all.running);
    add_number(json, "crashed_instances", all.crashes);
    if (hm->desired.is_known)
        add_number(json, "down_instances", all.missing);
    else
        text_add_string(json, ",\"down_instances\":-1"); /* v1's word for "I do not know yet". */
    add_number(json, "flapping_instances", all.flapping);
    add_groups(json, "frameworks", &frameworks);
    add_groups(json, "runtimes", &runtimes);
    add_number(json, "heartbeat_msgs_received", hm->counters.heartbeats);
    add_number(json, "droplet_exited_msgs_received", hm->counters.exits);
    add_number(json, "droplet_updated_msgs_received", hm->counters.updates);
    add_number(json, "healthmanager_status_msgs_received", hm->counters.status_requests);
    add_number(json, "healthmanager_health_request_msgs_received", hm->counters.health_requests);
    add_number(json, "start_requests", hm->counters.start_requests);
    add_number(json, "stop_requests", hm->counters.stop_requests);
    add_number(json, "unknown_instances", hm->brake.unknown);
    add_number(json, "starts_slowed_down", hm->brake.is_slow);
    add_number(json, "unknown_stops_held", hm->brake.holds_stops);
    add_number(json, "starts_in_flight", hm->brake.in_flight);
    text_addf(json, ",\"can_order\":%s", hm_desired_can_order(hm) ? "true" : "false");
    text_addf(json, ",\"speaks\":%s,\"brakes\":[", hm_speaker_speaks(hm) ? "true" : "false");
    hm_brake_add_reasons(&hm->brake, json);
    text_add_string(json, "],\"freshness\":\"");
    hm_add_freshness(hm, json);
    text_add_char(json, '"');
    add_hosts(hm, json);
}

void hm_add_healthz(struct monitor *monitor, struct text *text)
{
    struct health_manager *hm = container_of(monitor, struct health_manager, monitor);
    text_add_string(text, hm_speaker_speaks(hm) ? "speaks; " : "watches; ");
    hm_add_freshness(hm, text);
    if (!hm_desired_can_order(hm))
        text_add_string(text, "; no controller is heard: DEAs restart by themselves");
    struct text reasons = {0};
    hm_brake_add_reasons(&hm->brake, &reasons);
    if (reasons.size > 0)
        text_addf(text, "; %s", text_string(&reasons));
    text_add_char(text, '\n');
    text_free(&reasons);
}
