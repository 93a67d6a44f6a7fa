/* The PROXY protocol, versions 1 and 2: what a load balancer says of its client before the client's own bytes
 * (haproxy.org, proxy-protocol.txt). Strict: what is not exactly as it says is refused. */
#ifndef CUPOLA_CORE_WIRE_PROXY_PROTOCOL_H
#define CUPOLA_CORE_WIRE_PROXY_PROTOCOL_H

#include "core/wire/address.h"
#include "core/wire/http.h"

enum {
    PROXY_MAX_LINE = 107,  /* Version 1, with its CRLF. */
    PROXY_MAX_BYTES = 536, /* Version 2: more is refused, whatever lies in its TLVs. */
};

struct proxy_header {
    bool has_client; /* false: UNKNOWN or LOCAL, the connection's own peer is the client. */
    struct ip_address client;
    uint16_t client_port;
};

/* Reads one header at the start of the bytes. HTTP_OK: it takes *ret_size of them. HTTP_INCOMPLETE: more are needed.
 * HTTP_BAD: it is none. Nothing is read past `size`. */
enum http_result proxy_read_header(const uint8_t *bytes, size_t size, struct proxy_header *ret_header,
                                   size_t *ret_size);

#endif
