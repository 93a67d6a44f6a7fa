/* A hash of many fields, one after the other: for what is hashed all the time and never stored.
 *
 * Words are folded by the halves of a 128-bit product, two words a time, as wyhash does (Wang Yi, 2019). The result is
 * the same on every machine and for every compiler. Fields are not told apart by themselves: fold in what says which
 * they are, and the size of what varies.
 */
#ifndef CUPOLA_CORE_BASE_FOLD_H
#define CUPOLA_CORE_BASE_FOLD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t fold_product(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Two words; neither can undo the other, nor what was before. */
static inline uint64_t fold_words(uint64_t hash, uint64_t a, uint64_t b)
{
    return fold_product(a ^ 0xa0761d6478bd642fu ^ hash, b ^ 0xe7037ed1a0b428dbu) + (hash >> 1 | hash << 63);
}

static inline uint64_t fold_word_at(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Bytes and their number. */
static inline uint64_t fold_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    hash += size;
    if (size >= 16) {
        const uint8_t *last = at + size - 16;
        for (; at < last; at += 16)
            hash = fold_words(hash, fold_word_at(at), fold_word_at(at + 8));
        return fold_words(hash, fold_word_at(last), fold_word_at(last + 8)); /* May overlap the one before. */
    }
    uint8_t rest[16] = {0};
    if (size > 0)
        memcpy(rest, at, size);
    return fold_words(hash, fold_word_at(rest), fold_word_at(rest + 8));
}

#endif
