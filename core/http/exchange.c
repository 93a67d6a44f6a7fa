/* The life of an exchange, and what its owner may ask of it. */
#include "core/http/connection.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <string.h>

struct http_exchange_state *http_exchange_new(struct http_connection *connection)
{
    struct http_exchange_state *state = memory_new(sizeof *state);
    state->exchange.server = connection->server;
    state->exchange.machine = connection->server->machine;
    state->exchange.connection = connection;
    state->exchange.peer = connection->peer;
    state->exchange.body.data = (const uint8_t *)"";
    return state;
}

void http_exchange_free(struct http_exchange_state *state)
{
    text_free(&state->head_bytes);
    text_free(&state->path);
    text_free(&state->body);
    while (state->copies != NULL) {
        struct http_value_copy *copy = state->copies;
        state->copies = copy->next;
        memory_free(copy);
    }
    memory_free(state);
}

void http_exchange_read(struct http_exchange *exchange)
{
    struct http_exchange_state *state = container_of(exchange, struct http_exchange_state, exchange);
    assert_that(exchange->connection->exchange == state);
    state->wanted = true;
    http_connection_advance(exchange->connection);
}

const char *http_exchange_header(struct http_exchange *exchange, const char *name)
{
    struct http_exchange_state *state = container_of(exchange, struct http_exchange_state, exchange);
    const struct http_header *header = http_find(&exchange->head, name);
    if (header == NULL)
        return NULL;
    struct http_value_copy *copy = memory_new(sizeof *copy + header->value.size + 1);
    memcpy(copy->text, header->value.data, header->value.size);
    copy->next = state->copies;
    state->copies = copy;
    return copy->text;
}
