/* Finding the end of a head, and reading its field lines. */
#include "core/wire/http/parse.h"

#include <string.h>

/* Clients of old sent a CRLF after a body; more than a few is an attack. */
enum { MAX_EMPTY_LINES = 8 };

static size_t count_empty_line_bytes(const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (at + 1 < size && at < 2 * MAX_EMPTY_LINES && bytes[at] == '\r' && bytes[at + 1] == '\n')
        at += 2;
    return at;
}

/* A head ends with the first empty line behind a line that is not empty. A line that ends with a bare LF is refused
 * at once: waiting for a CRLF that never comes would hold the connection until its deadline. */
enum http_result http_find_head(const uint8_t *bytes, size_t size, const struct http_limits *limits, size_t *scanned,
                                size_t *ret_size)
{
    size_t lead = size > 0 && bytes[0] == '\r' ? count_empty_line_bytes(bytes, size) : 0;
    size_t at = *scanned;
    while (at < size) {
        const uint8_t *found = memchr(bytes + at, '\n', size - at);
        if (found == NULL)
            break;
        size_t place = (size_t)(found - bytes);
        if (place >= limits->max_head_bytes)
            return HTTP_TOO_LARGE;
        if (place == 0 || bytes[place - 1] != '\r')
            return HTTP_BAD;
        bool is_empty = place == 1 || bytes[place - 2] == '\n';
        if (is_empty && place > lead) {
            *ret_size = place + 1;
            return place == lead + 1 ? HTTP_BAD : HTTP_OK; /* BAD: one empty line too many before the start line. */
        }
        at = place + 1;
    }
    *scanned = size;
    return size >= limits->max_head_bytes ? HTTP_TOO_LARGE : HTTP_INCOMPLETE;
}

void http_clear_head(struct http_head *head)
{
    size_t behind = offsetof(struct http_head, headers) + sizeof head->headers;
    memset(head, 0, offsetof(struct http_head, headers));
    memset((char *)head + behind, 0, sizeof *head - behind);
}

void http_skip_empty_lines(struct http_cursor *cursor)
{
    cursor->at += count_empty_line_bytes(cursor->at, http_left(cursor));
}

bool http_parse_line_end(struct http_cursor *cursor)
{
    if (http_left(cursor) < 2 || cursor->at[0] != '\r' || cursor->at[1] != '\n')
        return false;
    cursor->at += 2;
    return true;
}

enum http_result http_parse_version(struct http_cursor *cursor, struct http_head *head, const char **ret_reason)
{
    const uint8_t *at = cursor->at;
    if (http_left(cursor) < 8 || memcmp(at, "HTTP/", 5) != 0 || !http_is_digit(at[5]) || at[6] != '.' ||
        !http_is_digit(at[7]))
        return http_refuse(ret_reason, HTTP_BAD, "malformed HTTP version");
    if (at[5] != '1')
        return http_refuse(ret_reason, HTTP_BAD_VERSION, "only HTTP/1.x is spoken here");
    head->minor = at[7] == '0' ? 0 : 1;
    cursor->at += 8;
    return HTTP_OK;
}

/* ---- Field lines ---- */

/* Reads "name: value CRLF". Blanks may surround the value only. */
static const char *parse_field(struct http_cursor *cursor, struct http_header *ret_field)
{
    const uint8_t *name = cursor->at;
    if (http_is_blank(*name))
        return "obsolete line folding";
    size_t name_size = http_span_token(name, http_left(cursor));
    if (name_size == 0)
        return "empty or malformed field name";
    cursor->at += name_size;
    if (cursor->at == cursor->end || *cursor->at != ':')
        return http_left(cursor) > 0 && http_is_blank(*cursor->at) ? "blank before the colon of a field"
                                                                   : "malformed field name";
    cursor->at++;
    while (cursor->at < cursor->end && http_is_blank(*cursor->at))
        cursor->at++;

    const uint8_t *value = cursor->at;
    size_t value_size = http_span_value(value, http_left(cursor));
    cursor->at += value_size;
    if (!http_parse_line_end(cursor))
        return "control character in a field value";
    while (value_size > 0 && http_is_blank(value[value_size - 1]))
        value_size--;
    ret_field->name = (struct http_text){(const char *)name, name_size};
    ret_field->value = (struct http_text){(const char *)value, value_size};
    return NULL;
}

static void note_connection_options(struct http_framing *framing, struct http_text value)
{
    size_t at = 0;
    while (at < value.size) {
        while (at < value.size && (http_is_blank((uint8_t)value.data[at]) || value.data[at] == ','))
            at++;
        size_t start = at;
        while (at < value.size && value.data[at] != ',')
            at++;
        size_t end = at;
        while (end > start && http_is_blank((uint8_t)value.data[end - 1]))
            end--;
        struct http_text option = {value.data + start, end - start};
        framing->lists_close |= http_text_is(option, "close");
        framing->lists_keep_alive |= http_text_is(option, "keep-alive");
        framing->lists_upgrade |= http_text_is(option, "upgrade");
    }
}

