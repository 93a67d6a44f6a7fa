/* The routing table: hosts, the endpoints behind them, and who owns each endpoint. No I/O: bytes of the bus go in by
 * bus.c, requests look up here, and what must not be used any more is handed back as "retired".
 *
 *   route (a host) 1 --- n link n --- 1 endpoint (host:port, owned by one instance) n --- 1 place (app, index)
 *                                              n
 *                                              `--- 1 source (the DEA that told of it)
 *
 * Invariants:
 *   - An endpoint belongs to one instance. When another instance registers the same host:port the endpoint is replaced,
 *     for every host at once: a port that is used again never serves the app that had it before.
 *   - Of one (app, index) only instances of the newest known epoch are routable. A place remembers that epoch
 *     for as long as a stale route could live.
 *   - A route without endpoints is kept for a while, so that a known app without instances is told from an unknown one.
 *   - A source's endpoints are listed by the time of their last registration; the sweep looks at the oldest of each. A
 *     source whose digest equals ours has all its endpoints refreshed at once (table_digest_of).
 *
 * A million routes have to fit into 200 MB: records lie in slabs and name each other by number, times are counted in
 * ticks of 134 ms, and what only requests need (struct contact) is made when the first request comes.
 */
#ifndef CUPOLA_CORE_ROUTER_TABLE_TABLE_H
#define CUPOLA_CORE_ROUTER_TABLE_TABLE_H

#include "core/base/random.h"
#include "core/machine/timer.h"
#include "core/proto/bus.pb-c.h"
#include "core/router/table/names.h"
#include "core/router/table/tags.h"
#include "core/wire/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TABLE_TICK_BITS = 27,
    TABLE_MAX_INSTANCE = 79, /* Bytes of an instance's id. */
    TABLE_MAX_ADDRESS = NAME_MOST + 7,
    TABLE_MAX_LINKS = 4096, /* Of one endpoint. */
};

struct backend;
struct router;

/* What requests know about an endpoint. Made with its first request. */
struct contact {
    uint32_t failures; /* In a row. */
    bool is_probed;    /* A request is finding out whether it is well again. */
    uint64_t quarantined_until_ns;
    struct backend *idle; /* The connection used last is the first. Kept by pool.c, as the next two. */
    uint32_t idle_count;
    uint32_t backend_count; /* All of them; a retired endpoint lives until it is 0. */
    uint32_t active;        /* Requests under way. */
    uint64_t sticky[2];     /* The cookie that leads here; 0 until it is asked for. */
    struct backend *probe;  /* Kept by health.c, like all below. */
    uint64_t probed_ns;     /* When it began. */
    uint32_t misses;        /* Attempts to connect that nobody answered, in a row, */
    uint64_t missed_ns;     /* and when the last of them began. */
    struct timer probe_timer;
    struct endpoint *endpoint;
    struct router *router;
};

struct link {
    uint32_t route;
    uint32_t seen; /* Tick of the last registration. */
};

struct endpoint {
    struct contact *contact;
    union {
        struct link one; /* While link_count is at most 1. */
        struct link *many;
    } links;
    union {
        uint64_t packed[2]; /* 32 hex digits, as all our ids are. */
        uint32_t name;      /* Anything else; 0 for v1 peers, who tell none. */
    } instance;
    uint32_t id;
    uint32_t host; /* A name. */
    uint32_t source;
    uint32_t place; /* 0: nothing is known of its app. */
    uint32_t next_in_place;
    uint32_t previous, next; /* Of its source, by `seen`; or `next` among the retired. */
    uint32_t seen;           /* Tick of the last registration. */
    uint16_t port;
    uint16_t link_count;
    uint16_t tags; /* See tags.h. */
    bool has_packed_instance : 1;
    bool is_retired : 1;
    bool keeps_itself : 1; /* Its owner tells again by itself, without being asked by router.start. */
    bool speaks_http2 : 1;
};

/* An app's instance, or as much of that as a registration told. */
struct place {
    int64_t app;
    int64_t epoch;
    int32_t index;
    uint32_t first; /* Of its endpoints. */
    uint32_t since; /* Tick when the last one left. */
    uint32_t next_empty : 27;
    bool is_queued : 1; /* Waits to be forgotten. */
    bool is_shared : 1; /* Has all three: compared by epoch. Others belong to one endpoint. */
    bool has_app : 1, has_index : 1, has_epoch : 1;
};

enum balance { BALANCE_RANDOM = 0, BALANCE_ROUND_ROBIN, BALANCE_LEAST_CONNECTION, BALANCE_HASH };

/* How a route's requests are spread, where that is not the default. */
struct policy {
    enum balance balance;
    uint32_t header; /* A name: what BALANCE_HASH hashes. */
    uint32_t turn;   /* BALANCE_ROUND_ROBIN: the place in the route's array that is next. */
};

struct route {
    uint32_t name; /* The host in lower case, without port. */
    uint32_t count;
    union {
        uint32_t one; /* While `count` is at most 1. */
        uint32_t *many;
    } endpoints;
    uint32_t policy;     /* 0: the default. */
    uint32_t users : 31; /* Requests under way that may look at it again. */
    bool is_queued : 1;  /* Waits to be forgotten. */
    uint32_t next_empty;
    uint32_t since; /* Tick when the last endpoint left. */
};

