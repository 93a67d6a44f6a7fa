/* A whole simulated cloud: the world, its components, its operators, its load; run by the clock of the world.
 *
 * Life cycle: cloud_create(plan, seed), then cloud_run_* as often as needed, then cloud_finish (stops everything in
 * good order and checks that nothing was left behind), then cloud_destroy. All of it happens in virtual time: nothing
 * here waits, and the same plan, seed and calls give the same hash on every machine.
 *
 * The first step of a cloud is to start every component, then an operator that registers, logs in and pushes the apps
 * of the plan (those that are not `is_not_pushed`), one after another.
 *
 * Every cloud_run_* stops early when an `always` check is violated (or an operator of the plan failed); it then returns
 * CLOUD_VIOLATED and cloud_violation() tells what was expected and what was seen.
 */
#ifndef CUPOLA_SIM_CLOUD_H
#define CUPOLA_SIM_CLOUD_H

#include "core/base/text.h"
#include "core/io.h"
#include "sim/plan.h"

#include <signal.h>

struct cloud;

/* `plan` is lent and copied. */
struct cloud *cloud_create(const struct cloud_plan *plan, uint64_t seed);
/* Releases everything, whatever is under way. NULL is allowed. */
void cloud_destroy(struct cloud *cloud);

/* ---- Time ---- */

enum cloud_result {
    CLOUD_OK = 0,
    CLOUD_TIMED_OUT, /* cloud_wait_until: the bound has passed. cloud_explanation() tells what was still missing. */
    CLOUD_VIOLATED,  /* cloud_violation() tells what. */
};

uint64_t cloud_now_ns(const struct cloud *cloud);
enum cloud_result cloud_run_for(struct cloud *cloud, uint64_t duration_ns);

/* Whether the wait is over. If it is not, says in `ret_why` what is missing, when that is not NULL. */
typedef bool cloud_predicate(struct cloud *cloud, void *context, struct text *ret_why);
/* Runs until the predicate holds, at most `bound_ns`. `ret_took_ns` may be NULL. The predicate is looked at again
 * whenever something has happened, at most once in 5 ms of virtual time (in a cloud of more than 100 DEAs as
 * whenever something has happened, at most once in 5 ms of virtual time (in a cloud of more than 100 DEAs as
 * much more seldom as it is larger: in 50 ms with 1,000). sim/checks/check.h has ready-made ones. */
enum cloud_result cloud_wait_until(struct cloud *cloud, cloud_predicate *predicate, void *context, uint64_t bound_ns,
                                   uint64_t *ret_took_ns);
