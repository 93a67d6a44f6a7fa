#include "drivers/sim/host/host.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "drivers/sim/process/process.h"
#include "drivers/sim/workload/workload.h"

#include <stdio.h>

enum { FIRST_EPHEMERAL = 32768, LAST_EPHEMERAL = 60999 };

#define RIGHT_RATE_PPB UINT64_C(1000000000)

struct host *host_create(struct world *world, const char *name, const char *address, uint32_t zone)
{
    struct host *host = memory_new(sizeof *host);
    host->world = world;
    host->number = (uint32_t)world->host_count;
    host->zone = zone;
    snprintf(host->name, sizeof host->name, "%s", name);
    snprintf(host->address, sizeof host->address, "%s", address);
    host->has_power = true;
    host->last_port = FIRST_EPHEMERAL;
    host->clock.base_world_ns = world->now_ns;
    host->clock.base_local_ns = NS_PER_S; /* Never 0, which components take for "never". */
    host->clock.wall_offset_ns = WORLD_FIRST_WALL_NS - (int64_t)NS_PER_S;
    host->clock.rate_ppb = RIGHT_RATE_PPB;
    disk_init(&host->disk, world, name);
    world->hosts = memory_grow(world->hosts, world->host_count * sizeof *world->hosts,
                               (world->host_count + 1) * sizeof *world->hosts);
    world->hosts[world->host_count++] = host;
    HASH_ADD_STR(world->network.by_address, address, host);
    return host;
}

void host_close_sockets(struct host *host)
{
    while (host->sockets != NULL)
        socket_vanish(host->sockets);
}

void host_destroy(struct host *host)
{
    workloads_destroy(host);
    HASH_CLEAR(hh, host->ports);
    disk_release(&host->disk);
    HASH_DELETE(hh, host->world->network.by_address, host);
    memory_free(host);
}

/* ---- Power ---- */

void host_power_off(struct host *host)
{
    if (!host->has_power)
        return;
    host->has_power = false;
    host_close_sockets(host);
    for (size_t i = 0; i < host->world->process_count; i++) {
        if (host->world->processes[i]->host == host)
            process_lose_power(host->world->processes[i]);
    }
    workloads_lose_power(host);
    disk_lose_power(&host->disk);
    if (host->on_power != NULL)
        host->on_power(host, false);
}

void host_power_on(struct host *host)
{
    if (host->has_power)
        return;
    host->has_power = true;
    if (host->on_power != NULL)
        host->on_power(host, true);
}

void host_set_address(struct host *host, const char *address)
{
    HASH_DELETE(hh, host->world->network.by_address, host);
    snprintf(host->address, sizeof host->address, "%s", address);
    HASH_ADD_STR(host->world->network.by_address, address, host);
}

/* ---- Clocks ---- */

uint64_t host_local_ns(const struct host *host)
{
    const struct host_clock *clock = &host->clock;
    uint64_t passed_ns = host->world->now_ns - clock->base_world_ns;
    if (clock->rate_ppb != RIGHT_RATE_PPB)
        passed_ns = (uint64_t)((unsigned __int128)passed_ns * clock->rate_ppb / RIGHT_RATE_PPB);
    return clock->base_local_ns + passed_ns;
}

int64_t host_wall_ns(const struct host *host)
{
    if (host->clock.is_frozen)
        return host->clock.frozen_wall_ns;
    return (int64_t)host_local_ns(host) + host->clock.wall_offset_ns;
}

uint64_t host_world_ns(const struct host *host, uint64_t local_ns)
{
    const struct host_clock *clock = &host->clock;
    if (local_ns == NEVER_NS)
        return NEVER_NS;
    if (local_ns <= host_local_ns(host))
        return host->world->now_ns;
    uint64_t ahead_ns = local_ns - clock->base_local_ns;
    if (clock->rate_ppb != RIGHT_RATE_PPB) {
        unsigned __int128 scaled = (unsigned __int128)ahead_ns * RIGHT_RATE_PPB + clock->rate_ppb - 1;
        scaled /= clock->rate_ppb;
        if (scaled > NEVER_NS / 2)
            return NEVER_NS;
        ahead_ns = (uint64_t)scaled;
    }
    return ahead_ns > NEVER_NS / 2 ? NEVER_NS : clock->base_world_ns + ahead_ns;
}

void host_set_rate(struct host *host, uint64_t rate_ppb)
{
    assert_that(rate_ppb > 0);
    host->clock.base_local_ns = host_local_ns(host);
    host->clock.base_world_ns = host->world->now_ns;
    host->clock.rate_ppb = rate_ppb;
    for (size_t i = 0; i < host->world->process_count; i++) {
        if (host->world->processes[i]->host == host)
            process_rearm(host->world->processes[i]);
    }
}

void host_step_wall(struct host *host, int64_t by_ns)
{
    host->clock.wall_offset_ns += by_ns;
}

void host_freeze_wall(struct host *host, bool is_frozen)
{
    host->clock.frozen_wall_ns = host_wall_ns(host);
    host->clock.is_frozen = is_frozen;
}

/* ---- Ports ---- */

struct port *host_find_port(const struct host *host, uint16_t number)
{
    struct port *port = NULL;
    HASH_FIND(hh, host->ports, &number, sizeof number, port);
    return port;
}

bool host_open_port(struct host *host, struct port *port)
{
    for (int tries = 0; port->number == 0 && tries <= LAST_EPHEMERAL - FIRST_EPHEMERAL; tries++) {
        uint16_t number = host_next_port(host);
        if (host_find_port(host, number) == NULL)
            port->number = number;
    }
    if (port->number == 0 || host_find_port(host, port->number) != NULL)
        return false;
    HASH_ADD(hh, host->ports, number, sizeof port->number, port);
    return true;
}

void host_close_port(struct host *host, struct port *port)
{
    if (host_find_port(host, port->number) != port)
        return;
    HASH_DELETE(hh, host->ports, port);
    sockets_forget_port(host, port);
}

uint16_t host_next_port(struct host *host)
{
    host->last_port = host->last_port >= LAST_EPHEMERAL ? FIRST_EPHEMERAL : (uint16_t)(host->last_port + 1);
    return host->last_port;
}
