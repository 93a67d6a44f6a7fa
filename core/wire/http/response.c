/* Response heads: the status line, and what the status and the request's method say about the body. */
#include "core/wire/http/parse.h"

/* Reads "HTTP/1.x 200 reason". The blank before an empty reason may be missing: many servers leave it out. */
static enum http_result parse_status_line(struct http_cursor *cursor, struct http_head *head, const char **ret_reason)
{
    enum http_result result = http_parse_version(cursor, head, ret_reason);
    if (result != HTTP_OK)
        return result;
    const uint8_t *at = cursor->at;
    if (http_left(cursor) < 4 || at[0] != ' ' || at[1] < '1' || at[1] > '9' || !http_is_digit(at[2]) ||
        !http_is_digit(at[3]))
        return http_refuse(ret_reason, HTTP_BAD, "malformed status code");
    head->status = (at[1] - '0') * 100 + (at[2] - '0') * 10 + (at[3] - '0');
    cursor->at += 4;
    if (http_left(cursor) > 0 && *cursor->at == ' ') {
        cursor->at++;
        head->reason = (struct http_text){(const char *)cursor->at, http_span_value(cursor->at, http_left(cursor))};
        cursor->at += head->reason.size;
    }
    return http_parse_line_end(cursor) ? HTTP_OK : http_refuse(ret_reason, HTTP_BAD, "malformed status line");
}

/* Some responses have no body whatever their fields say; one without a length lasts until the connection closes. */
static void decide_body(struct http_head *head, const struct http_framing *framing, struct http_text method)
{
    bool is_bodiless =
        head->status < 200 || head->status == 204 || head->status == 304 || http_text_equals(method, "HEAD");
    if (is_bodiless) {
        head->body = HTTP_BODY_NONE;
    } else if (framing->content_length == NULL && framing->transfer_encoding == NULL) {
        head->body = HTTP_BODY_UNTIL_CLOSE;
        head->keep_alive = false;
    }
}

enum http_result http_parse_response(const uint8_t *bytes, size_t size, const struct http_limits *limits,
                                     struct http_text method, struct http_head *ret_head, const char **ret_reason)
{
    struct http_cursor cursor = {bytes, bytes + size};
    struct http_framing framing;
    http_clear_head(ret_head);
    *ret_reason = "";
    if (size > limits->max_head_bytes)
        return http_refuse(ret_reason, HTTP_TOO_LARGE, "the head is too large");
    http_skip_empty_lines(&cursor);
    enum http_result result = parse_status_line(&cursor, ret_head, ret_reason);
    if (result == HTTP_OK)
        result = http_parse_fields(&cursor, limits, ret_head, &framing, ret_reason);
    if (result == HTTP_OK)
        result = http_decide_framing(ret_head, &framing, ret_reason);
    if (result == HTTP_OK)
        decide_body(ret_head, &framing, method);
    return result;
}
