/* What the bus server shows of itself. */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/bus/server/route.h"
#include "core/wire/json.h"

#include <string.h>
#include <utlist.h>

struct varz_number {
    const char *name;
    uint64_t value;
};

enum { MOST_CLIENTS = 1024 };

static void add_numbers(struct text *json, const struct varz_number *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        text_addf(json, ",\"%s\":", numbers[i].name);
        text_add_number(json, numbers[i].value);
    }
}

void server_print_varz(const struct bus_server *server, struct text *json)
{
    const struct bus_server_counters *counters = &server->counters;
    const struct varz_number numbers[] = {
        {"port", server->port},
        {"uptime_seconds", (server->machine.now_ns - server->started_ns) / NS_PER_S},
        {"connections", server->client_count - (server->cluster != NULL ? server->cluster->route_count : 0)},
        {"total_connections", counters->connections},
        {"subscriptions", server->subscription_count},
        {"queue_groups", server->index.groups.count},
        {"in_msgs", counters->in_messages},
        {"in_bytes", counters->in_bytes},
        {"out_msgs", counters->out_messages},
        {"out_bytes", counters->out_bytes},
        {"slow_consumers", counters->slow_consumers},
        {"stale_connections", counters->stale_connections},
        {"refused_connections", counters->refused_connections},
        {"protocol_errors", counters->protocol_errors},
        {"auth_failures", counters->auth_failures},
        {"invalid_subjects", counters->invalid_subjects},
        {"hold_backs", counters->hold_backs},
        {"permission_violations", counters->permission_violations},
        {"refused_subscriptions", counters->refused_subscriptions},
        {"routes", server->cluster != NULL ? server->cluster->registered_count : 0},
        {"forwarded_msgs", counters->forwarded_messages},
        {"undelivered_msgs", counters->undelivered_messages},
        {"max_connections", server->limits.max_connections},
        {"max_subscriptions", server->limits.max_subscriptions},
        {"max_control_line", server->limits.max_control_line},
        {"max_payload", server->limits.max_payload},
        {"max_pending", server->limits.max_pending},
    };
    text_add_string(json, "{\"server_id\":");
    json_write_string(json, server->server_id);
    text_add_string(json, ",\"host\":");
    json_write_string(json, server->host);
    add_numbers(json, numbers, sizeof numbers / sizeof *numbers);
    text_add_char(json, '}');
}

/* ---- Who is connected ---- */

static void add_label(struct text *json, const char *name, const char *value)
{
    if (value == NULL)
        return;
    text_addf(json, ",\"%s\":", name);
    json_write_string(json, value);
}

static void print_client(const struct server_client *client, struct text *json)
{
    text_addf(json, "{\"cid\":%llu,\"ip\":", (unsigned long long)client->id);
    json_write_string(json, client->peer);
    add_label(json, "name", client->name);
    add_label(json, "lang", client->lang);
    add_label(json, "authorized_user", client->user != NULL ? client->user->name : NULL);
    text_addf(json, ",\"start\":%lld", (long long)client->accepted_s);
    const struct varz_number numbers[] = {
        {"subscriptions", client->subscription_count},
        {"pending_bytes", client->conn.unsent_bytes},
        {"in_msgs", client->in_messages},
        {"in_bytes", client->in_bytes},
        {"out_msgs", client->out_messages},
        {"out_bytes", client->out_bytes},
        {"permission_violations", client->violations},
    };
    add_numbers(json, numbers, sizeof numbers / sizeof *numbers);
    text_add_char(json, '}');
}

/* The oldest connections first, and no more than fit one answer. */
static void print_connz(const struct bus_server *server, struct text *json)
{
    text_addf(json, "{\"total\":%llu,\"limit\":%d,\"connections\":[", (unsigned long long)server->client_count,
              MOST_CLIENTS);
    int count = 0;
    const struct server_client *client = NULL;
    DL_FOREACH(server->clients, client)
    {
        if (count == MOST_CLIENTS)
            break;
        if (client->route != NULL)
            continue;
        if (count++ > 0)
            text_add_char(json, ',');
        print_client(client, json);
    }
    text_add_string(json, "]}");
}

static void print_route(const struct server_route *route, struct text *json)
{
    static const char *const phases[] = {
        [ROUTE_GREETED] = "greeted", [ROUTE_PETITIONED] = "petitioned", [ROUTE_REGISTERED] = "registered"};
    const struct server_client *client = route->client;
    text_addf(json, "{\"rid\":%llu,\"ip\":", (unsigned long long)client->id);
    json_write_string(json, client->peer);
    add_label(json, "remote_id", route->peer_id);
    add_label(json, "state", phases[route->phase]);
    add_label(json, "url", route->peer_address);
    add_label(json, "client_url", route->peer_url);
    text_addf(json, ",\"did_solicit\":%s", route->target != NULL ? "true" : "false");
    const struct varz_number numbers[] = {
        {"subscriptions", route->interest_count}, {"pending_bytes", client->conn.unsent_bytes},
        {"in_msgs", client->in_messages},         {"in_bytes", client->in_bytes},
        {"out_msgs", client->out_messages},       {"out_bytes", client->out_bytes},
    };
    add_numbers(json, numbers, sizeof numbers / sizeof *numbers);
    text_add_char(json, '}');
}

