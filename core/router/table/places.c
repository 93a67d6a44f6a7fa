/* Apps and indices: which start of an index is the newest. */
#include "core/base/mutation.h"
#include "core/router/table/parts.h"

struct key {
    int64_t app;
    int32_t index;
};

static uint64_t hash_of_key(const struct table *table, struct key key)
{
    return random_mix(table->names.seed ^ (uint64_t)key.app, (uint32_t)key.index);
}

static uint64_t hash_of(const void *owner, uint32_t id)
{
    const struct place *place = place_at(owner, id);
    return hash_of_key(owner, (struct key){place->app, place->index});
}

static bool is_match(const void *owner, uint32_t id, const void *wanted)
{
    const struct key *key = wanted;
    const struct place *place = place_at(owner, id);
    return place->app == key->app && place->index == key->index;
}

static bool is_comparable(const Cupola__RouterRegister *message)
{
    return message->has_app && message->has_index && message->has_epoch;
}

static uint32_t find_shared(const struct table *table, const Cupola__RouterRegister *message)
{
    struct key key = {message->app, message->index};
    return index_find(&table->places_by_key, hash_of_key(table, key), is_match, table, &key);
}

bool places_is_outdated(const struct table *table, const Cupola__RouterRegister *message)
{
    if (!is_comparable(message))
        return false;
    uint32_t id = find_shared(table, message);
    return id != 0 && message->epoch < place_at(table, id)->epoch;
}

/* ---- Places without endpoints ---- */

static void queue_empty(struct table *table, uint32_t id, uint64_t now_ns)
{
    struct place *place = place_at(table, id);
    place->since = tick_of(now_ns);
    if (place->is_queued)
        return;
    place->is_queued = true;
    place->next_empty = 0;
    if (table->empty_places == 0)
        table->empty_places = id;
    else
        place_at(table, table->last_empty_place)->next_empty = id & 0x7ffffffu;
    table->last_empty_place = id;
}

bool places_forget_empty(struct table *table, uint64_t now_ns, size_t *budget)
{
    while (table->empty_places != 0) {
        uint32_t id = table->empty_places;
        struct place *place = place_at(table, id);
        if (place->first == 0 && !table_is_over(table, place->since, now_ns))
            return true;
        if (*budget == 0)
            return false;
        (*budget)--;
        table->empty_places = place->next_empty;
        place->is_queued = false;
        if (place->first != 0)
            continue; /* Somebody came back. */
        index_remove(&table->places_by_key, id, hash_of, table);
        slab_give_back(&table->places, id);
    }
    return true;
}

/* ---- Coming and going ---- */

static void take_out(struct table *table, struct place *place, const struct endpoint *endpoint)
{
    uint32_t *at = &place->first;
    while (*at != endpoint->id)
        at = &endpoint_at(table, *at)->next_in_place;
    *at = endpoint->next_in_place;
}

void places_leave(struct table *table, struct endpoint *endpoint, uint64_t now_ns)
{
    uint32_t id = endpoint->place;
    if (id == 0)
        return;
    struct place *place = place_at(table, id);
    take_out(table, place, endpoint);
    endpoint->place = 0;
    endpoint->next_in_place = 0;
    if (place->first != 0)
        return;
    if (place->is_shared)
        queue_empty(table, id, now_ns);
    else
        slab_give_back(&table->places, id);
}

static void put_in(struct table *table, struct endpoint *endpoint, uint32_t id)
{
    struct place *place = place_at(table, id);
    endpoint->place = id;
    endpoint->next_in_place = place->first;
    place->first = endpoint->id;
}

static uint32_t ensure_shared(struct table *table, const Cupola__RouterRegister *message)
{
    uint32_t id = find_shared(table, message);
    if (id != 0)
        return id;
    id = slab_take(&table->places);
    assert_that(id <= 0x7ffffffu);
    *place_at(table, id) = (struct place){
        .app = message->app,
        .index = message->index,
        .epoch = message->epoch,
        .is_shared = true,
        .has_app = true,
        .has_index = true,
        .has_epoch = true,
    };
    index_add(&table->places_by_key, id, hash_of, table);
    return id;
}

/* A newer epoch ends the routes of every older instance of the index. So does one DEA's word of another instance from
 * the same order: it has started it once more by itself, and may have come back with another address, at which nobody
 * says that the former one is gone. */
static void enter_shared(struct table *table, struct endpoint *endpoint, const Cupola__RouterRegister *message,
                         uint64_t now_ns)
{
    uint32_t id = ensure_shared(table, message);
    if (endpoint->place != id) {
        places_leave(table, endpoint, now_ns);
        put_in(table, endpoint, id);
    }
    struct place *place = place_at(table, id);
    assert_that(message->epoch >= place->epoch); /* Older ones were turned away before. */
    bool is_newer = message->epoch > place->epoch;
    bool is_of_order =
        !mutation_is(ROUTER_KEEPS_BOTH_OF_AN_ORDER) && message->epoch != 0 && endpoint->source != UNNAMED_SOURCE;
    place->epoch = message->epoch;
    for (uint32_t other = place->first, next; other != 0; other = next) {
        next = endpoint_at(table, other)->next_in_place;
        if (other != endpoint->id &&
            (is_newer || (is_of_order && endpoint_at(table, other)->source == endpoint->source)))
            table_retire(table, endpoint_at(table, other), now_ns);
    }
}

/* A later message may tell more than the first one, never less. */
static void enter_private(struct table *table, struct endpoint *endpoint, const Cupola__RouterRegister *message)
{
    if (endpoint->place == 0)
        put_in(table, endpoint, slab_take(&table->places));
    struct place *place = place_at(table, endpoint->place);
    if (place->is_shared)
        return;
    if (message->has_app) {
        place->has_app = true;
        place->app = message->app;
    }
    if (message->has_index) {
        place->has_index = true;
        place->index = message->index;
    }
    if (message->has_epoch) {
        place->has_epoch = true;
        place->epoch = message->epoch;
    }
}

void places_enter(struct table *table, struct endpoint *endpoint, const Cupola__RouterRegister *message,
                  uint64_t now_ns)
{
    if (is_comparable(message))
        enter_shared(table, endpoint, message, now_ns);
    else if (message->has_app || message->has_index || message->has_epoch)
        enter_private(table, endpoint, message);
}
