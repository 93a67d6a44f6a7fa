/* Registering, unregistering, pruning; see table.h for the invariants. */
#include "core/router/table.h"

#include "core/base/memory.h"
#include "core/router/owner.h"

#include <string.h>
#include <utlist.h>

enum { FIRST_LINKS = 2, MANY_LINKS = 32 };

/* ---- Hosts ---- */

/* Lower case, without port, as requests are looked up. False for what no Host field can name. */
static bool normalize_host(struct http_text host, char ret_host[ROUTE_MAX_HOST + 1], size_t *ret_size)
{
    size_t size = 0;
    while (size < host.size && host.data[size] != ':')
        size++;
    if (size > 1 && host.data[size - 1] == '.')
        size--;
    if (size == 0 || size > ROUTE_MAX_HOST)
        return false;
    for (size_t i = 0; i < size; i++) {
        char c = host.data[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c | 0x20);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_')
            return false;
        ret_host[i] = c;
    }
    ret_host[size] = 0;
    *ret_size = size;
    return true;
}

struct route *table_find_route(const struct table *table, struct http_text host)
{
    char name[ROUTE_MAX_HOST + 1];
    size_t size;
    struct route *route = NULL;
    if (normalize_host(host, name, &size))
        HASH_FIND(hh, table->routes, name, size, route);
    return route;
}

/* ---- Routes and links ---- */

static struct route *ensure_route(struct table *table, const char *host, size_t size, uint64_t now_ns)
{
    struct route *route = NULL;
    HASH_FIND(hh, table->routes, host, size, route);
    if (route != NULL)
        return route;
    route = memory_new(sizeof *route + size + 1);
    memcpy(route->host, host, size);
    route->host_size = size;
    route->empty_since_ns = now_ns;
    HASH_ADD_KEYPTR(hh, table->routes, route->host, size, route);
    DL_APPEND2(table->empty, route, previous, next);
    return route;
}

static void free_route(struct table *table, struct route *route)
{
    assert_that(route->link_count == 0);
    assert_that(route->users == 0);
    DL_DELETE2(table->empty, route, previous, next);
    HASH_DELETE(hh, table->routes, route);
    memory_free(route->links);
    memory_free(route);
}

/* Looks through the shorter side: a route rarely has many endpoints and an endpoint rarely many routes. */
static struct link *find_link(const struct endpoint *endpoint, const struct route *route)
{
    for (uint32_t i = 0; i < route->link_count && i < MANY_LINKS; i++) {
        if (route->links[i]->endpoint == endpoint)
            return route->links[i];
    }
    if (route->link_count <= MANY_LINKS)
        return NULL;
    struct link *link;
    DL_FOREACH2(endpoint->links, link, next_of_endpoint)
    {
        if (link->route == route)
            return link;
    }
    return NULL;
}

static void add_link(struct table *table, struct route *route, struct endpoint *endpoint, uint64_t now_ns)
{
    if (route->link_count == route->link_capacity) {
        uint32_t capacity = route->link_capacity == 0 ? FIRST_LINKS : route->link_capacity * 2;
        route->links =
            memory_grow(route->links, route->link_capacity * sizeof(struct link *), capacity * sizeof(struct link *));
        route->link_capacity = capacity;
    }
    if (route->link_count == 0) {
        DL_DELETE2(table->empty, route, previous, next);
        table->route_count++;
    }
    struct link *link = memory_new(sizeof *link);
    link->route = route;
    link->endpoint = endpoint;
    link->updated_ns = now_ns;
    link->place = route->link_count;
    route->links[route->link_count++] = link;
    DL_APPEND2(table->oldest, link, previous, next);
    DL_APPEND2(endpoint->links, link, previous_of_endpoint, next_of_endpoint);
    table->link_count++;
}

static void refresh_link(struct table *table, struct link *link, uint64_t now_ns)
{
    link->updated_ns = now_ns;
    DL_DELETE2(table->oldest, link, previous, next);
    DL_APPEND2(table->oldest, link, previous, next);
}

static void drop_link(struct table *table, struct link *link, uint64_t now_ns)
{
    struct route *route = link->route;
    assert_that(route->links[link->place] == link);
    route->links[link->place] = route->links[--route->link_count];
    route->links[link->place]->place = link->place;
    DL_DELETE2(table->oldest, link, previous, next);
    DL_DELETE2(link->endpoint->links, link, previous_of_endpoint, next_of_endpoint);
    table->link_count--;
    memory_free(link);
    if (route->link_count == 0) {
        route->empty_since_ns = now_ns;
        DL_APPEND2(table->empty, route, previous, next);
        table->route_count--;
    }
}

