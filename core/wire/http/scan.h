/* Byte classes of HTTP/1.1 and how to run over them. Private to core/wire/http_*.c. */
#ifndef CUPOLA_CORE_WIRE_HTTP_SCAN_H
#define CUPOLA_CORE_WIRE_HTTP_SCAN_H

#include "core/wire/http.h"

#include <string.h>

/* A token character (RFC 9110, 5.6.2): what methods and field names are made of. */
bool http_is_token_byte(uint8_t byte);
/* How many bytes from the start may stand in a field's value: everything but control characters, with HTAB. */
size_t http_span_value(const uint8_t *bytes, size_t size);
/* How many bytes from the start are token characters. */
size_t http_span_token(const uint8_t *bytes, size_t size);

static inline uint8_t http_lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

static inline bool http_is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* The value of a hexadecimal digit, or -1. */
static inline int http_hex_value(uint8_t byte)
{
    if (http_is_digit(byte))
        return byte - '0';
    uint8_t lower = http_lower(byte);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static inline bool http_is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

#endif
