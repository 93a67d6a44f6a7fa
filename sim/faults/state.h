/* What the files of the faults share: fault.c (life), target.c (who is meant), apply.c, host.c, process.c, workloads.c,
 * clients.c (what breaks), soundness.c (that it was mended). */
#ifndef CUPOLA_SIM_FAULTS_STATE_H
#define CUPOLA_SIM_FAULTS_STATE_H

#include "drivers/sim/host/stranger.h"
#include "drivers/sim/network/messages.h"
#include "sim/cloud_state.h"

struct fault {
    struct cloud *cloud;
    struct fault_spec spec; /* Its texts are labels of the world. */
    enum fault_state state;
    uint64_t began_ns, ended_ns;
    struct wake turn; /* The beginning of a planned one, the end of one with a duration. */
    struct wake tick; /* Of flapping, crash_loop, reboot. */
    struct random_stream random;

    bool *hosts; /* By number. */
    bool *peers;
    size_t host_count;
    struct component **components;
    size_t component_count;

    struct impairment impairment;
    bool is_impairing;
    struct disk_trouble *troubles; /* By host number. */
    struct stranger **strangers;   /* Likewise. */
    struct app_trouble app_trouble;
    struct message_trouble message_trouble;
    uint64_t step_cost_ns; /* Its delay, where it is drawn once. */
    uint64_t highest_lot;  /* Of the instances that it has hit. */
    struct raw_client **clients;
    size_t client_count;
};

/* target.c: fills hosts, peers, components. False, and why, if a target means nothing. */
bool fault_resolve(struct fault *fault, struct text *ret_why);
/* Whether the fault means this process of an app. */
bool fault_means_workload(const struct fault *fault, const struct workload *workload);
/* So many of that number of targets it hits: one at least. */
size_t fault_share_of(const struct fault_spec *spec, size_t count);
/* apply.c */
void fault_apply(struct fault *fault);
void fault_undo(struct fault *fault);
void fault_on_tick(struct wake *wake);
/* process.c */
bool fault_config_is_valid(const struct fault *fault, struct text *ret_why);
void fault_apply_to_processes(struct fault *fault);
void fault_undo_on_processes(struct fault *fault);
/* Its configuration anew, as the active faults say, for its lives to come. */
void fault_configure(struct fault *fault, const struct component *component);
/* host.c */
void fault_apply_to_hosts(struct fault *fault);
void fault_undo_on_hosts(struct fault *fault);
void fault_press_memory(struct fault *fault);
void fault_apply_to_network(struct fault *fault);
void fault_undo_on_network(struct fault *fault);
void fault_impair(struct fault *fault, bool is_on);
/* workloads.c */
void fault_apply_to_workloads(struct fault *fault);
void fault_undo_on_workloads(struct fault *fault);
/* clients.c */
void fault_send_clients(struct fault *fault);
void fault_call_clients_off(struct fault *fault);
/* soundness.c: a number that is what it was if nothing is broken any more. Names in `text` what is, unless NULL. */
uint64_t fault_look(const struct cloud *cloud, struct text *text);
/* Another active fault of that kind on the same host. */
bool fault_is_doubled(const struct fault *fault, const struct host *host);

#endif
