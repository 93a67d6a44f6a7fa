/* Registering and unregistering; see table.h for the invariants. */
#include "core/base/memory.h"
#include "core/router/table/parts.h"

#include <string.h>

/* ---- Life ---- */

void table_init(struct table *table, uint64_t seed)
{
    names_init(&table->names, seed);
    slab_init(&table->routes, sizeof(struct route));
    slab_init(&table->endpoints, sizeof(struct endpoint));
    slab_init(&table->places, sizeof(struct place));
    slab_init(&table->sources, sizeof(struct source));
    slab_init(&table->policies, sizeof(struct policy));
    uint32_t unnamed = slab_take(&table->sources);
    assert_that(unnamed == UNNAMED_SOURCE);
}

static void free_endpoints(struct table *table)
{
    for (uint32_t id = 1; id <= table->endpoints.used; id++) {
        struct endpoint *endpoint = endpoint_at(table, id);
        if (endpoint->host == 0)
            continue; /* Free. */
        memory_free(endpoint->contact);
        if (endpoint->link_count > 1)
            memory_free(endpoint->links.many);
    }
}

void table_free(struct table *table)
{
    if (table->sources.used == 0)
        return; /* It never began. */
    routes_free(table);
    free_endpoints(table);
    struct slab *slabs[] = {&table->routes, &table->endpoints, &table->places, &table->sources, &table->policies};
    for (size_t i = 0; i < sizeof slabs / sizeof slabs[0]; i++)
        slab_free(slabs[i]);
    index_free(&table->routes_by_host);
    index_free(&table->endpoints_by_address);
    index_free(&table->places_by_key);
    index_free(&table->sources_by_name);
    names_free(&table->names);
    tags_free(&table->tags);
}

/* ---- Time ---- */

bool table_is_over(const struct table *table, uint32_t since, uint64_t now_ns)
{
    uint32_t now = tick_of(now_ns);
    uint32_t from = later_of(since, table->fresh_since);
    return now > from && (uint64_t)(now - from) << TABLE_TICK_BITS >= table->stale_after_ns;
}

void table_restart_clocks(struct table *table, uint64_t now_ns)
{
    table->fresh_since = tick_of(now_ns);
}

/* ---- Endpoints ---- */

void table_retire(struct table *table, struct endpoint *endpoint, uint64_t now_ns)
{
    assert_that(!endpoint->is_retired);
    while (endpoint->link_count > 0)
        links_drop(table, endpoint, endpoint->link_count - 1u, now_ns);
    places_leave(table, endpoint, now_ns);
    sources_leave(table, endpoint);
    owner_remove(table, endpoint);
    endpoint->is_retired = true;
    endpoint->next = table->retired;
    table->retired = endpoint->id;
}

void table_prune_endpoint(struct table *table, struct endpoint *endpoint, uint64_t now_ns)
{
    table->pruned_count += endpoint->link_count;
    table_retire(table, endpoint, now_ns);
}

struct endpoint *table_take_retired(struct table *table)
{
    if (table->retired == 0)
        return NULL;
    struct endpoint *endpoint = endpoint_at(table, table->retired);
    table->retired = endpoint->next;
    endpoint->next = 0;
    return endpoint;
}

/* The endpoint of the message's address, owned by its sender. */
static struct endpoint *ensure_endpoint(struct table *table, const Cupola__RouterRegister *message,
                                        const struct address *address, uint64_t now_ns)
{
    struct endpoint *endpoint = owner_find(table, address);
    uint32_t source = sources_ensure(table, message->dea, now_ns);
    bool is_same = endpoint != NULL && owner_is_same(table, endpoint, message);
    if (endpoint != NULL && (!is_same || endpoint->source != source)) {
        table->replaced_count += !is_same;
        table_retire(table, endpoint, now_ns);
        endpoint = NULL;
    }
    if (endpoint == NULL) {
        endpoint = owner_add(table, message, address);
        endpoint->keeps_itself = message->life != NULL;
        endpoint->tags = tags_number(&table->tags, message);
    }
    endpoint->speaks_http2 = message->protocol != NULL && strcmp(message->protocol, "http2") == 0;
    sources_note_zone(source_at(table, source), table, message);
    sources_enter(table, endpoint, source, now_ns);
    places_enter(table, endpoint, message, now_ns);
    return endpoint;
}

