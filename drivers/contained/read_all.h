/* A message of known size from a connection: for the supervisor, and for what it runs in a container, which is linked
 * with nothing of ours. */
#ifndef CUPOLA_DRIVERS_CONTAINED_READ_ALL_H
#define CUPOLA_DRIVERS_CONTAINED_READ_ALL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

/* Waits for all of it; false if the peer has ended, or reading fails (errno). */
static inline bool read_all(int connection, void *bytes, size_t size)
{
    char *rest = bytes;
    while (size > 0) {
        ssize_t got = read(connection, rest, size);
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        rest += got > 0 ? got : 0;
        size -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

#endif
