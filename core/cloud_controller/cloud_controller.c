/* The cloud controller as a component: its start, its end, and what it shows of itself.
 *
 *   start: follow the journal; connect to the bus; listen. Answers come once the past is folded.
 *   stop:  leave the routers, finish the answers that are under way, then leave.
 */
#include "core/components.h"

#include "core/base/duration.h"
#include "core/cloud_controller/blobs/collector.h"
#include "core/cloud_controller/controller.h"
#include "core/cloud_controller/instances/known.h"
#include "core/cloud_controller/instances/placement.h"
#include "core/cloud_controller/instances/retell.h"
#include "core/cloud_controller/instances/updates.h"
#include "core/cloud_controller/rest/rest.h"
#include "core/cloud_controller/services/gateway.h"
#include "core/cloud_controller/staging/stage_log.h"
#include "core/cloud_controller/staging/staging.h"
#include "core/cloud_controller/state/compactor.h"
#include "core/cloud_controller/state/events.h"
#include "core/proto/config.pb-c.h"
#include "core/wire/message.h"

#include <string.h>

static const uint64_t stop_patience_ns = 5 * NS_PER_S;
static const uint64_t stop_pause_ns = 10 * NS_PER_MS;
static const uint64_t header_timeout_ns = 10 * NS_PER_S;
static const uint64_t idle_timeout_ns = 60 * NS_PER_S;

static void start(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved);
static void stop(struct machine *machine);
static void destroy(struct machine *machine);
static void inspect(struct machine *machine, struct text *ret_json);
static void take_entry(struct machine *machine, uint64_t sequence, struct io_bytes entry);
static void take_snapshot(struct machine *machine, uint64_t sequence, struct io_bytes snapshot);
static void on_bus_connected(struct bus_client *bus, bool again);
static void add_varz(struct monitor *monitor, struct text *json);
static void on_stop_timer(struct timer *timer);

const struct machine_class cloud_controller_class = {
    .name = "cloud_controller",
    .configuration = &cupola__cloud_controller_config__descriptor,
    .size = sizeof(struct controller),
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .inspect = inspect,
    .journal_entry = take_entry,
    .journal_snapshot = take_snapshot,
};

static const struct bus_client_handlers bus_handlers = {.on_connected = on_bus_connected};

static const struct bus_route bus_routes[] = {
    {"cloudcontrollers.hm.requests", "cc", &cupola__health_manager_request__descriptor, false, cc_on_hm_request},
    {"cloudcontroller.desired", "cc", &cupola__desired_request__descriptor, true, cc_on_desired_request},
    {"cloudcontroller.staging", NULL, &cupola__staging_output__descriptor, false, cc_on_staging_output},
    {"cloudcontroller.uris", "cc", &cupola__uris_request__descriptor, false, cc_on_uris_request},
    {"droplet.exited", NULL, &cupola__droplet_exited__descriptor, false, cc_on_droplet_exited},
    {"droplet.exited", NULL, &cupola__droplet_exited__descriptor, false, cc_events_on_exited},
    {"router.start", NULL, NULL, true, cc_on_router_start},
};

static struct controller *controller_of(struct machine *machine)
{
    return container_of(machine, struct controller, machine);
}

/* ---- Start ---- */

/* Without a configured key nobody else's tokens are good here, and ours are good nowhere else. */
static void choose_token_key(struct controller *controller)
{
    const char *configured = controller->config->token_key;
    if (configured != NULL && *configured != '\0') {
        text_add_string(&controller->token_key, configured);
        return;
    }
    char drawn[65];
    struct random_stream stream = random_named(controller->machine.seed, "cloud_controller.token_key");
    random_hex(&stream, drawn, 32);
    text_add_string(&controller->token_key, drawn);
    machine_log(&controller->machine, LOG_WARNING,
                "no token_key is configured: tokens end with this process, and other controllers refuse them");
}

static void listen_for_requests(struct controller *controller)
{
    const Cupola__CloudControllerConfig *config = controller->config;
    struct http_server_options options = {
        .host = config->listen == NULL ? "127.0.0.1" : config->listen->host,
        .port = config->listen == NULL ? 0 : (uint16_t)config->listen->port,
        .max_body_bytes = config->max_body_bytes,
        .max_connections = config->max_connections,
        .header_timeout_ns = header_timeout_ns,
        .idle_timeout_ns = idle_timeout_ns,
    };
    http_server_open(&controller->machine, &controller->server, &options, &cc_rest_server_handlers);
}

