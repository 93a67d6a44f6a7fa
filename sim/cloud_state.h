/* What the files of the simulated cloud share. For the files of sim/ that are not of the Lua host only.
 *
 *     cloud.c        life, time, waiting          cloud_build.c  hosts and configurations from the plan
 *     component.c    components and instances     story.c        what is told to observers
 *     clients/       people, requests, clients without manners
 *     faults/        what breaks                  checks/        what must hold
 */
#ifndef CUPOLA_SIM_CLOUD_STATE_H
#define CUPOLA_SIM_CLOUD_STATE_H

#include "drivers/sim/process/process.h"
#include "drivers/sim/workload/workload.h"
#include "sim/checks/check.h"
#include "sim/clients/load.h"
#include "sim/clients/operator.h"
#include "sim/cloud.h"
#include "sim/faults/fault.h"
#include "sim/mark.h"
#include "sim/measure.h"

/* Where the load balancer before the routers is, and what listens where. */
#define BALANCER_ADDRESS "10.0.255.1"
enum { ROUTER_PORT = 80, BUS_PORT = 4222, CONTROLLER_PORT = 9022, VIEWER_PORT = 12345 };

/* How often, at most, a predicate is looked at in a cloud of up to LARGE_DEAS; in a larger one as much more seldom. */
#define LOOK_INTERVAL_NS (UINT64_C(5) * 1000000)
enum { LARGE_DEAS = 100 };
/* Two routed, running instances of one (app, version, index) may stand beside each other for so long, from when nothing
 * parts them. */
#define ONE_OF_EACH_GRACE_NS (UINT64_C(30) * 1000000000)

/* One of those who give commands, one at a time. */
struct person {
    struct cloud *cloud;
    struct operation *running;
    struct wake turn;
};

struct call {
    uint64_t at_ns;
    cloud_wake *wake;
    void *context;
    struct call *next;
};

struct observer {
    cloud_observer *observe;
    void *context;
    struct observer *next;
};

struct own_check {
    char *name;
    cloud_predicate *holds;
    void *context;
    struct own_check *next;
};

/* A pair that stands beside each other: for how long, so far. */
struct double_instance {
    char key[256];
    uint64_t since_ns;
    uint64_t seen_ns;
    UT_hash_handle hh;
};

struct cloud {
    struct cloud_plan plan; /* Its texts are labels of the world. */
    struct app_plan *apps;
    uint64_t seed;
    struct world *world;

    struct component *components[ROLE_COUNT];
    size_t component_counts[ROLE_COUNT];
    struct host *storage; /* Journal and blobs of the controllers. */
    struct host *outside; /* Clients. */
    struct journal_store *journal;
    struct blob_store *blobs;        /* Of the controllers. */
    struct blob_store *client_blobs; /* Of the operators. */

    struct call *calls; /* The next one first. */
    struct wake call_wake;

    struct observer *observers;
    struct story_line *story;
    size_t story_count, story_capacity, story_log_count;
    cloud_message_observer *message_observer;
    void *message_context;
    cloud_step_observer *step_observer;
    void *step_context;
    cloud_wake *moment_observer;
    void *moment_context;
    const volatile sig_atomic_t *end_flag;

    struct operation *operations; /* The newest first. */
    struct person people[2];      /* The operator, and a colleague. */
    char *token;

    struct load **loads;
    size_t load_count;
    struct raw_client **raw_clients;
    size_t raw_client_count;
    struct rest_group *rest_groups;
    struct fault **faults;
    size_t fault_count;
    uint64_t sound_fingerprint; /* Of a world without faults. */
    struct measurement *measurements;
    size_t measurement_count;
    struct mark *marks;
    size_t mark_count, mark_capacity;
    bool reads_logs_for_marks;

    uint32_t always; /* Bits by enum always_check. */
    struct own_check *own_checks;
    struct double_instance *doubles;
    struct dependencies *history;  /* What commands saw. */
    struct promised_app *promised; /* What controllers have acknowledged. */
    struct promised_service *promised_services;
    uint64_t next_check_ns;
    uint64_t checked_changes;

