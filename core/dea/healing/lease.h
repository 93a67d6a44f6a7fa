/* The lease port: health managers ask it whether the agent lives, apart from the bus (docs/healing.md).
 *
 *   PING <number> <grant in ms>[ <word>...]\r\n   ->   PONG <number> <life> <sequence>\r\n
 *
 * The word "unable": that health manager hears no controller, so it can have nothing started. Others are ignored.
 *
 * A grant lets singletons run on for so long from the moment at which we sent the PONG before it on that connection: a
 * PING that spent a while on the way, or in front of an agent that was stopped, does not prolong what is over.
 *
 * Limits: so many connections, of which the one that is silent for the longest makes room; a line that is longer, or
 * that nobody understands, ends its connection.
 */
#ifndef CUPOLA_CORE_DEA_HEALING_LEASE_H
#define CUPOLA_CORE_DEA_HEALING_LEASE_H

#include "core/base/text.h"
#include "core/machine/conn.h"

struct dea;
struct lease_client;

struct lease {
    struct dea *dea;
    struct listener listener;
    bool is_open;
    bool is_tried;       /* It listens, or never will. */
    uint16_t port;       /* 0: none. */
    struct text address; /* "10.0.0.7:25001"; "" without a port. */
    struct lease_client *clients;
    uint32_t client_count;
    uint64_t healer_ns;        /* The last PING of one that can heal; before the first one, when we began to listen. */
    uint64_t granted_until_ns; /* Singletons may run until then. 0: never granted. */
    void (*on_open)(struct dea *dea);
};

/* Calls `on_open` when it listens: then `address` is known. On `dea->saved.lease_port` if that is free. */
void dea_lease_open(struct dea *dea, void (*on_open)(struct dea *dea));
void dea_lease_close(struct lease *lease);
void dea_lease_destroy(struct lease *lease);

#endif
