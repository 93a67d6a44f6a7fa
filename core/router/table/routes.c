/* Hosts and links. A route and an endpoint name each other; most have one of the other, and keep it in place. */
#include "core/base/memory.h"
#include "core/router/table/parts.h"

#include <string.h>

/* ---- Hosts ---- */

bool routes_normalize_host(struct http_text host, char ret_host[NAME_MOST + 1], size_t *ret_size)
{
    size_t size = 0;
    while (size < host.size && host.data[size] != ':')
        size++;
    if (size > 1 && host.data[size - 1] == '.')
        size--;
    if (size == 0 || size > NAME_MOST)
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

struct key {
    const char *host;
    size_t size;
};

static uint64_t hash_of(const void *owner, uint32_t id)
{
    const struct table *table = owner;
    const char *host = names_text(&table->names, route_at(table, id)->name);
    return random_hash(table->names.seed, host, strlen(host));
}

static bool is_match(const void *owner, uint32_t id, const void *wanted)
{
    const struct table *table = owner;
    const struct key *key = wanted;
    const char *host = names_text(&table->names, route_at(table, id)->name);
    return memcmp(host, key->host, key->size) == 0 && host[key->size] == 0;
}

uint32_t routes_find(const struct table *table, const char *host, size_t size)
{
    struct key key = {host, size};
    return index_find(&table->routes_by_host, random_hash(table->names.seed, host, size), is_match, table, &key);
}

struct route *table_find_route(const struct table *table, struct http_text host)
{
    char name[NAME_MOST + 1];
    size_t size;
    if (!routes_normalize_host(host, name, &size))
        return NULL;
    uint32_t id = routes_find(table, name, size);
    return id == 0 ? NULL : route_at(table, id);
}

/* ---- Routes without endpoints ---- */

static void queue_empty(struct table *table, uint32_t id, uint64_t now_ns)
{
    struct route *route = route_at(table, id);
    route->since = tick_of(now_ns);
    if (route->is_queued)
        return; /* It is looked at again when its turn comes. */
    route->is_queued = true;
    route->next_empty = 0;
    if (table->empty_routes == 0)
        table->empty_routes = id;
    else
        route_at(table, table->last_empty_route)->next_empty = id;
    table->last_empty_route = id;
}

static void free_route(struct table *table, uint32_t id)
{
    struct route *route = route_at(table, id);
    assert_that(route->count == 0);
    assert_that(route->users == 0);
    index_remove(&table->routes_by_host, id, hash_of, table);
    names_remove(&table->names, route->name);
    if (route->policy != 0) {
        struct policy *policy = slab_at(&table->policies, route->policy);
        names_drop(&table->names, policy->header);
        slab_give_back(&table->policies, route->policy);
    }
    slab_give_back(&table->routes, id);
}

bool routes_forget_empty(struct table *table, uint64_t now_ns, size_t *budget)
{
    while (table->empty_routes != 0) {
        uint32_t id = table->empty_routes;
        struct route *route = route_at(table, id);
        bool is_in_use = route->count > 0;
        if (!is_in_use && !table_is_over(table, route->since, now_ns))
            return true; /* Those behind it became empty later, or are in use. */
        if (*budget == 0)
            return false;
        (*budget)--;
        table->empty_routes = route->next_empty;
        route->is_queued = false;
        if (!is_in_use && route->users > 0)
            queue_empty(table, id, now_ns);
        else if (!is_in_use)
            free_route(table, id);
    }
    return true;
}

uint32_t routes_ensure(struct table *table, const char *host, size_t size, uint64_t now_ns)
{
    uint32_t id = routes_find(table, host, size);
    if (id != 0)
        return id;
    id = slab_take(&table->routes);
    route_at(table, id)->name = names_keep(&table->names, host, size);
    index_add(&table->routes_by_host, id, hash_of, table);
    queue_empty(table, id, now_ns);
    return id;
}

void routes_free(struct table *table)
{
    for (uint32_t id = 1; id <= table->routes.used; id++) {
        struct route *route = route_at(table, id);
        if (route->count > 1)
            memory_free(route->endpoints.many);
    }
}

/* ---- Policies ---- */

static bool read_balance(const char *text, enum balance *ret_balance)
{
    static const char *const names[] = {
        [BALANCE_RANDOM] = "random",
        [BALANCE_ROUND_ROBIN] = "round-robin",
        [BALANCE_LEAST_CONNECTION] = "least-connection",
        [BALANCE_HASH] = "hash",
    };
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_balance = (enum balance)i;
            return true;
        }
    }
    return false;
}

/* "hash" without a header hashes nothing: that is no policy. */
void routes_set_policy(struct table *table, uint32_t id, const Cupola__RouterRegister *message)
{
    struct route *route = route_at(table, id);
    enum balance balance;
    if (message->balance == NULL || !read_balance(message->balance, &balance))
        return;
    size_t size = message->balance_header == NULL ? 0 : strlen(message->balance_header);
    if (balance == BALANCE_HASH && (size == 0 || size > NAME_MOST))
        return;
    if (route->policy == 0)
        route->policy = slab_take(&table->policies);
    struct policy *policy = slab_at(&table->policies, route->policy);
    uint32_t header = balance == BALANCE_HASH ? names_share(&table->names, message->balance_header, size) : 0;
    names_drop(&table->names, policy->header);
    policy->header = header;
    policy->balance = balance;
}

