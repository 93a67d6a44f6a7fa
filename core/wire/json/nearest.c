/* Edit distance (Levenshtein 1966), one row at a time. Called once a mistyped configuration, never on a hot path. */
#include "core/wire/json/nearest.h"

#include <string.h>

enum { LONGEST_NAME = 64 };

static size_t least_of_three(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

static size_t edit_distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t row[LONGEST_NAME + 1];
    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t above = row[j];
            size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = least_of_three(replaced, above + 1, row[j - 1] + 1);
            diagonal = above;
        }
    }
    return row[b_size];
}

const char *json_nearest_name(const ProtobufCMessageDescriptor *descriptor, const char *key, size_t size)
{
    if (size > LONGEST_NAME)
        return NULL;
    const char *nearest = NULL;
    size_t nearest_distance = size / 3 + 2; /* Beyond that it is another word. */
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const char *name = descriptor->fields[i].name;
        size_t name_size = strlen(name);
        if (name_size > LONGEST_NAME)
            continue;
        size_t distance = edit_distance(key, size, name, name_size);
        if (distance < nearest_distance) {
            nearest_distance = distance;
            nearest = name;
        }
    }
    return nearest;
}
