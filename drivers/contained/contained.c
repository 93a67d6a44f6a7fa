/* See contained.h. Its arguments: the number of its connection. It runs with the rights of the app and inside of its
 * container, so that it is not trusted with anything. */
#include "drivers/contained/contained.h"
#include "drivers/contained/read_all.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_possible(const struct contained_order *order)
{
    return order->size > 0 && order->size <= CONTAINED_BYTES_MOST && order->argument_count > 0 &&
           order->argument_count <= CONTAINED_WORDS_MOST && order->variable_count <= CONTAINED_WORDS_MOST;
}

/* The next `count` words as a list. A word too many is empty. */
static void take_words(char **list, char **words, const char *end, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        list[i] = *words;
        *words += *words < end ? strlen(*words) + 1 : 0;
    }
}

/* Returns when that is not possible. */
static void become(const struct contained_order *order, char *words)
{
    const char *end = words + order->size;
    static char *arguments[CONTAINED_WORDS_MOST + 1], *variables[CONTAINED_WORDS_MOST + 1];
    take_words(arguments, &words, end, order->argument_count);
    take_words(variables, &words, end, order->variable_count);
    for (size_t i = 0; i < CONTAINED_LIMITS; i++)
        contained_take_limit(&order->limits[i]);
    environ = variables; /* The PATH in it is the one that counts. */
    execvp(arguments[0], arguments);
    dprintf(STDERR_FILENO, "cupola: %s: %s\n", arguments[0], strerror(errno));
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    int connection = atoi(argv[1]), well = 0;
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    fcntl(connection, F_SETFD, FD_CLOEXEC); /* For kernels without the flag above. */
    struct contained_order order;
    if (write(connection, &well, sizeof well) != sizeof well || !read_all(connection, &order, sizeof order) ||
        !is_possible(&order))
        return 0; /* Nobody wants it. */
    static char words[CONTAINED_BYTES_MOST + 1];
    if (!read_all(connection, words, order.size) || write(connection, &well, sizeof well) != sizeof well)
        return 0;
    unlink(argv[0]); /* What the app finds in its container is its own. */
    become(&order, words);
    return 127; /* As a shell says it. */
}
