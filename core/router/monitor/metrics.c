/* What the monitoring server of a router tells beside /varz: /routes for people and tools, /metrics for Prometheus, and
 * a /healthz that is not well before the table is known. */
#include "core/router/back/backend.h"
#include "core/router/table/parts.h"
#include "core/router/view.h"
#include "core/wire/json.h"

#include <stdio.h>
#include <string.h>

/* A list of routes ends here: whoever has more asks for one host (/routes?host=a.test), or reads the count. */
enum { MAX_LISTED = 10000 };

/* ---- /routes ---- */

static void write_endpoint(const struct router *router, struct endpoint *endpoint, struct text *json)
{
    const struct table *table = &router->table;
    const struct place *place = endpoint_place(table, endpoint);
    char instance[TABLE_MAX_INSTANCE + 1];
    endpoint_instance(table, endpoint, instance);
    text_addf(json, "{\"address\":\"%s:%u\",\"instance\":", endpoint_host(table, endpoint), (unsigned)endpoint->port);
    json_write_string(json, instance);
    text_add_string(json, ",\"dea\":");
    json_write_string(json, names_text(&table->names, source_at(table, endpoint->source)->name));
    if (place != NULL && place->has_app)
        text_addf(json, ",\"app\":%lld", (long long)place->app);
    if (place != NULL && place->has_index)
        text_addf(json, ",\"index\":%d", place->index);
    if (place != NULL && place->has_epoch)
        text_addf(json, ",\"epoch\":%lld", (long long)place->epoch);
    if (endpoint_zone(table, endpoint) != 0) {
        text_add_string(json, ",\"zone\":");
        json_write_string(json, names_text(&table->names, endpoint_zone(table, endpoint)));
    }
    bool is_well = endpoint_quarantined_until(endpoint) <= router->machine.now_ns;
    uint32_t active = endpoint->contact == NULL ? 0 : endpoint->contact->active;
    text_addf(json, ",\"quarantined\":%s,\"active\":%u}", is_well ? "false" : "true", active);
}

static void write_route(const struct router *router, const struct route *route, struct text *json)
{
    json_write_string(json, names_text(&router->table.names, route->name));
    text_add_string(json, ":[");
    for (uint32_t i = 0; i < route->count; i++) {
        if (i > 0)
            text_add_char(json, ',');
        write_endpoint(router, route_endpoint(&router->table, route, i), json);
    }
    text_add_char(json, ']');
}

static void write_routes(const struct router *router, struct http_text host, struct text *json)
{
    size_t written = 0;
    text_add_char(json, '{');
    if (host.size > 0) {
        const struct route *route = table_find_route(&router->table, host);
        if (route != NULL)
            write_route(router, route, json);
    } else {
        for (uint32_t id = 1; id <= router->table.routes.used && written < MAX_LISTED; id++) {
            const struct route *route = route_at(&router->table, id);
            if (route->count == 0)
                continue;
            if (written++ > 0)
                text_add_char(json, ',');
            write_route(router, route, json);
        }
    }
    text_add_char(json, '}');
}

static void answer_routes(const struct router *router, struct http_exchange *exchange)
{
    static const char key[] = "host=";
    size_t size = sizeof key - 1;
    struct http_text query = exchange->head.query, host = {0};
    if (query.size > size && memcmp(query.data, key, size) == 0)
        host = (struct http_text){query.data + size, query.size - size};
    struct text compact = {0}, pretty = {0};
    write_routes(router, host, &compact);
    json_indent(&pretty, (struct io_bytes){(const uint8_t *)text_string(&compact), compact.size});
    http_answer_text(exchange, 200, "application/json", &pretty);
    text_free(&compact);
    text_free(&pretty);
}

/* ---- /metrics: the text format of Prometheus ---- */

static void add_metric(struct text *text, const char *type, const char *name, const char *help, uint64_t value)
{
    text_addf(text, "# HELP cupola_router_%s %s\n# TYPE cupola_router_%s %s\ncupola_router_%s %llu\n", name, help, name,
              type, name, (unsigned long long)value);
}