/* ---- Slots ---- */

static struct slot *find_slot(const struct table *table, struct slot_key key)
{
    struct slot *slot = NULL;
    HASH_FIND(hh, table->slots, &key, sizeof key, slot);
    return slot;
}

static void leave_slot(struct endpoint *endpoint, uint64_t now_ns)
{
    struct slot *slot = endpoint->slot;
    if (slot == NULL)
        return;
    DL_DELETE2(slot->endpoints, endpoint, previous, next);
    endpoint->slot = NULL;
    if (slot->endpoints == NULL)
        slot->empty_since_ns = now_ns;
}

/* ---- Endpoints ---- */

static void retire_endpoint(struct table *table, struct endpoint *endpoint, uint64_t now_ns)
{
    assert_that(!endpoint->is_retired);
    struct link *link, *next;
    DL_FOREACH_SAFE2(endpoint->links, link, next, next_of_endpoint)
    {
        drop_link(table, link, now_ns);
    }
    leave_slot(endpoint, now_ns);
    HASH_DELETE(hh, table->endpoints, endpoint);
    endpoint->is_retired = true;
    DL_APPEND2(table->retired, endpoint, previous, next);
}

struct endpoint *table_take_retired(struct table *table)
{
    struct endpoint *endpoint = table->retired;
    if (endpoint != NULL)
        DL_DELETE2(table->retired, endpoint, previous, next);
    return endpoint;
}

/* Puts the endpoint where its epoch is compared. A newer epoch ends the routes of every older instance of the slot. */
static void enter_slot(struct table *table, struct endpoint *endpoint, const Cupola__RouterRegister *message,
                       uint64_t now_ns)
{
    struct slot_key key = owner_slot_key(message);
    struct slot *slot = find_slot(table, key);
    if (slot == NULL) {
        slot = memory_new(sizeof *slot);
        slot->key = key;
        slot->epoch = message->epoch;
        HASH_ADD(hh, table->slots, key, sizeof slot->key, slot);
    }
    assert_that(message->epoch >= slot->epoch); /* Older ones were turned away before. */
    if (endpoint->slot != NULL && endpoint->slot != slot)
        leave_slot(endpoint, now_ns);
    if (message->epoch > slot->epoch) {
        struct endpoint *other, *next;
        DL_FOREACH_SAFE2(slot->endpoints, other, next, next)
        {
            if (other != endpoint)
                retire_endpoint(table, other, now_ns);
        }
        slot->epoch = message->epoch;
    }
    if (endpoint->slot == NULL) {
        endpoint->slot = slot;
        DL_APPEND2(slot->endpoints, endpoint, previous, next);
    }
}

static bool is_outdated(const struct table *table, const Cupola__RouterRegister *message)
{
    if (!owner_has_slot(message))
        return false;
    const struct slot *slot = find_slot(table, owner_slot_key(message));
    return slot != NULL && message->epoch < slot->epoch;
}

/* The endpoint of the message's address, owned by its sender. */
static struct endpoint *ensure_endpoint(struct table *table, const Cupola__RouterRegister *message, const char *address,
                                        uint64_t now_ns)
{
    struct endpoint *endpoint = NULL;
    HASH_FIND_STR(table->endpoints, address, endpoint);
    if (endpoint != NULL && !owner_is_same(endpoint, message)) {
        retire_endpoint(table, endpoint, now_ns);
        table->replaced_count++;
        endpoint = NULL;
    }
    if (endpoint == NULL) {
        endpoint = owner_new_endpoint(message, address, ++table->last_serial);
        HASH_ADD_KEYPTR(hh, table->endpoints, endpoint->address, strlen(endpoint->address), endpoint);
    } else {
        owner_refresh(endpoint, message);
    }
    if (owner_has_slot(message))
        enter_slot(table, endpoint, message, now_ns);
    return endpoint;
}

/* ---- Messages ---- */

static enum table_result link_uri(struct table *table, struct endpoint *endpoint, const char *uri, uint64_t now_ns)
{
    char host[ROUTE_MAX_HOST + 1];
    size_t size;
    if (uri == NULL || !normalize_host((struct http_text){uri, strlen(uri)}, host, &size))
        return TABLE_MALFORMED;
    struct route *route = NULL;
    HASH_FIND(hh, table->routes, host, size, route);
    struct link *link = route == NULL ? NULL : find_link(endpoint, route);
    if (link != NULL) {
        refresh_link(table, link, now_ns);
        return TABLE_TAKEN;
    }
    if (table->link_count >= table->max_links || HASH_COUNT(table->routes) >= 2 * table->max_links)
        return TABLE_FULL;
    add_link(table, ensure_route(table, host, size, now_ns), endpoint, now_ns);
    return TABLE_TAKEN;
}

