/* A driver whose strings the test pulls: it carries out nothing by itself, remembers what one machine wants, and brings
 * the events that the test asks for. Connections are named by their ids, as on the boundary. */
#ifndef CUPOLA_TESTS_CORE_HTTP_PUPPET_H
#define CUPOLA_TESTS_CORE_HTTP_PUPPET_H

#include "core/base/duration.h"
#include "core/machine/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { PUPPET_CONNS = 64, PUPPET_OPS = 16 };

/* What the machine has done to one connection since it was opened. */
struct puppet_conn {
    struct text output;
    size_t unsent;
    bool reading;
    bool finished;
    bool closing;
    bool aborted;
    bool connecting;
    bool open;
};

/* An effect that waits for its DONE. */
struct puppet_op {
    enum effect_kind kind;
    struct io_op op;
    char digest[41];
    uint64_t size;
    uint32_t conn;
};

struct puppet {
    struct machine *machine;
    struct effects *effects;
    uint64_t now_ns;
    uint64_t deadline_ns;
    struct puppet_conn conns[PUPPET_CONNS];
    struct puppet_op ops[PUPPET_OPS];
    size_t op_count;
    uint32_t last_connect; /* The conn id of the newest CONNECT. */
    char connect_to[128];  /* "10.0.0.1:80" of it. */
    uint32_t connect_count;
    struct text blob; /* Everything that was written to blobs. */
    struct text logs; /* A line each. */
    bool discarded;
    bool exited;
    int exit_status;
    struct text result;
};

void puppet_start(struct puppet *puppet, const struct machine_class *class, const ProtobufCMessage *configuration);
/* Destroys the machine. */
void puppet_end(struct puppet *puppet);
/* Brings an event, at the puppet's time, and notes what the machine wants then. */
void puppet_step(struct puppet *puppet, struct event event);
/* Answers the oldest operation of a kind. */
void puppet_done(struct puppet *puppet, enum effect_kind kind, enum io_status status, uint64_t number,
                 const char *data);
/* An operation of that kind is not answered yet. */
bool puppet_waits_for(const struct puppet *puppet, enum effect_kind kind);

void puppet_accept(struct puppet *puppet, uint32_t id);
void puppet_connected(struct puppet *puppet, uint32_t id);
/* The peer sends; the machine must have asked for bytes. */
void puppet_receive(struct puppet *puppet, uint32_t id, const void *bytes, size_t size);
void puppet_receive_string(struct puppet *puppet, uint32_t id, const char *string);
void puppet_receive_end(struct puppet *puppet, uint32_t id);
void puppet_closed(struct puppet *puppet, uint32_t id, enum io_status status);
/* Everything that was written leaves, everything that was closed is gone. */
void puppet_settle(struct puppet *puppet);
/* Lets time pass, with all deadlines in it. */
void puppet_pass(struct puppet *puppet, uint64_t duration_ns);
/* All that the machine has written to the connection; lent until it writes again. */
const char *puppet_output(const struct puppet *puppet, uint32_t id);
void expect_contains(const char *haystack, const char *needle);

#endif
