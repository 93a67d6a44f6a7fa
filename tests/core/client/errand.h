/* A client and a real cloud controller, each in a world of its own, with the test as the wire between them.
 *
 * Fault model of the wire: a request does not arrive, or its answer gets lost and with it, if the test wants it so, the
 * controller; a router in between answers in its stead. Each fault hits the first request that begins with a text.
 */
#ifndef CUPOLA_TESTS_CORE_CLIENT_ERRAND_H
#define CUPOLA_TESTS_CORE_CLIENT_ERRAND_H

#include "tests/core/cloud_controller/town.h"
#include "tests/core/http/puppet.h"

enum wire_fault {
    WIRE_WORKS = 0,
    WIRE_REFUSES,      /* Nobody listens. */
    WIRE_LOSES_ANSWER, /* The controller does what it was asked, and the connection is cut. */
    WIRE_KILLS,        /* The same, and the controller dies and comes back. */
    WIRE_SWALLOWS,     /* No answer ever. */
    WIRE_ANSWERS,      /* `says` instead of the controller's answer; the controller hears nothing. */
    WIRE_MEDDLES,      /* Somebody else writes the app just before, or ends its update. */
};

struct errand {
    struct town town;
    char *token;
    int healthy;               /* What the health manager says of the app "shop"; -1: it is silent. */
    bool crashes_new_versions; /* The extra instance of an update crashes whenever somebody asks. */
    bool cancels_update;       /* What who meddles does. */
    int healthy_step;          /* Added at each question, up to what is wanted. */

    enum wire_fault fault;
    const char *fault_at; /* "PUT /apps/shop" */
    int fault_times;
    const char *says;
    /* While faults are left: one in four requests meets one, of any kind but WIRE_ANSWERS. */
    struct random_stream chaos;
    int chaos_left;

    struct text requests; /* "GET /apps/shop 200\n" of all, and the bodies of PUT and POST: "  {...}\n". */
    struct text logs;
    struct text result;
    struct text last_inspection;
    uint64_t took_ms;
};

int errand_begin(void **state);
int errand_end(void **state);
/* Runs a command to its end and returns its status. Target, host and token are filled in. */
int errand_run(struct errand *errand, Cupola__ClientConfig *config);
/* The same for an app and nothing else. */
int errand_run_on(struct errand *errand, const char *command, const char *app);
/* A push of "shop" with two instances, of those bits. */
Cupola__ClientConfig errand_push(void);
/* The next `times` requests that begin so go wrong. */
void errand_break(struct errand *errand, enum wire_fault fault, const char *at, int times);
struct controller_app_view errand_look(struct errand *errand);

#endif
