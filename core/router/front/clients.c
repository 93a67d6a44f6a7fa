/* Who connects: addresses and how many connections each has, load balancers that are trusted, and what these say of
 * their clients in the PROXY protocol. */
#include "core/base/memory.h"
#include "core/router/front/session.h"
#include "core/wire/proxy_protocol.h"

#include <string.h>

struct client_address {
    char text[48];
    size_t connections;
    UT_hash_handle hh;
};

/* ---- Trust ---- */

bool clients_is_trusted(const struct router *router, const char *address)
{
    struct ip_address ip;
    if (router->trusted_count == 0 || !ip_read_address(address, strlen(address), &ip))
        return false;
    for (size_t i = 0; i < router->trusted_count; i++) {
        if (ip_contains(&router->trusted[i], &ip))
            return true;
    }
    return false;
}

/* ---- Counting ---- */

bool clients_enter(struct session *session)
{
    struct router *router = session->router;
    if (session->is_trusted || router->settings.connections_per_client == 0)
        return true;
    struct client_address *address = NULL;
    HASH_FIND_STR(router->addresses, session->peer, address);
    if (address == NULL) {
        address = memory_new(sizeof *address);
        memcpy(address->text, session->peer, sizeof address->text);
        HASH_ADD_STR(router->addresses, text, address);
    }
    if (address->connections >= router->settings.connections_per_client)
        return false;
    address->connections++;
    session->address = address;
    return true;
}

void clients_leave(struct session *session)
{
    struct client_address *address = session->address;
    if (address == NULL)
        return;
    session->address = NULL;
    if (--address->connections > 0)
        return;
    HASH_DELETE(hh, session->router->addresses, address);
    memory_free(address);
}

void clients_free(struct router *router)
{
    struct client_address *address, *next;
    HASH_ITER (hh, router->addresses, address, next) {
        HASH_DELETE(hh, router->addresses, address);
        memory_free(address);
    }
}

/* ---- The PROXY protocol ---- */

static void take_client(struct session *session, const struct proxy_header *header)
{
    struct text text = {0};
    if (!header->has_client)
        return;
    ip_write_address(&text, &header->client);
    memset(session->peer, 0, sizeof session->peer);
    assert_that(text.size < sizeof session->peer);
    memcpy(session->peer, text_string(&text), text.size);
    text_free(&text);
    session->is_trusted = false; /* The client is not. */
    if (!clients_enter(session))
        session_answer_error(session, ERROR_TOO_MANY_OF_CLIENT, NULL);
}

/* Drops the first bytes of what was received, wherever they are kept. */
static void consume(struct session *session, size_t size)
{
    if (session->gather.size == 0) {
        session_consume_input(session, size);
        return;
    }
    text_consume(&session->gather, size);
    if (session->gather.size > 0)
        session->input = text_take(&session->gather);
    else
        text_free(&session->gather);
}

bool clients_read_proxy_header(struct session *session)
{
    bool is_gathered = session->gather.size > 0;
    const uint8_t *bytes = is_gathered ? (const uint8_t *)text_string(&session->gather) : slice_data(session->input);
    size_t size = is_gathered ? session->gather.size : session->input.size;
    struct proxy_header header;
    size_t used = 0;
    switch (proxy_read_header(bytes, size, &header, &used)) {
    case HTTP_OK:
        session->awaits_proxy_line = false;
        consume(session, used);
        take_client(session, &header);
        return true;
    case HTTP_INCOMPLETE:
        if (!is_gathered && size > 0) {
            text_add(&session->gather, bytes, size);
            session_consume_input(session, size);
        }
        return false;
    case HTTP_BAD:
    case HTTP_TOO_LARGE:
    case HTTP_BAD_VERSION:
    case HTTP_NOT_IMPLEMENTED:
        break;
    }
    session->router->stats.bad_proxy_headers++;
    session_abort(session); /* Whoever it is, it speaks another protocol than we were told. */
    return true;
}
