/* The lease port of a DEA, as a machine of its own: answers PING, or does not. */
#ifndef CUPOLA_TESTS_CORE_HEALTH_MANAGER_HOST_H
#define CUPOLA_TESTS_CORE_HEALTH_MANAGER_HOST_H

#include "core/machine/conn.h"

enum { HOST_LINES = 16 };

struct host_line {
    struct conn conn;
    struct fake_host *host;
    struct text received;
};

struct fake_host {
    struct machine machine;
    struct listener listener;
    struct host_line lines[HOST_LINES];
    bool is_stalled; /* What comes is taken in, and answered with what comes after it runs again. */
    char life[16];
    int sequence;
    unsigned grants;   /* PINGs with a grant so far. */
    bool hears_unable; /* Of the last PING. */
};

extern const struct machine_class fake_host_class; /* Its configuration is a cupola.Endpoint. */

struct fake_host *fake_host_of(struct machine *machine);

#endif
