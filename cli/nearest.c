/* "Did you mean ...?" */
#include "cli/commands.h"

#include <string.h>

enum { LONGEST_WORD = 31 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
static size_t count_edits(const char *from, const char *to)
{
    size_t rows[3][LONGEST_WORD + 1];
    size_t *before = rows[0], *previous = rows[1], *current = rows[2];
    size_t to_size = strlen(to);
    for (size_t j = 0; j <= to_size; j++)
        previous[j] = j;
    for (size_t i = 1; from[i - 1] != 0; i++) {
        current[0] = i;
        for (size_t j = 1; j <= to_size; j++) {
            size_t replaced = previous[j - 1] + (from[i - 1] != to[j - 1]);
            current[j] = least(replaced, least(previous[j], current[j - 1]) + 1);
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                current[j] = least(current[j], before[j - 2] + 1);
        }
        size_t *free_row = before;
        before = previous;
        previous = current;
        current = free_row;
    }
    return previous[to_size];
}

const char *cli_nearest(const char *word, const char *const *names, size_t count)
{
    if (strlen(word) > LONGEST_WORD)
        return NULL;
    const char *nearest = NULL;
    size_t fewest = strlen(word) / 3 + 2; /* More edits than this make another word. */
    for (size_t i = 0; i < count; i++) {
        size_t edits = strlen(names[i]) > LONGEST_WORD ? fewest : count_edits(word, names[i]);
        if (edits < fewest) {
            fewest = edits;
            nearest = names[i];
        }
    }
    return nearest;
}
