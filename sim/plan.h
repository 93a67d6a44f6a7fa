/* What a simulated cloud is made of, as plain data: a scenario is compiled to this and nothing of it changes later.
 *
 * Start from cloud_plan_default() and change what the scenario says. Texts and arrays are lent and copied by
 * cloud_create. Every duration is in nanoseconds.
 */
#ifndef CUPOLA_SIM_PLAN_H
#define CUPOLA_SIM_PLAN_H

#include "core/proto/config.pb-c.h"
#include "drivers/sim/distribution.h"
#include "drivers/sim/gateway/gateway.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One application: what is pushed, and how its processes behave. The behaviour travels inside the app's bits, through
 * upload, staging and download, to the simulated process that a DEA starts. */
struct app_plan {
    const char *name;      /* "shop"; its address is <name>.<domain> unless `host` says another. */
    const char *host;      /* NULL: <name>.cupola.test */
    uint32_t instances;    /* 0: 1 */
    uint32_t memory_mb;    /* 0: 64 */
    const char *framework; /* NULL: "node" */
    const char *runtime;   /* NULL: "node" */
    bool is_not_pushed;    /* The scenario pushes it itself, later. */
    bool is_singleton;     /* Never two of one index run at a time, whatever is cut off (docs/healing.md). */

    /* Zeroed: as usual for a small web app. */
    struct distribution boot;     /* From the start of the process until it listens; some 400 ms. */
    struct distribution response; /* From a request until its answer; some 3 ms. */
    struct distribution stop;     /* From SIGTERM until it exits; some 25 ms. */
    uint64_t crash_after_mean_ns; /* Exponential life time of a process; 0: it does not crash by itself. */
    uint64_t exit_after_boot_ns;  /* Every process exits so long after its start: a crash loop; 0: never. */
    bool never_binds;             /* It runs but never listens. */
    bool ignores_term;            /* Only SIGKILL ends it. */
    uint64_t memory_bytes;        /* Used from the start; 0: a quarter of its limit. */
    uint64_t memory_growth_bytes_per_s;
    uint32_t response_bytes; /* Padding of each answer. */
    const char
        *environment;     /* "K=V" entries, each ended by a zero byte, the list by another; GET /env shows it. NULL. */
    const char *settings; /* JSON, as `cupola set` takes it, set before its first start; NULL: none. */
};

/* Open-loop requests from outside of the cloud, through a load balancer before the routers. */
struct load_plan {
    const char *host; /* Host header, "shop.cupola.test". */
    uint32_t rate_per_s;
    uint64_t from_ns;    /* After the start of the world. The load begins here, or when the first request was answered
                            well if that is later: a load on an app that is still being pushed proves nothing. */
    uint64_t until_ns;   /* 0: to the end. */
    uint64_t timeout_ns; /* 0: 10 s. */
    const char *method;  /* NULL: "GET" */
    uint32_t body_bytes; /* Of the request. */
};

/* Between two hosts, one way. */
struct link_plan {
    struct distribution latency;
    uint64_t bytes_per_s; /* 0: no limit. */
    uint32_t loss_ppm;    /* Chance that a segment must be sent again, which costs its retransmission time. */
};

struct disk_plan {
    struct distribution sync; /* SAVE, BLOB_COMMIT, an append to the journal. */
    struct distribution read;
};

struct cloud_plan {
    uint32_t zones;
    uint32_t bus_servers; /* Components connect to the first one that answers. */
    uint32_t routers;
    uint32_t controllers;
    uint32_t health_managers;
    uint32_t deas;
    uint32_t
        old_deas; /* Of them, the last: their words over the bus are those of v1 (drivers/sim/network/old_wire.h). */
    uint32_t dea_memory_mb;
    uint32_t gateways; /* Each offers one service: redis, mysql, mongodb, rabbitmq, postgresql, in this order. */

    /* NULL: the defaults of core/proto/config.proto. Addresses, bus servers and names are filled in by the cloud. */
    const Cupola__BusServerConfig *bus_server;
    const Cupola__RouterConfig *router;
    const Cupola__CloudControllerConfig *controller;
    const Cupola__HealthManagerConfig *health_manager;
    const Cupola__DeaConfig *dea;
    const Cupola__SimGatewayConfig *gateway;

    const struct app_plan *apps;
    size_t app_count;
    const struct load_plan *loads;
    size_t load_count;

    struct link_plan link_same_zone;
    struct link_plan link_other_zone;
    struct link_plan link_outside; /* From clients outside of the cloud. */
    struct disk_plan disk;
    struct distribution staging;
    struct distribution password_hash;
    uint64_t restart_delay_ns;     /* The init of a host starts a component that died again after this; 0: never. */
    uint64_t boot_ns;              /* From power on until the components of a host start. */
    uint64_t clock_offset_most_ns; /* Wall clocks of hosts differ by up to so much, drawn. */

    uint64_t check_interval_ns; /* How often `always` checks look, while anything happens. */
    bool keep_traces;           /* Keep the full trace of every component in memory (component_trace). */
    size_t story_limit;         /* Lines of the components' own logs kept for the story; 0: none. */
};

/* One zone, one of everything, two DEAs of 4 GB; latencies and disks of an ordinary data centre. */
struct cloud_plan cloud_plan_default(void);

#endif
