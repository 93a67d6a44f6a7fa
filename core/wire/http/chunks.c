/* The decoder of chunked bodies (RFC 9112, 7.1).
 *
 *   SIZE --';' or blank--> EXTENSION --CR--> SIZE_LF --size > 0--> DATA -> DATA_CR -> DATA_LF --> SIZE
 *   SIZE --------------------------- CR --> SIZE_LF --size = 0--> TRAILER --CR--> END_LF --LF--> ENDED
 *                                           TRAILER -> TRAILER_NAME -> TRAILER_VALUE -> TRAILER_LF -> TRAILER
 *
 * Lines end with CRLF, nothing else; a size has 1 to 16 digits and stays below 2^63.
 */
#include "core/wire/http/scan.h"

#include "core/base/assert.h"

enum chunk_state {
    CHUNK_SIZE = 0,
    CHUNK_BLANK,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER,
    CHUNK_TRAILER_NAME,
    CHUNK_TRAILER_VALUE,
    CHUNK_TRAILER_LF,
    CHUNK_END_LF,
    CHUNK_ENDED,
    CHUNK_REFUSED,
};

enum { MAX_LINE_BYTES = 4096, MAX_DIGITS = 16 };

static enum chunk_state expect(uint8_t byte, uint8_t expected, enum chunk_state next)
{
    return byte == expected ? next : CHUNK_REFUSED;
}

static enum chunk_state on_size_byte(struct http_chunks *chunks, uint8_t byte)
{
    int digit = http_hex_value(byte);
    if (digit >= 0) {
        if (chunks->digits == MAX_DIGITS || chunks->left > INT64_MAX >> 4)
            return CHUNK_REFUSED;
        chunks->digits++;
        chunks->left = chunks->left << 4 | (uint64_t)digit;
        return CHUNK_SIZE;
    }
    if (chunks->digits == 0)
        return CHUNK_REFUSED;
    if (byte == '\r')
        return CHUNK_SIZE_LF;
    if (byte == ';')
        return CHUNK_EXTENSION;
    return http_is_blank(byte) ? CHUNK_BLANK : CHUNK_REFUSED;
}

/* Blanks behind a size are only allowed in front of an extension. */
static enum chunk_state on_blank_byte(uint8_t byte)
{
    if (byte == ';')
        return CHUNK_EXTENSION;
    return http_is_blank(byte) ? CHUNK_BLANK : CHUNK_REFUSED;
}

static enum chunk_state on_value_byte(uint8_t byte, enum chunk_state same, enum chunk_state at_end)
{
    if (byte == '\r')
        return at_end;
    return http_span_value(&byte, 1) == 1 ? same : CHUNK_REFUSED;
}

static enum chunk_state on_size_end(struct http_chunks *chunks, uint8_t byte)
{
    if (byte != '\n')
        return CHUNK_REFUSED;
    chunks->line_bytes = 0;
    chunks->digits = 0;
    return chunks->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
}

static enum chunk_state on_trailer_start(uint8_t byte)
{
    if (byte == '\r')
        return CHUNK_END_LF;
    return http_is_token_byte(byte) ? CHUNK_TRAILER_NAME : CHUNK_REFUSED;
}

static enum chunk_state on_trailer_name_byte(uint8_t byte)
{
    if (byte == ':')
        return CHUNK_TRAILER_VALUE;
    return http_is_token_byte(byte) ? CHUNK_TRAILER_NAME : CHUNK_REFUSED;
}

/* One byte of framing. */
static enum chunk_state on_frame_byte(struct http_chunks *chunks, uint8_t byte)
{
    switch ((enum chunk_state)chunks->state) {
    case CHUNK_SIZE:
        return on_size_byte(chunks, byte);
    case CHUNK_BLANK:
        return on_blank_byte(byte);
    case CHUNK_EXTENSION:
        return on_value_byte(byte, CHUNK_EXTENSION, CHUNK_SIZE_LF);
    case CHUNK_SIZE_LF:
        return on_size_end(chunks, byte);
    case CHUNK_DATA_CR:
        return expect(byte, '\r', CHUNK_DATA_LF);
    case CHUNK_DATA_LF:
        return expect(byte, '\n', CHUNK_SIZE);
    case CHUNK_TRAILER:
        return on_trailer_start(byte);
    case CHUNK_TRAILER_NAME:
        return on_trailer_name_byte(byte);
    case CHUNK_TRAILER_VALUE:
        return on_value_byte(byte, CHUNK_TRAILER_VALUE, CHUNK_TRAILER_LF);
    case CHUNK_TRAILER_LF:
        return expect(byte, '\n', CHUNK_TRAILER);
    case CHUNK_END_LF:
        return expect(byte, '\n', CHUNK_ENDED);
    case CHUNK_DATA: /* Runs of data are taken at once, see below. */
    case CHUNK_ENDED:
    case CHUNK_REFUSED:
        break;
    }
    assert_unreachable();
}

/* As much of the current chunk's data as there is. */
static size_t take_data(struct http_chunks *chunks, const uint8_t *bytes, size_t size, struct text *decoded)
{
    size_t step = chunks->left < size ? (size_t)chunks->left : size;
    if (decoded != NULL)
        text_add(decoded, bytes, step);
    chunks->left -= step;
    if (chunks->left == 0)
        chunks->state = CHUNK_DATA_CR;
    return step;
}

enum http_result http_chunks_feed(struct http_chunks *chunks, const uint8_t *bytes, size_t size, size_t *ret_used,
                                  struct text *decoded)
{
    return http_chunks_feed_all(chunks, bytes, size, ret_used, decoded, NULL);
}

static bool is_in_trailers(const struct http_chunks *chunks)
{
    return chunks->state >= CHUNK_TRAILER && chunks->state <= CHUNK_TRAILER_LF;
}

/* Size lines are limited one by one, trailers all together: after the last chunk line_bytes is not reset. */
enum http_result http_chunks_feed_all(struct http_chunks *chunks, const uint8_t *bytes, size_t size, size_t *ret_used,
                                      struct text *decoded, struct text *trailers)
{
    size_t at = 0;
    while (at < size && chunks->state < CHUNK_ENDED) {
        if (chunks->state == CHUNK_DATA) {
            at += take_data(chunks, bytes + at, size - at, decoded);
            continue;
        }
        if (trailers != NULL && is_in_trailers(chunks))
            text_add(trailers, bytes + at, 1);
        chunks->state =
            chunks->line_bytes++ < MAX_LINE_BYTES ? (uint8_t)on_frame_byte(chunks, bytes[at]) : (uint8_t)CHUNK_REFUSED;
        at++;
    }
    *ret_used = at;
    if (chunks->state == CHUNK_ENDED)
        return HTTP_OK;
    return chunks->state == CHUNK_REFUSED ? HTTP_BAD : HTTP_INCOMPLETE;
}
