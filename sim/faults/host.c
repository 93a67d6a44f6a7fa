/* Faults of hosts, of their clocks, and of the network between them. */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "sim/faults/state.h"

#include <signal.h>
#include <stdio.h>

/* ---- Hosts and clocks ---- */

/* Power is out while any fault says so, whatever its kind. */
static bool is_still_dark(const struct fault *fault, const struct host *host)
{
    for (size_t i = 0; i < fault->cloud->fault_count; i++) {
        const struct fault *other = fault->cloud->faults[i];
        bool is_outage = other->spec.kind == FAULT_POWER_OFF || other->spec.kind == FAULT_REBOOT;
        if (other != fault && is_outage && other->state == FAULT_ACTIVE && other->hosts[host->number])
            return true;
    }
    return false;
}

/* As a virtual machine that is started elsewhere: its disk comes along, its address does not. Only hosts of components
 * move: nobody could tell the clients where the storage has gone. */
static void move(struct fault *fault, struct host *host, bool goes)
{
    bool has_power = host->has_power;
    if (host == fault->cloud->storage || host->owner == NULL)
        return;
    const struct component *owner = host->owner;
    host->moves += goes ? 1 : UINT32_MAX; /* Adds, or takes away, by wrapping round. */
    if (host->moves > 1 || (host->moves == 1 && !goes))
        return;
    host_power_off(host);
    char address[16];
    if (goes)
        snprintf(address, sizeof address, "10.254.%u.%u", host->number >> 8 & 255, host->number & 255);
    else
        snprintf(address, sizeof address, "%s", owner->home_address);
    host_set_address(host, address);
    fault_configure(fault, owner);
    if (has_power && !is_still_dark(fault, host))
        host_power_on(host);
}

static void shift_rate(struct host *host, int64_t by_ppm)
{
    host_set_rate(host, (uint64_t)((int64_t)host->clock.rate_ppb + by_ppm * 1000));
}

static void apply_to_host(struct fault *fault, struct host *host)
{
    enum fault_kind kind = fault->spec.kind;
    if (kind == FAULT_POWER_OFF || kind == FAULT_REBOOT) {
        host_power_off(host);
    } else if (kind == FAULT_STRANGER) {
        fault->strangers[host->number] = stranger_new(host, (uint16_t)fault->spec.amount);
    } else if (kind == FAULT_CLOCK_STEP) {
        host_step_wall(host, fault->spec.amount);
    } else if (kind == FAULT_CLOCK_LEAP) {
        host_step_wall(host, -(int64_t)NS_PER_S);
    } else if (kind == FAULT_MEMORY_PRESSURE) {
        return; /* At its ticks. */
    } else if (kind == FAULT_CLOCK_DRIFT) {
        shift_rate(host, fault->spec.amount);
    } else if (kind == FAULT_CLOCK_FREEZE) {
        if (!host->clock.is_frozen)
            host_freeze_wall(host, true);
    } else if (kind == FAULT_SLOW_HOST) {
        host->slow_ns += fault->step_cost_ns;
    } else if (kind == FAULT_NEW_ADDRESS) {
        move(fault, host, true);
    } else if (kind == FAULT_NO_FORKS) {
        host->cannot_fork++;
    } else if (kind == FAULT_REFUSE) {
        host->refuses++;
    } else if (kind == FAULT_TABLE_FULL) {
        host->full_tables++;
    } else {
        assert_that(kind == FAULT_BLACK_HOLE);
        host->black_holes++;
    }
}

static void undo_on_host(struct fault *fault, struct host *host)
{
    enum fault_kind kind = fault->spec.kind;
    if (kind == FAULT_POWER_OFF || kind == FAULT_REBOOT) {
        if (!is_still_dark(fault, host))
            host_power_on(host);
    } else if (kind == FAULT_STRANGER) {
        stranger_free(fault->strangers[host->number]);
        fault->strangers[host->number] = NULL;
    } else if (kind == FAULT_CLOCK_STEP) {
        host_step_wall(host, -fault->spec.amount);
    } else if (kind == FAULT_CLOCK_LEAP) {
        host_step_wall(host, (int64_t)NS_PER_S);
    } else if (kind == FAULT_MEMORY_PRESSURE) {
        return;
    } else if (kind == FAULT_CLOCK_DRIFT) {
        shift_rate(host, -fault->spec.amount);
    } else if (kind == FAULT_CLOCK_FREEZE) {
        if (!fault_is_doubled(fault, host))
            host_freeze_wall(host, false);
    } else if (kind == FAULT_SLOW_HOST) {
        host->slow_ns -= fault->step_cost_ns;
    } else if (kind == FAULT_NEW_ADDRESS) {
        move(fault, host, false);
    } else if (kind == FAULT_NO_FORKS) {
        host->cannot_fork--;
    } else if (kind == FAULT_REFUSE) {
        host->refuses--;
    } else if (kind == FAULT_TABLE_FULL) {
        host->full_tables--;
    } else {
        assert_that(kind == FAULT_BLACK_HOLE);
        host->black_holes--;
    }
}

