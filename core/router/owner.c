/* Owners of addresses. v1 peers tell no instance: for them app and DEA are compared, as far as both are known. */
#include "core/router/owner.h"

#include "core/base/memory.h"
#include "core/base/text.h"

#include <string.h>

enum { MAX_TAGS_BYTES = 256 };

static const char *text_or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

static bool is_host_name(const char *host)
{
    size_t size = strlen(host);
    if (size == 0 || size > ROUTE_MAX_HOST)
        return false;
    for (size_t i = 0; i < size; i++) {
        char c = host[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && strchr("-._:%[]", c) == NULL)
            return false;
    }
    return true;
}

bool owner_write_address(const Cupola__RouterRegister *message, char ret_address[TABLE_MAX_ADDRESS])
{
    if (message->host == NULL || !is_host_name(message->host))
        return false;
    if (!message->has_port || message->port <= 0 || message->port > UINT16_MAX)
        return false;
    struct text text = {0};
    text_add_string(&text, message->host);
    text_add_char(&text, ':');
    text_add_number(&text, (uint64_t)message->port);
    assert_that(text.size < TABLE_MAX_ADDRESS);
    memcpy(ret_address, text_string(&text), text.size + 1);
    text_free(&text);
    return true;
}

bool owner_is_same(const struct endpoint *endpoint, const Cupola__RouterRegister *message)
{
    const char *instance = text_or_empty(message->private_instance_id);
    if (strcmp(endpoint->instance, instance) != 0)
        return false;
    if (*instance != 0)
        return true;
    if (endpoint->has_app && message->has_app && endpoint->app != message->app)
        return false;
    return strcmp(endpoint->dea, text_or_empty(message->dea)) == 0;
}

static char *copy_tags(const Cupola__RouterRegister *message)
{
    struct text text = {0};
    for (size_t i = 0; i < message->n_tags && text.size < MAX_TAGS_BYTES; i++) {
        const char *key = text_or_empty(message->tags[i]->key);
        const char *value = text_or_empty(message->tags[i]->value);
        text_addf(&text, "%s%.64s:%.64s", i > 0 ? " " : "", key, value);
    }
    char *tags = memory_copy_text(text_string(&text));
    text_free(&text);
    return tags;
}

struct endpoint *owner_new_endpoint(const Cupola__RouterRegister *message, const char *address, uint32_t serial)
{
    struct endpoint *endpoint = memory_new(sizeof *endpoint);
    endpoint->address = memory_copy_text(address);
    endpoint->host = memory_copy_text(message->host);
    endpoint->port = (uint16_t)message->port;
    endpoint->serial = serial;
    endpoint->instance = memory_copy_text(text_or_empty(message->private_instance_id));
    endpoint->dea = memory_copy_text(text_or_empty(message->dea));
    endpoint->version = memory_copy_text(text_or_empty(message->version));
    endpoint->tags = copy_tags(message);
    owner_refresh(endpoint, message);
    return endpoint;
}

void owner_refresh(struct endpoint *endpoint, const Cupola__RouterRegister *message)
{
    if (message->has_app) {
        endpoint->has_app = true;
        endpoint->app = message->app;
    }
    if (message->has_index) {
        endpoint->has_index = true;
        endpoint->index = message->index;
    }
    if (message->has_epoch) {
        endpoint->has_epoch = true;
        endpoint->epoch = message->epoch;
    }
}

bool owner_has_slot(const Cupola__RouterRegister *message)
{
    return message->has_app && message->has_index && message->has_epoch;
}

struct slot_key owner_slot_key(const Cupola__RouterRegister *message)
{
    return (struct slot_key){.app = message->app, .index = message->index};
}

void endpoint_free(struct endpoint *endpoint)
{
    assert_that(endpoint->links == NULL);
    assert_that(endpoint->backend_count == 0);
    memory_free(endpoint->address);
    memory_free(endpoint->host);
    memory_free(endpoint->instance);
    memory_free(endpoint->dea);
    memory_free(endpoint->version);
    memory_free(endpoint->tags);
    memory_free(endpoint);
}
