#include "core/cloud_controller/state/blob_refs.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <string.h>

static struct blob_ref *find(const struct blob_refs *refs, const char *digest)
{
    struct blob_ref *ref = NULL;
    HASH_FIND(hh, refs->by_digest, digest, strlen(digest), ref);
    return ref;
}

static void link_ref(struct blob_refs *refs, struct blob_ref *ref, uint64_t now_ns)
{
    ref->given_up_ns = now_ns;
    ref->previous = refs->last;
    ref->next = NULL;
    *(refs->last == NULL ? &refs->first : &refs->last->next) = ref;
    refs->last = ref;
}

static void unlink_ref(struct blob_refs *refs, struct blob_ref *ref)
{
    *(ref->previous == NULL ? &refs->first : &ref->previous->next) = ref->next;
    *(ref->next == NULL ? &refs->last : &ref->next->previous) = ref->previous;
}

static struct blob_ref *new_ref(struct blob_refs *refs, const char *digest)
{
    struct blob_ref *ref = memory_new(sizeof *ref);
    memcpy(ref->digest, digest, strnlen(digest, sizeof ref->digest - 1));
    HASH_ADD_KEYPTR(hh, refs->by_digest, ref->digest, strlen(ref->digest), ref);
    return ref;
}

static void add(struct blob_refs *refs, const char *digest, uint64_t now_ns)
{
    (void)now_ns;
    if (digest == NULL)
        return;
    struct blob_ref *ref = find(refs, digest);
    if (ref == NULL)
        ref = new_ref(refs, digest);
    else if (ref->count == 0)
        unlink_ref(refs, ref);
    ref->count++;
}

static void subtract(struct blob_refs *refs, const char *digest, uint64_t now_ns)
{
    if (digest == NULL)
        return;
    struct blob_ref *ref = find(refs, digest);
    assert_that(ref != NULL && ref->count > 0);
    if (--ref->count == 0)
        link_ref(refs, ref, now_ns);
}

static void each(struct blob_refs *refs, const Cupola__JournalApp *value, uint64_t now_ns,
                 void (*act)(struct blob_refs *refs, const char *digest, uint64_t now_ns))
{
    act(refs, value->package_sha1, now_ns);
    act(refs, value->droplet_sha1, now_ns);
    if (value->next != NULL)
        act(refs, value->next->droplet_sha1, now_ns);
    if (value->update != NULL)
        act(refs, value->update->other->droplet_sha1, now_ns);
    for (size_t i = 0; i < value->n_revisions; i++)
        act(refs, value->revisions[i]->droplet_sha1, now_ns);
}

void cc_refs_add(struct blob_refs *refs, const Cupola__JournalApp *value)
{
    each(refs, value, 0, add);
}

void cc_refs_remove(struct blob_refs *refs, const Cupola__JournalApp *value, uint64_t now_ns)
{
    each(refs, value, now_ns, subtract);
}

void cc_refs_give_up(struct blob_refs *refs, const char *digest, uint64_t now_ns)
{
    if (find(refs, digest) == NULL)
        link_ref(refs, new_ref(refs, digest), now_ns);
}

void cc_refs_forget(struct blob_refs *refs, struct blob_ref *ref)
{
    assert_that(ref->count == 0);
    unlink_ref(refs, ref);
    HASH_DELETE(hh, refs->by_digest, ref);
    memory_free(ref);
}

size_t cc_refs_count(const struct blob_refs *refs, const char *digest)
{
    const struct blob_ref *ref = find(refs, digest);
    return ref == NULL ? 0 : ref->count;
}

void cc_refs_free(struct blob_refs *refs)
{
    struct blob_ref *ref, *next;
    HASH_ITER (hh, refs->by_digest, ref, next) {
        HASH_DELETE(hh, refs->by_digest, ref);
        memory_free(ref);
    }
    *refs = (struct blob_refs){0};
}
