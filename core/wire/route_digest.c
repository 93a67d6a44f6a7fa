#include "core/wire/route_digest.h"

#include "core/base/random.h"

#include <string.h>

enum { MAX_HOST = 255 };

uint64_t route_digest(const char *host, uint16_t port, const char *instance, struct http_text uri)
{
    uint8_t lower[MAX_HOST];
    size_t size = 0;
    while (size < uri.size && size < sizeof lower && uri.data[size] != ':') {
        char c = uri.data[size];
        lower[size++] = (uint8_t)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    if (size > 1 && lower[size - 1] == '.')
        size--;
    uint64_t address = random_mix(random_hash(1, host, strlen(host)), port);
    uint64_t owner = random_mix(address, random_hash(2, instance, strlen(instance)));
    return random_mix(owner, random_hash(3, lower, size));
}
