/* Sources: who tells of endpoints, how fresh that is, and whether we have all of it. */
#include "core/router/table/parts.h"
#include "core/wire/route_digest.h"

#include <string.h>

/* DEAs that are known at once; whoever comes beyond is treated like one who gives no name. */
enum { MAX_SOURCES = 65536 };

/* ---- By name ---- */

struct key {
    const char *name;
};

static uint64_t hash_of_name(const struct table *table, const char *name)
{
    return random_hash(table->names.seed, name, strlen(name));
}

static uint64_t hash_of(const void *owner, uint32_t id)
{
    const struct table *table = owner;
    return hash_of_name(table, names_text(&table->names, source_at(table, id)->name));
}

static bool is_match(const void *owner, uint32_t id, const void *wanted)
{
    const struct table *table = owner;
    const struct key *key = wanted;
    return strcmp(names_text(&table->names, source_at(table, id)->name), key->name) == 0;
}

static uint32_t find(const struct table *table, const char *dea)
{
    struct key key = {dea};
    return index_find(&table->sources_by_name, hash_of_name(table, dea), is_match, table, &key);
}

uint32_t sources_ensure(struct table *table, const char *dea, uint64_t now_ns)
{
    size_t size = dea == NULL ? 0 : strlen(dea);
    if (size == 0 || size > NAME_MOST)
        return UNNAMED_SOURCE;
    uint32_t id = find(table, dea);
    if (id != 0)
        return id;
    if (table->sources.live >= MAX_SOURCES)
        return UNNAMED_SOURCE;
    id = slab_take(&table->sources);
    source_at(table, id)->name = names_share(&table->names, dea, size);
    source_at(table, id)->heard = tick_of(now_ns);
    index_add(&table->sources_by_name, id, hash_of, table);
    return id;
}

struct source *table_source(struct table *table, const char *dea, bool is_heard, uint64_t now_ns)
{
    if (dea == NULL || *dea == 0)
        return NULL;
    uint32_t id = is_heard ? sources_ensure(table, dea, now_ns) : find(table, dea);
    if (id == 0 || id == UNNAMED_SOURCE)
        return NULL;
    if (is_heard)
        source_at(table, id)->heard = tick_of(now_ns);
    return source_at(table, id);
}

/* ---- The way to it without a bus ---- */

static void forget_viewer(struct table *table, struct source *source)
{
    names_drop(&table->names, source->viewer_host);
    names_drop(&table->names, source->viewer_user);
    names_drop(&table->names, source->viewer_password);
    source->viewer_host = source->viewer_user = source->viewer_password = 0;
}

static uint32_t share(struct table *table, const char *text)
{
    return names_share(&table->names, text, strlen(text));
}

/* What becomes a line of HTTP has no line ends. */
static bool is_usable(const char *text)
{
    return text != NULL && *text != 0 && strlen(text) <= NAME_MOST && strpbrk(text, " \r\n") == NULL;
}

void table_note_viewer(struct table *table, struct source *source, const Cupola__RouteTable *message)
{
    bool is_told = is_usable(message->viewer_host) && is_usable(message->viewer_user) &&
                   is_usable(message->viewer_password) && message->viewer_port > 0 &&
                   message->viewer_port <= UINT16_MAX;
    if (!is_told)
        return;
    uint32_t host = share(table, message->viewer_host);
    uint32_t user = share(table, message->viewer_user);
    uint32_t password = share(table, message->viewer_password);
    forget_viewer(table, source);
    source->viewer_host = host;
    source->viewer_user = user;
    source->viewer_password = password;
    source->viewer_port = (uint16_t)message->viewer_port;
}

/* ---- Its end ---- */

static void free_source(struct table *table, uint32_t id)
{
    struct source *source = source_at(table, id);
    assert_that(source->endpoint_count == 0);
    index_remove(&table->sources_by_name, id, hash_of, table);
    names_drop(&table->names, source->name);
    names_drop(&table->names, source->zone);
    forget_viewer(table, source);
    slab_give_back(&table->sources, id);
}

/* ---- Its endpoints ---- */

void sources_leave(struct table *table, struct endpoint *endpoint)
{
    struct source *source = source_at(table, endpoint->source);
    if (endpoint->previous != 0)
        endpoint_at(table, endpoint->previous)->next = endpoint->next;
    else
        source->first = endpoint->next;
    if (endpoint->next != 0)
        endpoint_at(table, endpoint->next)->previous = endpoint->previous;
    else
        source->last = endpoint->previous;
    source->endpoint_count--;
    endpoint->previous = 0;
    endpoint->next = 0;
    endpoint->source = 0;
}

void sources_enter(struct table *table, struct endpoint *endpoint, uint32_t id, uint64_t now_ns)
{
    if (endpoint->source != 0)
        sources_leave(table, endpoint);
    struct source *source = source_at(table, id);
    endpoint->source = id;
    endpoint->seen = tick_of(now_ns);
    endpoint->previous = source->last;
    if (source->last != 0)
        endpoint_at(table, source->last)->next = endpoint->id;
    else
        source->first = endpoint->id;
    source->last = endpoint->id;
    source->endpoint_count++;
}

uint32_t sources_effective(const struct table *table, const struct endpoint *endpoint, uint32_t seen)
{
    return later_of(seen, source_at(table, endpoint->source)->confirmed);
}

void sources_note_zone(struct source *source, struct table *table, const Cupola__RouterRegister *message)
{
    const char *zone = message->zone;
    if (zone != NULL && strlen(zone) <= NAME_MOST && strcmp(zone, names_text(&table->names, source->zone)) != 0) {
        names_drop(&table->names, source->zone);
        source->zone = *zone == 0 ? 0 : names_share(&table->names, zone, strlen(zone));
    }
}

