/* The Droplet Execution Agent: runs instances of apps on its host and tells the others how they are.
 *
 *   instances/  from the order to start one to its end: placement, start, stop, crash, its port and its environment
 *   checks/     is it up, alive, ready?            droplets/  what it runs, and staging for controllers
 *   routes/     what the routers are told          reports/   what everybody else is told: heartbeats, answers, varz
 *   healing/    our own restart (recovery, saved), evacuation, leases, and healing alone when nobody else can
 *   access/     for the app's people: the file viewer, commands beside an instance's processes
 */
#ifndef CUPOLA_CORE_DEA_DEA_H
#define CUPOLA_CORE_DEA_DEA_H

#include "core/bus/client.h"
#include "core/dea/access/exec.h"
#include "core/dea/access/files.h"
#include "core/dea/droplets/droplets.h"
#include "core/dea/droplets/staging.h"
#include "core/dea/healing/lease.h"
#include "core/dea/healing/saved.h"
#include "core/dea/healing/singleton.h"
#include "core/dea/healing/standing.h"
#include "core/dea/healing/witness.h"
#include "core/dea/instances/fences.h"
#include "core/dea/instances/instance.h"
#include "core/dea/instances/placement.h"
#include "core/dea/instances/ports.h"
#include "core/dea/routes/uris.h"
#include "core/monitor/monitor.h"
#include "core/proto/bus.pb-c.h"
#include "core/proto/config.pb-c.h"
#include "core/proto/dea.pb-c.h"

/* OPEN --EVENT_EVACUATE or dea.UUID.evacuate--> EVACUATING --nobody left--> LEAVING
 * OPEN, EVACUATING --EVENT_STOP--> LEAVING */
enum dea_phase {
    DEA_OPEN = 1,
    DEA_EVACUATING, /* Takes nothing new; serves until replaced. */
    DEA_LEAVING,    /* The agent ends. What still runs goes on running. */
};

enum { DEA_LIFE_SIZE = 17 };

/* The instances that ended last without being at fault: routers that missed the word of it ask (route_table.c). */
enum { DEA_ENDS_KEPT = 128 };
struct dea_ends {
    char instances[DEA_ENDS_KEPT][INSTANCE_ID_SIZE];
    uint32_t count; /* All that there ever were; the newest stands at (count - 1) % DEA_ENDS_KEPT. */
};

struct dea {
    struct machine machine;
    Cupola__DeaConfig *config; /* Our own copy. */
    enum dea_phase phase;
    const char *host;         /* Where others reach us and our instances. */
    char life[DEA_LIFE_SIZE]; /* Drawn anew by each life of the agent. */
    uint64_t told;            /* Counts what this life has told of its instances, one by one. */

    struct bus_client bus;
    struct monitor monitor; /* monitor.uuid is our name on the bus. */
    char start_subject[96];
    char evacuate_subject[96];
    char probe_subject[96];
    char tell_subject[96];
    char routes_subject[96];
    char stage_subject[96];
    struct bus_route own_routes[6];       /* Of these subjects. */
    struct bus_subscription replacements; /* router.register, while evacuating. */

    struct instance *instances; /* By id, in order of arrival. */
    uint32_t held_count;        /* Those that hold memory and a port. */
    uint32_t crashed_count;
    uint64_t reserved_mb;
    struct random_stream instance_ids;
    struct random_stream jitter;

    struct ports ports;
    struct droplets droplets;
    struct placement placement;
    struct dea_staging staging;
    struct dea_fences fences;
    struct saved saved;
    struct files files;
    struct dea_execs execs;
    struct lease lease;
    struct witness witness;
    struct standing standing;
    struct singleton singleton;
    struct uris uris;
    struct op list_op; /* Recovery. */
    bool is_recovered; /* All survivors are known. */
    bool has_greeted;  /* dea.start is out. */

    struct timer heartbeat_timer;
    struct timer early_heartbeat_timer; /* A jittered answer to healthmanager.start. */
    struct timer register_timer;        /* A jittered answer to router.start. */
    struct timer digest_timer;          /* router.digest, from time to time. */
    uint64_t route_changes;             /* Told to routers by this life. */
    struct dea_ends ends;
    struct timer usage_timer;
    struct op usage_op;
    struct timer list_timer; /* Survivors could not be looked for: again after a while. */
    struct timer evacuation_timer;
    struct timer leave_timer;
    uint64_t leave_until_ns; /* Then we end even if something is still open. */
};

static inline struct dea *dea_of_bus(struct bus_client *client)
{
    return container_of(client, struct dea, bus);
}

/* Ends the agent, not its instances. */
void dea_leave(struct dea *dea);
/* A delay below `most_ns`, so that many DEAs do not answer one message at the same time. */
uint64_t dea_jitter_ns(struct dea *dea, uint64_t most_ns);
/* Our address and number, as in dea.start. Points into the DEA. */
void dea_fill_hello(struct dea *dea, Cupola__DeaHello *ret_hello);

/* reports/heartbeat.c */
void dea_heartbeat_begin(struct dea *dea);
void dea_heartbeat_publish_all(struct dea *dea);
/* dea.UUID.tell: everything, now. */
void dea_heartbeat_on_tell(struct bus_client *client, const ProtobufCMessage *parsed,
                           const struct bus_message *message);
/* Everything, in a moment. */
void dea_heartbeat_publish_soon(struct dea *dea);
void dea_heartbeat_publish_one(struct instance *instance);
/* One that has crashed, and whom we have started for it, in one message: who heard of the second alone would take it
 * for a duplicate of the first. */
