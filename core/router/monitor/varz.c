/* What the router shows of itself: v1's varz fields, and its whole state for debuggers. */
#include "core/router/front/session.h"
#include "core/router/view.h"
#include "core/wire/json.h"

#include <stdio.h>

static unsigned long long number(uint64_t value)
{
    return value;
}

void router_add_varz(struct monitor *monitor, struct text *json)
{
    struct router *router = container_of(monitor, struct router, monitor);
    const struct stats *stats = &router->stats;
    struct stats_minute minute = stats_last_minute(stats, router->machine.now_ns);
    text_addf(json, ",\"requests\":%llu,\"requests_per_sec\":%llu", number(stats->requests),
              number(minute.requests_per_second));
    text_addf(json, ",\"latency\":{\"value\":%llu,\"samples\":%llu}", number(minute.latency_ms),
              number(minute.samples));
    for (int class = 2; class <= 5; class ++)
        text_addf(json, ",\"responses_%dxx\":%llu", class, number(stats->responses[class]));
    text_addf(json, ",\"responses_xxx\":%llu,\"bad_requests\":%llu", number(stats->responses[0]),
              number(stats->bad_requests));
    text_addf(json, ",\"urls\":%zu,\"droplets\":%zu", router->table.route_count, router->table.link_count);
    uint64_t failures = 0;
    for (size_t i = 0; i < FAILURE_COUNT; i++)
        failures += stats->failures[i];
    text_addf(json, ",\"client_connections\":%zu,\"retries\":%llu,\"backend_failures\":%llu", router->session_count,
              number(stats->retries), number(failures));
    text_addf(json, ",\"refused_connections\":%llu,\"upgrades\":%llu", number(stats->refused_connections),
              number(stats->upgrades));
    text_addf(json, ",\"replaced_endpoints\":%llu,\"outdated_messages\":%llu,\"pruned_routes\":%llu",
              number(router->table.replaced_count), number(router->table.outdated_count),
              number(router->table.pruned_count));
    text_add_string(json, ",\"tags\":");
    tags_write(&router->table.tags, json);
    text_add_string(json, ",\"top_app_requests\":");
    top_write(&router->top, router->machine.now_ns, json);
}

static void inspect_route(const struct route_view *view, struct text *json)
{
    text_add_string(json, "{\"host\":");
    json_write_string(json, view->host);
    text_add_string(json, ",\"endpoint\":");
    char address[300];
    snprintf(address, sizeof address, "%s:%u", view->endpoint_host, (unsigned)view->endpoint_port);
    json_write_string(json, address);
    text_add_string(json, ",\"instance\":");
    json_write_string(json, view->instance);
    if (view->has_app)
        text_addf(json, ",\"app\":%lld", (long long)view->app);
    if (view->has_index)
        text_addf(json, ",\"index\":%d", view->index);
    if (view->has_epoch)
        text_addf(json, ",\"epoch\":%lld", (long long)view->epoch);
    text_addf(json, ",\"quarantined\":%s}", view->is_quarantined ? "true" : "false");
}

void router_inspect(struct machine *machine, struct text *ret_json)
{
    const struct router *router = container_of(machine, struct router, machine);
    text_addf(ret_json,
              "{\"requests\":%llu,\"bad_requests\":%llu,\"retries\":%llu,\"tables_read\":%llu,\"sessions\":%zu,",
              number(router->stats.requests), number(router->stats.bad_requests), number(router->stats.retries),
              number(router->tables_read), router->session_count);
    text_addf(ret_json, "\"bus_connected\":%s,\"ready\":%s,\"draining\":%s,\"routes\":[",
              router->bus.is_connected ? "true" : "false", router_is_settling(router) ? "false" : "true",
              router->is_draining ? "true" : "false");
    struct route_cursor cursor = {0};
    struct route_view view;
    for (bool is_first = true; router_next_route(machine, &cursor, &view); is_first = false) {
        if (!is_first)
            text_add_char(ret_json, ',');
        inspect_route(&view, ret_json);
    }
    text_add_string(ret_json, "]}");
}