/* Keeps the only field of its name; a second one is ambiguous. */
static const char *note_once(const struct http_header **slot, const struct http_header *field, const char *refusal)
{
    if (*slot != NULL)
        return refusal;
    *slot = field;
    return NULL;
}

/* Remembers the few fields that decide about framing. Looks at the name's size first: most fields end there. */
static const char *note_field(struct http_framing *framing, const struct http_header *field)
{
    switch (field->name.size) {
    case 4:
        if (http_text_is(field->name, "Host"))
            return note_once(&framing->host, field, "two Host fields");
        break;
    case 6:
        if (http_text_is(field->name, "Expect"))
            framing->expects_continue |= http_text_is(field->value, "100-continue");
        break;
    case 7:
        if (http_text_is(field->name, "Upgrade"))
            framing->has_upgrade = field->value.size > 0;
        break;
    case 10:
        if (http_text_is(field->name, "Connection"))
            note_connection_options(framing, field->value);
        break;
    case 14:
        if (http_text_is(field->name, "Content-Length"))
            return note_once(&framing->content_length, field, "two Content-Length fields");
        break;
    case 17:
        if (http_text_is(field->name, "Transfer-Encoding"))
            return note_once(&framing->transfer_encoding, field, "two Transfer-Encoding fields");
        break;
    default:
        break;
    }
    return NULL;
}

enum http_result http_parse_fields(struct http_cursor *cursor, const struct http_limits *limits, struct http_head *head,
                                   struct http_framing *framing, const char **ret_reason)
{
    size_t max_headers = limits->max_headers < HTTP_MAX_HEADERS ? limits->max_headers : HTTP_MAX_HEADERS;
    *framing = (struct http_framing){0};
    while (cursor->at < cursor->end && *cursor->at != '\r') {
        if (head->header_count == max_headers)
            return http_refuse(ret_reason, HTTP_TOO_LARGE, "too many header fields");
        struct http_header *field = &head->headers[head->header_count];
        const char *refusal = parse_field(cursor, field);
        if (refusal == NULL)
            refusal = note_field(framing, field);
        if (refusal != NULL)
            return http_refuse(ret_reason, HTTP_BAD, refusal);
        head->header_count++;
    }
    if (!http_parse_line_end(cursor))
        return http_refuse(ret_reason, HTTP_BAD, "the head does not end with an empty line");
    if (cursor->at != cursor->end)
        return http_refuse(ret_reason, HTTP_BAD, "an empty line inside the head");
    return HTTP_OK;
}

/* ---- Framing (RFC 9112, 6.3) ---- */

/* Digits only: no sign, no list, no blank. Below 2^63, so that sums of two lengths stay in range. */
static bool parse_length(struct http_text value, uint64_t *ret_length)
{
    if (value.size == 0 || value.size > 19)
        return false;
    uint64_t length = 0;
    for (size_t i = 0; i < value.size; i++) {
        if (!http_is_digit((uint8_t)value.data[i]))
            return false;
        length = length * 10 + (uint64_t)(value.data[i] - '0');
    }
    if (length > INT64_MAX)
        return false;
    *ret_length = length;
    return true;
}

enum http_result http_decide_framing(struct http_head *head, const struct http_framing *framing,
                                     const char **ret_reason)
{
    head->keep_alive = !framing->lists_close && (head->minor >= 1 || framing->lists_keep_alive);
    head->upgrade = head->minor >= 1 && framing->lists_upgrade && framing->has_upgrade;
    if (framing->transfer_encoding != NULL) {
        if (framing->content_length != NULL)
            return http_refuse(ret_reason, HTTP_BAD, "Content-Length beside Transfer-Encoding");
        if (head->minor == 0)
            return http_refuse(ret_reason, HTTP_BAD, "Transfer-Encoding in an HTTP/1.0 message");
        if (!http_text_is(framing->transfer_encoding->value, "chunked"))
            return http_refuse(ret_reason, HTTP_NOT_IMPLEMENTED, "unknown transfer coding");
        head->body = HTTP_BODY_CHUNKED;
    } else if (framing->content_length != NULL) {
        if (!parse_length(framing->content_length->value, &head->content_length))
            return http_refuse(ret_reason, HTTP_BAD, "malformed Content-Length");
        head->body = head->content_length > 0 ? HTTP_BODY_LENGTH : HTTP_BODY_NONE;
    }
    return HTTP_OK;
}
