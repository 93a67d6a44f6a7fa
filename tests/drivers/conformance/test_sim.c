/* The suite on the simulated driver. */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "drivers/sim/process/process.h"
#include "drivers/sim/workload/behaviour.pb-c.h"
#include "drivers/sim/world.h"
#include "tests/drivers/conformance/ground.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct world *world;
static struct journal_store *journal;
static struct process *process;

static void advance(uint64_t duration_ns)
{
    uint64_t until_ns = world->now_ns + duration_ns;
    while (world_advance(world, until_ns)) {
    }
}

void ground_open(void)
{
    const char *seed = getenv("SEED");
    world = world_create(seed == NULL ? 1 : strtoull(seed, NULL, 10));
    struct host *host = host_create(world, "host", "10.0.0.1", 0);
    host->disk.sync = distribution_uniform(NS_PER_MS, 5 * NS_PER_MS);
    host->disk.read = distribution_constant(NS_PER_MS);
    journal = journal_store_create(host);
    struct process_options options = {.name = "puppet", .class = &puppet_class, .host = host, .journal = journal};
    process = process_create(world, &options);
    process_start(process, 0);
    advance(NS_PER_MS);
}

void ground_close(void)
{
    world_end_processes(world);
    journal_store_destroy(journal);
    world_destroy(world);
}

void ground_restart(void)
{
    process_kill(process);
    process_start(process, 0);
    advance(NS_PER_MS);
}

struct puppet *ground_puppet(void)
{
    return puppet_of(process->machine);
}

void ground_do(void (*task)(struct puppet *puppet))
{
    ground_puppet()->task = task;
    process_evacuate(process);
    advance(0);
    assert_int_equal(process->ordered, 0);
}

void ground_turn(void)
{
    advance(50 * NS_PER_MS);
}

uint64_t ground_now_ns(void)
{
    return world->now_ns;
}

const char *ground_droplet(bool exits)
{
    static char digest[BLOB_DIGEST_SIZE];
    Cupola__SimApp app = CUPOLA__SIM_APP__INIT;
    app.name = (char *)(uintptr_t) "app";
    app.has_exit_after_boot_ns = exits;
    app.exit_after_boot_ns = exits ? 200 * NS_PER_MS : 0;
    struct slice slice = {.size = cupola__sim_app__get_packed_size(&app)};
    slice.buffer = buffer_new(slice.size);
    cupola__sim_app__pack(&app, slice.buffer->bytes);
    blob_store_put(process->blobs, slice, digest);
    return digest;
}

int main(void)
{
    return suite_run("simulated driver");
}
