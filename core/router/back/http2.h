/* Instances that speak HTTP/2: backends stay what they are, on conns that are streams (core/http2).
 *
 *   backends of an endpoint --- streams --- link --- instance
 */
#ifndef CUPOLA_CORE_ROUTER_BACK_HTTP2_H
#define CUPOLA_CORE_ROUTER_BACK_HTTP2_H

#include "core/router/router.h"

/* Opens a backend's conn as a stream to the endpoint of that number. */
void http2_connect(struct router *router, uint32_t endpoint, struct conn *conn, const struct conn_handlers *handlers,
                   const char *host, uint16_t port);
/* At the router's end: links to instances are just forgotten. */
void http2_free_links(struct router *router);
/* Closes the links to instances that nobody uses. */
void http2_drain_links(struct router *router);

#endif
