#include "core/wire/address.h"

#include "core/wire/http/scan.h"

#include <string.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool read_dotted(const char *text, size_t size, uint8_t ret_bytes[4])
{
    size_t at = 0;
    for (int part = 0; part < 4; part++) {
        unsigned value = 0;
        size_t start = at;
        while (at < size && http_is_digit((uint8_t)text[at]) && at - start < 3)
            value = value * 10 + (unsigned)(text[at++] - '0');
        if (at == start || value > 255)
            return false;
        ret_bytes[part] = (uint8_t)value;
        if (part < 3 && (at >= size || text[at++] != '.'))
            return false;
    }
    return at == size;
}

/* One group of up to four hex digits; false if there is none. */
static bool read_group(const char *text, size_t size, size_t *at, uint8_t ret_bytes[2])
{
    unsigned value = 0;
    size_t start = *at;
    while (*at < size && *at - start < 4 && http_hex_value((uint8_t)text[*at]) >= 0)
        value = value << 4 | (unsigned)http_hex_value((uint8_t)text[(*at)++]);
    ret_bytes[0] = (uint8_t)(value >> 8);
    ret_bytes[1] = (uint8_t)value;
    return *at > start;
}

/* The groups before and behind "::" are read into the ends of the address. */
static bool read_colons(const char *text, size_t size, uint8_t ret_bytes[16])
{
    uint8_t groups[16];
    size_t count = 0, gap = SIZE_MAX, at = 0;
    if (size >= 2 && text[0] == ':' && text[1] == ':') {
        gap = 0;
        at = 2;
    }
    while (at < size && count < 16) {
        if (!read_group(text, size, &at, groups + count))
            return false;
        count += 2;
        if (at == size)
            break;
        if (text[at++] != ':' || at == size)
            return false;
        if (text[at] != ':')
            continue;
        if (gap != SIZE_MAX)
            return false;
        gap = count;
        at++;
        if (at == size)
            break;
    }
    if (at != size || (gap == SIZE_MAX) != (count == 16))
        return false;
    memset(ret_bytes, 0, 16);
    size_t before = gap == SIZE_MAX ? count : gap;
    memcpy(ret_bytes, groups, before);
    memcpy(ret_bytes + 16 - (count - before), groups + before, count - before);
    return true;
}

bool ip_read_address(const char *text, size_t size, struct ip_address *ret_address)
{
    struct ip_address address = {{0}};
    if (size >= 2 && text[0] == '[' && text[size - 1] == ']') {
        text++;
        size -= 2;
    }
    memcpy(address.bytes, mapped, sizeof mapped);
    if (!read_dotted(text, size, address.bytes + 12) && !read_colons(text, size, address.bytes))
        return false;
    *ret_address = address;
    return true;
}

bool ip_read_network(const char *text, size_t size, struct ip_network *ret_network)
{
    const char *slash = memchr(text, '/', size);
    size_t address_size = slash == NULL ? size : (size_t)(slash - text);
    struct ip_network network = {.bits = 128};
    if (!ip_read_address(text, address_size, &network.address))
        return false;
    if (slash != NULL) {
        unsigned bits = 0;
        size_t digits = size - address_size - 1;
        for (size_t i = 0; i < digits; i++) {
            if (!http_is_digit((uint8_t)slash[1 + i]) || digits > 3)
                return false;
            bits = bits * 10 + (unsigned)(slash[1 + i] - '0');
        }
        bool is_dotted = memchr(text, ':', address_size) == NULL;
        if (digits == 0 || bits > (is_dotted ? 32 : 128))
            return false;
        network.bits = is_dotted ? 96 + bits : bits;
    }
    *ret_network = network;
    return true;
}

bool ip_contains(const struct ip_network *network, const struct ip_address *address)
{
    size_t whole = network->bits / 8;
    if (memcmp(network->address.bytes, address->bytes, whole) != 0)
        return false;
    unsigned rest = network->bits % 8;
    if (rest == 0)
        return true;
    unsigned mask = 0xffu << (8 - rest) & 0xffu;
    return ((network->address.bytes[whole] ^ address->bytes[whole]) & mask) == 0;
}

void ip_write_address(struct text *text, const struct ip_address *address)
{
    const uint8_t *bytes = address->bytes;
    if (memcmp(bytes, mapped, sizeof mapped) == 0) {
        text_addf(text, "%u.%u.%u.%u", bytes[12], bytes[13], bytes[14], bytes[15]);
        return;
    }
    for (int i = 0; i < 16; i += 2)
        text_addf(text, "%s%x", i == 0 ? "" : ":", (unsigned)(bytes[i] << 8 | bytes[i + 1]));
}
