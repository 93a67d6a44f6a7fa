/* Looking things up in a head that was parsed, and what HTTP says about methods, fields and status codes. */
#include "core/wire/http_scan.h"

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
static bool is_always_hop_by_hop(struct http_text name)
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
    if (is_always_hop_by_hop(name))
        return true;
    return any_lists(head, "Connection", name) && !is_always_end_to_end(name);
}

const char *http_reason(int status)
{
    switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "";
    }
}
