#include "drivers/sim/storage/journal_store.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "drivers/sim/process/process.h"

/* How long a follower waits before it looks again for a store that cannot be reached. */
#define LOOK_AGAIN_NS (100 * NS_PER_MS)
/* A component waits so long for a store that does not answer. */
#define PATIENCE_NS (5 * NS_PER_S)

struct journal_store *journal_store_create(struct host *host)
{
    struct journal_store *store = memory_new(sizeof *store);
    store->host = host;
    store->random = random_named(host->world->seed, "journal");
    return store;
}

void journal_store_destroy(struct journal_store *store)
{
    assert_that(store->followers == NULL);
    for (uint64_t i = 0; i < store->count; i++)
        buffer_unref(store->entries[i].slice.buffer);
    for (size_t i = 0; i < 2; i++)
        buffer_unref(store->snapshots[i].slice.buffer);
    buffer_unref(store->foreign.buffer);
    memory_free(store->entries);
    memory_free(store);
}

static bool is_reachable(const struct journal_store *store, const struct process *process)
{
    const struct network *network = &store->host->world->network;
    return store->outages == 0 && store->host->has_power && !network_is_blocked(network, process->host, store->host) &&
           !network_is_blocked(network, store->host, process->host);
}

static uint64_t draw_way_ns(struct journal_store *store, const struct process *process)
{
    return network_draw_latency_ns(&store->host->world->network, process->host, store->host, &store->random);
}

static struct journal_follower *find_follower(const struct journal_store *store, const struct process *process)
{
    struct journal_follower *follower = store->followers;
    while (follower != NULL && follower->process != process)
        follower = follower->next;
    return follower;
}

static bool draws(struct journal_store *store, uint32_t ppm)
{
    return ppm > 0 && random_below(&store->random, 1000000) < ppm;
}

/* ---- Following ---- */

/* When the follower will see its next entry: after it is durable, and a way through the network. */
static void plan_delivery(struct journal_store *store, struct journal_follower *follower)
{
    if (follower->wake.place != 0 || follower->sequence >= store->count)
        return;
    uint64_t visible_ns = store->entries[follower->sequence].durable_ns + draw_way_ns(store, follower->process);
    if (visible_ns < follower->last_visible_ns)
        visible_ns = follower->last_visible_ns;
    world_wake_at(store->host->world, &follower->wake, visible_ns);
}

static void tell_all(struct journal_store *store)
{
    for (struct journal_follower *follower = store->followers; follower != NULL; follower = follower->next)
        plan_delivery(store, follower);
}

/* Who begins, or has fallen behind what is kept, is given the newest snapshot. */
static bool wants_snapshot(const struct journal_store *store, const struct journal_follower *follower)
{
    return (follower->sequence == 0 || follower->sequence < store->gone) &&
           store->snapshots[1].sequence > follower->sequence;
}

static void deliver_snapshot(struct journal_store *store, struct journal_follower *follower)
{
    follower->sequence = store->snapshots[1].sequence;
    follower->last_visible_ns = store->host->world->now_ns;
    plan_delivery(store, follower);
    struct slice slice = store->snapshots[1].slice;
    buffer_ref(slice.buffer);
    struct event event = {.kind = EVENT_JOURNAL_SNAPSHOT};
    event.journal_entry.sequence = follower->sequence;
    event.journal_entry.data = (struct io_bytes){slice_data(slice), slice.size};
    process_step(follower->process, &event);
    buffer_unref(slice.buffer);
}

static void deliver(struct journal_store *store, struct journal_follower *follower)
{
    if (wants_snapshot(store, follower)) {
        deliver_snapshot(store, follower);
        return;
    }
    uint64_t sequence = ++follower->sequence;
    follower->last_visible_ns = store->host->world->now_ns;
    plan_delivery(store, follower);
    struct slice slice = store->entries[sequence - 1].slice;
    buffer_ref(slice.buffer);
    struct event event = {.kind = EVENT_JOURNAL_ENTRY};
    event.journal_entry.sequence = sequence;
    event.journal_entry.data = (struct io_bytes){slice_data(slice), slice.size};
    if (slice.size > 1 && draws(store, store->torn_ppm))
        event.journal_entry.data.size = (size_t)random_between(&store->random, 1, slice.size - 1);
    process_step(follower->process, &event);
    buffer_unref(slice.buffer);
}

static void on_follower(struct wake *wake)
{
    struct journal_follower *follower = container_of(wake, struct journal_follower, wake);
    struct process *process = follower->process;
    struct journal_store *store = process->journal;
    if (!process_may_step(process, wake))
        return;
    if (!is_reachable(store, process)) {
        world_wake_in(process->world, wake, LOOK_AGAIN_NS);
        return;
    }
    if (follower->sequence < store->count) {
        if (store->entries[follower->sequence].durable_ns > process->world->now_ns) {
            world_wake_at(process->world, wake, store->entries[follower->sequence].durable_ns);
            return;
        }
        deliver(store, follower);
        follower = find_follower(store, process); /* The step may have ended the process. */
        if (follower == NULL || follower->caught_up_op == 0 || follower->sequence < store->count)
            return;
    }
    if (follower->caught_up_op != 0 && follower->sequence == store->count) {
        process_answer(process, (struct io_op){follower->caught_up_op}, IO_OK)->number = follower->sequence;
        follower->caught_up_op = 0;
    }
}