/* Who tells of endpoints: a DEA, or (1) all who give no name. */
struct source {
    uint32_t name, zone;
    uint32_t viewer_host, viewer_user, viewer_password; /* Names: where its table is read without a bus; or 0. */
    uint16_t viewer_port;
    uint32_t first, last; /* Endpoints, the longest unseen first. */
    uint32_t endpoint_count, link_count;
    uint32_t heard;     /* Tick of the last digest, or of the first registration. */
    uint32_t confirmed; /* Tick when its digest was last the same as ours: nothing was older then. */
    uint64_t digest;    /* Of what we have of it, as RouteTable.digest. */
    uint64_t life;      /* A hash of the agent's life; 0: a v1 peer. */
    int64_t sequence;   /* Of the newest change that we have heard of. */
    uint64_t excuse;    /* Digests differ by this for good reason (older epochs): found when its table was read. */
    bool is_excused;
    uint8_t attempts; /* To read its table, in a row. */
    uint32_t doubted; /* Tick when something of it was last doubted. */
    bool is_wanted;   /* Its table is to be asked for. */
    bool is_asked;    /* An answer is on its way. */
    bool is_due;      /* To be asked without the bus, in this round. Only if the way is known. */
    bool is_news;     /* Its last answer without the bus was another one than before. */
};

/* The endpoints that one request has already tried, by id. */
enum { MAX_TRIED = 64 };
struct tried {
    uint32_t ids[MAX_TRIED];
    uint32_t count;
};

struct table {
    size_t max_links;
    uint64_t stale_after_ns;

    struct names names;
    struct tags tags;
    struct slab routes, endpoints, places, sources, policies;
    struct index routes_by_host, endpoints_by_address, places_by_key, sources_by_name;
    size_t route_count; /* With endpoints. */
    size_t link_count;
    size_t v1_count;                         /* Endpoints of those who register only when router.start asks. */
    uint32_t empty_routes, last_empty_route; /* Oldest first. */
    uint32_t empty_places, last_empty_place;
    uint32_t retired;     /* Not in the table any more; to be taken by the owner of their connections. */
    uint32_t fresh_since; /* Tick before which nobody could refresh anything: the bus was away. */
    uint32_t swept;       /* The source at which the sweep goes on. */
    uint64_t replaced_count, outdated_count, refused_count, pruned_count;
};

enum table_result {
    TABLE_TAKEN = 0,
    TABLE_OUTDATED,  /* An older start than one that is known: ignored. */
    TABLE_MALFORMED, /* No usable host, port or URI. */
    TABLE_FULL,
};

/* The settings are the caller's to fill in. */
void table_init(struct table *table, uint64_t seed);
void table_free(struct table *table);

/* router.register: adds or refreshes one link for each URI. URIs that are no host names are left out. */
enum table_result table_register(struct table *table, const Cupola__RouterRegister *message, uint64_t now_ns);
/* router.unregister: removes the URIs, unless the message speaks of another owner of that address. */
enum table_result table_unregister(struct table *table, const Cupola__RouterRegister *message, uint64_t now_ns);
/* Takes an endpoint off all its routes; it is among the retired then. */
void table_prune_endpoint(struct table *table, struct endpoint *endpoint, uint64_t now_ns);
/* Removes what was not refreshed for stale_after_ns, but does no more than `budget` small things at once. False when
 * something is left to do. */
bool table_prune(struct table *table, uint64_t now_ns, size_t budget);
/* Nothing counts as stale before stale_after_ns from now. */
void table_restart_clocks(struct table *table, uint64_t now_ns);

/* ---- Sources and digests ---- */

/* The DEA's record, made if `is_heard` (then NULL only when there are too many), else looked up. */
struct source *table_source(struct table *table, const char *dea, bool is_heard, uint64_t now_ns);
/* A registration or its end came: true if the number of its change shows that one before it was lost. */
bool table_note_change(struct table *table, const Cupola__RouterRegister *message, uint64_t now_ns);
/* Where the sender's table can be read without a bus, if the message tells. */
void table_note_viewer(struct table *table, struct source *source, const Cupola__RouteTable *message);
/* table_note_change of a whole table, in which nothing is missing. */
void table_note_page(struct table *table, struct source *source, const Cupola__RouteTable *page);
/* A digest came. True: it agrees with ours, and all endpoints of that source are refreshed. */
bool table_compare_digest(struct table *table, struct source *source, const Cupola__RouteTable *digest,
                          uint64_t now_ns);
/* The whole table of a source comes, in one message or several: between begin and end its routes are registered. At the
 * end what was not named is dropped. */
void table_begin_source(struct table *table, struct source *source);
void table_end_source(struct table *table, struct source *source, uint64_t digest, uint64_t now_ns);

/* ---- For requests ---- */

/* The route of a host as a request names it (any case, with or without port), or NULL. */
struct route *table_find_route(const struct table *table, struct http_text host);
/* `place` < route->count. */
struct endpoint *route_endpoint(const struct table *table, const struct route *route, uint32_t place);
/* The one at that index of that app behind the route, or NULL. */
struct endpoint *route_find_instance(const struct table *table, const struct route *route, int64_t app, int32_t index);
bool endpoint_was_tried(const struct endpoint *endpoint, const struct tried *tried);
struct contact *endpoint_contact(struct endpoint *endpoint);
uint64_t endpoint_quarantined_until(const struct endpoint *endpoint);
/* "" for v1 peers. `text` has room for TABLE_MAX_INSTANCE + 1. */
void endpoint_instance(const struct table *table, const struct endpoint *endpoint, char *ret_text);
/* NULL if nothing is known of its app. */
const struct place *endpoint_place(const struct table *table, const struct endpoint *endpoint);
const char *endpoint_host(const struct table *table, const struct endpoint *endpoint);
/* Of its source: a name, 0 if none was told. */
uint32_t endpoint_zone(const struct table *table, const struct endpoint *endpoint);

/* The next retired endpoint, or NULL. End it with endpoint_free once it has no connections. */
struct endpoint *table_take_retired(struct table *table);
void endpoint_free(struct table *table, struct endpoint *endpoint);

#endif
