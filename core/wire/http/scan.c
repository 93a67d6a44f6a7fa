/* Byte classes, and the runs over them that make up most of the cost of parsing a head. */
#include "core/wire/http/scan.h"

/* Bit c of word c / 32 is set for token characters: ALPHA DIGIT and !#$%&'*+-.^_`|~ */
static const uint32_t token_bits[8] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff, 0, 0, 0, 0};

bool http_is_token_byte(uint8_t byte)
{
    return (token_bits[byte >> 5] >> (byte & 31) & 1) != 0;
}

size_t http_span_token(const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (at < size && http_is_token_byte(bytes[at]))
        at++;
    return at;
}

#define EVERY_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Whether one of eight bytes is below 0x20 or is DEL. HTAB counts too: the caller looks again, byte by byte. */
static inline bool has_control(uint64_t word)
{
    uint64_t below = (word - EVERY_BYTE(0x20)) & ~word;
    uint64_t delete = word ^ EVERY_BYTE(0x7f);
    delete = (delete - EVERY_BYTE(0x01)) & ~delete;
    return ((below | delete) & EVERY_BYTE(0x80)) != 0;
}

size_t http_span_value(const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    for (;;) {
        uint64_t word;
        while (at + sizeof word <= size) {
            memcpy(&word, bytes + at, sizeof word);
            if (has_control(word))
                break;
            at += sizeof word;
        }
        size_t stop = at + sizeof word < size ? at + sizeof word : size;
        while (at < stop && ((bytes[at] >= 0x20 && bytes[at] != 0x7f) || bytes[at] == '\t'))
            at++;
        if (at < stop || at == size)
            return at;
    }
}