void journal_store_follow(struct journal_store *store, struct process *process, struct io_op op, uint64_t sequence)
{
    assert_that(find_follower(store, process) == NULL);
    struct journal_follower *follower = memory_new(sizeof *follower);
    follower->process = process;
    follower->sequence = sequence;
    follower->caught_up_op = op.id;
    follower->wake.happen = on_follower;
    follower->wake.key = random_mix(random_mix(store->random.key, 7), process->number);
    struct journal_follower **end = &store->followers;
    while (*end != NULL)
        end = &(*end)->next;
    *end = follower;
    world_wake_in(process->world, &follower->wake, draw_way_ns(store, process));
}

void journal_store_forget(struct journal_store *store, const struct process *process)
{
    for (struct journal_follower **at = &store->followers; *at != NULL; at = &(*at)->next) {
        struct journal_follower *follower = *at;
        if (follower->process != process)
            continue;
        *at = follower->next;
        world_cancel(store->host->world, &follower->wake);
        memory_free(follower);
        return;
    }
}

void journal_store_wake(struct journal_store *store, const struct process *process)
{
    struct journal_follower *follower = find_follower(store, process);
    if (follower != NULL && follower->wake.place == 0)
        world_wake_in(store->host->world, &follower->wake, 0);
}

/* ---- Appending ---- */

static uint64_t add_entry(struct journal_store *store, struct slice given, uint64_t durable_ns)
{
    store->entries = memory_room(store->entries, store->count, &store->capacity, sizeof *store->entries);
    store->entries[store->count++] = (struct journal_entry){given, durable_ns};
    if (!disk_lies(&store->host->disk)) /* An honest sync keeps what earlier ones only promised. */
        store->kept = store->count;
    return store->count;
}

/* The append is durable, and its entry has been delivered: that comes first. */
static void on_acknowledged(struct wake *wake)
{
    struct pending *pending = container_of(wake, struct pending, wake);
    struct process *process = pending->process;
    if (!process_may_step(process, wake))
        return;
    const struct journal_follower *follower = find_follower(process->journal, process);
    if (follower != NULL && follower->sequence < pending->number) {
        bool is_soon = is_reachable(process->journal, process);
        world_wake_in(process->world, wake, is_soon ? 200 * NS_PER_US : LOOK_AGAIN_NS);
        return;
    }
    process_finish_pending(pending);
}

static void on_conflict(struct wake *wake)
{
    process_on_pending(wake);
}

/* What somebody else is just writing counts only when it is durable: until then the store does not answer. */
static void answer_conflict(struct journal_store *store, struct pending *pending, uint64_t back_ns)
{
    uint64_t now_ns = store->host->world->now_ns;
    uint64_t durable_ns = store->count == 0 ? 0 : store->entries[store->count - 1].durable_ns;
    pending->status = IO_CONFLICT;
    pending->number = store->count;
    pending->wake.happen = on_conflict;
    world_wake_at(store->host->world, &pending->wake, (durable_ns > now_ns ? durable_ns : now_ns) + back_ns);
}

/* The request has come to the store. */
static void on_append(struct wake *wake)
{
    struct pending *pending = container_of(wake, struct pending, wake);
    struct process *process = pending->process;
    struct journal_store *store = process->journal;
    struct world *world = process->world;
    if (!is_reachable(store, process)) {
        pending->status = store->outages > 0 ? IO_FAILED : IO_TIMED_OUT;
        pending->wake.happen = process_on_pending;
        pending->data = slice_copy("the journal cannot be reached", 29);
        world_wake_in(world, wake, store->outages > 0 ? 0 : PATIENCE_NS);
        return;
    }
    uint64_t back_ns = draw_way_ns(store, process);
    pending->wake.happen = process_on_pending;
    if (pending->given.size == 0 && pending->expected == store->count) { /* Only a question: it has seen all of it. */
        pending->number = store->count;
        world_wake_in(world, wake, back_ns);
        return;
    }
    if (pending->given.size == 0) {
        answer_conflict(store, pending, back_ns);
        return;
    }
    bool is_conflict = draws(store, store->conflict_ppm);
    uint64_t done_ns;
    enum io_status status = disk_plan_sync(&store->host->disk, &done_ns);
    done_ns += distribution_sample(&store->extra, &store->random);
    if (store->count > 0 && done_ns < store->entries[store->count - 1].durable_ns)
        done_ns = store->entries[store->count - 1].durable_ns;
    if (is_conflict && store->foreign.buffer != NULL) {
        buffer_ref(store->foreign.buffer);
        add_entry(store, store->foreign, done_ns);
        tell_all(store);
    }
    if (pending->expected != store->count) {
        answer_conflict(store, pending, back_ns);
        return;
    }
    if (status == IO_OK && draws(store, store->short_ppm))
        status = IO_FAILED;
    if (status != IO_OK) {
        pending->status = status;
        world_wake_at(world, wake, done_ns + back_ns);
        return;
    }
    pending->number = add_entry(store, pending->given, done_ns);
    pending->given = (struct slice){0};
    if (draws(store, store->unsure_ppm))
        pending->status = IO_FAILED;
    else
        pending->wake.happen = on_acknowledged;
    world_wake_at(world, wake, done_ns + back_ns);
    tell_all(store);
}

