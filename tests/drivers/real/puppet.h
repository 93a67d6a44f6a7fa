/* A component that does what a test tells it: for the real drivers, which need somebody behind core/io.h.
 *
 * Everything that reaches it is noted as a line of text; connections echo, read or stay silent as asked.
 */
#ifndef CUPOLA_TESTS_DRIVERS_REAL_PUPPET_H
#define CUPOLA_TESTS_DRIVERS_REAL_PUPPET_H

#include "core/machine/conn.h"
#include "core/machine/op.h"
#include "core/machine/timer.h"
#include "drivers/real/real.h"

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
    struct text journal;   /* "1=first 2=second " */
    struct text workloads; /* "found NAME running NOTE\n", "exited NAME 3 0\n" */
    unsigned fired;
    void (*task)(struct puppet *puppet);
};

extern const struct machine_class puppet_class;

/* A temporary directory and a loop with a puppet on it. */
struct stage {
    uv_loop_t loop;
    char dir[64];
    struct real_driver *driver;
    struct puppet *puppet;
    Cupola__DriverConfig config;
};

void stage_open(struct stage *stage);
/* Ends the driver as if its process had died, and starts another on the same directory. */
void stage_restart(struct stage *stage);
void stage_close(struct stage *stage);
/* Another puppet on the same loop. */
struct real_driver *stage_add(struct stage *stage, const char *data_dir, struct puppet **ret_puppet);

/* Runs the task inside a step, where effects may be emitted. */
void puppet_do(struct real_driver *driver, void (*task)(struct puppet *puppet));
/* Runs the loop until the flag is set; fails the test after ten seconds. */
#define run_until(stage, condition)                                                                                    \
    do {                                                                                                               \
        uint64_t begun_ns = uv_hrtime();                                                                               \
        while (!(condition)) {                                                                                         \
            if (uv_hrtime() - begun_ns > UINT64_C(10000000000))                                                        \
                fail_msg("still not: %s", #condition);                                                                 \
            stage_turn(stage);                                                                                         \
        }                                                                                                              \
    } while (0)
/* One round of the loop, of at most some ms. */
void stage_turn(struct stage *stage);

/* ---- Inside a task ---- */

void puppet_listen(struct puppet *puppet);
struct puppet_conn *puppet_connect(struct puppet *puppet, uint16_t port);
/* For the `done` of an op: notes the answer. */
void puppet_note(struct op *op, const struct op_result *result);
void puppet_op_reset(struct puppet_op *op);

/* A blob with this content in the driver's store; returns its digest (static). */
const char *stage_import(struct stage *stage, const void *bytes, size_t size);
/* Runs a command of the test's own; fails the test if that fails. */
void run_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
