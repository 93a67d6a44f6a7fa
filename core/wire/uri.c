/* Percent-encoding (RFC 3986, 2.1), and hosts as the router's table knows them. */
#include "core/wire/http/scan.h"

static bool is_unreserved(uint8_t byte)
{
    uint8_t lower = http_lower(byte);
    return (lower >= 'a' && lower <= 'z') || http_is_digit(byte) || byte == '-' || byte == '.' || byte == '_' ||
           byte == '~';
}

bool uri_decode(struct text *text, struct http_text encoded)
{
    for (size_t i = 0; i < encoded.size; i++) {
        if (encoded.data[i] == 0)
            return false;
        if (encoded.data[i] != '%') {
            text_add_char(text, encoded.data[i]);
            continue;
        }
        if (encoded.size - i < 3)
            return false;
        int high = http_hex_value((uint8_t)encoded.data[i + 1]);
        int low = http_hex_value((uint8_t)encoded.data[i + 2]);
        if (high < 0 || low < 0 || (high == 0 && low == 0))
            return false;
        text_add_char(text, (char)(high << 4 | low));
        i += 2;
    }
    return true;
}

static void encode_byte(struct text *text, uint8_t byte)
{
    static const char digits[] = "0123456789ABCDEF";
    char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};
    if (is_unreserved(byte))
        text_add_char(text, (char)byte);
    else
        text_add(text, escape, sizeof escape);
}

void uri_encode(struct text *text, const char *string)
{
    for (; *string != 0; string++)
        encode_byte(text, (uint8_t)*string);
}

void uri_encode_path(struct text *text, const char *path)
{
    for (; *path != 0; path++) {
        if (*path == '/')
            text_add_char(text, '/');
        else
            encode_byte(text, (uint8_t)*path);
    }
}

/* A port is what follows the last colon, but not inside the brackets of an IPv6 address. One dot at the end of a name
 * is the root of the DNS and means nothing more. */
void uri_normal_host(struct text *text, struct http_text host)
{
    size_t size = host.size;
    for (size_t i = host.size; i > 0 && host.data[i - 1] != ']'; i--) {
        if (host.data[i - 1] == ':')
            size = i - 1;
    }
    if (size > 1 && host.data[size - 1] == '.')
        size--;
    uint8_t *room = text_room(text, size);
    for (size_t i = 0; i < size; i++)
        room[i] = http_lower((uint8_t)host.data[i]);
    text_grow(text, size);
}
