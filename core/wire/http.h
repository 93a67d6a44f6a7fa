/* HTTP/1.1 messages as bytes: strict, allocation-free parsing of heads and chunked bodies (RFC 9110, RFC 9112).
 *
 * Every ambiguous framing is refused, never guessed: two lengths, length beside chunked, a bare CR or LF in a head,
 * blanks before a colon, obsolete folding, unknown transfer codings. Heads are parsed when complete, from contiguous
 * bytes; the result points into them (lent).
 */
#ifndef CUPOLA_CORE_WIRE_HTTP_H
#define CUPOLA_CORE_WIRE_HTTP_H

#include "core/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_MAX_HEADERS = 128 };

/* A piece of the head's bytes. Not NUL-terminated. */
struct http_text {
    const char *data;
    size_t size;
};

struct http_header {
    struct http_text name;  /* As received; compare with http_text_is. */
    struct http_text value; /* Without surrounding blanks. */
};

enum http_body {
    HTTP_BODY_NONE = 0,
    HTTP_BODY_LENGTH,
    HTTP_BODY_CHUNKED,
    HTTP_BODY_UNTIL_CLOSE, /* Responses only. */
};

struct http_head {
    /* Requests. */
    struct http_text method;
    struct http_text target; /* As received: "/path?query", "*" or absolute form. */
    struct http_text path;   /* Origin form without the query; "/" for an absolute form without path. */
    struct http_text query;  /* Behind '?', or empty. */
    struct http_text host;   /* From the absolute form or the Host field; may carry a port; empty if absent (1.0). */
    /* Responses. */
    int status;
    struct http_text reason;

    int minor; /* HTTP/1.minor; anything but 0 and 1 is treated as 1. */
    struct http_header headers[HTTP_MAX_HEADERS];
    size_t header_count;

    enum http_body body;
    uint64_t content_length; /* HTTP_BODY_LENGTH. */
    bool keep_alive;         /* The connection may be used again after this message. */
    bool upgrade;            /* Connection lists "upgrade" and there is an Upgrade field. */
    bool expect_continue;
};

struct http_limits {
    size_t max_head_bytes;
    size_t max_headers; /* At most HTTP_MAX_HEADERS. */
};

enum http_result {
    HTTP_OK = 0,
    HTTP_INCOMPLETE,      /* More bytes are needed. */
    HTTP_BAD,             /* Answer 400 (requests) or 502 (responses); *ret_reason says why. */
    HTTP_TOO_LARGE,       /* 431 */
    HTTP_BAD_VERSION,     /* 505 */
    HTTP_NOT_IMPLEMENTED, /* 501: an unknown transfer coding */
};

/* Looks for the blank line that ends a head. `*scanned` (start with 0) remembers how far it looked, so that bytes
 * arriving one by one cost no more than at once. On HTTP_OK *ret_size is the size of the head with its blank line. */
enum http_result http_find_head(const uint8_t *bytes, size_t size, const struct http_limits *limits, size_t *scanned,
                                size_t *ret_size);
/* Parses a complete head of `size` bytes. `ret_reason` is static. Leading empty lines are skipped (RFC 9112, 2.2). */
enum http_result http_parse_request(const uint8_t *bytes, size_t size, const struct http_limits *limits,
                                    struct http_head *ret_head, const char **ret_reason);
/* `method` of the request decides about the body (HEAD has none; CONNECT is not supported). 1xx, 204 and 304 have none.
 */
enum http_result http_parse_response(const uint8_t *bytes, size_t size, const struct http_limits *limits,
                                     struct http_text method, struct http_head *ret_head, const char **ret_reason);

/* ---- Chunked bodies: an incremental decoder that needs no memory of its own. ---- */

struct http_chunks {
    uint64_t left; /* Of the current chunk's data. */
    uint32_t line_bytes;
    uint8_t state;
    uint8_t digits;
};

/* Advances over `size` bytes of a chunked body. On HTTP_OK the body (with its trailers) ended after *ret_used bytes;
 * HTTP_INCOMPLETE: all were used; HTTP_BAD: the framing is wrong. If `decoded` is not NULL, the data without framing is
 * appended to it. Start with a zeroed struct. Size lines and trailers are limited (4 KiB). */
enum http_result http_chunks_feed(struct http_chunks *chunks, const uint8_t *bytes, size_t size, size_t *ret_used,
                                  struct text *decoded);

/* The same, and the lines of the trailers, each with its CRLF, are appended to `trailers`; behind the last one stands
 * the CR of the line that ends them. */
enum http_result http_chunks_feed_all(struct http_chunks *chunks, const uint8_t *bytes, size_t size, size_t *ret_used,
                                      struct text *decoded, struct text *trailers);

/* ---- Small things ---- */

/* Case-insensitive comparison with a C string, for names and tokens. */
bool http_text_is(struct http_text text, const char *string);
/* Case-sensitive. */
bool http_text_equals(struct http_text text, const char *string);
/* The first field of that name, or NULL. */
const struct http_header *http_find(const struct http_head *head, const char *name);
/* Whether a comma-separated list field contains a token, in any of the fields of that name. */
bool http_lists(const struct http_head *head, const char *name, const char *token);
/* "Not Found"; "" for unknown ones. Static. */
const char *http_reason(int status);
/* Whether a request of that method may be sent twice (RFC 9110, 9.2.2). */
bool http_is_idempotent(struct http_text method);
/* Those of the fields below that are never forwarded, whatever Connection lists. Cheap. */
bool http_is_connection_field(struct http_text name);
/* Fields that concern one connection only and are not forwarded: Connection and what it lists, Keep-Alive, TE, ... */
bool http_is_hop_by_hop(const struct http_head *head, struct http_text name);

/* ---- Basic authentication (RFC 7617) ---- */

/* Appends the value of an Authorization field: "Basic " and the encoded credentials. */
void http_write_basic(struct text *text, const char *user, const char *password);
/* Whether the request brings these credentials. Takes the same time wherever they differ. */
bool http_has_basic(const struct http_head *head, const char *user, const char *password);

/* ---- URIs ---- */

/* Appends the percent-decoded text. False if an escape is malformed or yields a NUL byte. */
bool uri_decode(struct text *text, struct http_text encoded);
/* Appends the text with everything percent-encoded but unreserved characters (RFC 3986, 2.3). */
void uri_encode(struct text *text, const char *string);
/* The same for each segment of a path; the slashes between them are kept. */
void uri_encode_path(struct text *text, const char *path);
/* Appends the host in lower case without its port, as the router's table knows it. */
void uri_normal_host(struct text *text, struct http_text host);

#endif
