/* Randomness by name.
 *
 * A value is a hash of (seed, name of the stream, how many were drawn from that stream before), never the next draw of
 * one shared generator: a draw that is added in one place moves no other. Give every decision a stream of its own.
 * Integers only. The hash is SplitMix64's finaliser (Steele, Lea, Flood 2014), chained.
 */
#ifndef CUPOLA_CORE_BASE_RANDOM_H
#define CUPOLA_CORE_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random_stream {
    uint64_t key;
    uint64_t drawn;
};

/* A stream for decision `name` ("router.pick_backend"). */
struct random_stream random_named(uint64_t seed, const char *name);
/* A stream among many of one name, for example one a connection. */
struct random_stream random_numbered(uint64_t seed, const char *name, uint64_t number);

uint64_t random_draw(struct random_stream *stream);
/* 0 <= result < bound; bound > 0. The bias is below 2^-32 for bounds below 2^32. */
uint64_t random_below(struct random_stream *stream, uint64_t bound);
/* low <= result <= high. */
uint64_t random_between(struct random_stream *stream, uint64_t low, uint64_t high);
/* `size` random bytes as 2 * size lower-case hex digits and a NUL. */
void random_hex(struct random_stream *stream, char *ret_digits, size_t size);

/* One step of the mixing function, for those who need a hash of integers. */
uint64_t random_mix(uint64_t a, uint64_t b);
/* A hash of bytes, the same on every machine. */
uint64_t random_hash(uint64_t seed, const void *bytes, size_t size);

#endif
