/* What each fault breaks, and how it is mended. */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "sim/fault_state.h"

#include <signal.h>
#include <string.h>

bool fault_is_doubled(const struct fault *fault, const struct host *host)
{
    for (size_t i = 0; i < fault->cloud->fault_count; i++) {
        const struct fault *other = fault->cloud->faults[i];
        if (other != fault && other->state == FAULT_ACTIVE && other->spec.kind == fault->spec.kind &&
            other->hosts != NULL && other->hosts[host->number])
            return true;
    }
    return false;
}

/* ---- Processes ---- */

static void apply_to_process(struct fault *fault, struct process *process)
{
    if (fault->spec.kind == FAULT_KILL) {
        process_kill(process);
    } else if (fault->spec.kind == FAULT_KEEP_DOWN) {
        process->held_down++;
        process_kill(process);
    } else if (fault->spec.kind == FAULT_PAUSE) {
        process_pause(process);
    } else if (fault->spec.kind == FAULT_KILL_AT_EFFECT) {
        process->effects_to_live = process->machine == NULL ? 0 : (uint64_t)fault->spec.amount;
    } else if (fault->spec.kind == FAULT_SLOW_PROCESS) {
        process->step_cost_ns += fault->step_cost_ns;
    } else {
        assert_that(fault->spec.kind == FAULT_CRASH_LOOP);
        process_kill(process);
        process_start(process, 100 * NS_PER_MS);
    }
}

static void undo_on_process(struct fault *fault, struct process *process)
{
    if (fault->spec.kind == FAULT_KEEP_DOWN) {
        if (--process->held_down == 0)
            process_start(process, 0);
    } else if (fault->spec.kind == FAULT_PAUSE) {
        if (!fault_is_doubled(fault, process->host))
            process_resume(process);
    } else if (fault->spec.kind == FAULT_SLOW_PROCESS) {
        process->step_cost_ns -= fault->step_cost_ns;
    }
}

static void apply_to_processes(struct fault *fault)
{
    fault->step_cost_ns = distribution_sample(&fault->spec.delay, &fault->random);
    for (size_t i = 0; i < fault->component_count; i++)
        apply_to_process(fault, fault->components[i]->process);
    if (fault->spec.kind == FAULT_CRASH_LOOP)
        world_wake_in(fault->cloud->world, &fault->tick, fault->step_cost_ns);
}

/* ---- Hosts and clocks ---- */

static void shift_rate(struct host *host, int64_t by_ppm)
{
    host_set_rate(host, (uint64_t)((int64_t)host->clock.rate_ppb + by_ppm * 1000));
}

static void apply_to_host(struct fault *fault, struct host *host)
{
    enum fault_kind kind = fault->spec.kind;
    if (kind == FAULT_POWER_OFF || kind == FAULT_REBOOT) {
        host_power_off(host);
    } else if (kind == FAULT_CLOCK_STEP) {
        host_step_wall(host, fault->spec.amount);
    } else if (kind == FAULT_CLOCK_DRIFT) {
        shift_rate(host, fault->spec.amount);
    } else if (kind == FAULT_CLOCK_FREEZE) {
        if (!host->clock.is_frozen)
            host_freeze_wall(host, true);
    } else if (kind == FAULT_REFUSE) {
        host->refuses++;
    } else if (kind == FAULT_TABLE_FULL) {
        host->full_tables++;
    } else {
        assert_that(kind == FAULT_BLACK_HOLE);
        host->black_holes++;
    }
}

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

static void undo_on_host(struct fault *fault, struct host *host)
{
    enum fault_kind kind = fault->spec.kind;
    if (kind == FAULT_POWER_OFF || kind == FAULT_REBOOT) {
        if (!is_still_dark(fault, host))
            host_power_on(host);
    } else if (kind == FAULT_CLOCK_STEP) {
        host_step_wall(host, -fault->spec.amount);
    } else if (kind == FAULT_CLOCK_DRIFT) {
        shift_rate(host, -fault->spec.amount);
    } else if (kind == FAULT_CLOCK_FREEZE) {
        if (!fault_is_doubled(fault, host))
            host_freeze_wall(host, false);
    } else if (kind == FAULT_REFUSE) {
        host->refuses--;
    } else if (kind == FAULT_TABLE_FULL) {
        host->full_tables--;
    } else {
        assert_that(kind == FAULT_BLACK_HOLE);
        host->black_holes--;
    }
}

static void for_hosts(struct fault *fault, void (*act)(struct fault *fault, struct host *host))
{
    for (size_t i = 0; i < fault->host_count; i++) {
        if (fault->hosts[i])
            act(fault, fault->cloud->world->hosts[i]);
    }
}

/* ---- Network ---- */

