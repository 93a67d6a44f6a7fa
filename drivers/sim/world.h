/* A simulated world: its time, its queue of what happens next, and everything that lives in it.
 *
 * Fault model of the whole: nothing here is random but what a named stream of the seed decides; nothing depends on
 * addresses; and nothing happens between two wakes. Each kind of thing states its own faults in its own file.
 */
#ifndef CUPOLA_DRIVERS_SIM_WORLD_H
#define CUPOLA_DRIVERS_SIM_WORLD_H

#include "core/base/random.h"
#include "core/io.h"
#include "drivers/program/assertion.h"
#include "drivers/sim/network/network.h"
#include "drivers/sim/queue.h"

struct host;
struct process;

/* What a world tells those who watch it. All lent. */
struct world_watcher {
    void *context;
    /* A line of a component's log. May be NULL. */
    void (*on_log)(void *context, const struct process *process, enum log_level level, const char *text);
    /* A process began, ended by itself, or was ended; `text` says how. May be NULL. */
    void (*on_life)(void *context, const char *who, const char *text);
    /* A process has taken a step, whose effects are about to be carried out. Nothing may be changed. May be NULL. */
    void (*on_step)(void *context, const struct process *process, const struct event *event, struct effects *effects);
    /* A segment has arrived. May be NULL. */
    void (*on_segment)(void *context, const char *from, const char *to, uint64_t sent_ns, struct io_bytes bytes);
};

/* Who decides what happens next, for searches through orders; without one, time does. */
struct world_chooser {
    void *context;
    /* `first` is next by time, and now is its time. Returns another wake that is queued and happens instead, or NULL.
     */
    struct wake *(*choose)(void *context, struct wake *first);
};

struct world {
    uint64_t now_ns; /* Since its beginning. */
    uint64_t seed;
    struct queue queue;
    struct network network;
    struct world_watcher watcher;
    struct world_chooser chooser;

    uint64_t step_count;   /* Of all processes. */
    uint64_t hash;         /* Over all of them. */
    uint64_t change_count; /* Counts what checks may care about: steps that did more than to answer a probe. */

    struct host **hosts; /* In the order of their making. */
    size_t host_count;
    struct process **processes;
    size_t process_count;
    struct effects *effects;            /* Of the step under way; one serves all, for steps do not nest. */
    struct socket_pair *buried_sockets; /* Freed before the next wake. */
    struct label *labels;
    struct app_trouble *app_troubles;
    struct message_trouble *message_troubles;
    uint32_t old_processes; /* That are to live as builds of 2011. */
    struct assertion_context assertion;
    bool is_draining; /* A step is being carried out: nobody may step another process now. */
};

/* Wall clock at the beginning of every world: 12 April 2011, 00:00 UTC, when the platform was announced. */
#define WORLD_FIRST_WALL_NS (INT64_C(1302566400) * 1000000000)

struct world *world_create(uint64_t seed);
void world_destroy(struct world *world);
/* Ends every life at once, so that what processes share can be released before the world. */
void world_end_processes(struct world *world);

/* Lets the next thing happen, if it is due by `until_ns`; otherwise only the time passes, and false is returned. */
bool world_advance(struct world *world, uint64_t until_ns);

/* The text for as long as the world lives. */
const char *world_keep_label(struct world *world, const char *text);

/* Arms (or moves) a wake; a moment of the past means now. */
void world_wake_at(struct world *world, struct wake *wake, uint64_t at_ns);
static inline void world_wake_in(struct world *world, struct wake *wake, uint64_t delay_ns)
{
    world_wake_at(world, wake, world->now_ns + delay_ns);
}
void world_cancel(struct world *world, struct wake *wake);

#endif