/* The largest process of an app goes, of equals the one that runs longest. */
static void kill_largest(struct fault *fault, struct host *host)
{
    (void)fault;
    struct workload *largest = NULL;
    for (struct workload *at = host->workloads; at != NULL; at = at->next) {
        if (at->is_running && (largest == NULL || workload_memory_bytes(at) > workload_memory_bytes(largest)))
            largest = at;
    }
    if (largest != NULL)
        workload_send_signal(largest, SIGKILL);
}

static void for_hosts(struct fault *fault, void (*act)(struct fault *fault, struct host *host))
{
    for (size_t i = 0; i < fault->host_count; i++) {
        if (fault->hosts[i])
            act(fault, fault->cloud->world->hosts[i]);
    }
}

/* ---- Network ---- */

static void open_windows(struct fault *fault, struct host *host)
{
    (void)fault;
    flow_open(host);
}

void fault_impair(struct fault *fault, bool is_on)
{
    if (fault->is_impairing == is_on)
        return;
    fault->is_impairing = is_on;
    if (is_on)
        network_impair(&fault->cloud->world->network, &fault->impairment);
    else
        network_repair(&fault->cloud->world->network, &fault->impairment);
    if (!is_on && fault->impairment.shuts_windows)
        for_hosts(fault, open_windows);
}

static void apply_to_network(struct fault *fault)
{
    struct impairment *impairment = &fault->impairment;
    impairment->from = fault->hosts;
    impairment->to = fault->peers;
    impairment->is_one_way = fault->spec.one_way;
    if (fault->spec.kind == FAULT_PARTITION || fault->spec.kind == FAULT_FLAPPING)
        impairment->blocks = true;
    else if (fault->spec.kind == FAULT_LATENCY)
        impairment->extra_latency = fault->spec.delay;
    else if (fault->spec.kind == FAULT_LOSS)
        impairment->loss_ppm = (uint32_t)fault->spec.amount;
    else if (fault->spec.kind == FAULT_CORRUPT)
        impairment->corrupt_ppm = (uint32_t)fault->spec.amount;
    else if (fault->spec.kind == FAULT_IDLE_EXPIRY)
        impairment->expiry_ns = distribution_sample(&fault->spec.delay, &fault->random);
    else if (fault->spec.kind == FAULT_BANDWIDTH)
        impairment->bytes_per_s = (uint64_t)fault->spec.amount;
    impairment->jams = fault->spec.kind == FAULT_JAM;
    impairment->misleads = fault->spec.kind == FAULT_WRONG_NAME;
    impairment->hides = fault->spec.kind == FAULT_NO_NAME;
    impairment->shuts_windows = fault->spec.kind == FAULT_ZERO_WINDOW;
    if (impairment->shuts_windows) { /* What comes to the target; not what it sends. */
        impairment->from = fault->peers;
        impairment->to = fault->hosts;
        impairment->is_one_way = true;
    }
    fault_impair(fault, true);
    if (fault->spec.kind == FAULT_FLAPPING)
        world_wake_in(fault->cloud->world, &fault->tick, distribution_sample(&fault->spec.delay, &fault->random));
}

static void break_connections(struct fault *fault, struct host *host)
{
    struct socket *next;
    for (struct socket *socket = host->sockets; socket != NULL; socket = next) {
        next = socket->next;
        if (!fault->peers[socket->peer->host->number])
            continue;
        if (fault->spec.kind == FAULT_RESET)
            socket_cut(socket);
        else if (fault->spec.kind == FAULT_FINISH)
            socket_end_both(socket);
        else
            socket_lose(socket);
    }
}

static bool acts_on_hosts(enum fault_kind kind)
{
    return kind == FAULT_REFUSE || kind == FAULT_BLACK_HOLE || kind == FAULT_TABLE_FULL;
}

/* ---- By kind ---- */

static bool has_ticks(enum fault_kind kind)
{
    return kind == FAULT_REBOOT || kind == FAULT_MEMORY_PRESSURE;
}

void fault_apply_to_hosts(struct fault *fault)
{
    if (fault->spec.kind == FAULT_SLOW_HOST)
        fault->step_cost_ns = distribution_sample(&fault->spec.delay, &fault->random);
    for_hosts(fault, apply_to_host);
    if (has_ticks(fault->spec.kind))
        world_wake_in(fault->cloud->world, &fault->tick, distribution_sample(&fault->spec.delay, &fault->random));
}

void fault_undo_on_hosts(struct fault *fault)
{
    for_hosts(fault, undo_on_host);
}

void fault_press_memory(struct fault *fault)
{
    for_hosts(fault, kill_largest);
    world_wake_in(fault->cloud->world, &fault->tick, distribution_sample(&fault->spec.delay, &fault->random));
}

void fault_apply_to_network(struct fault *fault)
{
    if (fault_kind_is_instant(fault->spec.kind))
        for_hosts(fault, break_connections);
    else if (acts_on_hosts(fault->spec.kind))
        for_hosts(fault, apply_to_host);
    else
        apply_to_network(fault);
}

void fault_undo_on_network(struct fault *fault)
{
    if (acts_on_hosts(fault->spec.kind))
        for_hosts(fault, undo_on_host);
    else
        fault_impair(fault, false);
}