static void impair(struct fault *fault, bool is_on)
{
    if (fault->is_impairing == is_on)
        return;
    fault->is_impairing = is_on;
    if (is_on)
        network_impair(&fault->cloud->world->network, &fault->impairment);
    else
        network_repair(&fault->cloud->world->network, &fault->impairment);
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
    else
        impairment->bytes_per_s = (uint64_t)fault->spec.amount;
    impair(fault, true);
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
        else
            socket_lose(socket);
    }
}

/* ---- Disks and stores ---- */

static void apply_to_disks(struct fault *fault)
{
    fault->troubles = memory_new(fault->host_count * sizeof *fault->troubles);
    for (size_t i = 0; i < fault->host_count; i++) {
        if (!fault->hosts[i])
            continue;
        struct disk_trouble *trouble = &fault->troubles[i];
        if (fault->spec.kind == FAULT_DISK_SLOW)
            trouble->extra = fault->spec.delay;
        else if (fault->spec.kind == FAULT_DISK_ERROR)
            trouble->error_ppm = (uint32_t)fault->spec.amount;
        trouble->is_full = fault->spec.kind == FAULT_DISK_FULL;
        trouble->is_read_only = fault->spec.kind == FAULT_DISK_READ_ONLY;
        trouble->rots = fault->spec.kind == FAULT_DISK_BIT_ROT;
        trouble->is_torn = fault->spec.kind == FAULT_DISK_TORN_STATE;
        trouble->is_old = fault->spec.kind == FAULT_DISK_OLD_IMAGE;
        trouble->lies = fault->spec.kind == FAULT_DISK_LYING_SYNC;
        disk_trouble_begin(&fault->cloud->world->hosts[i]->disk, trouble);
    }
}

static void undo_on_disks(struct fault *fault)
{
    for (size_t i = 0; i < fault->host_count; i++) {
        if (fault->hosts[i])
            disk_trouble_end(&fault->cloud->world->hosts[i]->disk, &fault->troubles[i]);
    }
}

static void change_stores(struct fault *fault, bool is_on)
{
    struct journal_store *journal = fault->cloud->journal;
    uint32_t one = is_on ? 1 : UINT32_MAX; /* Adds, or takes away, by wrapping round. */
    if (fault->spec.kind == FAULT_JOURNAL_OUTAGE)
        journal->outages += one;
    else if (fault->spec.kind == FAULT_JOURNAL_SLOW)
        journal->extra = is_on ? fault->spec.delay : (struct distribution){0};
    else if (fault->spec.kind == FAULT_JOURNAL_CONFLICTS)
        journal->conflict_ppm = is_on ? (uint32_t)fault->spec.amount : 0;
    else if (fault->spec.kind == FAULT_BLOBS_DAMAGED)
        fault->cloud->blobs->damages += one;
    else
        fault->cloud->blobs->denials += one;
}

/* ---- Workloads and load ---- */

static void change_instances(struct fault *fault, bool is_on)
{
    for (size_t i = 0; i < fault->cloud->world->host_count; i++) {
        for (struct workload *at = fault->cloud->world->hosts[i]->workloads; at != NULL; at = at->next) {
            if (!at->is_running || !fault_means_workload(fault, at))
                continue;
            if (fault->spec.kind == FAULT_KILL_INSTANCE)
                workload_send_signal(at, SIGKILL);
            else
                at->hangs = is_on;
        }
    }
}

static void apply_to_app(struct fault *fault)
{
    struct app_trouble *trouble = &fault->app_trouble;
    trouble->app = fault->spec.target;
    trouble->never_binds = fault->spec.kind == FAULT_APP_NEVER_BINDS;
    trouble->ignores_term = fault->spec.kind == FAULT_APP_IGNORES_TERM;
    trouble->cannot_fork = fault->spec.kind == FAULT_APP_CANNOT_FORK;
    trouble->is_port_taken = fault->spec.kind == FAULT_APP_PORT_TAKEN;
    trouble->is_unreaped = fault->spec.kind == FAULT_APP_ZOMBIE;
    trouble->exits_well = fault->spec.kind == FAULT_APP_EXITS_WELL;
    if (fault->spec.kind == FAULT_APP_CRASHES)
        trouble->exit_after_ns = distribution_sample(&fault->spec.delay, &fault->random);
    else if (fault->spec.kind == FAULT_APP_SLOW_BOOT)
        trouble->boot_extra = fault->spec.delay;
    else if (fault->spec.kind == FAULT_APP_LEAKS)
        trouble->growth_bytes_per_s = (uint64_t)fault->spec.amount;
    app_trouble_begin(fault->cloud->world, trouble);
}

static void set_surge(struct fault *fault, uint32_t times)
{
    for (size_t i = 0; i < fault->cloud->load_count; i++) {
        if (fault->spec.target[0] == 0 || strcmp(fault->spec.target, cloud_load_host(fault->cloud, i)) == 0)
            cloud_load_set_surge(fault->cloud, i, times);
    }
}

