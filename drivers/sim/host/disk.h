/* The disk of a simulated host: the small states that components save, and how long and how well it writes.
 *
 * Fault model: what was synced survives a loss of power; what was under way then is there or not, drawn; a disk may be
 * slow, full, read-only, fail at random, or lie about syncs (they say yes and keep nothing until an honest one); what
 * was saved may be read back damaged, cut short, as it was long ago, as another component's, or not at all.
 */
#ifndef CUPOLA_DRIVERS_SIM_HOST_DISK_H
#define CUPOLA_DRIVERS_SIM_HOST_DISK_H

#include "core/base/map.h"
#include "core/io.h"
#include "drivers/sim/distribution.h"

struct world;

/* Something that is wrong with it. Owned by the fault that made it. */
struct disk_trouble {
    struct distribution extra;
    uint32_t read_error_ppm, write_error_ppm;
    bool is_full;
    bool lies;
    bool is_read_only;
    bool rots;    /* One bit of each state that is read is turned. */
    bool is_torn; /* Each state that is read ends early. */
    bool is_old;  /* What is read are the first states that were ever saved. */
    bool is_empty;
    const struct disk *instead; /* Another host's, which is read in its stead, */
    const char *instead_name;   /* as that component. */
    struct disk_trouble *previous, *next;
};

/* One component's state. */
struct saved_state {
    struct slice durable; /* Kept. */
    struct slice first;   /* The oldest of all, as old images of the disk have it. */
    struct slice cached;  /* What the operating system would read now; buffer NULL: the same. */
    UT_hash_handle hh;
    char name[];
};

struct disk {
    struct world *world;
    struct distribution sync;
    struct distribution read;
    struct disk_trouble *troubles;
    struct saved_state *saved;
    struct random_stream random;
    /* Syncs queue up, and a later one is not done sooner; but what a slow disk takes longer it takes for all at once.
     */
    uint64_t free_ns, done_ns;
};

void disk_init(struct disk *disk, struct world *world, const char *name);
void disk_release(struct disk *disk);
void disk_trouble_begin(struct disk *disk, struct disk_trouble *trouble);
void disk_trouble_end(struct disk *disk, struct disk_trouble *trouble);

/* When a sync that is asked for now will be done, and how it will end: ok, full or failed. */
enum io_status disk_plan_sync(struct disk *disk, uint64_t *ret_done_ns);
enum io_status disk_plan_read(struct disk *disk, uint64_t *ret_done_ns);
bool disk_lies(const struct disk *disk);
/* A fair draw of whether what was under way at the loss of power has made it. */
bool disk_draw_made_it(struct disk *disk);

/* The given state is written; it is durable unless the disk lies. */
void disk_save(struct disk *disk, const char *name, struct slice given);
/* What a component of that name reads, its troubles included. Given. */
struct slice disk_read_saved(struct disk *disk, const char *name);
void disk_lose_power(struct disk *disk);

#endif
