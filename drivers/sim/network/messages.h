/* Troubles of the bus above TCP: single messages lost, doubled, held back or damaged on their way to a client.
 *
 * TCP loses nothing between two ends that live, but a bus does: a publication at the moment of a reconnect, a server
 * that ends with messages in hand, a client that says its last ones again. Here it happens to single messages, chosen
 * by their subject, their receiver and a share. What a bus server writes to a client is taken apart into messages; all
 * else passes. To the server everything seems to have left as usual. In the same way a process that is old is held to
 * what was known in 2011 (old_wire.h).
 */
#ifndef CUPOLA_DRIVERS_SIM_NETWORK_MESSAGES_H
#define CUPOLA_DRIVERS_SIM_NETWORK_MESSAGES_H

#include "drivers/sim/process/process.h"

enum { MESSAGE_MOST_NUMBERS = 32 };

enum message_harm {
    MESSAGE_LOST = 1,
    MESSAGE_DOUBLED,
    MESSAGE_HELD_BACK, /* By `delay`; what comes later may overtake it. */
    MESSAGE_DAMAGED,   /* One bit of its payload is turned. */
};

/* Owned by the fault that made it. */
struct message_trouble {
    enum message_harm harm;
    const char *subject; /* A pattern of subjects. */
    const bool *to;      /* Receiving hosts by number. */
    uint32_t share_ppm;
    const uint32_t *only; /* Instead of a share: these of the messages that it meets, counted from 1. */
    size_t only_count;    /* 0: the share decides. */
    struct distribution delay;
    struct random_stream random;
    uint64_t met, harmed;                   /* Messages so far. */
    uint32_t numbers[MESSAGE_MOST_NUMBERS]; /* Of the first ones that were harmed. */
    struct message_trouble *previous, *next;
};

void message_trouble_begin(struct world *world, struct message_trouble *trouble);
void message_trouble_end(struct world *world, struct message_trouble *trouble);

/* What the component writes to the connection, the troubles taken into account. */
void messages_write(struct process_conn *conn, struct slice given, bool is_awaited);
/* The connection goes: what is held back on it is lost. */
void messages_forget(struct process_conn *conn);
/* How many of these written bytes the component has to be told of. */
size_t messages_tell(struct process_conn *conn, size_t written);

#endif