void dea_heartbeat_publish_healed(struct instance *crashed, struct instance *successor);
void dea_heartbeat_publish_exit(struct instance *instance, const char *reason, const char *detail);
/* Fills in who tells of that end, and as which of its news. */
void dea_heartbeat_sign_exit(struct dea *dea, Cupola__DropletExited *exited);
void dea_heartbeat_on_health_manager_start(struct bus_client *client, const ProtobufCMessage *parsed,
                                           const struct bus_message *message);

/* routes/routes.c */
void dea_routes_register(struct instance *instance);
void dea_routes_unregister(struct instance *instance);
void dea_routes_on_router_start(struct bus_client *client, const ProtobufCMessage *parsed,
                                const struct bus_message *message);
void dea_routes_on_update(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message);
/* All that are registered, again, in a moment. */
void dea_routes_register_soon(struct dea *dea);
/* The route as a message that points into the instance. */
void dea_routes_fill(struct instance *instance, Cupola__RouterRegister *ret_route);

/* routes/route_table.c: what is registered as a whole, for routers of ours */
/* Tells the digest now, to all routers. */
void dea_route_table_publish_digest(struct dea *dea);
/* Tells the digest now and then. */
void dea_route_table_begin(struct dea *dea);
/* Routes have changed: a digest follows within a second or so. */
void dea_route_table_tell_soon(struct dea *dea);
/* The instance was ended by an order or from outside: told to routers that ask for the table. */
void dea_route_table_note_ended(const struct instance *instance);
/* Answers a message with the digest alone. */
void dea_route_table_answer_digest(struct dea *dea, const struct bus_message *message);
/* dea.UUID.routes */
void dea_route_table_on_asked(struct bus_client *client, const ProtobufCMessage *parsed,
                              const struct bus_message *message);
/* GET /routes on the viewer's port: all of it in one message. */
void dea_route_table_answer_viewer(struct dea *dea, struct http_exchange *exchange);

/* instances/start.c */
void dea_start_on_order(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message);
/* The same order once more, after a crash, under the standing order. NULL: there is no room. */
struct instance *dea_start_again(struct instance *crashed);
/* Its droplet is here. */
void dea_start_on_droplet(struct instance *instance);
/* Its port is free. */
void dea_start_on_port(struct instance *instance);
/* Its droplet or a port is not to be had: gives the order back. FETCHING only. */
void dea_start_give_up(struct instance *instance, const char *why);
/* instances/port_check.c: looks whether somebody listens on its port already, and gives it another one then. */
void dea_port_check_begin(struct instance *instance);
/* Its process runs: waits until its port accepts. */
void dea_start_await_ready(struct instance *instance);
/* checks/probe.c: begins to look whether it is up; calls dea_start_on_ready. Ends a check of the port too. */
void dea_probe_begin(struct instance *instance);
void dea_probe_end(struct instance *instance);
void dea_start_on_ready(struct instance *instance);
/* It is ready: serves, and takes the place of older ones. PROBING or UNREADY. */
void dea_start_serve(struct instance *instance);

/* checks/watch.c: liveness and readiness of one that is up. */
void dea_watch_begin(struct instance *instance);
void dea_watch_end(struct instance *instance);

/* instances/stop.c */
void dea_stop_on_order(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message);
/* The same for a singleton whose lease is over: at once, and it is to be placed anew. */
void dea_stop_without_lease(struct instance *instance);
/* Ends an instance in whatever state it is, telling the others if that is news. */
void dea_stop_instance(struct instance *instance, const char *detail);
/* From STOPPING, with the process told already or gone: SIGTERM, grace, SIGKILL, removal. */
void dea_stop_process(struct instance *instance);
/* Deletes its files, then it is gone. */
void dea_stop_remove(struct instance *instance);

/* instances/crash.c */
void dea_crash_instance(struct instance *instance, const char *detail);
/* A dead instance that was found at start-up keeps its files for a while too. */
void dea_crash_keep_files(struct instance *instance);
void dea_crash_on_exited(struct machine *machine, const char *workload, int exit_code, int signal,
                         enum workload_breach breach);

/* reports/usage.c: from time to time, as long as anything is here. */
void dea_usage_begin(struct dea *dea);
/* A message with what it points to. */
struct usage_stats {
    Cupola__InstanceStats stats;
    Cupola__InstanceUsage usage;
    struct text time;
};
/* Release it with dea_usage_free_stats; it lends the instance's texts. */
void dea_usage_fill_stats(struct instance *instance, struct usage_stats *ret_stats);
void dea_usage_free_stats(struct usage_stats *stats);

/* healing/evacuation.c */
void dea_evacuation_begin(struct machine *machine);
void dea_evacuation_on_order(struct bus_client *client, const ProtobufCMessage *parsed,
                             const struct bus_message *message);
/* An instance has gone: perhaps it was the last. */
void dea_evacuation_check_end(struct dea *dea);

/* healing/recovery.c: looks for survivors, and calls dea_on_recovered when all are known. */
void dea_recovery_begin(struct dea *dea);
void dea_recovery_on_found(struct machine *machine, const char *workload, bool running, struct io_bytes note);
/* The bus client is open: tells of the dead, and goes on with those that live. */
void dea_recovery_finish(struct dea *dea);
void dea_on_recovered(struct dea *dea);

/* reports/status.c */
void dea_status_on_dea_status(struct bus_client *client, const ProtobufCMessage *parsed,
                              const struct bus_message *message);
void dea_status_on_droplet_status(struct bus_client *client, const ProtobufCMessage *parsed,
                                  const struct bus_message *message);
void dea_status_on_find_droplet(struct bus_client *client, const ProtobufCMessage *parsed,
                                const struct bus_message *message);

/* reports/varz.c */
void dea_varz_add(struct monitor *monitor, struct text *json);
void dea_varz_inspect(struct machine *machine, struct text *ret_json);

#endif