/* ---- Messages ---- */

static enum table_result link_uri(struct table *table, struct endpoint *endpoint, const Cupola__RouterRegister *message,
                                  const char *uri, uint64_t now_ns)
{
    char host[NAME_MOST + 1];
    size_t size;
    if (uri == NULL || !routes_normalize_host((struct http_text){uri, strlen(uri)}, host, &size))
        return TABLE_MALFORMED;
    uint32_t route = routes_find(table, host, size);
    struct link *link = route == 0 ? NULL : links_find(endpoint, route);
    if (link != NULL) {
        link->seen = tick_of(now_ns);
    } else {
        if (table->link_count >= table->max_links || table->routes.live >= 2 * table->max_links ||
            endpoint->link_count >= TABLE_MAX_LINKS)
            return TABLE_FULL;
        if (route == 0)
            route = routes_ensure(table, host, size, now_ns);
        links_add(table, endpoint, route, now_ns);
    }
    routes_set_policy(table, route, message);
    return TABLE_TAKEN;
}

/* A URI that this endpoint has not named for too long, though it registers others. */
static void drop_stale_links(struct table *table, struct endpoint *endpoint, uint64_t now_ns)
{
    for (uint32_t i = endpoint->link_count; i > 0; i--) {
        uint32_t seen = links_at(endpoint, i - 1)->seen;
        if (seen != 0 && table_is_over(table, sources_effective(table, endpoint, seen), now_ns)) {
            links_drop(table, endpoint, i - 1, now_ns);
            table->pruned_count++;
        }
    }
}

enum table_result table_register(struct table *table, const Cupola__RouterRegister *message, uint64_t now_ns)
{
    struct address address;
    if (!owner_read_address(message, &address)) {
        table->refused_count++;
        return TABLE_MALFORMED;
    }
    if (places_is_outdated(table, message)) {
        table->outdated_count++;
        return TABLE_OUTDATED;
    }
    struct endpoint *endpoint = ensure_endpoint(table, message, &address, now_ns);
    enum table_result worst = TABLE_TAKEN;
    for (size_t i = 0; i < message->n_uris; i++) {
        enum table_result result = link_uri(table, endpoint, message, message->uris[i], now_ns);
        if (result != TABLE_TAKEN) {
            table->refused_count++;
            worst = result;
        }
    }
    drop_stale_links(table, endpoint, now_ns);
    if (endpoint->link_count == 0)
        table_retire(table, endpoint, now_ns);
    return worst;
}

enum table_result table_unregister(struct table *table, const Cupola__RouterRegister *message, uint64_t now_ns)
{
    struct address address;
    if (!owner_read_address(message, &address)) {
        table->refused_count++;
        return TABLE_MALFORMED;
    }
    struct endpoint *endpoint = owner_find(table, &address);
    if (endpoint == NULL)
        return TABLE_TAKEN;
    bool names_instance = message->private_instance_id != NULL && *message->private_instance_id != 0;
    if (names_instance && !owner_is_same(table, endpoint, message)) {
        table->outdated_count++;
        return TABLE_OUTDATED; /* The goodbye of a former owner came late. */
    }
    for (size_t i = 0; i < message->n_uris; i++) {
        char host[NAME_MOST + 1];
        size_t size;
        const char *uri = message->uris[i];
        if (uri == NULL || !routes_normalize_host((struct http_text){uri, strlen(uri)}, host, &size))
            continue;
        for (uint32_t at = 0, route = routes_find(table, host, size); route != 0 && at < endpoint->link_count; at++) {
            if (links_at(endpoint, at)->route == route) {
                links_drop(table, endpoint, at, now_ns);
                break;
            }
        }
    }
    if (endpoint->link_count == 0)
        table_retire(table, endpoint, now_ns);
    return TABLE_TAKEN;
}
