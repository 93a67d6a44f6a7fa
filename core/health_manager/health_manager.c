/* The health manager as a component: what it listens to, when it looks, how it starts and ends. */
#include "core/health_manager/health_manager.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/components.h"

enum { MELTDOWN_TIMES_LOST = 10 }; /* So many times droplet_lost is one meltdown. */

static void on_connected(struct bus_client *client, bool again);
static void on_disconnected(struct bus_client *client, const char *reason);

static const struct bus_client_handlers bus_handlers = {
    .on_connected = on_connected,
    .on_disconnected = on_disconnected,
};

static const struct bus_route routes[] = {
    {.subject = "dea.heartbeat", .payload = &cupola__dea_heartbeat__descriptor, .handle = hm_actual_on_heartbeat},
    {.subject = "droplet.exited", .payload = &cupola__droplet_exited__descriptor, .handle = hm_actual_on_exited},
    {.subject = "dea.start", .payload = &cupola__dea_hello__descriptor, .handle = hm_actual_on_dea_start},
    {.subject = "droplet.updated",
     .payload = &cupola__droplet_updated__descriptor,
     .allow_empty = true,
     .handle = hm_desired_on_updated},
    {.subject = "healthmanager.health", .payload = &cupola__health_request__descriptor, .handle = hm_answer_health},
    {.subject = "healthmanager.beat",
     .payload = &cupola__health_manager_beat__descriptor,
     .handle = hm_speaker_on_beat},
    {.subject = "healthmanager.crashes",
     .payload = &cupola__crash_counts_request__descriptor,
     .handle = hm_crashes_answer},
    {.subject = "healthmanager.freshness",
     .payload = &cupola__freshness_request__descriptor,
     .allow_empty = true,
     .handle = hm_answer_freshness},
    {.subject = "healthmanager.status",
     .payload = &cupola__health_status_request__descriptor,
     .handle = hm_answer_status},
};

struct health_manager *hm_of_bus(struct bus_client *bus)
{
    return container_of(bus, struct health_manager, bus);
}

static struct hm_times times_of(const Cupola__HealthManagerConfig *config)
{
    return (struct hm_times){
        .droplet_lost_ns = config->droplet_lost_ms * NS_PER_MS,
        .analysis_ns = (config->analysis_ms > 0 ? config->analysis_ms : 1) * NS_PER_MS,
        .flapping_timeout_ns = config->flapping_timeout_ms * NS_PER_MS,
        .restart_timeout_ns = config->restart_timeout_ms * NS_PER_MS,
        .desired_poll_ns = (config->desired_poll_ms > 0 ? config->desired_poll_ms : 1) * NS_PER_MS,
        .flapping_delay_ns = (config->flapping_delay_ms > 0 ? config->flapping_delay_ms : 1) * NS_PER_MS,
        .flapping_delay_most_ns = config->flapping_delay_most_ms * NS_PER_MS,
        .unknown_app_ns = config->unknown_app_ms * NS_PER_MS,
        .start_seen_ns = config->start_seen_ms * NS_PER_MS,
        .canary_ns = config->canary_ms * NS_PER_MS,
        .controllers_lost_ns = config->controllers_lost_ms * NS_PER_MS,
        .lease_ns = config->lease_ms * NS_PER_MS,
        .suspect_ns = config->suspect_ms * NS_PER_MS,
        .probe_ns = (config->probe_ms > 0 ? config->probe_ms : 1) * NS_PER_MS,
        .speaker_lost_ns = (config->speaker_lost_ms > 1 ? config->speaker_lost_ms : 2) * NS_PER_MS,
        .singleton_lease_ns = config->singleton_lease_ms * NS_PER_MS,
        .singleton_grace_ns = config->singleton_grace_ms * NS_PER_MS,
        .flapping_death = config->flapping_death,
    };
}

static struct brake_limits limits_of(const Cupola__HealthManagerConfig *config)
{
    return (struct brake_limits){
        .starts_per_s = config->starts_per_s,
        .starts_burst = config->starts_burst,
        .meltdown_percent = config->meltdown_percent,
        .unknown_stop_percent = config->unknown_stop_percent,
        .in_flight_most = config->starts_in_flight_most,
        .window_ns = MELTDOWN_TIMES_LOST * config->droplet_lost_ms * NS_PER_MS,
    };
}

