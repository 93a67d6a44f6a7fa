#include "drivers/sim/world.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "drivers/sim/host/host.h"
#include "drivers/sim/process/process.h"

#include <string.h>

/* A name that outlives whom it names: reports speak of processes that are gone. */
struct label {
    UT_hash_handle hh;
    char text[];
};

struct world *world_create(uint64_t seed)
{
    struct world *world = memory_new(sizeof *world);
    world->seed = seed;
    world->hash = random_mix(seed, 0);
    world->queue.seed = random_named(seed, "world.ties").key;
    world->effects = effects_new();
    network_init(&world->network, world);
    return world;
}

static void free_labels(struct world *world)
{
    struct label *label, *next;
    HASH_ITER (hh, world->labels, label, next) {
        HASH_DELETE(hh, world->labels, label);
        memory_free(label);
    }
}

void world_end_processes(struct world *world)
{
    for (size_t i = 0; i < world->process_count; i++) {
        world->processes[i]->is_wanted = false;
        process_kill(world->processes[i]);
    }
}

void world_destroy(struct world *world)
{
    if (world == NULL)
        return;
    for (size_t i = 0; i < world->process_count; i++)
        process_destroy(world->processes[i]);
    for (size_t i = 0; i < world->host_count; i++)
        host_close_sockets(world->hosts[i]);
    for (size_t i = 0; i < world->host_count; i++)
        host_destroy(world->hosts[i]);
    sockets_free_buried(world);
    free_labels(world);
    network_release(&world->network);
    memory_free(world->processes);
    memory_free(world->hosts);
    queue_release(&world->queue);
    effects_free(world->effects);
    assertion_set_context(NULL);
    memory_free(world);
}

bool world_advance(struct world *world, uint64_t until_ns)
{
    assert_that(until_ns >= world->now_ns);
    uint64_t next_ns = queue_next_ns(&world->queue);
    if (next_ns > until_ns) {
        world->now_ns = until_ns;
        return false;
    }
    assert_that(next_ns >= world->now_ns);
    world->now_ns = next_ns;
    struct wake *wake = NULL;
    if (world->chooser.choose != NULL)
        wake = world->chooser.choose(world->chooser.context, queue_first(&world->queue));
    if (wake != NULL)
        queue_drop(&world->queue, wake);
    else if (queue_next_ns(&world->queue) == next_ns)
        wake = queue_take(&world->queue);
    else
        return true; /* The chooser has taken away what was next. */
    wake->happen(wake);
    sockets_free_buried(world);
    return true;
}

const char *world_keep_label(struct world *world, const char *text)
{
    struct label *label = NULL;
    size_t size = strlen(text);
    HASH_FIND(hh, world->labels, text, size, label);
    if (label != NULL)
        return label->text;
    label = memory_new(sizeof *label + size + 1);
    memcpy(label->text, text, size + 1);
    HASH_ADD_KEYPTR(hh, world->labels, label->text, size, label);
    return label->text;
}

void world_wake_at(struct world *world, struct wake *wake, uint64_t at_ns)
{
    queue_put(&world->queue, wake, at_ns < world->now_ns ? world->now_ns : at_ns);
}

void world_cancel(struct world *world, struct wake *wake)
{
    queue_drop(&world->queue, wake);
}
