/* Request heads: the request line, its target, and the host that it is meant for. */
#include "core/wire/http/parse.h"

static bool is_target_byte(uint8_t byte)
{
    return byte > 0x20 && byte < 0x7f && byte != '#'; /* A fragment is never sent. */
}

/* Reads "METHOD target HTTP/1.x". Single spaces only: where lenient readers differ, requests are smuggled. */
static enum http_result parse_request_line(struct http_cursor *cursor, struct http_head *head, const char **ret_reason)
{
    head->method = (struct http_text){(const char *)cursor->at, http_span_token(cursor->at, http_left(cursor))};
    cursor->at += head->method.size;
    if (head->method.size == 0 || http_left(cursor) == 0 || *cursor->at != ' ')
        return http_refuse(ret_reason, HTTP_BAD, "malformed method");
    cursor->at++;

    const uint8_t *target = cursor->at;
    while (cursor->at < cursor->end && is_target_byte(*cursor->at))
        cursor->at++;
    head->target = (struct http_text){(const char *)target, (size_t)(cursor->at - target)};
    if (head->target.size == 0 || http_left(cursor) == 0 || *cursor->at != ' ')
        return http_refuse(ret_reason, HTTP_BAD, "malformed request target");
    cursor->at++;

    enum http_result result = http_parse_version(cursor, head, ret_reason);
    if (result == HTTP_OK && !http_parse_line_end(cursor))
        return http_refuse(ret_reason, HTTP_BAD, "malformed request line");
    return result;
}

static void split_origin_form(struct http_head *head, const char *at, size_t size)
{
    const char *mark = memchr(at, '?', size);
    size_t path_size = mark == NULL ? size : (size_t)(mark - at);
    head->path = path_size > 0 ? (struct http_text){at, path_size} : (struct http_text){"/", 1};
    if (mark != NULL)
        head->query = (struct http_text){mark + 1, size - path_size - 1};
}

/* The size of "http://" or "https://" in front of an absolute form, or 0. */
static size_t scheme_size(struct http_text target)
{
    if (target.size >= 7 && http_text_is((struct http_text){target.data, 7}, "http://"))
        return 7;
    if (target.size >= 8 && http_text_is((struct http_text){target.data, 8}, "https://"))
        return 8;
    return 0;
}

/* The authority of an absolute form ends at the path or the query. */
static const char *split_absolute_form(struct http_head *head, size_t scheme)
{
    size_t at = scheme;
    while (at < head->target.size && head->target.data[at] != '/' && head->target.data[at] != '?')
        at++;
    head->host = (struct http_text){head->target.data + scheme, at - scheme};
    if (head->host.size == 0)
        return "an absolute target without a host";
    split_origin_form(head, head->target.data + at, head->target.size - at);
    return NULL;
}

static enum http_result split_target(struct http_head *head, const char **ret_reason)
{
    if (http_text_equals(head->method, "CONNECT"))
        return http_refuse(ret_reason, HTTP_NOT_IMPLEMENTED, "CONNECT is not supported");
    if (head->target.data[0] == '/') {
        split_origin_form(head, head->target.data, head->target.size);
        return HTTP_OK;
    }
    if (http_text_equals(head->target, "*") && http_text_equals(head->method, "OPTIONS")) {
        head->path = head->target;
        return HTTP_OK;
    }
    size_t scheme = scheme_size(head->target);
    const char *refusal = scheme > 0 ? split_absolute_form(head, scheme) : "malformed request target";
    return refusal == NULL ? HTTP_OK : http_refuse(ret_reason, HTTP_BAD, refusal);
}

/* ---- The host (RFC 3986, 3.2.2) ---- */

static bool is_host_byte(uint8_t byte)
{
    return byte > 0x20 && byte < 0x7f && strchr("\"#/:<>?@[\\]^`{|}", byte) == NULL;
}

static bool is_address_byte(uint8_t byte)
{
    return http_hex_value(byte) >= 0 || byte == ':' || byte == '.';
}

/* "name", "name:port", "[address]", "[address]:port". A user name in it is refused. */
static bool is_host(struct http_text host)
{
    const uint8_t *bytes = (const uint8_t *)host.data;
    size_t at = 0;
    if (host.size > 0 && bytes[0] == '[') {
        at = 1;
        while (at < host.size && is_address_byte(bytes[at]))
            at++;
        if (at == 1 || at == host.size || bytes[at] != ']')
            return false;
        at++;
    } else {
        while (at < host.size && is_host_byte(bytes[at]))
            at++;
    }
    if (at < host.size && (at == 0 || bytes[at++] != ':'))
        return false;
    while (at < host.size && http_is_digit(bytes[at]))
        at++;
    return at == host.size;
}

/* Exactly one Host field is due in HTTP/1.1; the absolute form overrules it (RFC 9112, 3.2.2). */
static enum http_result find_host(struct http_head *head, const struct http_framing *framing, const char **ret_reason)
{
    if (framing->host == NULL && head->minor >= 1)
        return http_refuse(ret_reason, HTTP_BAD, "no Host field");
    if (framing->host != NULL && !is_host(framing->host->value))
        return http_refuse(ret_reason, HTTP_BAD, "malformed Host field");
    if (head->host.size > 0)
        return is_host(head->host) ? HTTP_OK
                                   : http_refuse(ret_reason, HTTP_BAD, "malformed host in the request target");
    if (framing->host != NULL)
        head->host = framing->host->value;
    return HTTP_OK;
}

enum http_result http_parse_request(const uint8_t *bytes, size_t size, const struct http_limits *limits,
                                    struct http_head *ret_head, const char **ret_reason)
{
    struct http_cursor cursor = {bytes, bytes + size};
    struct http_framing framing;
    http_clear_head(ret_head);
    *ret_reason = "";
    if (size > limits->max_head_bytes)
        return http_refuse(ret_reason, HTTP_TOO_LARGE, "the head is too large");
    http_skip_empty_lines(&cursor);
    enum http_result result = parse_request_line(&cursor, ret_head, ret_reason);
    if (result == HTTP_OK)
        result = split_target(ret_head, ret_reason);
    if (result == HTTP_OK)
        result = http_parse_fields(&cursor, limits, ret_head, &framing, ret_reason);
    if (result == HTTP_OK)
        result = find_host(ret_head, &framing, ret_reason);
    if (result == HTTP_OK)
        result = http_decide_framing(ret_head, &framing, ret_reason);
    if (result == HTTP_OK)
        ret_head->expect_continue = framing.expects_continue && ret_head->minor >= 1;
    return result;
}
