/* Looking things up in a head that was parsed, and what HTTP says about methods, fields and status codes. */
#include "core/wire/http/scan.h"

bool http_text_is(struct http_text text, const char *string)
{
    for (size_t i = 0; i < text.size; i++) {
        if (string[i] == 0 || http_lower((uint8_t)text.data[i]) != http_lower((uint8_t)string[i]))
            return false;
    }
    return string[text.size] == 0;
}

bool http_text_equals(struct http_text text, const char *string)
{
    return strlen(string) == text.size && (text.size == 0 || memcmp(text.data, string, text.size) == 0);
}

const struct http_header *http_find(const struct http_head *head, const char *name)
{
    for (size_t i = 0; i < head->header_count; i++) {
        if (http_text_is(head->headers[i].name, name))
            return &head->headers[i];
    }
    return NULL;
}

/* Whether a comma-separated list has an element equal to `token`, blanks aside. */
static bool list_contains(struct http_text list, struct http_text token)
{
    size_t at = 0;
    while (at < list.size) {
        while (at < list.size && (http_is_blank((uint8_t)list.data[at]) || list.data[at] == ','))
            at++;
        size_t start = at;
        while (at < list.size && list.data[at] != ',')
            at++;
        size_t end = at;
        while (end > start && http_is_blank((uint8_t)list.data[end - 1]))
            end--;
        if (end - start != token.size || token.size == 0)
            continue;
        size_t same = 0;
        while (same < token.size &&
               http_lower((uint8_t)list.data[start + same]) == http_lower((uint8_t)token.data[same]))
            same++;
        if (same == token.size)
            return true;
    }
    return false;
}

static bool any_lists(const struct http_head *head, const char *name, struct http_text token)
{
    for (size_t i = 0; i < head->header_count; i++) {
        if (http_text_is(head->headers[i].name, name) && list_contains(head->headers[i].value, token))
            return true;
    }
    return false;
}

bool http_lists(const struct http_head *head, const char *name, const char *token)
{
    return any_lists(head, name, (struct http_text){token, strlen(token)});
}

bool http_is_idempotent(struct http_text method)
{
    static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (http_text_equals(method, methods[i]))
            return true;
    }
    return false;
}

/* RFC 9110, 7.6.1. Proxy-Authenticate and -Authorization speak to the next proxy, which we are. */
bool http_is_connection_field(struct http_text name)
{
    switch (name.size) {
    case 2:
        return http_text_is(name, "TE");
    case 7:
        return http_text_is(name, "Upgrade");
    case 10:
        return http_text_is(name, "Connection") || http_text_is(name, "Keep-Alive");
    case 16:
        return http_text_is(name, "Proxy-Connection");
    case 17:
        return http_text_is(name, "Transfer-Encoding");
    case 18:
        return http_text_is(name, "Proxy-Authenticate");
    case 19:
        return http_text_is(name, "Proxy-Authorization");
    default:
        return false;
    }
}

/* Fields that Connection may not take away: a sender could otherwise change what the message says or whom it is for. */
static bool is_always_end_to_end(struct http_text name)
{
    return http_text_is(name, "Host") || http_text_is(name, "Content-Length") || http_text_is(name, "Content-Type") ||
           http_text_is(name, "Authorization") || http_text_is(name, "Cookie");
}

bool http_is_hop_by_hop(const struct http_head *head, struct http_text name)
{
    if (http_is_connection_field(name))
        return true;
    return any_lists(head, "Connection", name) && !is_always_end_to_end(name);
}

/* Ordered by status. */
static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

const char *http_reason(int status)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "";
}
