/* Which apps get the most requests, and from whom: v1's top_app_requests. Counted over two seconds at a time; what is
 * shown is the last whole period. */
#ifndef CUPOLA_CORE_ROUTER_MONITOR_TOP_H
#define CUPOLA_CORE_ROUTER_MONITOR_TOP_H

#include "core/base/map.h"
#include "core/base/text.h"

#include <stddef.h>
#include <stdint.h>

enum { TOP_APPS = 10, TOP_CLIENTS = 5, TOP_PERIOD_S = 2 };

struct top_app;

/* One of the list. */
struct top_entry {
    char *host;
    uint64_t requests;
    char clients[TOP_CLIENTS][48];
    uint64_t client_requests[TOP_CLIENTS];
    size_t client_count;
};

struct top {
    struct top_app *apps; /* Of the present period, by route. */
    size_t app_count;
    uint64_t period; /* Its number. */
    struct top_entry last[TOP_APPS];
    size_t last_count;
    uint64_t last_period;
};

/* A request for the route from that address. `host` is lent. */
void top_count(struct top *top, uint64_t now_ns, const void *route, const char *host, const char *peer);
/* Appends [{"url":"a.test","rps":5,"clients":[{"ip":"10.0.0.1","rps":5}]}]. */
void top_write(struct top *top, uint64_t now_ns, struct text *json);
void top_free(struct top *top);

#endif