static void start(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved)
{
    (void)saved;
    struct controller *controller = controller_of(machine);
    controller->config = message_copy(configuration);
    const char *dot = strchr(controller->config->external_uri, '.');
    controller->app_domain = dot == NULL ? "" : dot;
    controller->nonces = random_named(machine->seed, "cloud_controller.nonce");
    controller->chances = random_named(machine->seed, "cloud_controller.offer");
    controller->stage_ids = random_named(machine->seed, "cloud_controller.stage");
    choose_token_key(controller);
    cc_journal_open(controller);
    listen_for_requests(controller);
    bus_client_open(machine, &controller->bus, controller->config->bus, "cloud controller", &bus_handlers);
    bus_listen(&controller->bus, bus_routes, sizeof bus_routes / sizeof bus_routes[0]);
    controller->monitor.type = "CloudController";
    controller->monitor.add_varz = add_varz;
    monitor_open(machine, &controller->monitor, &controller->bus, controller->config->monitor, NULL);
}

void controller_on_caught_up(struct controller *controller)
{
    machine_log(&controller->machine, LOG_INFO, "caught up with the journal at entry %llu: %u users, %u apps",
                (unsigned long long)controller->state.head_sequence, HASH_COUNT(controller->state.users),
                HASH_COUNT(controller->state.apps));
    cc_staging_open(controller);
    cc_collector_open(controller);
    cc_compactor_look(controller);
    cc_retell_open(controller);
    cc_gateway_clean_up(controller);
    cc_bootstrap_next_user(controller);
    cc_own_route_register(controller);
    cc_beat(controller);
}

void controller_on_listening(struct controller *controller, enum io_status status, uint16_t port)
{
    if (controller->is_stopping)
        return;
    if (status != IO_OK) {
        machine_log(&controller->machine, LOG_ERROR, "cannot listen for the REST API: %s", io_status_name(status));
        machine_exit(&controller->machine, 1, (struct io_bytes){0});
        return;
    }
    controller->is_listening = true;
    text_addf(&controller->address, "%s:%u", controller_host(controller), port);
    machine_log(&controller->machine, LOG_INFO, "the REST API listens on port %u", port);
    cc_own_route_register(controller);
}

static void on_bus_connected(struct bus_client *bus, bool again)
{
    (void)again;
    cc_own_route_register(container_of(bus, struct controller, bus));
    cc_beat(container_of(bus, struct controller, bus));
}

static void take_entry(struct machine *machine, uint64_t sequence, struct io_bytes entry)
{
    cc_journal_take_entry(controller_of(machine), sequence, entry);
}

static void take_snapshot(struct machine *machine, uint64_t sequence, struct io_bytes snapshot)
{
    cc_compactor_take_snapshot(controller_of(machine), sequence, snapshot);
}

const char *controller_host(const struct controller *controller)
{
    const Cupola__CloudControllerConfig *config = controller->config;
    if (config->advertise_host != NULL && *config->advertise_host != '\0')
        return config->advertise_host;
    return config->listen == NULL ? "127.0.0.1" : config->listen->host;
}

const char *controller_address(const struct controller *controller)
{
    return text_string(&controller->address);
}

bool controller_is_admin(const struct controller *controller, const char *email)
{
    for (size_t i = 0; i < controller->config->n_admins; i++)
        if (strcmp(controller->config->admins[i], email) == 0)
            return true;
    const struct user *user = cc_state_find_user(&controller->state, email);
    return user != NULL && user->value->role != NULL && strcmp(user->value->role, "admin") == 0;
}

const char *controller_role_of(const struct controller *controller, const char *email)
{
    const struct user *user = cc_state_find_user(&controller->state, email);
    if (controller_is_admin(controller, email))
        return "admin";
    return user == NULL || user->value->role == NULL ? "developer" : user->value->role;
}

/* ---- Stop ---- */

static void leave(struct controller *controller)
{
    if (op_is_pending(&controller->collector.op) || op_is_pending(&controller->compactor.op)) {
        timer_set(&controller->machine, &controller->stop_timer, stop_pause_ns, on_stop_timer); /* It ends by itself. */
        return;
    }
    timer_cancel(&controller->machine, &controller->stop_timer);
    bus_client_close(&controller->bus);
    machine_exit(&controller->machine, 0, (struct io_bytes){0});
}

