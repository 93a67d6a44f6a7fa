/* What the parts of the stage need of each other; no test does. */
#ifndef CUPOLA_TESTS_CORE_DEA_STAGE_INSIDE_H
#define CUPOLA_TESTS_CORE_DEA_STAGE_INSIDE_H

#include "tests/core/dea/stage.h"

struct queued_event {
    struct event event;
    void *memory; /* What the event points to. */
    struct queued_event *next;
};

/* stage.c: an event for the DEA, to be filled in; it is brought when the stage settles. */
struct event *stage_queue(struct stage *stage, enum event_kind kind);
void stage_queue_closed(struct stage *stage, uint32_t id, enum io_status status);
struct event *stage_queue_done(struct stage *stage, struct io_op op, enum io_status status);
/* The same for one that went well; the data is copied. */
void stage_queue_done_with(struct stage *stage, struct io_op op, const void *data, size_t size, uint64_t number);

/* An effect of their kind is carried out; false: it is of another kind. */
bool stage_carry_out_conn(struct stage *stage, struct effect *effect);
bool stage_carry_out_workload(struct stage *stage, const struct effect *effect);

/* stage_conns.c: answers a READ if there is something to read. */
void stage_feed(struct stage *stage, uint32_t id);
/* stage_bus.c: takes whole commands off what the DEA wrote to the bus. */
void stage_bus_hear(struct stage *stage, uint32_t id);
/* stage_workloads.c: the running workload that listens there, or NULL. */
struct workload *stage_listener_on(struct stage *stage, uint16_t port);

#endif
