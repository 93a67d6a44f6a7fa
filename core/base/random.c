#include "core/base/random.h"

#include "core/base/assert.h"

#include <string.h>

uint64_t random_mix(uint64_t a, uint64_t b)
{
    uint64_t z = a + 0x9e3779b97f4a7c15u * (b + 1);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Reads words byte by byte, so that the result does not depend on the machine's byte order. */
static uint64_t word_at(const uint8_t *bytes, size_t size)
{
    uint64_t word = 0;
    if (size == 8) {
        memcpy(&word, bytes, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        return word;
    }
    for (size_t i = 0; i < size; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

uint64_t random_hash(uint64_t seed, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t hash = random_mix(seed, size);
    for (size_t left = size; left > 0;) {
        size_t step = left < 8 ? left : 8;
        hash = (hash ^ word_at(at, step)) * 0x9fb21c651e98df25u;
        hash ^= hash >> 32;
        at += step;
        left -= step;
    }
    return random_mix(hash, size);
}

struct random_stream random_named(uint64_t seed, const char *name)
{
    return (struct random_stream){.key = random_hash(seed, name, strlen(name))};
}

struct random_stream random_numbered(uint64_t seed, const char *name, uint64_t number)
{
    struct random_stream stream = random_named(seed, name);
    stream.key = random_mix(stream.key, number);
    return stream;
}

uint64_t random_draw(struct random_stream *stream)
{
    return random_mix(stream->key, stream->drawn++);
}

uint64_t random_below(struct random_stream *stream, uint64_t bound)
{
    assert_that(bound > 0);
    return (uint64_t)(((unsigned __int128)random_draw(stream) * bound) >> 64);
}

uint64_t random_between(struct random_stream *stream, uint64_t low, uint64_t high)
{
    assert_that(low <= high);
    if (low == 0 && high == UINT64_MAX)
        return random_draw(stream);
    return low + random_below(stream, high - low + 1);
}

void random_hex(struct random_stream *stream, char *ret_digits, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t bits = 0;
    for (size_t i = 0; i < size * 2; i++) {
        if (i % 16 == 0)
            bits = random_draw(stream);
        ret_digits[i] = digits[bits & 15];
        bits >>= 4;
    }
    ret_digits[size * 2] = 0;
}
