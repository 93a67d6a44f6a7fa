/* What every component shows of itself: vcap.component.announce and discover on the bus, and an HTTP server with
 * /healthz (200 "ok\n") and /varz (JSON), under HTTP basic authentication as in v1 (docs/protocol.md).
 */
#ifndef CUPOLA_CORE_MONITOR_MONITOR_H
#define CUPOLA_CORE_MONITOR_MONITOR_H

#include "core/bus/client.h"
#include "core/http/server.h"

struct monitor {
    const char *type; /* "Router", "DEA", "CloudController", "HealthManager"; static. */
    /* Appends the component's own varz fields as JSON members, each behind a comma: `,"requests":5`. May be NULL. */
    void (*add_varz)(struct monitor *monitor, struct text *json);
    /* Appends lines for people to the "ok" of /healthz. May be NULL. */
    void (*add_healthz)(struct monitor *monitor, struct text *text);
    /* Answers a GET for a path of the component's own, or one of ours in another way; false: it is not for it. May be
     * NULL. */
    bool (*on_request)(struct monitor *monitor, struct http_exchange *exchange);
    char uuid[48]; /* 32 hex digits, prefixed by "<index>-" when an index is configured. */

    /* Private. */
    struct machine *machine;
    struct bus_client *bus;
    struct http_server server;
    struct bus_subscription discover;
    char user[36], password[36];
    char *host;
    int index; /* -1 without. */
    uint64_t started_ns;
    int64_t started_wall_s;
    bool is_announced;
};

/* Set `type` and `add_varz` first. Announces itself as soon as the server listens and the bus is there. `uuid` may be
 * NULL (drawn at random) or 32 hex digits that the component keeps over restarts. */
void monitor_open(struct machine *machine, struct monitor *monitor, struct bus_client *bus,
                  const Cupola__MonitorConfig *config, const char *uuid);
void monitor_destroy(struct monitor *monitor);

#endif
