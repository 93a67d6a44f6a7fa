/* multipart/form-data as it streams in (RFC 7578): feed bytes, get parts.
 *
 *   multipart_begin -> multipart_feed* -> multipart_end           (then multipart_free in every case)
 *   callbacks for each part:  on_part once, on_data any number of times, on_part_end once
 *
 * Strict: lines end with CRLF, every part is `form-data` and has a name, no transfer encodings. Memory is bounded: one
 * part's head (MULTIPART_MAX_HEAD_BYTES) and the delimiter. Data is passed on as it lies in what was fed.
 */
#ifndef CUPOLA_CORE_HTTP_MULTIPART_H
#define CUPOLA_CORE_HTTP_MULTIPART_H

#include "core/wire/http.h"

enum {
    MULTIPART_MAX_HEAD_BYTES = 8192,
    MULTIPART_MAX_PARTS = 64,
    MULTIPART_MAX_BOUNDARY = 70, /* RFC 2046, 5.1.1 */
};

struct multipart;

/* The head of a part; lent for the call. */
struct multipart_part {
    const char *name;
    const char *filename;     /* NULL if the part is a plain field. */
    const char *content_type; /* NULL if not given. */
};

struct multipart_handlers {
    void (*on_part)(struct multipart *multipart, const struct multipart_part *part);
    void (*on_data)(struct multipart *multipart, const uint8_t *bytes, size_t size);
    void (*on_part_end)(struct multipart *multipart);
};

struct multipart {
    const struct multipart_handlers *handlers;
    char error[160]; /* "" or what is wrong: "byte 1234, part 2: ..." */

    /* Private. */
    int state;
    char delimiter[MULTIPART_MAX_BOUNDARY + 5]; /* CRLF "--" boundary NUL */
    size_t delimiter_size;
    size_t matched; /* Of the delimiter. */
    uint64_t offset;
    uint32_t part_count;
    struct text head; /* Of the part that is beginning. */
};

/* Reads the boundary from a Content-Type. False (and error is set) if it is not multipart/form-data with one. */
bool multipart_begin(struct multipart *multipart, const struct multipart_handlers *handlers,
                     struct http_text content_type);
/* False once the body is malformed or a callback has called multipart_fail: nothing more is called then. */
bool multipart_feed(struct multipart *multipart, const uint8_t *bytes, size_t size);
/* The body is over. False if it ended too early. */
bool multipart_end(struct multipart *multipart);
/* From a callback: stops the parsing, with a reason of the owner's. */
void multipart_fail(struct multipart *multipart, const char *reason);
void multipart_free(struct multipart *multipart);

#endif
