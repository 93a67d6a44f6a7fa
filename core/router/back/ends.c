#include "core/router/back/ends.h"

#include "core/base/random.h"

#include <stddef.h>
#include <string.h>

uint64_t ends_hash(const char *id)
{
    return id == NULL || *id == 0 ? 0 : random_hash(1, id, strlen(id)) | 1;
}

bool ends_has(const struct ends *ends, uint64_t instance)
{
    if (instance == 0)
        return false;
    for (size_t i = 0; i < ENDS_KEPT; i++) {
        if (ends->instances[i] == instance)
            return true;
    }
    return false;
}

void ends_note(struct ends *ends, uint64_t instance)
{
    if (instance == 0 || ends_has(ends, instance))
        return;
    ends->instances[ends->next] = instance;
    ends->next = (ends->next + 1) % ENDS_KEPT;
}
