/* What the parts of the town need of each other; no test does. */
#ifndef CUPOLA_TESTS_CORE_CLOUD_CONTROLLER_TOWN_INSIDE_H
#define CUPOLA_TESTS_CORE_CLOUD_CONTROLLER_TOWN_INSIDE_H

#include "tests/core/cloud_controller/town.h"

struct town_event {
    struct event event;
    struct text data; /* What the event's data points to. */
    struct town_event *next;
};

/* town.c: an event for the controller, to be filled in; it is brought when the town settles. */
struct town_event *town_push(struct town_controller *controller, enum event_kind kind);
/* The end of an operation; `data` is copied. */
void town_push_done(struct town_controller *controller, uint64_t op, enum io_status status, uint64_t number,
                    const char *data);

/* An effect of their kind is carried out; false: it is of another kind. */
bool town_carry_out_stream(struct town_controller *controller, struct effect *effect);
bool town_carry_out_journal(struct town_controller *controller, struct effect *effect);
bool town_carry_out_blob(struct town_controller *controller, struct effect *effect);

/* town_streams.c. Id 0 finds a free place; NULL: there is none. */
struct town_conn *town_find_conn(struct town_controller *controller, uint32_t id);
/* A client has connected to the REST API. */
struct town_conn *town_accept_conn(struct town_controller *controller);
void town_free_conn(struct town_conn *conn);
/* What one controller has written reaches the other. */
void town_pass_on(struct town_conn *conn);

/* town_journal.c: the controller hears of all entries that it has not heard of, if it follows and does not lag. */
void town_deliver_entries(struct town_controller *controller);

/* town_bus.c: takes whole commands off what the controller wrote to the bus. */
void town_bus_take(struct town_controller *controller, struct town_conn *conn);

#endif
