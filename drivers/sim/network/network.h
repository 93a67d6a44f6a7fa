/* The network between the hosts of a world: how long a segment takes, what is cut off, who listens where.
 *
 * Fault model: a segment on a blocked path is lost and sent again with a doubling pause, as TCP does; a lost one costs
 * such a pause; nothing is reordered or duplicated within a stream, for TCP hides that. A reset is never sent again: on
 * a blocked path it is lost for good, and its peer stays half open. What stands between the hosts may also hold all
 * back, forget who is silent, turn bits past every checksum, or lead to the wrong host
 * or to none.
 */
#ifndef CUPOLA_DRIVERS_SIM_NETWORK_NETWORK_H
#define CUPOLA_DRIVERS_SIM_NETWORK_NETWORK_H

#include "core/base/map.h"
#include "drivers/sim/distribution.h"

#include <stdbool.h>
#include <stdint.h>

struct world;
struct host;

/* One way between two hosts. */
struct link {
    struct distribution latency;
    uint64_t bytes_per_s; /* 0: no limit. */
    uint32_t loss_ppm;
};

/* Something that is wrong between two groups of hosts. Owned by the fault that made it. */
struct impairment {
    const bool *from; /* By host number. */
    const bool *to;
    bool is_one_way; /* false: both ways. */
    bool blocks;     /* Nothing passes. */
    struct distribution extra_latency;
    uint64_t bytes_per_s; /* 0: as before. */
    uint32_t loss_ppm;
    bool jams;            /* What is under way waits until it is over, and then comes at once. */
    bool shuts_windows;   /* `to` takes no bytes. */
    bool misleads;        /* Who connects to one of `from` comes to the first of `to`. */
    bool hides;           /* Nobody of `to` finds the address of one of `from`. */
    uint32_t corrupt_ppm; /* Of the segments. */
    uint64_t expiry_ns;   /* A connection that was silent for so long is forgotten; 0: none is. */
    struct impairment *previous, *next;
};

/* One address before several hosts: connections go to one whose port is open, drawn from the seed. */
struct balancer {
    char address[16];
    struct host **hosts;
    size_t host_count;
    struct balancer *next;
};

struct network {
    struct world *world;
    struct link same_host, same_zone, other_zone, outside;
    struct impairment *impairments;
    struct balancer *balancers;
    struct host *by_address; /* uthash */
    uint64_t flow_key;       /* Streams of the flows' draws begin here. */
};

/* The first pause of a sender that hears nothing; it doubles (RFC 6298 says 1 s, Linux begins with this). */
#define FIRST_RETRANSMISSION_NS (UINT64_C(200) * 1000000)
#define LONGEST_RETRANSMISSION_NS (UINT64_C(60) * 1000000000)
/* A connection that heard nothing for so long is given up (as tcp_retries2 makes Linux do). */
#define GIVE_UP_NS (UINT64_C(924) * 1000000000)
/* How often what waits in a jam looks whether it is over. */
#define JAM_LOOK_NS (UINT64_C(10) * 1000000)

/* Hosts of this zone are outside of the cloud: clients, load, operators. */
#define ZONE_OUTSIDE UINT32_MAX

void network_init(struct network *network, struct world *world);
void network_release(struct network *network);

/* Puts it in force, and out again. */
void network_impair(struct network *network, struct impairment *impairment);
void network_repair(struct network *network, struct impairment *impairment);

void network_add_balancer(struct network *network, const char *address, struct host *const *hosts, size_t count);

bool network_is_blocked(const struct network *network, const struct host *from, const struct host *to);
/* How long one segment takes, with all that is in force between two hosts. */
uint64_t network_draw_latency_ns(const struct network *network, const struct host *from, const struct host *to,
                                 struct random_stream *stream);
bool network_is_jammed(const struct network *network, const struct host *from, const struct host *to);
/* Whether `to` takes no bytes from `from`. */
bool network_is_shut(const struct network *network, const struct host *from, const struct host *to);
/* The shortest silence after which a connection between them is forgotten; UINT64_MAX: none. */
uint64_t network_expiry_ns(const struct network *network, const struct host *from, const struct host *to);
/* Draws whether a bit of a segment between them is turned. */
bool network_draw_corruption(const struct network *network, const struct host *from, const struct host *to,
                             struct random_stream *stream);
/* 0: no limit. */
uint64_t network_bytes_per_s(const struct network *network, const struct host *from, const struct host *to);
/* The host that a connection from `from` to that address and port leads to; NULL if there is none of that name. */
struct host *network_resolve(struct network *network, struct host *from, const char *address, uint16_t port,
                             struct random_stream *stream);

#endif
