/* What the bus server shows of itself. */
#include "core/bus/server.h"

#include "core/base/duration.h"
#include "core/wire/json.h"

struct varz_number {
    const char *name;
    uint64_t value;
};

void server_print_varz(const struct bus_server *server, struct text *json)
{
    const struct bus_server_counters *counters = &server->counters;
    const struct varz_number numbers[] = {
        {"port", server->port},
        {"uptime_seconds", (server->machine.now_ns - server->started_ns) / NS_PER_S},
        {"connections", server->client_count},
        {"total_connections", counters->connections},
        {"subscriptions", server->subscription_count},
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
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        text_addf(json, ",\"%s\":", numbers[i].name);
        text_add_number(json, numbers[i].value);
    }
    text_add_char(json, '}');
}

void server_monitor_open(struct bus_server *server, const Cupola__BusServerConfig *config)
{
    (void)server;
    (void)config;
}

void server_monitor_close(struct bus_server *server)
{
    (void)server;
}

void server_monitor_destroy(struct bus_server *server)
{
    (void)server;
}