static void start(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved)
{
    struct health_manager *hm = container_of(machine, struct health_manager, machine);
    const Cupola__HealthManagerConfig *config = (const Cupola__HealthManagerConfig *)configuration;
    static const Cupola__BusConfig default_bus = CUPOLA__BUS_CONFIG__INIT;
    hm->times = times_of(config);
    struct brake_limits limits = limits_of(config);
    hm_brake_open(&hm->brake, &limits, machine->now_ns);
    hm->dirty_end = &hm->first_dirty;
    hm->desired.state = DESIRED_IDLE;
    hm->connected_at_ns = hm->awake_ns = machine->now_ns;
    hm->monitor.type = "HealthManager";
    hm->monitor.add_varz = hm_add_varz;
    hm->monitor.add_healthz = hm_add_healthz;
    bus_client_open(machine, &hm->bus, config->bus != NULL ? config->bus : &default_bus, "health_manager",
                    &bus_handlers);
    bus_listen(&hm->bus, routes, sizeof routes / sizeof *routes);
    monitor_open(machine, &hm->monitor, &hm->bus, config->monitor, NULL);
    hm_analysis_open(hm);
    hm_leases_open(hm);
    hm_speaker_open(hm);
    hm_crashes_open(hm, saved); /* What runs and what should run is told anew; this nobody might remember. */
}

static void stop(struct machine *machine)
{
    struct health_manager *hm = container_of(machine, struct health_manager, machine);
    hm->is_stopping = true;
    timer_cancel(machine, &hm->analysis_timer);
    hm_desired_stop(hm);
    hm_speaker_close(hm);
    hm_leases_close(hm);
    hm_crashes_close(hm);
    bus_client_close(&hm->bus);
    hm_finish(hm);
}

void hm_finish(struct health_manager *hm)
{
    if (!op_is_pending(&hm->crashes.save_op))
        machine_exit(&hm->machine, 0, (struct io_bytes){0});
}

static void destroy(struct machine *machine)
{
    struct health_manager *hm = container_of(machine, struct health_manager, machine);
    monitor_destroy(&hm->monitor);
    bus_client_destroy(&hm->bus);
    hm_app_table_free(&hm->apps);
    hm_leases_destroy(hm);
    hm_deas_free(hm);
    hm_crashes_free(hm);
}

/* ---- The bus ---- */

/* What was missed meanwhile is asked for: DEAs answer with heartbeats, controllers with what should be. */
static void on_connected(struct bus_client *client, bool again)
{
    struct health_manager *hm = hm_of_bus(client);
    hm->connected_at_ns = hm->machine.now_ns;
    hm_speaker_settle(hm);
    if (!again)
        hm_crashes_ask(hm);
    bus_publish(client, "healthmanager.start", NULL, (struct io_bytes){(const uint8_t *)"", 0});
    hm_desired_refresh(hm);
}

static void on_disconnected(struct bus_client *client, const char *reason)
{
    struct health_manager *hm = hm_of_bus(client);
    machine_log(&hm->machine, LOG_WARNING, "lost the bus: %s; no complaints until it is back", reason);
}

/* ---- When to look ---- */

/* Longer than our timers are apart; shorter than what we conclude from silence. */
void hm_note_awake(struct health_manager *hm)
{
    uint64_t now_ns = hm->machine.now_ns;
    bool has_slept = now_ns - hm->awake_ns > hm->times.speaker_lost_ns;
    hm->awake_ns = now_ns;
    if (!has_slept || mutation_is(HM_TRUSTS_ITS_SLEEP))
        return;
    hm->connected_at_ns = now_ns;
    hm_leases_forgive_silence(hm);
    hm_speaker_settle(hm);
}

static void look_at_dirty_apps(struct late_work *work)
{
    struct health_manager *hm = container_of(work, struct health_manager, look_late);
    while (hm->first_dirty != NULL) {
        struct app *app = hm->first_dirty;
        hm->first_dirty = app->next_dirty;
        app->next_dirty = NULL;
        app->is_dirty = false;
        hm_analyse_app(hm, app);
    }
    hm->dirty_end = &hm->first_dirty;
}

void hm_mark_dirty(struct health_manager *hm, struct app *app)
{
    if (app->is_dirty)
        return;
    app->is_dirty = true;
    app->next_dirty = NULL;
    *hm->dirty_end = app;
    hm->dirty_end = &app->next_dirty;
    machine_run_late(&hm->machine, &hm->look_late, look_at_dirty_apps);
}

/* ---- For people and checks ---- */

static void inspect(struct machine *machine, struct text *ret_json)
{
    struct health_manager *hm = container_of(machine, struct health_manager, machine);
    text_addf(ret_json, "{\"connected\":%s,\"desired_known\":%s,\"sequence\":%lld",
              hm->bus.is_connected ? "true" : "false", hm->desired.is_known ? "true" : "false",
              (long long)hm->desired.sequence);
    hm_add_varz(&hm->monitor, ret_json);
    text_add_char(ret_json, '}');
}

const struct machine_class health_manager_class = {
    .name = "health_manager",
    .configuration = &cupola__health_manager_config__descriptor,
    .size = sizeof(struct health_manager),
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .inspect = inspect,
};
