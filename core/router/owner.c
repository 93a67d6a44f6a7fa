/* Owners of addresses. v1 peers tell no instance: for them app and DEA are
 * compared, as far as both are known. */
#include "core/router/owner.h"

#include "core/base/memory.h"
#include "core/base/text.h"

#include <string.h>

static const char *text_or_empty(const char *text) {
  return text == NULL ? "" : text;
}

static bool is_host_name(const char *host) {
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

bool owner_write_address(const Cupola__RouterRegister *message,
                         char ret_address[TABLE_MAX_ADDRESS]) {
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

bool owner_is_same(const struct endpoint *endpoint,
                   const Cupola__RouterRegister *message) {
  const char *instance = text_or_empty(message->private_instance_id);
  if (strcmp(endpoint->instance, instance) != 0)
    return false;
  if (*instance != 0)
    return true;
  if (endpoint->has_app && message->has_app && endpoint->app != message->app)
    return false;
  return strcmp(endpoint->dea, text_or_empty(message->dea)) == 0;
}

/* Copies a text to the place and moves the place behind it. */
static const char *keep_text(char **place, const char *text) {
  size_t size = strlen(text) + 1;
  char *kept = memcpy(*place, text, size);
  *place += size;
  return kept;
}

/* One piece of memory an endpoint: there may be a million of them. */
struct endpoint *owner_new_endpoint(const Cupola__RouterRegister *message,
                                    const char *address, uint32_t serial) {
  const char *instance = text_or_empty(message->private_instance_id);
  const char *dea = text_or_empty(message->dea);
  size_t size = strlen(address) + strlen(message->host) + strlen(instance) +
                strlen(dea) + 4;
  struct endpoint *endpoint = memory_new(sizeof *endpoint + size);
  char *place = endpoint->strings;
  endpoint->address = keep_text(&place, address);
  endpoint->host = keep_text(&place, message->host);
  endpoint->instance = keep_text(&place, instance);
  endpoint->dea = keep_text(&place, dea);
  assert_that(place == endpoint->strings + size);
  endpoint->port = (uint16_t)message->port;
  endpoint->speaks_http2 =
      message->protocol != NULL && strcmp(message->protocol, "http2") == 0;
  endpoint->serial = serial;
  owner_refresh(endpoint, message);
  return endpoint;
}

void owner_refresh(struct endpoint *endpoint,
                   const Cupola__RouterRegister *message) {
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

bool owner_has_slot(const Cupola__RouterRegister *message) {
  return message->has_app && message->has_index && message->has_epoch;
}

struct slot_key owner_slot_key(const Cupola__RouterRegister *message) {
  return (struct slot_key){.app = message->app, .index = message->index};
}

void endpoint_free(struct endpoint *endpoint) {
  assert_that(endpoint->links == NULL);
  assert_that(endpoint->backend_count == 0);
  memory_free(endpoint);
}
