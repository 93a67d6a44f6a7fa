/* The first program in a container (contained.c): it waits until it hears what to run, and becomes that. So a container
 * can be made before anybody knows what for.
 *
 *   supervisor                                      contained
 *     |<-- 0, an int -------------------------------|  is there: the container is whole
 *     |-- struct contained_order, its words ------->|  may have been waiting for long
 *     |<-- 0, an int -------------------------------|  has read it, and becomes the command: what comes now is the
 * app's
 *
 * What cannot be executed says so in the app's log, as a shell does. Until there is a container its guard has the
 * other end, and tells an errno instead.
 *
 * It is a program of its own, of a few kB, because a container sees nothing of ours: the bytes of its file are a part
 * of our program, and are copied into the container.
 */
#ifndef CUPOLA_DRIVERS_CONTAINED_CONTAINED_H
#define CUPOLA_DRIVERS_CONTAINED_CONTAINED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

enum { CONTAINED_LIMITS = 4, CONTAINED_WORDS_MOST = 8192, CONTAINED_BYTES_MOST = 4 << 20 };

struct contained_limit {
    int resource;  /* RLIMIT_... */
    uint64_t most; /* 0: as it is. */
};

/* Behind it: its arguments, then its variables, each ended by a zero byte. */
struct contained_order {
    uint32_t size; /* Of all words. */
    uint32_t argument_count;
    uint32_t variable_count;
    struct contained_limit limits[CONTAINED_LIMITS];
};

/* The executable, made for this machine. */
extern const unsigned char contained_program[], contained_program_end[];

/* Who may have less already keeps that. */
static inline void contained_take_limit(const struct contained_limit *wanted)
{
    struct rlimit limit;
    if (wanted->most == 0 || getrlimit((__rlimit_resource_t)wanted->resource, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max = wanted->most < limit.rlim_max ? wanted->most : limit.rlim_max;
    setrlimit((__rlimit_resource_t)wanted->resource, &limit);
}

#endif