enum table_result table_register(struct table *table, const Cupola__RouterRegister *message, uint64_t now_ns)
{
    char address[TABLE_MAX_ADDRESS];
    if (!owner_write_address(message, address)) {
        table->refused_count++;
        return TABLE_MALFORMED;
    }
    if (is_outdated(table, message)) {
        table->outdated_count++;
        return TABLE_OUTDATED;
    }
    struct endpoint *endpoint = ensure_endpoint(table, message, address, now_ns);
    enum table_result worst = TABLE_TAKEN;
    for (size_t i = 0; i < message->n_uris; i++) {
        enum table_result result = link_uri(table, endpoint, message->uris[i], now_ns);
        if (result != TABLE_TAKEN) {
            table->refused_count++;
            worst = result;
        }
    }
    if (endpoint->links == NULL)
        retire_endpoint(table, endpoint, now_ns);
    return worst;
}

enum table_result table_unregister(struct table *table, const Cupola__RouterRegister *message, uint64_t now_ns)
{
    char address[TABLE_MAX_ADDRESS];
    if (!owner_write_address(message, address)) {
        table->refused_count++;
        return TABLE_MALFORMED;
    }
    struct endpoint *endpoint = NULL;
    HASH_FIND_STR(table->endpoints, address, endpoint);
    if (endpoint == NULL)
        return TABLE_TAKEN;
    bool names_instance = message->private_instance_id != NULL && *message->private_instance_id != 0;
    if (names_instance && !owner_is_same(endpoint, message)) {
        table->outdated_count++;
        return TABLE_OUTDATED; /* The goodbye of a former owner came late. */
    }
    for (size_t i = 0; i < message->n_uris; i++) {
        const char *uri = message->uris[i];
        struct route *route = uri == NULL ? NULL : table_find_route(table, (struct http_text){uri, strlen(uri)});
        struct link *link = route == NULL ? NULL : find_link(endpoint, route);
        if (link != NULL)
            drop_link(table, link, now_ns);
    }
    if (endpoint->links == NULL)
        retire_endpoint(table, endpoint, now_ns);
    return TABLE_TAKEN;
}

/* ---- Time ---- */

static bool is_over(const struct table *table, uint64_t since_ns, uint64_t now_ns)
{
    uint64_t from_ns = since_ns > table->fresh_since_ns ? since_ns : table->fresh_since_ns;
    return now_ns > from_ns && now_ns - from_ns >= table->stale_after_ns;
}

void table_restart_clocks(struct table *table, uint64_t now_ns)
{
    table->fresh_since_ns = now_ns;
}

static void prune_slots(struct table *table, uint64_t now_ns)
{
    struct slot *slot, *next;
    HASH_ITER (hh, table->slots, slot, next) {
        if (slot->endpoints == NULL && is_over(table, slot->empty_since_ns, now_ns)) {
            HASH_DELETE(hh, table->slots, slot);
            memory_free(slot);
        }
    }
}

void table_prune(struct table *table, uint64_t now_ns)
{
    while (table->oldest != NULL && is_over(table, table->oldest->updated_ns, now_ns)) {
        struct endpoint *endpoint = table->oldest->endpoint;
        drop_link(table, table->oldest, now_ns);
        table->pruned_count++;
        if (endpoint->links == NULL)
            retire_endpoint(table, endpoint, now_ns);
    }
    struct route *route, *next;
    DL_FOREACH_SAFE2(table->empty, route, next, next)
    {
        if (!is_over(table, route->empty_since_ns, now_ns))
            break;
        if (route->users == 0)
            free_route(table, route);
    }
    prune_slots(table, now_ns);
}

void table_free(struct table *table)
{
    struct endpoint *endpoint, *next_endpoint;
    HASH_ITER (hh, table->endpoints, endpoint, next_endpoint) {
        retire_endpoint(table, endpoint, 0);
    }
    while ((endpoint = table_take_retired(table)) != NULL)
        endpoint_free(endpoint);
    struct route *route, *next_route;
    DL_FOREACH_SAFE2(table->empty, route, next_route, next)
    {
        free_route(table, route);
    }
    struct slot *slot, *next_slot;
    HASH_ITER (hh, table->slots, slot, next_slot) {
        HASH_DELETE(hh, table->slots, slot);
        memory_free(slot);
    }
}