/* ---- The route's side of a link ---- */

static bool is_power_of_two(uint32_t count)
{
    return (count & (count - 1)) == 0;
}

/* Arrays are as long as the next power of two: no capacity has to be kept. */
static void add_to_route(struct route *route, uint32_t endpoint)
{
    if (route->count == 0) {
        route->endpoints.one = endpoint;
    } else if (route->count == 1) {
        uint32_t first = route->endpoints.one;
        route->endpoints.many = memory_new(2 * sizeof(uint32_t));
        route->endpoints.many[0] = first;
        route->endpoints.many[1] = endpoint;
    } else {
        if (is_power_of_two(route->count))
            route->endpoints.many = memory_grow(route->endpoints.many, route->count * sizeof(uint32_t),
                                                2 * (size_t)route->count * sizeof(uint32_t));
        route->endpoints.many[route->count] = endpoint;
    }
    route->count++;
}

static void take_from_route(struct route *route, uint32_t endpoint)
{
    assert_that(route->count > 0);
    if (route->count == 1) {
        assert_that(route->endpoints.one == endpoint);
        route->count = 0;
        route->endpoints.many = NULL;
        return;
    }
    uint32_t *many = route->endpoints.many;
    uint32_t at = 0;
    while (many[at] != endpoint) {
        at++;
        assert_that(at < route->count);
    }
    many[at] = many[--route->count];
    if (route->count == 1) {
        uint32_t left = many[0];
        memory_free(many);
        route->endpoints.many = NULL;
        route->endpoints.one = left;
    }
}

struct endpoint *route_endpoint(const struct table *table, const struct route *route, uint32_t place)
{
    assert_that(place < route->count);
    return endpoint_at(table, route->count == 1 ? route->endpoints.one : route->endpoints.many[place]);
}

struct endpoint *route_find_instance(const struct table *table, const struct route *route, int64_t app, int32_t index)
{
    for (uint32_t i = 0; i < route->count; i++) {
        struct endpoint *endpoint = route_endpoint(table, route, i);
        const struct place *place = endpoint_place(table, endpoint);
        if (place != NULL && place->has_app && place->has_index && place->app == app && place->index == index)
            return endpoint;
    }
    return NULL;
}

/* ---- The endpoint's side ---- */

struct link *links_at(struct endpoint *endpoint, uint32_t at)
{
    assert_that(at < endpoint->link_count);
    return endpoint->link_count == 1 ? &endpoint->links.one : &endpoint->links.many[at];
}

struct link *links_find(struct endpoint *endpoint, uint32_t route)
{
    for (uint32_t i = 0; i < endpoint->link_count; i++) {
        struct link *link = links_at(endpoint, i);
        if (link->route == route)
            return link;
    }
    return NULL;
}

static void add_to_endpoint(struct endpoint *endpoint, struct link link)
{
    if (endpoint->link_count == 0) {
        endpoint->links.one = link;
    } else if (endpoint->link_count == 1) {
        struct link first = endpoint->links.one;
        endpoint->links.many = memory_new(2 * sizeof(struct link));
        endpoint->links.many[0] = first;
        endpoint->links.many[1] = link;
    } else {
        if (is_power_of_two(endpoint->link_count))
            endpoint->links.many = memory_grow(endpoint->links.many, endpoint->link_count * sizeof(struct link),
                                               2 * (size_t)endpoint->link_count * sizeof(struct link));
        endpoint->links.many[endpoint->link_count] = link;
    }
    endpoint->link_count++;
}

static void take_from_endpoint(struct endpoint *endpoint, uint32_t at)
{
    if (endpoint->link_count == 1) {
        endpoint->link_count = 0;
        endpoint->links.many = NULL;
        return;
    }
    struct link *many = endpoint->links.many;
    many[at] = many[--endpoint->link_count];
    if (endpoint->link_count == 1) {
        struct link left = many[0];
        memory_free(many);
        endpoint->links.one = left;
    }
}

/* ---- Both ---- */

void links_add(struct table *table, struct endpoint *endpoint, uint32_t route, uint64_t now_ns)
{
    struct route *record = route_at(table, route);
    if (record->count == 0)
        table->route_count++;
    add_to_route(record, endpoint->id);
    add_to_endpoint(endpoint, (struct link){route, tick_of(now_ns)});
    table->link_count++;
    table->v1_count += !endpoint->keeps_itself;
    sources_toggle(table, endpoint, route, true);
}

void links_drop(struct table *table, struct endpoint *endpoint, uint32_t at, uint64_t now_ns)
{
    uint32_t route = links_at(endpoint, at)->route;
    struct route *record = route_at(table, route);
    sources_toggle(table, endpoint, route, false);
    take_from_endpoint(endpoint, at);
    take_from_route(record, endpoint->id);
    table->link_count--;
    table->v1_count -= !endpoint->keeps_itself;
    if (record->count == 0) {
        table->route_count--;
        queue_empty(table, route, now_ns);
    }
}
