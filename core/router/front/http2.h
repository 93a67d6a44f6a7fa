/* Clients that speak HTTP/2: sessions stay what they are, on conns that are streams (core/http2).
 *
 *   client --- link --- its first session (SESSION_HTTP2), which only stands for the connection
 *                \--- one session for each stream, used again when the stream has ended
 */
#ifndef CUPOLA_CORE_ROUTER_FRONT_HTTP2_H
#define CUPOLA_CORE_ROUTER_FRONT_HTTP2_H

#include "core/router/front/session.h"

/* If what the session has received begins as HTTP/2 does, it speaks that from now on. `head_size` is that of the first
 * head in its input. */
bool http2_take_over(struct session *session, size_t head_size);
/* Requests under way are finished, none is begun. */
void http2_drain(struct session *session);
/* The session is freed. Nothing if it has no link. */
void http2_forget(struct session *session);

#endif
