/* The world of one DEA, played by the test: a bus that remembers what was said, a controller that serves droplets, a
 * host with workloads, blobs and a saved state that outlive the DEA.
 *
 * Fault model: the bus and the controller go up and down; downloads carry the wrong digest; launches fail; workloads
 * listen late or never, end by themselves, ignore SIGTERM; the DEA itself is stopped or killed and starts again.
 */
#ifndef CUPOLA_TESTS_CORE_DEA_STAGE_H
#define CUPOLA_TESTS_CORE_DEA_STAGE_H

#include "core/base/duration.h"
#include "core/dea/view.h"
#include "core/machine/machine.h"
#include "core/proto/config.pb-c.h"
#include "core/proto/dea.pb-c.h"

enum {
    STAGE_CONNS = 256,
    STAGE_WORKLOADS = 512,
    STAGE_SUBSCRIPTIONS = 32,
    STAGE_QUESTIONS = 16,
    STAGE_PORT_BUS = 4222,
    STAGE_PORT_CC = 9022,
    STAGE_PORT_COMMAND = 7070 /* Of whatever stands beside a command. */
};

#define STAGE_DIGEST "ea8072f55ce4167af0d078a018ddc522a251ad59"
#define STAGE_DROPLET "b0c0a4f0e3e8a1c44dd9f2ac6f70b9a2f9c11e57"
#define STAGE_UUID "d6cd1c163b4b77311bc5d8b8fecb6d4a"

struct workload {
    char name[40];
    bool exists;
    bool runs;
    bool listens;
    bool ignores_sigterm;
    int http_status;     /* What it answers to GET; 0: nothing. */
    bool answers_slowly; /* A byte at a time. */
    uint32_t gets;
    uint16_t port;
    struct text note;
    struct text environment; /* A line each. */
    struct text arguments;
    char runtime[64];
    uint64_t memory_bytes; /* As it will be measured. */
};

struct stage_conn {
    uint16_t port; /* Of the other side; 0: free. */
    bool is_open;
    bool reads;
    bool connecting;
    bool closing;
    struct text inbound;  /* For the DEA. */
    struct text outbound; /* From the DEA. */
};

struct queued_event;

struct stage {
    struct machine *machine;
    struct effects *effects;
    Cupola__DeaConfig config;
    uint64_t now_ns;
    uint64_t deadline_ns;
    struct queued_event *first, **end;
    struct stage_conn conns[STAGE_CONNS]; /* By id. */
    uint32_t last_visitor;
    uint16_t ports[8]; /* Of the DEA's listeners, by id. */
    bool has_exited;
    int exit_status;
    uint64_t exited_ns;
    uint64_t lives;

    bool bus_is_down;
    uint16_t silent_port;   /* Nothing comes back from there. */
    bool lacks_descriptors; /* No connection can be made. */
    uint16_t stranger_port; /* Somebody listens there who does not belong to us. */
    struct {
        char subject[96];
        uint64_t id;
    } subscriptions[STAGE_SUBSCRIPTIONS];
    size_t subscription_count;
    struct {
        char subject[96], reply[64];
    } asked[STAGE_QUESTIONS]; /* With an inbox, the oldest forgotten. */
    size_t asked_count;
    struct text said; /* What the DEA published since stage_forget: "subject payload\n" each. */

    bool controller_is_down;
    const char *served_digest; /* What a download turns out to be. */
    uint32_t downloads;
    bool droplet_is_here;
    struct text deleted; /* Blobs, each "digest\n". */

    uint64_t staging_op; /* A STAGE that is not answered yet; 0: none. */
    uint32_t uploads;
    int upload_status; /* What the controller answers to them. */

    char command[80];      /* The last one that was prepared: "ls -l 24x80". */
    bool launches_fail;    /* Commands too. */
    bool workloads_listen; /* As soon as they are launched. */
    struct workload workloads[STAGE_WORKLOADS];
    struct text saved;
    struct text log;
};

/* A DEA with the uuid STAGE_UUID, 256 MB, runtime "node", started and greeted. */
void stage_open(struct stage *stage);
void stage_close(struct stage *stage);
/* The same, but started by stage_begin_life, so that the configuration can be changed before. */
void stage_prepare(struct stage *stage);
void stage_begin_life(struct stage *stage);
/* EVENT_STOP, or the process killed. Workloads and saved state stay. */
void stage_stop(struct stage *stage);
void stage_kill(struct stage *stage);
void stage_evacuate(struct stage *stage);

void stage_drop_bus(struct stage *stage);
void stage_settle(struct stage *stage);
void stage_pass_ms(struct stage *stage, uint64_t ms);

/* Somebody publishes. `reply` may be NULL. */
void stage_tell(struct stage *stage, const char *subject, const char *reply, const char *payload);
/* dea.UUID.start of app 7 with 64 MB. */
void stage_order(struct stage *stage, int index, int epoch);
/* The same with further members: ",\"health\":{...}". */
void stage_order_with(struct stage *stage, int index, int epoch, const char *members);
void stage_forget(struct stage *stage);
/* How often the DEA said that: subject, and a text in the payload (may be ""). */
size_t stage_heard(const struct stage *stage, const char *subject, const char *part);
/* Whether the first of the one came before the first of the other. */
bool stage_heard_before(const struct stage *stage, const char *earlier, const char *later);

/* The STAGE that is under way has made STAGE_DROPLET; or has failed so, with that log. */
void stage_finish_staging(struct stage *stage);
/* The STAGE that is under way says something. */
void stage_hear_stager(struct stage *stage, const char *words);
void stage_fail_staging(struct stage *stage, enum io_status status, const char *log);

/* The newest workload that exists, and the number of those that run. */
struct workload *stage_newest(struct stage *stage);
size_t stage_running(const struct stage *stage);
void stage_listen(struct stage *stage, struct workload *workload);
/* It ends by itself. */
void stage_end_workload(struct stage *stage, struct workload *workload, int signal);

/* A visitor connects to one of the DEA's ports; says something; what it got since, lent until the next call. */
uint32_t stage_visit(struct stage *stage, uint16_t port);
const char *stage_say(struct stage *stage, uint32_t visitor, const char *text);
bool stage_is_visiting(const struct stage *stage, uint32_t visitor);
/* Where the DEA answers PING. */
uint16_t stage_lease_port(const struct stage *stage);

/* GET of the file viewer; the whole answer, lent until the next call. */
const char *stage_get(struct stage *stage, const char *path, const char *authorization);

/* The first instance with that index, in the state as of the view, or false. */
bool stage_look(const struct stage *stage, int32_t index, struct dea_instance_view *ret_view);

#endif