static void stop(struct machine *machine)
{
    struct controller *controller = controller_of(machine);
    if (controller->is_stopping)
        return;
    cc_own_route_unregister(controller);
    controller->is_stopping = true;
    timer_cancel(machine, &controller->stage_sweep);
    cc_collector_stop(controller);
    cc_leftovers_stop(controller);
    cc_rest_stop_streams(controller);
    cc_exec_end_all(controller);
    if (controller->server.connections == NULL) {
        http_server_drain(&controller->server);
        leave(controller);
        return;
    }
    timer_set(machine, &controller->stop_timer, stop_patience_ns, on_stop_timer);
    http_server_drain(&controller->server);
}

/* Requests still wait for something after all that time: they are cut off. */
static void on_stop_timer(struct timer *timer)
{
    leave(container_of(timer, struct controller, stop_timer));
}

void controller_on_drained(struct controller *controller)
{
    if (controller->is_stopping && !machine_has_exited(&controller->machine))
        leave(controller);
}

static void destroy(struct machine *machine)
{
    struct controller *controller = controller_of(machine);
    controller->is_destroyed = true;
    monitor_destroy(&controller->monitor);
    bus_client_destroy(&controller->bus);
    cc_journal_destroy(controller);
    cc_gateway_destroy(controller);
    cc_leftovers_destroy(controller);
    cc_rest_destroy(controller);
    cc_exec_destroy(controller);
    http_server_destroy(&controller->server);
    cc_staging_destroy(controller);
    cc_stage_logs_destroy(controller);
    cc_known_destroy(controller);
    cc_placement_destroy(controller);
    cc_updates_destroy(controller);
    cc_events_destroy(controller);
    cc_hm_requests_destroy(controller);
    cc_state_free(&controller->state);
    text_free(&controller->bootstrap_change.packed);
    text_free(&controller->compactor.change.packed);
    text_free(&controller->bootstrap_password);
    text_free(&controller->token_key);
    text_free(&controller->address);
    cupola__cloud_controller_config__free_unpacked(controller->config, NULL);
}

/* ---- What it shows ---- */

static void add_varz(struct monitor *monitor, struct text *json)
{
    const struct controller *controller = container_of(monitor, struct controller, monitor);
    size_t calls = 0;
    for (const struct call *call = controller->calls; call != NULL; call = call->next)
        calls++;
    text_addf(json, ",\"requests\":%llu,\"pending_requests\":%zu", (unsigned long long)controller->requests, calls);
    text_addf(json, ",\"running_stage_cmds\":%zu,\"pending_changes\":%zu,\"pending_starts\":%zu",
              controller->stages_running, controller->journal.count, cc_placement_count(controller));
    text_addf(json, ",\"users\":%u,\"apps\":%u,\"journal_head\":%llu,\"journal_conflicts\":%llu",
              HASH_COUNT(controller->state.users), HASH_COUNT(controller->state.apps),
              (unsigned long long)controller->state.head_sequence, (unsigned long long)controller->journal.conflicts);
    text_addf(json, ",\"journal_snapshots\":%llu", (unsigned long long)controller->compactor.stored);
    text_addf(json, ",\"starts_ordered\":%llu,\"starts_sent\":%llu,\"complaints\":%llu,\"staging_failures\":%llu",
              (unsigned long long)controller->starts_ordered, (unsigned long long)controller->starts_sent,
              (unsigned long long)controller->complaints, (unsigned long long)controller->staging_failures);
}

static void inspect(struct machine *machine, struct text *ret_json)
{
    struct controller *controller = controller_of(machine);
    text_addf(ret_json, "{\"head\":%llu,\"caught_up\":%s", (unsigned long long)controller->state.head_sequence,
              controller->journal.is_caught_up ? "true" : "false");
    text_add_string(ret_json, ",\"apps\":[");
    for (const struct app *app = controller->state.apps; app != NULL; app = app->hh.next) {
        char version[VERSION_CAPACITY];
        cc_app_version(app->value, version);
        text_addf(ret_json, "%s{\"id\":%lld,\"name\":", app == controller->state.apps ? "" : ",", (long long)app->id);
        json_write_string(ret_json, app->value->name);
        text_addf(ret_json, ",\"state\":\"%s\",\"live\":%s,\"instances\":%d,\"version\":\"%s\"}",
                  cc_app_state_name(app->value), app->value->run_live ? "true" : "false", app->value->instances,
                  version);
    }
    text_addf(ret_json, "],\"pending_changes\":%zu,\"pending_starts\":%zu,\"stagings\":%zu}", controller->journal.count,
              cc_placement_count(controller), controller->stages_running);
}
