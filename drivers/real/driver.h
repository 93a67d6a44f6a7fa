/* The inside of the real drivers: one component, its loop, and what the files of this folder share.
 *
 *   libuv callback --> driver_deliver(event) --> machine_step --> carry_out each effect --> streams_flush
 *                                  ^                                      |
 *                                  '---- news that came up meanwhile <----'
 *
 * Invariants: `busy` is true exactly while a step and its effects are under way; what becomes known in that time is
 * queued (driver_done, stream news) and delivered before driver_deliver returns, a bounded number at a time. After
 * `exited` nothing is delivered any more; operations under way end silently.
 */
#ifndef CUPOLA_DRIVERS_REAL_DRIVER_H
#define CUPOLA_DRIVERS_REAL_DRIVER_H

#include "core/base/text.h"
#include "drivers/program/assertion.h"
#include "drivers/real/real.h"
#include "drivers/real/spin.h"

#include <uv.h>

struct stream;
struct listening;
struct pending_done;
struct journal;
struct blob_writer;
struct saver;
struct workload;
struct recorder;
struct tls;
struct tls_settings;
struct handover;

struct real_driver {
    uv_loop_t *loop;
    struct machine *machine;
    struct effects *effects;
    Cupola__DriverConfig *config; /* Own copy; data_dir is absolute. */
    real_log *log;
    enum log_level log_level;
    struct assertion_context context;
    int64_t started_wall_ns;

    /* driver.c */
    bool busy;
    bool exited;
    int exit_status;
    struct text exit_data;
    struct pending_done *first_done, **last_done;
    uv_idle_t again; /* Runs while news is left over. */
    uv_idle_t awake; /* Runs while the loop is not to sleep because of `spin`. */
    struct spin spin;
    uv_prepare_t ahead;  /* Once a round of the loop, before it sleeps. */
    uv_timer_t deadline; /* The component's one deadline. */
    uint64_t deadline_ns;
    uint64_t armed_ms;   /* When `deadline` fires, in the loop's ms; UINT64_MAX if it does not. */
    bool deadline_waits; /* For one round of the loop: we overslept it. */
    uint64_t round;      /* Of the loop. */
    size_t handle_count; /* Handles of ours that are not closed yet. */
    size_t job_count;    /* Jobs on the thread pool. */

    /* streams/: stream.c, write.c, listening.c */
    struct stream **streams; /* By connection id. */
    size_t stream_capacity;
    uint32_t lowest_odd_id;     /* No odd id below it is free. */
    struct stream *first_dirty; /* Flushed at the end of the step. */
    struct stream *first_held;  /* Flushed at the end of the round. */
    bool more_is_coming;   /* The read under way filled its room: what its step writes may wait for the next one's. */
    size_t unflushed_size; /* Written by the component, and not given to sockets yet. */
    struct stream *first_news, **last_news;
    struct stream *leaving; /* Closed by us, but not gone yet. */
    size_t leaving_count;
    uv_timer_t sweep;           /* Ends those that take too long to leave. */
    struct buffer *read_buffer; /* Bytes are read into what is free behind read_used. */
    size_t read_used;
    struct listening *listenings;
    bool notify_wanted; /* The listeners have changed. */
    struct handover *handover;

    /* tls_settings.c, stream_tls.c */
    struct tls_settings *tls_settings;
    struct tls *handshakes; /* Of accepted connections, the oldest first. */
    size_t handshake_count;
    char *cipher_room;         /* What is read from a secured socket comes here first. */
    uint64_t handshake_second; /* Failures are logged so many times a second at most. */
    size_t handshake_failures;

    struct saver *saver;
    struct journal *journal;
    struct blob_writer *blob_writers;
    bool reads_held;           /* Some connection is not read because of the backlog. */
    size_t blob_backlog_bytes; /* Given to us by BLOB_WRITE, not on disk yet; see blobs.h. */
    struct workload *workloads;
    const struct workload_kind *workload_kind; /* NULL until the first start, or for a name that nobody knows. */
    bool warned_of_user;
    struct spares *spares;
    struct spare_roots *spare_roots; /* NULL before the first start that went well. */
    struct recorder *recorder;
    uint64_t temp_count; /* For names of temporary files. */
};

/* Brings an event (kind and union filled in) to the component and carries out what follows. Not while busy. */
void driver_deliver(struct real_driver *driver, struct event *event);
/* The same for driver.c and those it calls for news: within the round of a step that is under way. */
void driver_step(struct real_driver *driver, struct event *event);
/* The answer to an operation, delivered by the next driver_pump. Data is copied. op 0: nothing happens. */
void driver_done(struct real_driver *driver, struct io_op op, enum io_status status, uint64_t number,
                 struct io_bytes data);
/* The same with text as data. */
void driver_done_number_text(struct real_driver *driver, struct io_op op, enum io_status status, uint64_t number,
                             const char *text);
/* The same with a reason as text. */
void driver_done_text(struct real_driver *driver, struct io_op op, enum io_status status, const char *text);
/* Something was received: the loop may stay awake for what follows (spin.h). */
void driver_spin(struct real_driver *driver);
/* Delivers queued news if not busy: the last thing that a callback of libuv does. */
void driver_pump(struct real_driver *driver);

/* effects.c: one effect into the world. */
void driver_carry_out(struct real_driver *driver, struct effect *effect);
void driver_set_deadline(struct real_driver *driver, uint64_t at_ns);
void driver_exit(struct real_driver *driver, int status, struct io_bytes data);

/* log.c */
enum log_level log_level_of(const char *name);
void log_to_stderr(enum log_level level, const char *component, const char *text);
void driver_log(struct real_driver *driver, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* status.c: errno values, positive or negative as libuv has them. */
enum io_status status_of_errno(int error);

#endif
