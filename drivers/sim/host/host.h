/* A simulated machine: power, clocks, ports, a disk, and the processes of apps.
 *
 * Fault model: losing power ends everything on it at once and without a word to anybody: processes, workloads,
 * connections; the disk keeps what was synced. Its clocks may be wrong in any way, but the monotonic one never goes
 * back. Components are started again at power on by those who made them (on_power).
 */
#ifndef CUPOLA_DRIVERS_SIM_HOST_HOST_H
#define CUPOLA_DRIVERS_SIM_HOST_HOST_H

#include "drivers/sim/host/disk.h"
#include "drivers/sim/network/socket.h"
#include "drivers/sim/world.h"

/* A host's idea of time: local time runs from base_local_ns at rate_ppb beside the world's. */
struct host_clock {
    uint64_t base_world_ns;
    uint64_t base_local_ns;
    int64_t wall_offset_ns; /* Wall clock less local time. */
    int64_t frozen_wall_ns; /* The wall clock stands here, while is_frozen. */
    uint64_t rate_ppb;      /* 1,000,000,000 is right. */
    bool is_frozen;
};

/* Somebody who listens. Embed it; `number` may be 0 to get a free one. */
struct port {
    uint16_t number;
    bool is_local;           /* Bound to the loopback address. */
    struct process *process; /* NULL if the listener is no component. */
    void (*on_accepted)(struct port *port, struct socket *socket);
    UT_hash_handle hh;
};

struct host {
    struct world *world;
    uint32_t number;
    uint32_t zone;
    char name[40];
    char address[16];
    bool has_power;
    uint32_t refuses;     /* Faults that make it refuse new connections. */
    uint32_t black_holes; /* Faults that make it ignore them. */
    uint32_t full_tables; /* Faults under which it has no room for connections, to it or from it. */
    uint64_t slow_ns;     /* Of faults: all that its processes do takes so much longer. */
    uint32_t moves;       /* Faults that have it at another address. */
    uint32_t cannot_fork; /* Faults under which it has no room for one more process. */
    struct host_clock clock;
    struct disk disk;
    struct port *ports;
    uint16_t last_port; /* Handed out for connections from here. */
    uint64_t connect_count;
    struct socket *sockets;
    struct workload *workloads; /* In the order of their starts. */
    struct workload *last_workload;
    struct workload *workloads_by_name;              /* uthash */
    uint64_t workload_count;                         /* Ever. */
    uint64_t granted_bytes;                          /* What all processes that run may take together, */
    uint32_t unlimited_count;                        /* without those that have no limit. */
    void (*on_power)(struct host *host, bool is_on); /* May be NULL. */
    void *owner;
    UT_hash_handle hh; /* In network.by_address. */
};

/* `name` and `address` are copied. It has power. */
struct host *host_create(struct world *world, const char *name, const char *address, uint32_t zone);
void host_close_sockets(struct host *host);
void host_destroy(struct host *host);

void host_power_off(struct host *host);
void host_power_on(struct host *host);
/* Connections that there are stay what they are: it should be without power meanwhile. Copied. */
void host_set_address(struct host *host, const char *address);

uint64_t host_local_ns(const struct host *host);
int64_t host_wall_ns(const struct host *host);
/* When its local clock will show that; now if it already does, UINT64_MAX if it never will. */
uint64_t host_world_ns(const struct host *host, uint64_t local_ns);
/* Lets its clocks run at another rate from now on; both deadlines and wall clock follow. */
void host_set_rate(struct host *host, uint64_t rate_ppb);
void host_step_wall(struct host *host, int64_t by_ns);
void host_freeze_wall(struct host *host, bool is_frozen);

struct port *host_find_port(const struct host *host, uint16_t number);
/* False if the number is taken. */
bool host_open_port(struct host *host, struct port *port);
/* Nothing if it is not open. Connections that nobody has accepted yet are reset. */
void host_close_port(struct host *host, struct port *port);

/* A port number for a connection from here. */
uint16_t host_next_port(struct host *host);

#endif
