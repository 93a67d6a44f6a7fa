/* Private to core/cloud_controller: the whole component, and what its parts call each other for.
 *
 *   REST (rest*.c) ---change--> journal.c --append--> journal --entry--> state.c (fold)
 *                                   |                                       |
 *                                 DONE: answer, and follow_up.c: tell the health manager, stop, start (placement.c)
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_CONTROLLER_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_CONTROLLER_H

#include "core/bus/client.h"
#include "core/cloud_controller/state/journal.h"
#include "core/cloud_controller/state/state.h"
#include "core/http/client.h"
#include "core/http/server.h"
#include "core/monitor/monitor.h"
#include "core/proto/bus.pb-c.h"

struct call;
struct follower;
struct known_app;
struct placement;
struct question;
struct stage_job;
struct stage_log;
struct stage_order;
struct start_wish;
struct update;

/* Blobs that nobody needs any more (collector.h). */
struct collector {
    struct timer timer;
    struct op op;
    size_t holds;     /* What is being stored. */
    uint64_t list_ns; /* When we look next for blobs that we do not know of. */
    uint64_t deleted;
};
/* What is left over at gateways (gateway.h). */
struct gateway_order;
struct leaving;
struct gateway_cleaner {
    struct gateway_order *orders;
    struct leaving *leavings;
    struct http_call call;
    struct change change;
    struct timer timer;
    bool is_busy; /* The call or the change is under way. */
    int64_t leftover_id;
};
/* Snapshots of the journal (compactor.h). */
struct compactor {
    struct change change;
    struct op op;
    bool is_busy;      /* From the change to the end of the operation. */
    uint64_t sequence; /* Of the snapshot under way. */
    size_t size;
    uint64_t stored;
};
/* Hosts that DEAs may not have heard of (retell.h). */
struct retell {
    struct timer timer;
    bool is_due;
    uint64_t told_sequence; /* Up to this entry all is said. */
};
struct app_event;
struct app_history;

/* Every event that is kept (events.h). */
struct app_events {
    struct app_event *oldest, *newest;
    size_t count;
};

/* Starts that the health manager asked for, on their way into the journal (hm_requests.c). */
struct start_orders {
    struct change change;
    struct start_wish *wishes; /* Asked for, not yet in an append. */
    size_t wish_count, wish_capacity;
    struct start_wish *ordered; /* In the append that is under way. */
    size_t ordered_count;
    bool is_submitted;
};

struct controller {
    struct machine machine; /* First. */
    Cupola__CloudControllerConfig *config;
    struct state state;
    struct journal journal;
    struct bus_client bus;
    struct monitor monitor;
    struct http_server server;
    bool is_listening;
    bool is_stopping;
    bool is_destroyed; /* Its parts are being freed: nothing may be emitted. */
    struct timer stop_timer;
    struct text token_key;
    struct text address;    /* "host:port"; empty until it listens. */
    const char *app_domain; /* ".cupola.test": points into config->external_uri. */
    struct random_stream nonces;

    struct exec_tunnel *exec_tunnels; /* rest/exec.c */
    uint32_t exec_tunnel_count;
    struct call *calls; /* Of the REST API, until their last operation has ended. */
    size_t hashes;      /* Passwords being hashed. */

    struct stage_job *stage_jobs; /* In the order in which they came. */
    size_t stages_running;
    struct stage_order *stage_orders; /* That DEAs carry out. */
    struct random_stream stage_ids;
    struct timer stage_sweep;
    uint64_t stages_from_ns; /* When we began to look for what is left behind. */

    struct known_app *known_apps; /* By app. */
    struct stage_log *stage_logs; /* What stagers have said, the newest first. */
    struct follower *followers;   /* Answers that go on (followers.h). */
    size_t follower_count;
    struct timer follower_tick;

    struct update *updates; /* Rolling, of any controller. */
    struct collector collector;
    struct compactor compactor;
    struct retell retell;
    struct gateway_cleaner gateway;
    struct app_events events;
    struct app_history *histories; /* By app. */

    struct placement *placements; /* By app and index. */
    struct placement *first_queued, *last_queued;
    struct question *questions; /* To the DEAs, open. */
    size_t discovers;           /* So many. */
    uint64_t round_trip_ns;     /* Of the last question that was answered. */
    struct late_work asking;
    struct random_stream chances; /* Break ties between DEAs. */

    struct start_orders start_orders;
    size_t bootstrap_next; /* Of config->bootstrap_users. */
    struct op bootstrap_hash;
    struct change bootstrap_change;
    struct text bootstrap_password; /* The hash of the one under way. */

    struct timer register_timer;
    struct timer beat_timer;
    uint64_t health_silent_until_ns; /* Cache: the health manager did not answer a moment ago. */

    uint64_t requests, starts_ordered, starts_sent, complaints, stagings, staging_failures;
};

/* Where others reach this controller: its host, and "host:port". */
const char *controller_host(const struct controller *controller);
const char *controller_address(const struct controller *controller);
bool controller_is_admin(const struct controller *controller, const char *email);
/* "admin", "developer", "auditor". Lent. */
const char *controller_role_of(const struct controller *controller, const char *email);

/* cloud_controller.c: what its parts report. */
void controller_on_listening(struct controller *controller, enum io_status status, uint16_t port);
void controller_on_drained(struct controller *controller);

/* follow_up.c: what follows from a change of an app that this controller made. */
void cc_follow_up(struct controller *controller, const struct difference *difference);

/* beat.c: tells health managers the newest change, and goes on doing so. */
void cc_beat(struct controller *controller);

/* own_route.c: the API's own host at the routers. */
void cc_own_route_register(struct controller *controller);
void cc_own_route_unregister(struct controller *controller);

/* hm_requests.c, desired.c, own_route.c: handlers of bus messages, for the table in cloud_controller.c. */
void cc_on_hm_request(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message);
void cc_on_uris_request(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message);
void cc_on_droplet_exited(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message);
void cc_on_desired_request(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message);
void cc_on_router_start(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message);
/* hm_requests.c: orders that index again, unless somebody else has done so since `epoch`. */
void cc_order_anew(struct controller *controller, int64_t app_id, int32_t index, uint64_t epoch);
void cc_hm_requests_destroy(struct controller *controller);

/* desired.c: one app as the health manager is told of it. Points into the app and into ret_layout. */
void cc_desired_describe(const struct app *app, Cupola__DesiredApp *ret_desired, struct layout *ret_layout);

/* bootstrap.c: creates the configured users that do not exist yet. */
void cc_bootstrap_next_user(struct controller *controller);

#endif
