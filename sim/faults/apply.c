/* What each fault breaks, and how it is mended: by family; and disks, stores, load and messages themselves. */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "sim/faults/state.h"

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

/* ---- Disks and stores ---- */

/* Reads what the next component of that role has saved, the first after the last. */
static void swap(const struct cloud *cloud, const struct host *host, struct disk_trouble *trouble)
{
    const struct component *own = host->owner;
    if (own == NULL || host == cloud->storage)
        return;
    const struct component *other =
        &cloud->components[own->role][(own->index + 1) % cloud->component_counts[own->role]];
    trouble->instead = &other->host->disk;
    trouble->instead_name = other->name;
}

static void apply_to_disks(struct fault *fault)
{
    fault->troubles = memory_new(fault->host_count * sizeof *fault->troubles);
    for (size_t i = 0; i < fault->host_count; i++) {
        if (!fault->hosts[i])
            continue;
        struct disk_trouble *trouble = &fault->troubles[i];
        if (fault->spec.kind == FAULT_DISK_SLOW)
            trouble->extra = fault->spec.delay;
        if (fault->spec.kind == FAULT_DISK_ERROR || fault->spec.kind == FAULT_DISK_READ_ERROR)
            trouble->read_error_ppm = (uint32_t)fault->spec.amount;
        if (fault->spec.kind == FAULT_DISK_ERROR || fault->spec.kind == FAULT_DISK_WRITE_ERROR)
            trouble->write_error_ppm = (uint32_t)fault->spec.amount;
        trouble->is_full = fault->spec.kind == FAULT_DISK_FULL;
        trouble->is_read_only = fault->spec.kind == FAULT_DISK_READ_ONLY;
        trouble->rots = fault->spec.kind == FAULT_DISK_BIT_ROT;
        trouble->is_torn = fault->spec.kind == FAULT_DISK_TORN_STATE;
        trouble->is_old = fault->spec.kind == FAULT_DISK_OLD_IMAGE;
        trouble->is_empty = fault->spec.kind == FAULT_DISK_WIPED;
        trouble->lies = fault->spec.kind == FAULT_DISK_LYING_SYNC;
        if (fault->spec.kind == FAULT_DISK_SWAPPED)
            swap(fault->cloud, fault->cloud->world->hosts[i], trouble);
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

/* The worst that the active faults of that kind say; 0 without any. */
static int64_t worst_amount(const struct fault *fault)
{
    int64_t worst = 0;
    for (size_t i = 0; i < fault->cloud->fault_count; i++) {
        const struct fault *at = fault->cloud->faults[i];
        if (at->state == FAULT_ACTIVE && at->spec.kind == fault->spec.kind && at->spec.amount > worst)
            worst = at->spec.amount;
    }
    return worst;
}

static struct distribution longest_delay(const struct fault *fault)
{
    struct distribution longest = {0};
    for (size_t i = 0; i < fault->cloud->fault_count; i++) {
        const struct fault *at = fault->cloud->faults[i];
        if (at->state == FAULT_ACTIVE && at->spec.kind == fault->spec.kind &&
            distribution_median_ns(&at->spec.delay) > distribution_median_ns(&longest))
            longest = at->spec.delay;
    }
    return longest;
}

static void change_stores(struct fault *fault, bool is_on)
{
    struct journal_store *journal = fault->cloud->journal;
    uint32_t one = is_on ? 1 : UINT32_MAX; /* Adds, or takes away, by wrapping round. */
    if (fault->spec.kind == FAULT_JOURNAL_OUTAGE)
        journal->outages += one;
    else if (fault->spec.kind == FAULT_JOURNAL_SLOW)
        journal->extra = longest_delay(fault);
    else if (fault->spec.kind == FAULT_JOURNAL_CONFLICTS)
        journal->conflict_ppm = (uint32_t)worst_amount(fault);
    else if (fault->spec.kind == FAULT_JOURNAL_SHORT)
        journal->short_ppm = (uint32_t)worst_amount(fault);
    else if (fault->spec.kind == FAULT_JOURNAL_UNSURE)
        journal->unsure_ppm = (uint32_t)worst_amount(fault);
    else if (fault->spec.kind == FAULT_JOURNAL_TORN)
        journal->torn_ppm = (uint32_t)worst_amount(fault);
    else if (fault->spec.kind == FAULT_BLOBS_DAMAGED)
        fault->cloud->blobs->damages += one;
    else
        fault->cloud->blobs->denials += one;
}

/* ---- Load ---- */

static bool means_load(const struct fault *fault, size_t load)
{
    return fault->spec.target[0] == 0 || strcmp(fault->spec.target, cloud_load_host(fault->cloud, load)) == 0;
}

/* The strongest of all that mean it. */
static void set_surges(const struct fault *changed)
{
    const struct cloud *cloud = changed->cloud;
    for (size_t load = 0; load < cloud->load_count; load++) {
        uint32_t times = 1;
        for (size_t i = 0; i < cloud->fault_count; i++) {
            const struct fault *at = cloud->faults[i];
            if (at->spec.kind == FAULT_SURGE && at->state == FAULT_ACTIVE && means_load(at, load) &&
                at->spec.amount > times)
                times = (uint32_t)at->spec.amount;
        }
        cloud_load_set_surge(changed->cloud, load, times);
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
    trouble->only = fault->spec.only;
    trouble->only_count = fault->spec.only_count;
    trouble->delay = fault->spec.delay;
    trouble->random = fault->random;
    message_trouble_begin(fault->cloud->world, trouble);
}

/* ---- By family ---- */

void fault_apply(struct fault *fault)
{
    enum fault_kind kind = fault->spec.kind;
    switch (fault_kind_family(kind)) {
    case FAULT_FAMILY_PROCESS:
        fault_apply_to_processes(fault);
        return;
    case FAULT_FAMILY_HOST:
    case FAULT_FAMILY_CLOCK:
        fault_apply_to_hosts(fault);
        return;
    case FAULT_FAMILY_NETWORK:
        fault_apply_to_network(fault);
        return;
    case FAULT_FAMILY_DISK:
        apply_to_disks(fault);
        return;
    case FAULT_FAMILY_STORE:
        change_stores(fault, true);
        return;
    case FAULT_FAMILY_WORKLOAD:
        fault_apply_to_workloads(fault);
        return;
    case FAULT_FAMILY_LOAD:
        if (kind == FAULT_SURGE)
            set_surges(fault);
        else
            fault_send_clients(fault);
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
        fault_undo_on_processes(fault);
        return;
    case FAULT_FAMILY_HOST:
    case FAULT_FAMILY_CLOCK:
        fault_undo_on_hosts(fault);
        return;
    case FAULT_FAMILY_NETWORK:
        fault_undo_on_network(fault);
        return;
    case FAULT_FAMILY_DISK:
        undo_on_disks(fault);
        return;
    case FAULT_FAMILY_STORE:
        change_stores(fault, false);
        return;
    case FAULT_FAMILY_WORKLOAD:
        fault_undo_on_workloads(fault);
        return;
    case FAULT_FAMILY_LOAD:
        if (kind == FAULT_SURGE)
            set_surges(fault);
        else
            fault_call_clients_off(fault);
        return;
    case FAULT_FAMILY_MESSAGE:
        message_trouble_end(fault->cloud->world, &fault->message_trouble);
        return;
    }
}

/* The next kill of a crash loop, the next turn of a flapping path, the power back after a reboot, the next client. */
void fault_on_tick(struct wake *wake)
{
    struct fault *fault = container_of(wake, struct fault, tick);
    if (fault->spec.kind == FAULT_REBOOT) {
        fault_end(fault);
    } else if (fault->spec.kind == FAULT_FLAPPING) {
        fault_impair(fault, !fault->is_impairing);
        world_wake_in(fault->cloud->world, wake, distribution_sample(&fault->spec.delay, &fault->random));
    } else if (fault->spec.kind == FAULT_MEMORY_PRESSURE) {
        fault_press_memory(fault);
    } else if (fault->spec.kind == FAULT_BAD_CLIENTS) {
        fault_send_clients(fault);
    } else {
        assert_that(fault->spec.kind == FAULT_CRASH_LOOP);
        fault_apply_to_processes(fault);
    }
}
