/* What requests and responses have in common: field lines and framing. Private to core/wire/http_*.c. */
#ifndef CUPOLA_CORE_WIRE_HTTP_PARSE_H
#define CUPOLA_CORE_WIRE_HTTP_PARSE_H

#include "core/wire/http/scan.h"

/* The rest of a head that is being read. */
struct http_cursor {
    const uint8_t *at;
    const uint8_t *end;
};

/* The fields that decide how the message is delimited and what becomes of the connection, found while reading. */
struct http_framing {
    const struct http_header *host;
    const struct http_header *content_length;
    const struct http_header *transfer_encoding;
    bool has_upgrade;
    bool expects_continue;
    bool lists_close;
    bool lists_keep_alive;
    bool lists_upgrade;
};

static inline size_t http_left(const struct http_cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

/* Empties everything of a head but the array of headers, which header_count guards. */
void http_clear_head(struct http_head *head);
/* Skips empty lines before the start line. */
void http_skip_empty_lines(struct http_cursor *cursor);
/* Reads "HTTP/1.x" at the cursor. */
enum http_result http_parse_version(struct http_cursor *cursor, struct http_head *head, const char **ret_reason);
/* Reads a CRLF; false if something else stands there. */
bool http_parse_line_end(struct http_cursor *cursor);
/* Reads all field lines and the empty line, which must be the end of the head. */
enum http_result http_parse_fields(struct http_cursor *cursor, const struct http_limits *limits, struct http_head *head,
                                   struct http_framing *framing, const char **ret_reason);
/* Checks Content-Length and Transfer-Encoding against each other: body NONE, LENGTH or CHUNKED; and keep_alive. */
enum http_result http_decide_framing(struct http_head *head, const struct http_framing *framing,
                                     const char **ret_reason);

/* The end of a refusal: `return http_refuse(ret_reason, HTTP_BAD, "...")`. */
static inline enum http_result http_refuse(const char **ret_reason, enum http_result result, const char *reason)
{
    *ret_reason = reason;
    return result;
}

#endif
