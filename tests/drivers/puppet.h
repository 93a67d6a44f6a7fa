/* A component that does what a test tells it: for drivers, which need somebody behind core/io.h.
 *
 * Everything that reaches it is noted as a line of text; connections echo, read or stay silent as asked. An EVACUATE
 * runs its task.
 */
#ifndef CUPOLA_TESTS_DRIVERS_PUPPET_H
#define CUPOLA_TESTS_DRIVERS_PUPPET_H

#include "core/base/text.h"
#include "core/machine/conn.h"
#include "core/machine/op.h"
#include "core/machine/timer.h"
#include "core/proto/config.pb-c.h"

enum { PUPPET_CONNS = 512 };

struct puppet;

struct puppet_conn {
    struct conn conn;
    struct puppet *puppet;
    bool reads_on; /* After each piece. */
    bool echoes;   /* Sends back what comes, and finishes when the peer does. */
    uint64_t received;
    uint64_t hash;    /* Of all that was received. */
    struct text text; /* The first bytes of it. */
    bool connected, ended, closed;
    enum io_status closed_status;
    unsigned drained;
};

struct puppet_op {
    struct op op;
    bool done;
    unsigned order; /* 1 for the first that was answered. */
    enum io_status status;
    uint64_t number;
    struct text data;
};

struct puppet {
    struct machine machine;
    struct text saved;
    struct listener listener;
    uint16_t port;
    enum io_status listen_status;
    bool accepted_echo, accepted_read_on; /* What accepted connections do. */
    struct puppet_conn conns[PUPPET_CONNS];
    size_t conn_count;
    unsigned done_count;
    struct text journal;   /* "1=first 2=second "; "..2=it " of a snapshot */
    struct text workloads; /* "found NAME running NOTE\n", "exited NAME 3 0\n" */
    unsigned fired;
    void (*task)(struct puppet *puppet);
};

extern const struct machine_class puppet_class;
struct puppet *puppet_of(struct machine *machine);

/* ---- Inside a task ---- */

void puppet_listen(struct puppet *puppet);
struct puppet_conn *puppet_connect(struct puppet *puppet, uint16_t port);
/* For the `done` of an op: notes the answer. */
void puppet_note(struct op *op, const struct op_result *result);
void puppet_op_reset(struct puppet_op *op);

#endif
