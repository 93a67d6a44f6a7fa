/* UTF-8 validation after the table of well-formed byte sequences in RFC 3629, section 4. */
#include "core/wire/utf8.h"

static bool is_tail(const uint8_t *bytes, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return false;
    return true;
}

size_t utf8_sequence_size(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return 0;
    uint8_t first = bytes[0];
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4 || size < 2)
        return 0;
    if (first < 0xe0)
        return is_tail(bytes, 1, 2) ? 2 : 0;

    /* Only the second byte has a narrower range, after four of the first bytes. */
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (bytes[1] < low || bytes[1] > high)
        return 0;
    size_t wanted = first < 0xf0 ? 3 : 4;
    return size >= wanted && is_tail(bytes, 2, wanted) ? wanted : 0;
}
