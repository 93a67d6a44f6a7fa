/* What the files of the simulated gateway share.
 *
 *     gateway.c  life, and what there is       orders.c  what controllers order
 *     upkeep.c   offers, and the handles: what it should know and what nobody has
 */
#ifndef CUPOLA_DRIVERS_SIM_GATEWAY_STATE_H
#define CUPOLA_DRIVERS_SIM_GATEWAY_STATE_H

#include "core/http/client.h"
#include "core/http/server.h"
#include "core/machine/op.h"
#include "drivers/sim/gateway/gateway.h"

enum { THING_ID_SIZE = 40 };

struct thing {
    char id[THING_ID_SIZE];
    char service[THING_ID_SIZE]; /* "": it is a service itself. */
    bool is_known;
    bool is_listed, was_listed; /* By the handles of now and of the time before. */
    uint64_t since_ns;          /* It was made, or found when this life began. */
    struct thing *next;
};

/* One order, from its request until its answer; the order goes on when its client has left.
 *
 *   THINKING --carried out, if that changes what there is--> SAVING --durable--> answered
 */
struct gateway_job {
    struct sim_gateway *gateway;
    struct http_exchange *exchange; /* NULL: nobody waits any more. */
    struct timer think;
    bool makes; /* Otherwise it deletes. */
    bool is_of_binding;
    char service[THING_ID_SIZE]; /* The one that was named. */
    char handle[THING_ID_SIZE];
    int status; /* Of the answer. */
    char made[THING_ID_SIZE];
    bool is_mute;    /* It will not answer. */
    uint64_t saving; /* Which save makes it durable; 0: none does. */
    struct gateway_job *next;
};

struct sim_gateway {
    struct machine machine;
    Cupola__SimGatewayConfig *config; /* A copy. */
    struct random_stream ids, luck;
    struct thing *things; /* In the order of making. */
    struct http_server server;
    struct gateway_job *jobs;

    struct op save;
    uint64_t changes, saved_changes; /* A save makes all changes durable that came before it. */
    uint64_t saving_changes;

    struct http_call call; /* To a controller. */
    struct timer upkeep;
    size_t controller; /* Whom it asks. */
    bool is_stopping;
};

/* gateway.c */
struct thing *gateway_find(const struct sim_gateway *gateway, const char *id);
struct thing *gateway_add(struct sim_gateway *gateway, const char *service);
void gateway_remove(struct sim_gateway *gateway, struct thing *thing);
/* What there is has changed: returns the number of the save after which that is durable. */
uint64_t gateway_save(struct sim_gateway *gateway);

/* orders.c */
extern const struct http_server_handlers gateway_server_handlers;
/* All up to that save is durable: whoever waits for it is answered. */
void gateway_jobs_saved(struct sim_gateway *gateway);
void gateway_jobs_free(struct sim_gateway *gateway);

/* upkeep.c */
void gateway_upkeep_begin(struct sim_gateway *gateway);
void gateway_upkeep_end(struct sim_gateway *gateway);

#endif
