#include "drivers/sim/host/disk.h"

#include "core/base/memory.h"
#include "drivers/sim/world.h"

#include <string.h>

void disk_init(struct disk *disk, struct world *world, const char *name)
{
    disk->world = world;
    disk->random = random_numbered(world->seed, "disk", random_named(0, name).key);
}

void disk_release(struct disk *disk)
{
    struct saved_state *state, *next;
    HASH_ITER (hh, disk->saved, state, next) {
        HASH_DELETE(hh, disk->saved, state);
        buffer_unref(state->durable.buffer);
        buffer_unref(state->first.buffer);
        buffer_unref(state->cached.buffer);
        memory_free(state);
    }
}

void disk_trouble_begin(struct disk *disk, struct disk_trouble *trouble)
{
    trouble->previous = NULL;
    trouble->next = disk->troubles;
    if (trouble->next != NULL)
        trouble->next->previous = trouble;
    disk->troubles = trouble;
}

void disk_trouble_end(struct disk *disk, struct disk_trouble *trouble)
{
    if (trouble->previous != NULL)
        trouble->previous->next = trouble->next;
    else
        disk->troubles = trouble->next;
    if (trouble->next != NULL)
        trouble->next->previous = trouble->previous;
    trouble->previous = trouble->next = NULL;
}

/* Adds what the troubles cost; says how an access ends. */
static enum io_status suffer(struct disk *disk, bool is_write, uint64_t *duration_ns)
{
    enum io_status status = IO_OK;
    for (const struct disk_trouble *at = disk->troubles; at != NULL; at = at->next) {
        *duration_ns += distribution_sample(&at->extra, &disk->random);
        uint32_t error_ppm = is_write ? at->write_error_ppm : at->read_error_ppm;
        if (error_ppm > 0 && random_below(&disk->random, 1000000) < error_ppm)
            status = IO_FAILED;
        if (at->is_full && is_write && status == IO_OK)
            status = IO_FULL;
        if (at->is_read_only && is_write && status == IO_OK)
            status = IO_DENIED;
    }
    return status;
}

enum io_status disk_plan_sync(struct disk *disk, uint64_t *ret_done_ns)
{
    uint64_t from_ns = disk->free_ns > disk->world->now_ns ? disk->free_ns : disk->world->now_ns, delay_ns = 0;
    disk->free_ns = from_ns + distribution_sample(&disk->sync, &disk->random);
    enum io_status status = suffer(disk, true, &delay_ns);
    if (disk->done_ns < disk->free_ns + delay_ns)
        disk->done_ns = disk->free_ns + delay_ns;
    *ret_done_ns = disk->done_ns;
    return status;
}

enum io_status disk_plan_read(struct disk *disk, uint64_t *ret_done_ns)
{
    uint64_t duration_ns = distribution_sample(&disk->read, &disk->random);
    enum io_status status = suffer(disk, false, &duration_ns);
    *ret_done_ns = disk->world->now_ns + duration_ns;
    return status;
}

bool disk_lies(const struct disk *disk)
{
    for (const struct disk_trouble *at = disk->troubles; at != NULL; at = at->next) {
        if (at->lies)
            return true;
    }
    return false;
}

bool disk_draw_made_it(struct disk *disk)
{
    return random_below(&disk->random, 2) == 0;
}

static struct saved_state *find_state(const struct disk *disk, const char *name)
{
    struct saved_state *state = NULL;
    HASH_FIND_STR(disk->saved, name, state);
    return state;
}

void disk_save(struct disk *disk, const char *name, struct slice given)
{
    struct saved_state *state = find_state(disk, name);
    if (state == NULL) {
        size_t size = strlen(name) + 1;
        state = memory_new(sizeof *state + size);
        memcpy(state->name, name, size);
        HASH_ADD_STR(disk->saved, name, state);
    }
    buffer_unref(state->cached.buffer);
    state->cached = given;
    if (disk_lies(disk))
        return;
    buffer_unref(state->durable.buffer);
    state->durable = given;
    if (state->first.buffer == NULL)
        state->first = (struct slice){buffer_ref(given.buffer), given.offset, given.size};
    state->cached = (struct slice){0};
}

struct slice disk_read_saved(struct disk *disk, const char *name)
{
    const struct saved_state *state = find_state(disk, name);
    for (const struct disk_trouble *at = disk->troubles; at != NULL; at = at->next) {
        if (at->is_empty || at->instead != NULL)
            state = at->is_empty ? NULL : find_state(at->instead, at->instead_name);
    }
    if (state == NULL)
        return slice_copy("", 0);
    struct slice slice = state->cached.buffer != NULL ? state->cached : state->durable;
    for (const struct disk_trouble *at = disk->troubles; at != NULL; at = at->next) {
        if (at->is_old && state->first.buffer != NULL)
            slice = state->first;
    }
    struct slice read = slice_copy(slice_data(slice), slice.size);
    for (const struct disk_trouble *at = disk->troubles; at != NULL; at = at->next) {
        if (at->is_torn && read.size > 0)
            read.size = (size_t)random_below(&disk->random, read.size);
        if (at->rots && read.size > 0)
            read.buffer->bytes[random_below(&disk->random, read.size)] ^=
                (uint8_t)(1 << random_below(&disk->random, 8));
    }
    return read;
}

void disk_lose_power(struct disk *disk)
{
    struct saved_state *state, *next;
    HASH_ITER (hh, disk->saved, state, next) {
        buffer_unref(state->cached.buffer);
        state->cached = (struct slice){0};
    }
    disk->free_ns = disk->done_ns = 0;
}
