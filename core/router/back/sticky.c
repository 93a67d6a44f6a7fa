/* Sticky sessions: who gets a session cookie (JSESSIONID, or as configured) from an instance comes back to that
 * instance.
 *
 * The cookie's value is a MAC of the instance's identity under the routers' key. It tells nothing, cannot be forged
 * into anything but the name of another endpoint of the same route, and is never decoded: it is compared with the MACs
 * of the endpoints that the route has. */
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/router/back/backend.h"

#include <nettle/hmac.h>
#include <stdio.h>
#include <string.h>

static const char cookie_name[] = "__VCAP_ID__=";
enum { NAME_SIZE = sizeof cookie_name - 1, VALUE_SIZE = 32, MAX_ATTRIBUTES = 512 };

/* ---- The value ---- */

static bool parse_value(struct http_text text, uint64_t ret_sticky[2])
{
    uint64_t words[2] = {0};
    if (text.size < VALUE_SIZE)
        return false;
    for (size_t i = 0; i < VALUE_SIZE; i++) {
        char c = text.data[i];
        uint64_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (uint64_t)(c - 'a' + 10);
        else
            return false;
        words[i / 16] = words[i / 16] << 4 | digit;
    }
    ret_sticky[0] = words[0];
    ret_sticky[1] = words[1];
    return true;
}

static const uint64_t *sticky_of(const struct router *router, struct endpoint *endpoint)
{
    uint64_t *sticky = endpoint_contact(endpoint)->sticky;
    if (sticky[0] != 0)
        return sticky;
    struct hmac_sha256_ctx context;
    uint8_t digest[16];
    char identity[TABLE_MAX_ADDRESS + 1];
    endpoint_instance(&router->table, endpoint, identity);
    if (identity[0] == 0)
        snprintf(identity, sizeof identity, "%s:%u", endpoint_host(&router->table, endpoint), (unsigned)endpoint->port);
    hmac_sha256_set_key(&context, sizeof router->session_key, (const uint8_t *)router->session_key);
    hmac_sha256_update(&context, strlen(identity), (const uint8_t *)identity);
    hmac_sha256_digest(&context, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        sticky[i / 8] = sticky[i / 8] << 8 | digest[i];
    sticky[0] |= 1; /* 0 means: not computed yet. */
    if (mutation_is(ROUTER_NAMES_INSTANCES_IN_COOKIES))
        parse_value((struct http_text){identity, strlen(identity)}, sticky);
    return sticky;
}

/* ---- Requests ---- */

static struct http_text find_in_cookies(struct http_text cookies)
{
    for (size_t at = 0; at + NAME_SIZE <= cookies.size; at++) {
        bool starts = at == 0 || cookies.data[at - 1] == ' ' || cookies.data[at - 1] == ';';
        if (starts && memcmp(cookies.data + at, cookie_name, NAME_SIZE) == 0)
            return (struct http_text){cookies.data + at + NAME_SIZE, cookies.size - at - NAME_SIZE};
    }
    return (struct http_text){0};
}

void sticky_read_cookie(const struct http_head *head, uint64_t ret_sticky[2])
{
    for (size_t i = 0; i < head->header_count; i++) {
        const struct http_header *field = &head->headers[i];
        if (field->name.size == 6 && http_text_is(field->name, "Cookie") &&
            parse_value(find_in_cookies(field->value), ret_sticky))
            return;
    }
}

struct endpoint *sticky_find_endpoint(struct router *router, const struct route *route, const uint64_t sticky[2])
{
    if (sticky[0] == 0)
        return NULL;
    for (uint32_t i = 0; i < route->count; i++) {
        struct endpoint *endpoint = route_endpoint(&router->table, route, i);
        const uint64_t *own = sticky_of(router, endpoint);
        if (own[0] == sticky[0] && own[1] == sticky[1])
            return endpoint;
    }
    return NULL;
}

/* ---- Responses ---- */

void sticky_configure(struct router *router, const Cupola__RouterConfig *config)
{
    size_t count = config->n_sticky_cookies;
    router->sticky_cookies = memory_new((count + 1) * sizeof(char *));
    for (size_t i = 0; i < count; i++)
        router->sticky_cookies[i] = memory_copy_text(config->sticky_cookies[i]);
    router->sticky_cookie_count = count;
}

static bool begins_with(struct http_text value, const char *name)
{
    size_t size = strlen(name);
    return value.size > size && value.data[size] == '=' && http_text_is((struct http_text){value.data, size}, name);
}

static bool begins_session(const struct router *router, struct http_text value)
{
    for (size_t i = 0; i < router->sticky_cookie_count; i++) {
        if (begins_with(value, router->sticky_cookies[i]))
            return true;
    }
    return router->sticky_cookie_count == 0 && begins_with(value, "JSESSIONID");
}

/* The line takes over the attributes of the application's own cookie: path, life time, Secure. */
void sticky_add_cookie(struct router *router, struct endpoint *endpoint, const struct http_head *head,
                       struct text *text)
{
    for (size_t i = 0; i < head->header_count; i++) {
        const struct http_header *field = &head->headers[i];
        if (field->name.size != 10 || !http_text_is(field->name, "Set-Cookie") || !begins_session(router, field->value))
            continue;
        const uint64_t *sticky = sticky_of(router, endpoint);
        text_addf(text, "Set-Cookie: %s%016llx%016llx", cookie_name, (unsigned long long)sticky[0],
                  (unsigned long long)sticky[1]);
        const char *attributes = memchr(field->value.data, ';', field->value.size);
        size_t size = attributes == NULL ? 0 : field->value.size - (size_t)(attributes - field->value.data);
        if (size > 0 && size <= MAX_ATTRIBUTES)
            text_add(text, attributes, size);
        text_add(text, "\r\n", 2);
        return;
    }
}
