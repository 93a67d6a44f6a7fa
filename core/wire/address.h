/* Internet addresses as numbers: "10.0.0.7", "fe80::1", "10.0.0.0/8". IPv4 is kept as IPv6 has it (::ffff:10.0.0.7). */
#ifndef CUPOLA_CORE_WIRE_ADDRESS_H
#define CUPOLA_CORE_WIRE_ADDRESS_H

#include "core/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ip_address {
    uint8_t bytes[16];
};

struct ip_network {
    struct ip_address address;
    unsigned bits; /* Of 128. */
};

/* False if it is no address. `text` is not NUL-terminated; brackets around IPv6 are allowed. */
bool ip_read_address(const char *text, size_t size, struct ip_address *ret_address);
/* With "/bits" behind it, or a single address. */
bool ip_read_network(const char *text, size_t size, struct ip_network *ret_network);
bool ip_contains(const struct ip_network *network, const struct ip_address *address);
/* Appends it as text: dotted for IPv4, eight groups of hex digits for IPv6. */
void ip_write_address(struct text *text, const struct ip_address *address);

#endif
