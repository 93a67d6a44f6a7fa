/* How many apps refer to each package and droplet: counted entry by entry, the same at every controller.
 *
 * Invariant: a reference with a count of 0 is in the list of those that are given up, and no other is.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_STATE_BLOB_REFS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_STATE_BLOB_REFS_H

#include "core/base/map.h"
#include "core/proto/journal.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob_ref {
    char digest[41];
    size_t count;
    uint64_t given_up_ns; /* When the count became 0. */
    UT_hash_handle hh;
    struct blob_ref *previous, *next; /* Of those that are given up, the oldest first. */
};

struct blob_refs {
    struct blob_ref *by_digest;
    struct blob_ref *first, *last;
};

/* Counts what an app refers to, once each time that it does. */
void cc_refs_add(struct blob_refs *refs, const Cupola__JournalApp *value);
void cc_refs_remove(struct blob_refs *refs, const Cupola__JournalApp *value, uint64_t now_ns);
/* A blob that was stored, and that nothing has come to refer to. Nothing if something does. */
void cc_refs_give_up(struct blob_refs *refs, const char *digest, uint64_t now_ns);
/* Forgets one of those that are given up. */
void cc_refs_forget(struct blob_refs *refs, struct blob_ref *ref);
size_t cc_refs_count(const struct blob_refs *refs, const char *digest);
void cc_refs_free(struct blob_refs *refs);

#endif
