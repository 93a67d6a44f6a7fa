/* What RouteTable.digest is made of: one number for each registered (address, instance, URI), all XORed together, so
 * that either side can keep its digest up to date with every change. */
#ifndef CUPOLA_CORE_WIRE_ROUTE_DIGEST_H
#define CUPOLA_CORE_WIRE_ROUTE_DIGEST_H

#include "core/wire/http.h"

/* `instance` may be ""; the URI is compared in lower case, without a port. The same on every machine and for ever: it
 * travels. */
uint64_t route_digest(const char *host, uint16_t port, const char *instance, struct http_text uri);

#endif