    struct text explanation;
    struct text violation;
    bool is_finishing;
};

/* cloud_build.c */
void cloud_build(struct cloud *cloud, const struct cloud_plan *plan);
/* What a component is told beside where the others are. */
struct component_settings {
    const ProtobufCMessage *given; /* Laid over what the plan says; NULL: nothing. */
    bool is_wrong;                 /* It looks for the bus where none is; a bus server knows other passwords. */
};
const ProtobufCMessageDescriptor *component_config_descriptor(enum component_role role);
/* Its configuration, packed. Given. */
struct slice component_configure(const struct cloud *cloud, const struct component *component,
                                 const struct component_settings *settings);
void cloud_start_components(struct cloud *cloud);
/* Given. */
struct slice cloud_pack(const ProtobufCMessage *message);
/* cloud_gateways.c: the configuration of one, packed, given. */
struct slice gateway_configure(const struct cloud *cloud, const struct component *component,
                               const struct component_settings *settings);
/* Lets the controllers know their gateways, unless their configuration names others. */
enum { GATEWAYS_MOST = 5 };
struct gateway_permits {
    Cupola__ServiceConfig services[GATEWAYS_MOST];
    Cupola__ServiceConfig *list[GATEWAYS_MOST];
};
void gateways_permit(const struct cloud *cloud, Cupola__CloudControllerConfig *config, struct gateway_permits *permits);
/* story.c */
void story_init(struct cloud *cloud);
void story_release(struct cloud *cloud);
void story_add(struct cloud *cloud, enum story_kind kind, enum log_level level, const char *who, const char *text);
/* clients/operator.c */
void operators_init(struct cloud *cloud);
void operators_release(struct cloud *cloud);
/* Whoever is under way is asked to give up. */
void operators_stop(struct cloud *cloud);
/* clients/load.c */
void loads_release(struct cloud *cloud);
void loads_stop(struct cloud *cloud);
/* For cloud_wait_until: no request is under way. */
bool loads_idle(struct cloud *cloud, void *context, struct text *ret_why);
/* clients/raw_client.c */
void raw_clients_stop(struct cloud *cloud);
void raw_clients_release(struct cloud *cloud);
/* clients/rest_clients.c */
void rest_clients_look(struct cloud *cloud);
void rest_clients_release(struct cloud *cloud);
/* faults/fault.c */
void faults_release(struct cloud *cloud);
/* checks/check.c: looks at all that are switched on. */
void checks_look(struct cloud *cloud);
void checks_release(struct cloud *cloud);
/* Whether no command under way is about that app, or none is under way at all. */
bool operation_leaves_alone(const struct cloud *cloud, const char *app);
bool operators_rest(const struct cloud *cloud);
/* checks/promises.c: an operation has ended; what does it promise, and does the journal keep it? `is_alone`: no other
 * was about the same app meanwhile. */
void promises_note(struct cloud *cloud, const Cupola__ClientConfig *config, bool is_good, bool is_alone);
/* checks/check_dependencies.c: a command has ended well. */
void dependencies_note(struct cloud *cloud, const char *what, const char *command, const char *result,
                       uint64_t began_ns);
void promises_look(struct cloud *cloud);
void epochs_look(struct cloud *cloud);  /* checks/epochs.c */
void doubles_look(struct cloud *cloud); /* checks/doubles.c */
void doubles_release(struct cloud *cloud);
void promises_release(struct cloud *cloud);
/* checks/promised_services.c, for checks/promises.c */
void promised_services_note(struct cloud *cloud, const Cupola__ClientConfig *config, bool is_good);
void promised_services_look(struct cloud *cloud, const struct machine *controller);
void promised_services_release(struct cloud *cloud);
/* A controller that knows the whole journal; NULL if none runs. */
const struct machine *cloud_knowing_controller(const struct cloud *cloud);
static inline bool check_is_on(const struct cloud *cloud, enum always_check check)
{
    return (cloud->always & (1u << check)) != 0;
}

#endif
