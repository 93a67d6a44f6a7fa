/* The list of effects of one step, with an arena for their strings. */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/io.h"

#include <string.h>

enum { ARENA_BLOCK = 4096 };

/* Strings live in blocks that never move, since effects point into them. */
struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t capacity;
    uint8_t bytes[];
};

struct effects {
    struct effect *items;
    size_t count;
    size_t capacity;
    struct arena_block *blocks; /* The newest first. */
};

struct effects *effects_new(void)
{
    return memory_new(sizeof(struct effects));
}

void effects_free(struct effects *effects)
{
    if (effects == NULL)
        return;
    effects_reset(effects);
    memory_free(effects->blocks);
    memory_free(effects->items);
    memory_free(effects);
}

/* Where the effect keeps its given slice, or NULL if its kind has none. */
static struct slice *slice_of(struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_WRITE:
        return &effect->write.slice;
    case EFFECT_SAVE:
        return &effect->save.slice;
    case EFFECT_JOURNAL_APPEND:
        return &effect->journal_append.slice;
    case EFFECT_JOURNAL_SNAPSHOT:
        return &effect->journal_snapshot.slice;
    case EFFECT_BLOB_WRITE:
        return &effect->blob.slice;
    case EFFECT_LISTEN:
    case EFFECT_UNLISTEN:
    case EFFECT_CONNECT:
    case EFFECT_START_TLS:
    case EFFECT_READ:
    case EFFECT_FINISH:
    case EFFECT_CLOSE:
    case EFFECT_DEADLINE:
    case EFFECT_JOURNAL_FOLLOW:
    case EFFECT_BLOB_OPEN:
    case EFFECT_BLOB_COMMIT:
    case EFFECT_BLOB_DISCARD:
    case EFFECT_BLOB_SEND:
    case EFFECT_BLOB_RECEIVE:
    case EFFECT_BLOB_STAT:
    case EFFECT_BLOB_DELETE:
    case EFFECT_BLOB_LIST:
    case EFFECT_STAGE:
    case EFFECT_POOL_FIND:
    case EFFECT_ASSEMBLE:
    case EFFECT_HASH_PASSWORD:
    case EFFECT_WORKLOAD_LIST:
    case EFFECT_WORKLOAD_START:
    case EFFECT_WORKLOAD_SIGNAL:
    case EFFECT_WORKLOAD_REMOVE:
    case EFFECT_WORKLOAD_MEASURE:
    case EFFECT_WORKLOAD_READ_FILE:
    case EFFECT_WORKLOAD_EXEC:
    case EFFECT_LOG:
    case EFFECT_EXIT:
        return NULL;
    }
    assert_unreachable();
}

/* Keeps one block of the arena for the next step, so that a steady state allocates nothing. */
static void reset_arena(struct effects *effects)
{
    while (effects->blocks != NULL && effects->blocks->next != NULL) {
        struct arena_block *older = effects->blocks->next;
        memory_free(effects->blocks);
        effects->blocks = older;
    }
    if (effects->blocks != NULL)
        effects->blocks->used = 0;
}

void effects_reset(struct effects *effects)
{
    for (size_t i = 0; i < effects->count; i++) {
        struct slice *slice = slice_of(&effects->items[i]);
        if (slice != NULL)
            buffer_unref(slice->buffer);
    }
    effects->count = 0;
    reset_arena(effects);
}

size_t effects_count(const struct effects *effects)
{
    return effects->count;
}

struct effect *effects_at(struct effects *effects, size_t index)
{
    assert_that(index < effects->count);
    return &effects->items[index];
}

struct slice effect_take_slice(struct effect *effect)
{
    struct slice *slice = slice_of(effect);
    assert_that(slice != NULL);
    assert_that(slice->buffer != NULL);
    struct slice taken = *slice;
    *slice = (struct slice){0};
    return taken;
}

struct effect *effects_add(struct effects *effects, enum effect_kind kind)
{
    effects->items = memory_room(effects->items, effects->count, &effects->capacity, sizeof *effects->items);
    struct effect *effect = &effects->items[effects->count++];
    memset(effect, 0, sizeof *effect);
    effect->kind = kind;
    return effect;
}

static void *keep(struct effects *effects, size_t size)
{
    size_t aligned = (size + 7) & ~(size_t)7;
    struct arena_block *block = effects->blocks;
    if (block == NULL || block->capacity - block->used < aligned) {
        size_t capacity = aligned > ARENA_BLOCK ? aligned : ARENA_BLOCK;
        block = memory_new(sizeof *block + capacity);
        block->capacity = capacity;
        block->next = effects->blocks;
        effects->blocks = block;
    }
    void *kept = block->bytes + block->used;
    block->used += aligned;
    return kept;
}

const char *effects_keep_text(struct effects *effects, const char *text)
{
    assert_that(text != NULL);
    size_t size = strlen(text) + 1;
    return memcpy(keep(effects, size), text, size);
}

struct io_bytes effects_keep_bytes(struct effects *effects, struct io_bytes bytes)
{
    if (bytes.size == 0)
        return (struct io_bytes){.data = (const uint8_t *)"", .size = 0};
    return (struct io_bytes){.data = memcpy(keep(effects, bytes.size), bytes.data, bytes.size), .size = bytes.size};
}

const char *const *effects_keep_list(struct effects *effects, const char *const *list)
{
    size_t count = 0;
    while (list[count] != NULL)
        count++;
    const char **kept = keep(effects, (count + 1) * sizeof *kept);
    for (size_t i = 0; i < count; i++)
        kept[i] = effects_keep_text(effects, list[i]);
    kept[count] = NULL;
    return kept;
}

const char *io_status_name(enum io_status status)
{
    switch (status) {
    case IO_OK:
        return "ok";
    case IO_CANCELLED:
        return "cancelled";
    case IO_REFUSED:
        return "refused";
    case IO_UNREACHABLE:
        return "unreachable";
    case IO_RESET:
        return "reset";
    case IO_TIMED_OUT:
        return "timed out";
    case IO_IN_USE:
        return "in use";
    case IO_NOT_FOUND:
        return "not found";
    case IO_CONFLICT:
        return "conflict";
    case IO_CORRUPT:
        return "corrupt";
    case IO_FULL:
        return "full";
    case IO_DENIED:
        return "denied";
    case IO_INVALID:
        return "invalid";
    case IO_FAILED:
        return "failed";
    }
    assert_unreachable();
}
