/* Files that a client has, as it names them: {sha1, size, fn, and what else it likes}. Small ones are never asked for:
 * sending them costs less. */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_BLOBS_RESOURCES_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_BLOBS_RESOURCES_H

#include "core/base/text.h"
#include "core/cloud_controller/errors.h"
#include "core/io.h"

enum { MAX_RESOURCES_SIZE = 16 * 1024 * 1024 }; /* Of the JSON text: about 100,000 files. */

struct resources {
    struct io_bytes *elements; /* As they came; lent from the JSON text. */
    size_t count;
    size_t *asked; /* Indices of the elements that `lines` is about, in its order. */
    size_t asked_count;
    struct text lines; /* As EFFECT_POOL_FIND and EFFECT_ASSEMBLE take them. */
};

/* Those that may be in the pool; what makes no sense is left out, as v1 did. `json` must outlive the result. */
void cc_resources_read_wanted(struct resources *resources, struct io_bytes json);
/* All of them, with names that they shall have in a package. False: refused. */
bool cc_resources_read_given(struct resources *resources, struct io_bytes json, struct refusal *ret_refusal);
/* Appends the array of those elements that `found` has a '1' for. */
void cc_resources_write_found(const struct resources *resources, struct io_bytes found, struct text *json);
void cc_resources_free(struct resources *resources);

#endif