/* After CLOUD_TIMED_OUT: what the predicate said last. Lent until the next wait. */
const char *cloud_explanation(const struct cloud *cloud);
/* "check: what was seen", or NULL if nothing was violated. */
const char *cloud_violation(const struct cloud *cloud);
/* Declares the run a failure; the first one wins. For checks written elsewhere (Lua). */
void cloud_violate(struct cloud *cloud, const char *check, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Ends the run as violated ("interrupted") once the flag is set: for a signal's handler. */
void cloud_end_when(struct cloud *cloud, const volatile sig_atomic_t *flag);

/* Calls back at a moment of virtual time, outside of any component's step. Calls of the same moment come in the order
 * in which they were asked for. */
typedef void cloud_wake(struct cloud *cloud, void *context);

/* Ends load and faults, stops every component politely, waits for their exits, and checks that none of them held an
 * open operation or connection. CLOUD_TIMED_OUT after `bound_ns`. */
enum cloud_result cloud_finish(struct cloud *cloud, uint64_t bound_ns);

/* ---- What happened ---- */

/* The hash over every event and effect of every component so far; equal for equal runs. */
uint64_t cloud_hash(const struct cloud *cloud);
/* Steps of all components so far: one event and its effects each. */
uint64_t cloud_step_count(const struct cloud *cloud);
uint64_t cloud_seed(const struct cloud *cloud);
/* Entropy of a named decision of the scenario: independent of everything else that is drawn (core/base/random.h). */
struct random_stream cloud_random(const struct cloud *cloud, const char *name);

enum story_kind {
    STORY_SCENARIO = 1, /* What the scenario did: waits, picks, records. */
    STORY_FAULT,        /* A fault begins or ends. */
    STORY_COMPONENT,    /* A component starts, exits, is killed. */
    STORY_OPERATOR,     /* A command of an operator and its outcome. */
    STORY_CHECK,        /* A check is violated. */
    STORY_LOG,          /* A line that a component logged. */
};
/* A short word: "fault". Static. */
const char *story_kind_name(enum story_kind kind);

struct story_line {
    uint64_t at_ns; /* Virtual, since the start of the world. */
    enum story_kind kind;
    enum log_level level; /* Of STORY_LOG; LOG_INFO otherwise. */
    const char *who;      /* Component, host, app or operator; "" if none. */
    const char *text;
};
/* One line of the story (lent). Several observers may listen; they are called in the order of cloud_observe. */
typedef void cloud_observer(void *context, const struct story_line *line);
void cloud_observe(struct cloud *cloud, cloud_observer *observer, void *context);
/* Adds a line of kind STORY_SCENARIO. */
void cloud_tell(struct cloud *cloud, const char *who, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The kept lines, oldest first: all but STORY_LOG, and the last plan.story_limit of those. NULL past the end. */
const struct story_line *cloud_story(const struct cloud *cloud, size_t index);

/* One message between two hosts, for reports: called for every segment that arrives, if set. Costs time. */
struct cloud_message {
    uint64_t sent_ns, arrived_ns;
    const char *from, *to; /* Components, workloads ("shop/3") or clients. */
    struct io_bytes bytes; /* Lent. */
};
typedef void cloud_message_observer(void *context, const struct cloud_message *message);
void cloud_observe_messages(struct cloud *cloud, cloud_message_observer *observer, void *context);

/* Every step of every process, with its effects before they are carried out. Costs time; nothing may be changed. One
 * observer, or NULL. */
struct process;
typedef void cloud_step_observer(void *context, const struct process *process, const struct event *event,
                                 struct effects *effects);
void cloud_observe_steps(struct cloud *cloud, cloud_step_observer *observer, void *context);

/* Called between any two things that happen in the world, when everything may be looked at and broken; a cloud_violate
 * there ends the run. One observer, or NULL. */
void cloud_observe_moments(struct cloud *cloud, cloud_wake *observer, void *context);

/* ---- Components ---- */

enum component_role {
    ROLE_BUS_SERVER = 0,
    ROLE_ROUTER,
    ROLE_CONTROLLER,
    ROLE_HEALTH_MANAGER,
    ROLE_DEA,
    ROLE_GATEWAY, /* Simulated only (drivers/sim/gateway/gateway.h). */
    ROLE_COUNT,
};
/* The role as it is written in names and scenarios: "bus", "router", "controller", "health_manager", "dea",
 * "gateway". Static. */
const char *component_role_name(enum component_role role);

/* One component of the plan. It exists for as long as the cloud, whether its process runs or not. */
struct component {
    const char *name; /* "dea-3", counted from 0. */
    enum component_role role;
    uint32_t index; /* Among its role. */
    struct host *host;
    const char *home_address; /* Of its host, without faults. */
    struct process *process;
};

size_t cloud_component_count(const struct cloud *cloud, enum component_role role);
struct component *cloud_component(struct cloud *cloud, enum component_role role, size_t index);
/* NULL if there is none of that name. */
struct component *cloud_find_component(struct cloud *cloud, const char *name);

bool component_is_running(const struct component *component);
const char *component_host_name(const struct component *component);
const char *component_address(const struct component *component); /* "10.0.1.4" */
uint32_t component_zone(const struct component *component);
bool component_host_has_power(const struct component *component);
/* The machine of a running component, for the read-only views of core/<role>/view.h; NULL while it does not run. */
const struct machine *component_machine(const struct component *component);
/* Its state as a JSON object for people; "{}" while it does not run. */
void component_inspect(const struct component *component, struct text *ret_json);
/* Bytes that it has written to connections and that have not left yet: what slow readers make it hold. */
uint64_t component_unsent_bytes(const struct component *component);
/* The trace of its present life so far, ready to be written to a file (core/trace/trace.h), with its size; empty
 * unless plan.keep_traces. Lent until the world moves on. `life` counts from 0; false if there was none. */
bool component_trace(const struct component *component, size_t life, struct io_bytes *ret_trace);

/* Things a person can do to a component at a terminal; faults with an undo are in sim/faults/fault.h. */
void component_start(struct component *component);   /* Nothing if it runs or its host has no power. */
void component_stop(struct component *component);    /* SIGTERM: EVENT_STOP; it exits by itself. Not started again. */
void component_kill(struct component *component);    /* SIGKILL. Started again after plan.restart_delay_ns, if any. */
void component_restart(struct component *component); /* Stop, and start once it has exited. */
/* SIGUSR2, as in v1 (EVENT_EVACUATE): a DEA exits when its instances run elsewhere. Not started again. */
void component_evacuate(struct component *component);

/* ---- Instances, as the hosts know them: simulated processes of apps ---- */

struct instance_info {
    const char *app;      /* Name, from the bits that were pushed. */
    const char *instance; /* 32 hex digits. */
    int32_t index;
    const char *version;
    struct component *dea; /* That started it. */
    uint16_t port;
    bool is_listening;
    uint64_t started_ns;
};
/* The running processes of an app (NULL: of all), ordered by DEA and start; lent until the world moves on. Returns how
 * many there are; at most `capacity` of them are written. */
size_t cloud_instances(struct cloud *cloud, const char *app, struct instance_info *ret_infos, size_t capacity);
/* Processes of apps that were ever started, on all hosts. */
uint64_t cloud_started_instances(const struct cloud *cloud);
/* Commands that run beside the processes of an app, or of all (NULL). */
size_t cloud_running_commands(const struct cloud *cloud, const char *app);
/* Sends a signal to one of them. False if it is not there. */
bool cloud_signal_instance(struct cloud *cloud, const char *instance, int signal);

#endif
