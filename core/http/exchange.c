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

bool http_exchange_can_be_taken(const struct http_exchange *exchange)
{
    return exchange->connection->conn.state == CONN_OPEN && !exchange->connection->peer_ended;
}

void http_exchange_take_over(struct http_exchange *exchange, struct conn *to, const struct conn_handlers *handlers,
                             struct text *ret_input)
{
    struct http_connection *connection = exchange->connection;
    assert_that(connection->state == HTTP_HANDLING);
    assert_that(http_exchange_can_be_taken(exchange));
    assert_that(!connection->advancing); /* It is about to be freed. */
    text_add(ret_input, text_string(&connection->input), connection->input.size);
    conn_hand_over(&connection->conn, to, handlers);
    http_connection_gone(connection);
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
