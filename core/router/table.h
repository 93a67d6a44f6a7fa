/* The routing table: hosts, the endpoints behind them, and who owns each
 * endpoint. No I/O: bytes of the bus go in by bus.c, requests look up here, and
 * what must not be used any more is handed back as "retired".
 *
 *   route (a host) 1 --- n link n --- 1 endpoint (host:port, owned by one
 * instance) n --- 1 slot (app, index)
 *
 * Invariants:
 *   - An endpoint belongs to one instance. When another instance registers the
 * same host:port the endpoint is replaced, for every host at once: a port that
 * is used again never serves the app that had it before.
 *   - Of one (app, index) only instances of the newest known epoch are
 * routable. A slot remembers that epoch for as long as a stale route could
 * live.
 *   - A route without links is kept for a while, so that a known app without
 * instances is told from an unknown one.
 *   - Links are listed by the time of their last registration; pruning looks at
 * the oldest only.
 */
#ifndef CUPOLA_CORE_ROUTER_TABLE_H
#define CUPOLA_CORE_ROUTER_TABLE_H

#include "core/base/map.h"
#include "core/base/random.h"
#include "core/proto/bus.pb-c.h"
#include "core/wire/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ROUTE_MAX_HOST = 255, TABLE_MAX_ADDRESS = 255 + 7, MAX_TRIED = 16 };

struct backend;
struct route;
struct link;
struct slot;

struct endpoint {
  const char *address; /* "10.0.0.7:40001", the key; it and the next three point
                          into `strings`. */
  const char *host;
  const char *instance; /* The owner, as far as the registration told; "" for v1
                           peers. */
  const char *dea;
  uint32_t serial; /* Tells apart the owners that an address has had. */
  uint16_t port;
  bool speaks_http2;
  bool has_app, has_index, has_epoch;
  int64_t app;
  int32_t index;
  int64_t epoch;

  /* Health, as requests see it. */
  uint32_t failures; /* In a row. */
  bool is_probed;    /* A request is finding out whether it is well again. */
  uint64_t quarantined_until_ns;

  /* Connections, kept by pool.c. */
  struct backend *idle; /* The one used last is the first. */
  size_t idle_count;
  size_t
      backend_count;  /* All of them; a retired endpoint lives until it is 0. */
  uint64_t sticky[2]; /* The cookie that leads here; 0 until it is asked for. */

  struct link *links;
  struct slot *slot;
  bool is_retired;
  struct endpoint *previous, *next; /* In its slot, or among the retired. */
  UT_hash_handle hh;
  char strings[];
};

struct link {
  struct route *route;
  struct endpoint *endpoint;
  uint32_t place; /* In the route's array. */
  uint64_t updated_ns;
  struct link *previous, *next; /* By updated_ns. */
  struct link *previous_of_endpoint, *next_of_endpoint;
};

struct route {
  struct link **links;
  uint32_t link_count, link_capacity;
  uint32_t users; /* Requests under way that may look at it again. */
  uint64_t empty_since_ns;
  struct route *previous, *next; /* Among the empty ones, oldest first. */
  UT_hash_handle hh;
  size_t host_size;
  char host[]; /* Lower case, without port. */
};

/* The endpoints that one request has already tried. */
struct tried {
  uint32_t serials[MAX_TRIED];
  uint32_t count;
};

struct table {
  size_t max_links;
  uint64_t stale_after_ns;

  struct route *routes;
  struct endpoint *endpoints;
  struct slot *slots;
  size_t route_count; /* With links. */
  size_t link_count;
  struct link *oldest;      /* Of all links, by updated_ns. */
  struct route *empty;      /* Without links, oldest first. */
  struct endpoint *retired; /* Not in the table any more; to be taken by the
                               owner of their connections. */
  uint64_t fresh_since_ns; /* Before this nobody could refresh anything: the bus
                              was away. */
  uint32_t last_serial;
  uint64_t replaced_count, outdated_count, refused_count, pruned_count;
};

enum table_result {
  TABLE_TAKEN = 0,
  TABLE_OUTDATED,  /* An older start than one that is known: ignored. */
  TABLE_MALFORMED, /* No usable host, port or URI. */
  TABLE_FULL,
};

/* router.register: adds or refreshes one link for each URI. URIs that are no
 * host names are left out. */
enum table_result table_register(struct table *table,
                                 const Cupola__RouterRegister *message,
                                 uint64_t now_ns);
/* router.unregister: removes the URIs, unless the message speaks of another
 * owner of that address. */
enum table_result table_unregister(struct table *table,
                                   const Cupola__RouterRegister *message,
                                   uint64_t now_ns);
/* Removes what was not refreshed for stale_after_ns. */
void table_prune(struct table *table, uint64_t now_ns);
/* Nothing counts as stale before stale_after_ns from now. */
void table_restart_clocks(struct table *table, uint64_t now_ns);

/* The route of a host as a request names it (any case, with or without port),
 * or NULL. */
struct route *table_find_route(const struct table *table,
                               struct http_text host);
/* A random endpoint that is not quarantined and not among `tried`; if there is
 * none, the one whose quarantine ends first; NULL if all were tried or there is
 * none at all. */
struct endpoint *route_pick_endpoint(const struct route *route,
                                     struct random_stream *stream,
                                     uint64_t now_ns,
                                     const struct tried *tried);
bool endpoint_was_tried(const struct endpoint *endpoint,
                        const struct tried *tried);

/* The next retired endpoint, given, or NULL. Free it with endpoint_free once it
 * has no connections. */
struct endpoint *table_take_retired(struct table *table);
void endpoint_free(struct endpoint *endpoint);
void table_free(struct table *table);

#endif