/* ---- Messages ---- */

static void apply_to_messages(struct fault *fault)
{
    static const enum message_harm harms[FAULT_KIND_END] = {
        [FAULT_MESSAGE_LOSS] = MESSAGE_LOST,
        [FAULT_MESSAGE_DUPLICATES] = MESSAGE_DOUBLED,
        [FAULT_MESSAGE_DELAY] = MESSAGE_HELD_BACK,
        [FAULT_MESSAGE_DAMAGE] = MESSAGE_DAMAGED,
    };
    struct message_trouble *trouble = &fault->message_trouble;
    trouble->harm = harms[fault->spec.kind];
    trouble->subject = fault->spec.subject == NULL ? ">" : fault->spec.subject;
    trouble->to = fault->hosts;
    trouble->share_ppm = (uint32_t)fault->spec.amount;
    trouble->delay = fault->spec.delay;
    trouble->random = fault->random;
    message_trouble_begin(fault->cloud->world, trouble);
}

/* ---- By family ---- */

static bool acts_on_hosts(enum fault_kind kind)
{
    return kind == FAULT_REFUSE || kind == FAULT_BLACK_HOLE || kind == FAULT_TABLE_FULL;
}

static bool is_of_instances(enum fault_kind kind)
{
    return kind == FAULT_KILL_INSTANCE || kind == FAULT_HANG_INSTANCE;
}

void fault_apply(struct fault *fault)
{
    enum fault_kind kind = fault->spec.kind;
    switch (fault_kind_family(kind)) {
    case FAULT_FAMILY_PROCESS:
        apply_to_processes(fault);
        return;
    case FAULT_FAMILY_HOST:
    case FAULT_FAMILY_CLOCK:
        for_hosts(fault, apply_to_host);
        if (kind == FAULT_REBOOT)
            world_wake_in(fault->cloud->world, &fault->tick, distribution_sample(&fault->spec.delay, &fault->random));
        return;
    case FAULT_FAMILY_NETWORK:
        if (kind == FAULT_RESET || kind == FAULT_HALF_OPEN)
            for_hosts(fault, break_connections);
        else if (acts_on_hosts(kind))
            for_hosts(fault, apply_to_host);
        else
            apply_to_network(fault);
        return;
    case FAULT_FAMILY_DISK:
        apply_to_disks(fault);
        return;
    case FAULT_FAMILY_STORE:
        change_stores(fault, true);
        return;
    case FAULT_FAMILY_WORKLOAD:
        if (is_of_instances(kind))
            change_instances(fault, true);
        else
            apply_to_app(fault);
        return;
    case FAULT_FAMILY_LOAD:
        set_surge(fault, (uint32_t)fault->spec.amount);
        return;
    case FAULT_FAMILY_MESSAGE:
        apply_to_messages(fault);
        return;
    }
}

void fault_undo(struct fault *fault)
{
    enum fault_kind kind = fault->spec.kind;
    switch (fault_kind_family(kind)) {
    case FAULT_FAMILY_PROCESS:
        for (size_t i = 0; i < fault->component_count; i++)
            undo_on_process(fault, fault->components[i]->process);
        return;
    case FAULT_FAMILY_HOST:
    case FAULT_FAMILY_CLOCK:
        for_hosts(fault, undo_on_host);
        return;
    case FAULT_FAMILY_NETWORK:
        if (acts_on_hosts(kind))
            for_hosts(fault, undo_on_host);
        else
            impair(fault, false);
        return;
    case FAULT_FAMILY_DISK:
        undo_on_disks(fault);
        return;
    case FAULT_FAMILY_STORE:
        change_stores(fault, false);
        return;
    case FAULT_FAMILY_WORKLOAD:
        if (is_of_instances(kind))
            change_instances(fault, false);
        else
            app_trouble_end(fault->cloud->world, &fault->app_trouble);
        return;
    case FAULT_FAMILY_LOAD:
        set_surge(fault, 1);
        return;
    case FAULT_FAMILY_MESSAGE:
        message_trouble_end(fault->cloud->world, &fault->message_trouble);
        return;
    }
}

/* The next kill of a crash loop, the next turn of a flapping path, the power back after a reboot. */
void fault_on_tick(struct wake *wake)
{
    struct fault *fault = container_of(wake, struct fault, tick);
    if (fault->spec.kind == FAULT_REBOOT) {
        fault_end(fault);
    } else if (fault->spec.kind == FAULT_FLAPPING) {
        impair(fault, !fault->is_impairing);
        world_wake_in(fault->cloud->world, wake, distribution_sample(&fault->spec.delay, &fault->random));
    } else {
        assert_that(fault->spec.kind == FAULT_CRASH_LOOP);
        apply_to_processes(fault);
    }
}