static void print_routez(const struct bus_server *server, struct text *json)
{
    const struct server_cluster *cluster = server->cluster;
    text_add_string(json, "{\"server_id\":");
    json_write_string(json, server->server_id);
    text_addf(json, ",\"num_routes\":%llu,\"routes\":[",
              (unsigned long long)(cluster != NULL ? cluster->route_count : 0));
    const struct server_route *route = NULL;
    bool is_first = true;
    if (cluster != NULL) {
        DL_FOREACH(cluster->routes, route)
        {
            if (!is_first)
                text_add_char(json, ',');
            print_route(route, json);
            is_first = false;
        }
    }
    text_add_string(json, "]}");
}

static void print_subsz(const struct bus_server *server, struct text *json)
{
    const struct varz_number numbers[] = {
        {"num_nodes", server->index.nodes.count},
        {"num_groups", server->index.groups.count},
        {"changes", server->index.generation},
        {"cache_misses", server->index.walks},
    };
    text_addf(json, "{\"num_subscriptions\":%llu", (unsigned long long)server->subscription_count);
    add_numbers(json, numbers, sizeof numbers / sizeof *numbers);
    text_add_char(json, '}');
}

/* ---- HTTP ---- */

static struct bus_server *server_of(struct http_server *http)
{
    return container_of(container_of(http, struct server_monitor, http), struct bus_server, monitor);
}

static void on_monitor_listening(struct http_server *http, enum io_status status, uint16_t port)
{
    struct machine *machine = http->machine;
    if (status == IO_OK)
        machine_log(machine, LOG_INFO, "monitoring on port %u", (unsigned)port);
    else
        machine_log(machine, LOG_ERROR, "no monitoring: %s", io_status_name(status));
}

static void on_monitor_request(struct http_exchange *exchange)
{
    static const struct {
        const char *path;
        void (*print)(const struct bus_server *server, struct text *json);
    } pages[] = {{"/varz", server_print_varz},
                 {"/connz", print_connz},
                 {"/connz?state=closed", server_print_closed},
                 {"/subsz", print_subsz},
                 {"/routez", print_routez}};
    if (!http_text_equals(exchange->head.method, "GET") && !http_text_equals(exchange->head.method, "HEAD")) {
        http_answer_string(exchange, 405, "text/plain", "only GET and HEAD\n");
        return;
    }
    if (strcmp(exchange->path, "/healthz") == 0) {
        http_answer_string(exchange, 200, "text/plain", "ok\n");
        return;
    }
    const char *path = exchange->path;
    if (strcmp(path, "/connz") == 0 && http_text_equals(exchange->head.query, "state=closed"))
        path = "/connz?state=closed";
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        if (strcmp(path, pages[i].path) != 0)
            continue;
        struct text json = {0};
        pages[i].print(server_of(exchange->server), &json);
        text_add_char(&json, '\n');
        http_answer_text(exchange, 200, "application/json", &json);
        return;
    }
    http_answer_string(exchange, 404, "text/plain",
                       "there are /varz, /connz, /connz?state=closed, /subsz, /routez and /healthz\n");
}

static void on_monitor_drained(struct http_server *http)
{
    struct bus_server *server = server_of(http);
    server->monitor.is_open = false;
    server_exit_when_empty(server);
}

static void on_monitor_aborted(struct http_exchange *exchange)
{
    (void)exchange; /* Every request is answered at once; nothing waits. */
}

void server_monitor_open(struct bus_server *server, const Cupola__BusServerConfig *config)
{
    static const struct http_server_handlers handlers = {
        .on_listening = on_monitor_listening,
        .on_request = on_monitor_request,
        .on_aborted = on_monitor_aborted,
        .on_drained = on_monitor_drained,
    };
    if (config->monitor == NULL)
        return;
    struct http_server_options options = {
        .host = config->monitor->host,
        .port = (uint16_t)config->monitor->port,
        .max_body_bytes = 1024,
        .max_connections = 16,
        .header_timeout_ns = 5 * NS_PER_S,
        .idle_timeout_ns = 60 * NS_PER_S,
    };
    server->monitor.is_open = true;
    http_server_open(&server->machine, &server->monitor.http, &options, &handlers);
}

void server_monitor_close(struct bus_server *server)
{
    if (!server->monitor.is_open)
        return;
    server->monitor.is_open = server->monitor.http.connection_count > 0;
    http_server_drain(&server->monitor.http);
}

void server_monitor_destroy(struct bus_server *server)
{
    if (server->monitor.http.machine != NULL)
        http_server_destroy(&server->monitor.http);
}