static void add_counters(const struct router *router, struct text *text)
{
    const struct stats *stats = &router->stats;
    add_metric(text, "counter", "requests_total", "Requests received.", stats->requests);
    add_metric(text, "counter", "bad_requests_total", "Requests that the router refused with 4xx.",
               stats->bad_requests);
    add_metric(text, "counter", "retries_total", "Requests that went to a further endpoint.", stats->retries);
    add_metric(text, "counter", "refused_connections_total", "Client connections beyond a limit.",
               stats->refused_connections);
    add_metric(text, "counter", "upgrades_total", "Connections that became tunnels.", stats->upgrades);
    add_metric(text, "counter", "replaced_endpoints_total", "Addresses that another instance took over.",
               router->table.replaced_count);
    add_metric(text, "counter", "outdated_messages_total", "Registrations of older starts.",
               router->table.outdated_count);
    add_metric(text, "counter", "pruned_routes_total", "Routes that nobody refreshed.", router->table.pruned_count);
    add_metric(text, "counter", "digests_agreed_total", "Digests of DEAs that were the same as ours.",
               router->digests_agreed);
    add_metric(text, "counter", "digests_differed_total", "Digests that were not.", router->digests_differed);
    add_metric(text, "counter", "gaps_total", "Messages of DEAs that were found to be lost.", router->gaps);
    add_metric(text, "counter", "tables_read_total", "Whole tables read from DEAs.", router->tables_read);
}

static void add_families(const struct router *router, struct text *text)
{
    text_add_string(text, "# HELP cupola_router_responses_total Responses by the first digit of their status.\n"
                          "# TYPE cupola_router_responses_total counter\n");
    for (int class = 2; class <= 5; class ++)
        text_addf(text, "cupola_router_responses_total{class=\"%dxx\"} %llu\n", class,
                  (unsigned long long)router->stats.responses[class]);
    text_add_string(text, "# HELP cupola_router_backend_failures_total Failures of endpoints by their class.\n"
                          "# TYPE cupola_router_backend_failures_total counter\n");
    for (unsigned failure = 0; failure < FAILURE_COUNT; failure++)
        text_addf(text, "cupola_router_backend_failures_total{class=\"%s\"} %llu\n",
                  failure_class((enum failure)failure)->name, (unsigned long long)router->stats.failures[failure]);
}

static void answer_metrics(const struct router *router, struct http_exchange *exchange)
{
    struct text text = {0};
    struct stats_minute minute = stats_last_minute(&router->stats, router->machine.now_ns);
    add_counters(router, &text);
    add_families(router, &text);
    add_metric(&text, "gauge", "routes", "Hosts with endpoints.", router->table.route_count);
    add_metric(&text, "gauge", "endpoints", "Pairs of host and endpoint.", router->table.link_count);
    add_metric(&text, "gauge", "client_connections", "Client connections now.", router->session_count);
    add_metric(&text, "gauge", "queued_requests", "Requests that wait for a backend.", router->queued_count);
    add_metric(&text, "gauge", "latency_last_minute_milliseconds", "Of the last minute's requests, together.",
               minute.latency_ms);
    add_metric(&text, "gauge", "requests_last_minute", "Those requests.", minute.samples);
    add_metric(&text, "gauge", "ready", "Whether the routing table is known.", !router_is_settling(router));
    http_answer_text(exchange, 200, "text/plain; version=0.0.4", &text);
    text_free(&text);
}

/* ---- All ---- */

bool router_answer_monitor(struct monitor *monitor, struct http_exchange *exchange)
{
    const struct router *router = container_of(monitor, struct router, monitor);
    if (strcmp(exchange->path, "/routes") == 0) {
        answer_routes(router, exchange);
    } else if (strcmp(exchange->path, "/metrics") == 0) {
        answer_metrics(router, exchange);
    } else if (strcmp(exchange->path, "/healthz") == 0 && (router_is_settling(router) || router->is_draining)) {
        http_answer_string(exchange, 503, "text/plaintext",
                           router->is_draining ? "draining\n" : "the routing table is not known yet\n");
    } else {
        return false;
    }
    return true;
}
