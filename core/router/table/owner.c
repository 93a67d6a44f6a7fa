/* Owners of addresses. v1 peers tell no instance: for them app and DEA are compared, as far as both are known. */
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/router/table/parts.h"

#include <stdio.h>
#include <string.h>

/* ---- Addresses ---- */

static bool is_host_name(const char *host, size_t size)
{
    if (size == 0 || size > NAME_MOST)
        return false;
    for (size_t i = 0; i < size; i++) {
        char c = host[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && strchr("-._:%[]", c) == NULL)
            return false;
    }
    return true;
}

bool owner_read_address(const Cupola__RouterRegister *message, struct address *ret_address)
{
    if (message->host == NULL || !message->has_port || message->port <= 0 || message->port > UINT16_MAX)
        return false;
    size_t size = strlen(message->host);
    if (!is_host_name(message->host, size))
        return false;
    if (message->private_instance_id != NULL && strlen(message->private_instance_id) > TABLE_MAX_INSTANCE)
        return false;
    *ret_address = (struct address){message->host, size, (uint16_t)message->port};
    return true;
}

struct key {
    uint32_t host;
    uint16_t port;
};

static uint64_t hash_of_key(const struct table *table, struct key key)
{
    return random_mix(table->names.seed ^ key.host, key.port);
}

static uint64_t hash_of(const void *owner, uint32_t id)
{
    const struct table *table = owner;
    const struct endpoint *endpoint = endpoint_at(table, id);
    return hash_of_key(table, (struct key){endpoint->host, endpoint->port});
}

static bool is_match(const void *owner, uint32_t id, const void *wanted)
{
    const struct key *key = wanted;
    const struct endpoint *endpoint = endpoint_at(owner, id);
    return endpoint->host == key->host && endpoint->port == key->port;
}

struct endpoint *owner_find(const struct table *table, const struct address *address)
{
    struct key key = {names_find(&table->names, address->host, address->host_size), address->port};
    if (key.host == 0)
        return NULL;
    uint32_t id = index_find(&table->endpoints_by_address, hash_of_key(table, key), is_match, table, &key);
    return id == 0 ? NULL : endpoint_at(table, id);
}

/* ---- Instances ---- */

enum { PACKED_DIGITS = 32 };

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool pack_instance(const char *text, uint64_t ret_packed[2])
{
    uint64_t packed[2] = {0};
    size_t i = 0;
    for (; i < PACKED_DIGITS && text[i] != 0; i++) {
        int value = hex_value(text[i]);
        if (value < 0)
            return false;
        packed[i / 16] = packed[i / 16] << 4 | (uint64_t)value;
    }
    if (i < PACKED_DIGITS || text[i] != 0)
        return false;
    ret_packed[0] = packed[0];
    ret_packed[1] = packed[1];
    return true;
}

void endpoint_instance(const struct table *table, const struct endpoint *endpoint, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    if (!endpoint->has_packed_instance) {
        snprintf(ret_text, TABLE_MAX_INSTANCE + 1, "%s", names_text(&table->names, endpoint->instance.name));
        return;
    }
    for (size_t i = 0; i < PACKED_DIGITS; i++)
        ret_text[i] = digits[endpoint->instance.packed[i / 16] >> (60 - 4 * (i % 16)) & 15];
    ret_text[PACKED_DIGITS] = 0;
}

static bool has_instance(const struct table *table, const struct endpoint *endpoint, const char *instance)
{
    uint64_t packed[2];
    if (!endpoint->has_packed_instance)
        return strcmp(names_text(&table->names, endpoint->instance.name), instance) == 0;
    return pack_instance(instance, packed) && packed[0] == endpoint->instance.packed[0] &&
           packed[1] == endpoint->instance.packed[1];
}

bool owner_is_same(const struct table *table, const struct endpoint *endpoint, const Cupola__RouterRegister *message)
{
    const char *instance = message->private_instance_id == NULL ? "" : message->private_instance_id;
    if (mutation_is(ROUTER_TRUSTS_ADDRESSES))
        return true;
    if (!has_instance(table, endpoint, instance))
        return false;
    if (*instance != 0)
        return true;
    const struct place *place = endpoint_place(table, endpoint);
    if (place != NULL && place->has_app && message->has_app && place->app != message->app)
        return false;
    const struct source *source = source_at(table, endpoint->source);
    return strcmp(names_text(&table->names, source->name), message->dea == NULL ? "" : message->dea) == 0;
}

/* ---- Endpoints ---- */

struct endpoint *owner_add(struct table *table, const Cupola__RouterRegister *message, const struct address *address)
{
    uint32_t id = slab_take(&table->endpoints);
    struct endpoint *endpoint = endpoint_at(table, id);
    const char *instance = message->private_instance_id == NULL ? "" : message->private_instance_id;
    endpoint->id = id;
    endpoint->host = names_share(&table->names, address->host, address->host_size);
    endpoint->port = address->port;
    endpoint->has_packed_instance = pack_instance(instance, endpoint->instance.packed);
    if (!endpoint->has_packed_instance && *instance != 0)
        endpoint->instance.name = names_share(&table->names, instance, strlen(instance));
    index_add(&table->endpoints_by_address, id, hash_of, table);
    return endpoint;
}

void owner_remove(struct table *table, struct endpoint *endpoint)
{
    index_remove(&table->endpoints_by_address, endpoint->id, hash_of, table);
}

void endpoint_free(struct table *table, struct endpoint *endpoint)
{
    assert_that(endpoint->is_retired);
    assert_that(endpoint->link_count == 0);
    assert_that(endpoint->contact == NULL || endpoint->contact->backend_count == 0);
    memory_free(endpoint->contact);
    if (!endpoint->has_packed_instance)
        names_drop(&table->names, endpoint->instance.name);
    names_drop(&table->names, endpoint->host);
    slab_give_back(&table->endpoints, endpoint->id);
}

/* ---- For requests ---- */

struct contact *endpoint_contact(struct endpoint *endpoint)
{
    if (endpoint->contact == NULL)
        endpoint->contact = memory_new(sizeof *endpoint->contact);
    return endpoint->contact;
}

uint64_t endpoint_quarantined_until(const struct endpoint *endpoint)
{
    return endpoint->contact == NULL ? 0 : endpoint->contact->quarantined_until_ns;
}

const struct place *endpoint_place(const struct table *table, const struct endpoint *endpoint)
{
    return endpoint->place == 0 ? NULL : place_at(table, endpoint->place);
}

const char *endpoint_host(const struct table *table, const struct endpoint *endpoint)
{
    return names_text(&table->names, endpoint->host);
}

uint32_t endpoint_zone(const struct table *table, const struct endpoint *endpoint)
{
    return endpoint->source == 0 ? 0 : source_at(table, endpoint->source)->zone;
}
