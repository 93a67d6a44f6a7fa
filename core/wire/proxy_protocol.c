#include "core/wire/proxy_protocol.h"

#include "core/wire/http/scan.h"

#include <string.h>

/* ---- Version 1: "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n" ---- */

/* The next word of a line, without the blank behind it; empty at the end. */
static struct http_text next_word(struct http_text *rest)
{
    size_t size = 0;
    while (size < rest->size && rest->data[size] != ' ')
        size++;
    struct http_text word = {rest->data, size};
    size_t skipped = size < rest->size ? size + 1 : size;
    rest->data += skipped;
    rest->size -= skipped;
    return word;
}

static bool read_port(struct http_text word, uint16_t *ret_port)
{
    unsigned port = 0;
    if (word.size == 0 || word.size > 5 || (word.size > 1 && word.data[0] == '0'))
        return false;
    for (size_t i = 0; i < word.size; i++) {
        if (!http_is_digit((uint8_t)word.data[i]))
            return false;
        port = port * 10 + (unsigned)(word.data[i] - '0');
    }
    *ret_port = (uint16_t)port;
    return port <= UINT16_MAX;
}

static bool read_words(struct http_text line, struct proxy_header *ret_header)
{
    struct http_text protocol = next_word(&line);
    bool ends_with_blank = line.size > 0 && line.data[line.size - 1] == ' ';
    if (http_text_equals(protocol, "UNKNOWN"))
        return true; /* What follows is to be ignored. */
    bool is_v4 = http_text_equals(protocol, "TCP4");
    if (!is_v4 && !http_text_equals(protocol, "TCP6"))
        return false;
    struct http_text from = next_word(&line), to = next_word(&line);
    struct http_text from_port = next_word(&line), to_port = next_word(&line);
    struct ip_address server;
    uint16_t server_port;
    if (line.size > 0 || ends_with_blank || (memchr(from.data, ':', from.size) == NULL) != is_v4 ||
        (memchr(to.data, ':', to.size) == NULL) != is_v4)
        return false;
    if (!ip_read_address(from.data, from.size, &ret_header->client) || !ip_read_address(to.data, to.size, &server))
        return false;
    ret_header->has_client = true;
    return read_port(from_port, &ret_header->client_port) && read_port(to_port, &server_port);
}

static enum http_result read_line(const uint8_t *bytes, size_t size, struct proxy_header *ret_header, size_t *ret_size)
{
    static const char start[] = "PROXY ";
    size_t start_size = sizeof start - 1;
    if (memcmp(bytes, start, size < start_size ? size : start_size) != 0)
        return HTTP_BAD;
    const uint8_t *end = memchr(bytes, '\n', size < PROXY_MAX_LINE ? size : PROXY_MAX_LINE);
    if (end == NULL)
        return size < PROXY_MAX_LINE ? HTTP_INCOMPLETE : HTTP_BAD;
    size_t line_size = (size_t)(end - bytes);
    if (line_size < start_size + 1 || end[-1] != '\r')
        return HTTP_BAD;
    struct http_text line = {(const char *)bytes + start_size, line_size - 1 - start_size};
    struct proxy_header header = {0};
    if (!read_words(line, &header))
        return HTTP_BAD;
    *ret_header = header;
    *ret_size = line_size + 1;
    return HTTP_OK;
}

/* ---- Version 2 ---- */

static const uint8_t signature[12] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

enum { V2_FIXED = 16, V2_LOCAL = 0x20, V2_PROXY = 0x21, V2_TCP4 = 0x11, V2_TCP6 = 0x21 };

static bool read_addresses(const uint8_t *bytes, size_t size, uint8_t family, struct proxy_header *ret_header)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    size_t address_size = family == V2_TCP4 ? 4 : 16;
    if (family != V2_TCP4 && family != V2_TCP6)
        return true; /* Unix sockets, datagrams: nothing to be told of. */
    if (size < 2 * address_size + 4)
        return false;
    memcpy(ret_header->client.bytes, mapped, sizeof mapped);
    memcpy(ret_header->client.bytes + 16 - address_size, bytes, address_size);
    ret_header->client_port = (uint16_t)(bytes[2 * address_size] << 8 | bytes[2 * address_size + 1]);
    ret_header->has_client = true;
    return true;
}

static enum http_result read_binary(const uint8_t *bytes, size_t size, struct proxy_header *ret_header,
                                    size_t *ret_size)
{
    if (memcmp(bytes, signature, size < sizeof signature ? size : sizeof signature) != 0)
        return HTTP_BAD;
    if (size < V2_FIXED)
        return HTTP_INCOMPLETE;
    size_t rest = (size_t)(bytes[14] << 8 | bytes[15]);
    uint8_t command = bytes[12];
    if ((command != V2_LOCAL && command != V2_PROXY) || V2_FIXED + rest > PROXY_MAX_BYTES)
        return HTTP_BAD;
    if (size < V2_FIXED + rest)
        return HTTP_INCOMPLETE;
    struct proxy_header header = {0};
    if (command == V2_PROXY && !read_addresses(bytes + V2_FIXED, rest, bytes[13], &header))
        return HTTP_BAD;
    *ret_header = header;
    *ret_size = V2_FIXED + rest;
    return HTTP_OK;
}

enum http_result proxy_read_header(const uint8_t *bytes, size_t size, struct proxy_header *ret_header, size_t *ret_size)
{
    if (size == 0)
        return HTTP_INCOMPLETE;
    return bytes[0] == 'P' ? read_line(bytes, size, ret_header, ret_size)
                           : read_binary(bytes, size, ret_header, ret_size);
}
