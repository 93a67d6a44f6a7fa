/* HTTP/2 around sessions and backends: both stay what they are, on conns that
 * are streams (core/http2).
 *
 *   client --- link --- its first session (SESSION_HTTP2), which only stands
 * for the connection
 *                \--- one session for each stream, used again when the stream
 * has ended backends of an endpoint --- streams --- link --- instance
 */
#ifndef CUPOLA_CORE_ROUTER_HTTP2_H
#define CUPOLA_CORE_ROUTER_HTTP2_H

#include "core/http2/http2.h"
#include "core/router/session.h"

/* If what the session has received begins as HTTP/2 does, it speaks that from
 * now on. `head_size` is that of the first head in its input. */
bool http2_take_over(struct session *session, size_t head_size);
/* Requests under way are finished, none is begun. */
void http2_drain(struct session *session);
/* The session is freed. Nothing if it has no link. */
void http2_forget(struct session *session);

/* Opens a backend's conn as a stream to the endpoint of that number. */
void http2_connect(struct router *router, uint32_t endpoint, struct conn *conn, const struct conn_handlers *handlers,
                   const char *host, uint16_t port);
/* At the router's end: links to instances are just forgotten. */
void http2_free_links(struct router *router);
/* Closes the links to instances that nobody uses. */
void http2_drain_links(struct router *router);

#endif
