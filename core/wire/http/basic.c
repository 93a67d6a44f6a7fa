/* HTTP basic authentication: credentials that both sides know, as a request carries them. */
#include "core/wire/http.h"

#include <nettle/base64.h>
#include <nettle/memops.h>
#include <string.h>

static const char scheme[] = "Basic ";

void http_write_basic(struct text *text, const char *user, const char *password)
{
    struct text credentials = {0};
    text_add_string(&credentials, user);
    text_add_char(&credentials, ':');
    text_add_string(&credentials, password);
    size_t size = BASE64_ENCODE_RAW_LENGTH(credentials.size);
    text_add_string(text, scheme);
    base64_encode_raw((char *)text_room(text, size), credentials.size, (const uint8_t *)text_string(&credentials));
    text_grow(text, size);
    text_free(&credentials);
}

bool http_has_basic(const struct http_head *head, const char *user, const char *password)
{
    const struct http_header *header = http_find(head, "Authorization");
    if (header == NULL || header->value.size < strlen(scheme))
        return false;
    struct http_text given_scheme = {header->value.data, strlen(scheme)};
    if (!http_text_is(given_scheme, scheme))
        return false;
    struct text expected = {0};
    http_write_basic(&expected, user, password);
    bool is_right = header->value.size == expected.size &&
                    memeql_sec(header->value.data + strlen(scheme), text_string(&expected) + strlen(scheme),
                               expected.size - strlen(scheme));
    text_free(&expected);
    return is_right;
}
