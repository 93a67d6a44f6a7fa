/* The skeleton of every component: turns events into calls on the small objects that a component is made of, and
 * their wishes into effects.
 *
 *     component (router, dea, ...)  owns  conns, listeners, timers, ops  that point back to it by container_of
 *
 * A component embeds `struct machine` as its first member, describes itself in a `struct machine_class`, and uses:
 *     conn      one byte stream (core/machine/conn.h), opened or accepted
 *     timer     one deadline among many (core/machine/timer.h)
 *     op        one effect that is answered (core/machine/op.h)
 * The machine keeps the one deadline that the driver knows equal to the earliest timer.
 *
 * The vocabulary is libuv's (handle, request) on purpose; the objects are intrusive, so that no callback needs a
 * `void *`.
 */
#ifndef CUPOLA_CORE_MACHINE_MACHINE_H
#define CUPOLA_CORE_MACHINE_MACHINE_H

#include "core/base/memory.h" /* container_of */
#include "core/base/random.h"
#include "core/base/text.h"
#include "core/io.h"

#include <protobuf-c/protobuf-c.h>

struct conn;
struct listener;
struct op;
struct timer;
struct machine;

/* What a component is. One constant a component, listed in core/components.h. */
struct machine_class {
    const char *name;                                /* "router"; also the name of the role and of its trace. */
    const ProtobufCMessageDescriptor *configuration; /* The message that EVENT_START carries, packed. */
    size_t size;                                     /* Of the struct that embeds `struct machine` first. */
    bool passes_on; /* Others wait for what it passes on: a driver may stay awake for what comes next. */

    /* EVENT_START. The configuration is valid (it was unpacked) and lent. */
    void (*start)(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved);
    /* EVENT_STOP: begin to finish; call machine_exit when done. */
    void (*stop)(struct machine *machine);
    /* EVENT_EVACUATE: as stop, but first hand over what runs here. NULL: the same as stop. */
    void (*evacuate)(struct machine *machine);
    /* Frees what the component owns; conns, timers and ops are forgotten by the machine. */
    void (*destroy)(struct machine *machine);
    /* Appends the component's state as one JSON object, for people, debuggers and checks. */
    void (*inspect)(struct machine *machine, struct text *ret_json);

    /* NULL where a component never asks for them. */
    void (*journal_entry)(struct machine *machine, uint64_t sequence, struct io_bytes entry);
    void (*journal_snapshot)(struct machine *machine, uint64_t sequence, struct io_bytes snapshot);
    void (*workload_found)(struct machine *machine, const char *workload, bool running, struct io_bytes note);
    void (*workload_exited)(struct machine *machine, const char *workload, int exit_code, int signal,
                            enum workload_breach breach);
};

/* Work put off to the end of the step, where the output of many small calls becomes one WRITE. Embed it, zeroed. */
struct late_work {
    void (*run)(struct late_work *work);
    /* Private. */
    struct late_work *next;
    bool is_pending;
};

struct machine {
    const struct machine_class *class;
    uint64_t now_ns; /* Of the event being handled. */
    int64_t wall_ns;
    uint64_t seed; /* For random_named(machine->seed, "component.decision"). */

    /* Private to core/machine. */
    struct effects *effects; /* NULL outside of a step. */
    struct timer **timers;   /* A binary heap; the earliest first. */
    size_t timer_count;
    size_t timer_capacity;
    uint64_t timer_order;
    uint64_t deadline_ns; /* What the driver was told last. */
    struct conn **conns;  /* By id; NULL where none. */
    size_t conn_capacity;
    uint32_t lowest_even_id; /* No even id below it is free. */
    struct listener *listeners;
    uint32_t last_listener;
    struct op *ops;
    uint64_t last_op;
    uint32_t last_blob;
    struct late_work *late_first, **late_end; /* In the order in which they were asked for. */
    bool exited;
};

/* A component before its start event. Given; release it with machine_destroy. */
struct machine *machine_create(const struct machine_class *class);
/* The step. `effects` is lent and must be empty; it holds the answer afterwards. */
void machine_step(struct machine *machine, const struct event *event, struct effects *effects);
void machine_destroy(struct machine *machine);

/* Outstanding operations (none is left at the end of a clean life: rule 2 of core/io.h) and open connections. */
size_t machine_open_ops(const struct machine *machine);
size_t machine_open_conns(const struct machine *machine);

/* ---- For components, during a step ---- */

/* Calls run(work) once at the end of this step, in order of the calls. Nothing if it is asked for already. `work` must
 * stay in place until then. */
void machine_run_late(struct machine *machine, struct late_work *work, void (*run)(struct late_work *work));
/* Seconds since 1970, as v1 messages carry them. */
int64_t machine_wall_seconds(const struct machine *machine);
void machine_log(struct machine *machine, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* EXIT; no effect is emitted after it. `result` is lent. */
void machine_exit(struct machine *machine, int status, struct io_bytes result);
bool machine_has_exited(const struct machine *machine);

#endif
