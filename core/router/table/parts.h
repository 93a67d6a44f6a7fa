/* What the files of the table share. Private to them. */
#ifndef CUPOLA_CORE_ROUTER_TABLE_PARTS_H
#define CUPOLA_CORE_ROUTER_TABLE_PARTS_H

#include "core/router/table/table.h"

enum { UNNAMED_SOURCE = 1 };

static inline uint32_t tick_of(uint64_t now_ns)
{
    return (uint32_t)(now_ns >> TABLE_TICK_BITS) + 1;
}

static inline struct endpoint *endpoint_at(const struct table *table, uint32_t id)
{
    return slab_at(&table->endpoints, id);
}

static inline struct route *route_at(const struct table *table, uint32_t id)
{
    return slab_at(&table->routes, id);
}

static inline struct source *source_at(const struct table *table, uint32_t id)
{
    return slab_at(&table->sources, id);
}

static inline struct place *place_at(const struct table *table, uint32_t id)
{
    return slab_at(&table->places, id);
}

static inline uint32_t later_of(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Whether something that was last heard of at that tick is stale by now. */
bool table_is_over(const struct table *table, uint32_t since, uint64_t now_ns);
/* Takes the endpoint out of everything and puts it among the retired. */
void table_retire(struct table *table, struct endpoint *endpoint, uint64_t now_ns);

/* ---- owner.c: who stands behind an address ---- */

/* "10.0.0.7", 40001; `host` is lent by the message. */
struct address {
    const char *host;
    size_t host_size;
    uint16_t port;
};

/* False if the message has no usable address, or an instance's id that is too long. */
bool owner_read_address(const Cupola__RouterRegister *message, struct address *ret_address);
/* The endpoint that has it, or NULL. */
struct endpoint *owner_find(const struct table *table, const struct address *address);
/* Whether the message comes from the instance that owns the endpoint. */
bool owner_is_same(const struct table *table, const struct endpoint *endpoint, const Cupola__RouterRegister *message);
/* A new endpoint without links, found by its address from now on. */
struct endpoint *owner_add(struct table *table, const Cupola__RouterRegister *message, const struct address *address);
/* Takes it out of the index of addresses. */
void owner_remove(struct table *table, struct endpoint *endpoint);

/* ---- routes.c: hosts, and which endpoints are behind them ---- */

/* Lower case, without port, as requests are looked up. False for what no Host field can name. */
bool routes_normalize_host(struct http_text host, char ret_host[NAME_MOST + 1], size_t *ret_size);
/* The number of a host's route; 0 if there is none. The host is normalized. */
uint32_t routes_find(const struct table *table, const char *host, size_t size);
/* The same; makes it. */
uint32_t routes_ensure(struct table *table, const char *host, size_t size, uint64_t now_ns);
/* How the message wants the route's requests to be spread. */
void routes_set_policy(struct table *table, uint32_t route, const Cupola__RouterRegister *message);
/* The endpoint's link to that route, or NULL. Lent until links come or go. */
struct link *links_find(struct endpoint *endpoint, uint32_t route);
struct link *links_at(struct endpoint *endpoint, uint32_t at);
void links_add(struct table *table, struct endpoint *endpoint, uint32_t route, uint64_t now_ns);
void links_drop(struct table *table, struct endpoint *endpoint, uint32_t at, uint64_t now_ns);
/* Forgets routes that were without endpoints for too long. Takes from the budget; false if that was not enough. */
bool routes_forget_empty(struct table *table, uint64_t now_ns, size_t *budget);
void routes_free(struct table *table);

/* ---- places.c: of one (app, index) only the newest epoch is routable ---- */

/* Whether a newer start of the same index is known. */
bool places_is_outdated(const struct table *table, const Cupola__RouterRegister *message);
/* Notes what the message tells of the endpoint's app. Retires the older instances of the same index. */
void places_enter(struct table *table, struct endpoint *endpoint, const Cupola__RouterRegister *message,
                  uint64_t now_ns);
void places_leave(struct table *table, struct endpoint *endpoint, uint64_t now_ns);
bool places_forget_empty(struct table *table, uint64_t now_ns, size_t *budget);

/* ---- sources.c ---- */

/* Puts the endpoint behind all others of the source: it was heard of just now. */
void sources_enter(struct table *table, struct endpoint *endpoint, uint32_t source, uint64_t now_ns);
void sources_leave(struct table *table, struct endpoint *endpoint);
/* Where the sender of the message stands. */
void sources_note_zone(struct source *source, struct table *table, const Cupola__RouterRegister *message);
/* The source of a message: its number; the unnamed one if there are too many. */
uint32_t sources_ensure(struct table *table, const char *dea, uint64_t now_ns);
/* When the endpoint was last heard of, or a link of it. */
uint32_t sources_effective(const struct table *table, const struct endpoint *endpoint, uint32_t seen);
/* Counts a link into the digest of its source, or out of it. */
void sources_toggle(struct table *table, const struct endpoint *endpoint, uint32_t route, bool is_added);

#endif