/* A number is left out when a message was lost; also the first ones of a life count. */
static bool advance(struct source *source, uint64_t life, int64_t sequence)
{
    int64_t known = life == source->life ? source->sequence : 0;
    source->life = life;
    source->sequence = sequence > known ? sequence : known;
    return sequence > known + 1;
}

static uint64_t hash_of_life(const struct table *table, const char *life)
{
    return random_hash(table->names.seed, life, strlen(life)) | 1;
}

bool table_note_change(struct table *table, const Cupola__RouterRegister *message, uint64_t now_ns)
{
    if (message->life == NULL || !message->has_sequence || message->dea == NULL)
        return false;
    struct source *source = table_source(table, message->dea, true, now_ns);
    return source != NULL && advance(source, hash_of_life(table, message->life), message->sequence);
}

void table_note_page(struct table *table, struct source *source, const Cupola__RouteTable *page)
{
    if (page->life != NULL && page->has_sequence)
        advance(source, hash_of_life(table, page->life), page->sequence);
}

/* ---- Digests ---- */

void sources_toggle(struct table *table, const struct endpoint *endpoint, uint32_t route, bool is_added)
{
    struct source *source = source_at(table, endpoint->source);
    if (is_added)
        source->link_count++;
    else
        source->link_count--;
    if (endpoint->source == UNNAMED_SOURCE)
        return;
    char instance[TABLE_MAX_INSTANCE + 1];
    endpoint_instance(table, endpoint, instance);
    const char *host = names_text(&table->names, route_at(table, route)->name);
    source->digest ^=
        route_digest(endpoint_host(table, endpoint), endpoint->port, instance, (struct http_text){host, strlen(host)});
}

/* Whether `digest` speaks of something older than what we have heard since. */
static bool is_overtaken(const struct source *source, uint64_t life, const Cupola__RouteTable *digest)
{
    return life == source->life && digest->has_sequence && digest->sequence < source->sequence;
}

bool table_compare_digest(struct table *table, struct source *source, const Cupola__RouteTable *digest, uint64_t now_ns)
{
    uint64_t life = digest->life == NULL ? 1 : hash_of_life(table, digest->life);
    if (is_overtaken(source, life, digest))
        return true;
    source->life = life;
    source->sequence = digest->sequence;
    uint64_t difference = source->digest ^ digest->digest;
    bool is_old_excuse = table_is_over(table, source->confirmed, now_ns);
    if (difference != 0 && (!source->is_excused || difference != source->excuse || is_old_excuse))
        return false;
    if (difference == 0) {
        source->confirmed = tick_of(now_ns);
        source->is_excused = false;
    }
    return true;
}

/* Marked as never seen: what the table that comes now does not name stays so. */
void table_begin_source(struct table *table, struct source *source)
{
    for (uint32_t id = source->first; id != 0; id = endpoint_at(table, id)->next) {
        struct endpoint *endpoint = endpoint_at(table, id);
        for (uint32_t i = 0; i < endpoint->link_count; i++)
            links_at(endpoint, i)->seen = 0;
    }
}

void table_end_source(struct table *table, struct source *source, uint64_t digest, uint64_t now_ns)
{
    for (uint32_t id = source->first, next; id != 0; id = next) {
        struct endpoint *endpoint = endpoint_at(table, id);
        next = endpoint->next;
        for (uint32_t i = endpoint->link_count; i > 0; i--) {
            if (links_at(endpoint, i - 1)->seen != 0)
                continue;
            links_drop(table, endpoint, i - 1, now_ns);
            table->pruned_count++;
        }
        if (endpoint->link_count == 0)
            table_retire(table, endpoint, now_ns);
    }
    source->confirmed = tick_of(now_ns);
    source->excuse = source->digest ^ digest;
    source->is_excused = source->excuse != 0;
}

/* ---- The sweep ---- */

static bool sweep_source(struct table *table, uint32_t id, uint64_t now_ns, size_t *budget)
{
    struct source *source = source_at(table, id);
    while (source->first != 0) {
        struct endpoint *endpoint = endpoint_at(table, source->first);
        if (!table_is_over(table, sources_effective(table, endpoint, endpoint->seen), now_ns))
            return true;
        if (*budget <= endpoint->link_count)
            return false;
        *budget -= (size_t)endpoint->link_count + 1;
        table->pruned_count += endpoint->link_count;
        table_retire(table, endpoint, now_ns);
    }
    bool is_needed = source->is_wanted || source->is_asked;
    if (id != UNNAMED_SOURCE && !is_needed && table_is_over(table, source->heard, now_ns))
        free_source(table, id);
    return true;
}

/* An endpoint may have more links than what is left of a budget, but not more than a whole one. */
static bool sweep_sources(struct table *table, uint64_t now_ns, size_t *budget)
{
    assert_that(*budget > TABLE_MAX_LINKS);
    while (table->swept < table->sources.used) {
        uint32_t id = table->swept + 1;
        bool is_live = id == UNNAMED_SOURCE || source_at(table, id)->heard != 0; /* 0 in free records. */
        if (*budget == 0 || (is_live && !sweep_source(table, id, now_ns, budget)))
            return false;
        *budget -= *budget > 0;
        table->swept++;
    }
    table->swept = 0;
    return true;
}

bool table_prune(struct table *table, uint64_t now_ns, size_t budget)
{
    return sweep_sources(table, now_ns, &budget) && routes_forget_empty(table, now_ns, &budget) &&
           places_forget_empty(table, now_ns, &budget);
}