void journal_store_append(struct journal_store *store, struct process *process, struct io_op op, uint64_t sequence,
                          struct slice given)
{
    uint64_t there_ns = process->world->now_ns + draw_way_ns(store, process);
    if (there_ns <= process->last_append_ns)
        there_ns = process->last_append_ns + 1;
    process->last_append_ns = there_ns;
    struct pending *pending = process_add_pending(process, op, there_ns, IO_OK);
    pending->given = given;
    pending->expected = sequence;
    pending->wake.happen = on_append;
}

/* ---- Snapshots ---- */

static void take_entries_away(struct journal_store *store, uint64_t until)
{
    for (; store->gone < until; store->gone++) {
        buffer_unref(store->entries[store->gone].slice.buffer);
        store->entries[store->gone].slice = (struct slice){0};
    }
}

/* The second sync: what came before the older snapshot goes. */
static void on_compacted(struct wake *wake)
{
    struct pending *pending = container_of(wake, struct pending, wake);
    struct journal_store *store = pending->process->journal;
    if (is_reachable(store, pending->process) && store->kept >= store->snapshots[0].sequence)
        take_entries_away(store, store->snapshots[0].sequence);
    pending->wake.happen = process_on_pending;
    world_wake_in(pending->process->world, wake, draw_way_ns(store, pending->process));
}

/* The first sync: it is stored. What was there until then stays until the second. */
static void on_snapshot_stored(struct wake *wake)
{
    struct pending *pending = container_of(wake, struct pending, wake);
    struct journal_store *store = pending->process->journal;
    uint64_t done_ns;
    bool fits = pending->expected <= store->count && pending->expected > store->snapshots[1].sequence;
    if (pending->status == IO_OK && !is_reachable(store, pending->process))
        pending->status = IO_FAILED;
    else if (pending->status == IO_OK && !fits)
        pending->status = IO_CONFLICT;
    if (pending->status != IO_OK || disk_lies(&store->host->disk) ||
        disk_plan_sync(&store->host->disk, &done_ns) != IO_OK) {
        pending->wake.happen = process_on_pending;
        world_wake_in(pending->process->world, wake, draw_way_ns(store, pending->process));
        return;
    }
    buffer_unref(store->snapshots[0].slice.buffer);
    store->snapshots[0] = store->snapshots[1];
    store->snapshots[1] = (struct journal_snapshot){pending->expected, pending->given};
    if (store->kept < pending->expected) /* As any honest sync. */
        store->kept = pending->expected;
    pending->given = (struct slice){0};
    pending->wake.happen = on_compacted;
    world_wake_at(pending->process->world, wake, done_ns);
}

static void on_snapshot(struct wake *wake)
{
    struct pending *pending = container_of(wake, struct pending, wake);
    struct journal_store *store = pending->process->journal;
    uint64_t done_ns = pending->process->world->now_ns;
    if (mutation_is(JOURNAL_LETS_GO_EARLY))
        take_entries_away(store, pending->expected);
    pending->status =
        is_reachable(store, pending->process) ? disk_plan_sync(&store->host->disk, &done_ns) : IO_UNREACHABLE;
    pending->wake.happen = on_snapshot_stored;
    world_wake_at(pending->process->world, wake, done_ns);
}

void journal_store_snapshot(struct journal_store *store, struct process *process, struct io_op op, uint64_t sequence,
                            struct slice given)
{
    struct pending *pending =
        process_add_pending(process, op, process->world->now_ns + draw_way_ns(store, process), IO_OK);
    pending->given = given;
    pending->expected = sequence;
    pending->wake.happen = on_snapshot;
}

/* Appends whose entries are lost with the power end as failed: nobody has seen them. */
static void fail_lost(const struct journal_store *store, const struct process *process)
{
    for (struct pending *pending = process->pendings; pending != NULL; pending = pending->next) {
        bool is_of_entry = pending->wake.happen == on_acknowledged || pending->wake.happen == on_conflict;
        if (!is_of_entry || pending->number <= store->count)
            continue;
        pending->status = IO_FAILED;
        pending->wake.happen = process_on_pending;
        world_wake_in(process->world, &pending->wake, PATIENCE_NS);
    }
}

void journal_store_lose_power(struct journal_store *store)
{
    struct world *world = store->host->world;
    while (store->count > 0 &&
           (store->count > store->kept || store->entries[store->count - 1].durable_ns > world->now_ns))
        buffer_unref(store->entries[--store->count].slice.buffer);
    store->kept = store->count;
    for (size_t i = 0; i < world->process_count; i++) {
        if (world->processes[i]->journal == store)
            fail_lost(store, world->processes[i]);
    }
}
