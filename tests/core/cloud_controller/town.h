/* The world of a few cloud controllers, played by the test: one journal that they share, a bus that remembers what was
 * said and on which DEAs and a health manager answer, blobs, a stager, and clients of the REST API.
 *
 * Fault model: the journal holds appends back, loses them, or fails after it took them; controllers die at any moment
 * and start again on the same journal; stagings fail or take long; DEAs and the health manager fall silent.
 */
#ifndef CUPOLA_TESTS_CORE_CLOUD_CONTROLLER_TOWN_H
#define CUPOLA_TESTS_CORE_CLOUD_CONTROLLER_TOWN_H

#include "core/base/duration.h"
#include "core/cloud_controller/view.h"
#include "core/machine/machine.h"
#include "core/proto/config.pb-c.h"

enum {
    TOWN_CONTROLLERS = 3,
    TOWN_CONNS = 128,
    TOWN_SUBSCRIPTIONS = 64,
    TOWN_BLOBS = 256,
    TOWN_ANSWERS = 16,
    TOWN_STAGES = 8
};

struct town;

struct town_conn {
    uint32_t id;   /* 0: free. */
    uint16_t port; /* That the controller connected to; 0: a client of its API. */
    bool is_open;
    bool reads;
    bool peer_finished;
    bool is_peer; /* Between two controllers; else from the test's client, or to the bus or a DEA. */
    struct town_controller *peer_controller;
    struct town_conn *peer;
    struct text inbound;  /* For the controller. */
    struct text outbound; /* From it. */
};

struct town_event;

struct town_controller {
    struct town *town;
    struct machine *machine; /* NULL: dead. */
    struct effects *effects;
    uint64_t deadline_ns;
    struct town_event *first, **end;
    struct town_conn conns[TOWN_CONNS];
    uint16_t port; /* Of the REST API. */
    uint32_t listeners;
    uint32_t api_listener;
    bool follows;
    bool lags;        /* Hears of others' entries only when it runs into them. */
    size_t delivered; /* Journal entries. */
    struct {
        char subject[96];
        char queue[32];
        uint64_t id;
        bool used;
    } subscriptions[TOWN_SUBSCRIPTIONS];
    /* The append that the journal holds back. */
    uint64_t held_op;
    uint64_t held_sequence;
    struct text held_entry;
    struct {
        uint64_t op; /* 0: free. */
        char package[41];
    } held_stages[TOWN_STAGES]; /* The stagings that take long. */
    bool has_exited;
};

/* Who answers a request on the bus: subject -> payload, each time. */
struct town_answer {
    char subject[64];
    struct text payload;
    size_t times; /* How many answers to each request. */
};

struct town_blob {
    char digest[41];
    struct text bytes;
    uint32_t writing;              /* The handle, while it is written. */
    struct town_controller *owner; /* Each has a disk of its own, which outlives it. */
};

enum town_journal_mode {
    JOURNAL_WORKS = 0,
    JOURNAL_HOLDS,      /* Appends stay pending until town_release_journal. */
    JOURNAL_FAILS,      /* IO_FAILED, and nothing was written. */
    JOURNAL_FAILS_LATE, /* IO_FAILED, but the entry is there. */
};

struct town {
    struct town_controller controllers[TOWN_CONTROLLERS];
    size_t controller_count;
    uint64_t now_ns;
    uint64_t lives;
    struct text *entries; /* The journal. */
    size_t entry_count;
    struct text snapshot; /* Of the journal; the last one stored. */
    uint64_t snapshot_sequence;
    size_t snapshots; /* Stored, ever. */
    bool snapshots_fail;
    enum town_journal_mode journal_mode;
    bool staging_fails, staging_holds;
    bool hashing_fails;
    const char *staging_log;
    struct town_blob blobs[TOWN_BLOBS];
    struct town_answer answers[TOWN_ANSWERS];
    size_t answer_count;
    struct text said;   /* "subject payload\n" of everything published. */
    char asks_back[80]; /* Where the last question is to be answered. */
    Cupola__CloudControllerConfig config;
    struct text viewer_request; /* What the file viewer of a DEA was asked. */
    const char *viewer_answer;
    uint16_t silent_port; /* Whoever connects there waits for ever. */
    struct text response; /* Of the last town_request. */
};

/* One controller, started and caught up; admin@example.org is an admin and exists, with the password "secret". */
void town_open(struct town *town);
void town_close(struct town *town);
/* Another one on the same journal. */
struct town_controller *town_add_controller(struct town *town);
void town_kill(struct town_controller *controller);
/* Starts a dead one again. */
void town_revive(struct town_controller *controller);
void town_stop(struct town_controller *controller);
void town_settle(struct town *town);
void town_pass_ms(struct town *town, uint64_t ms);
/* A follower that is told of a snapshot instead of the next entry. */
void town_bring_snapshot(struct town_controller *controller, uint64_t sequence, const char *bytes, size_t size);
/* It is in the controller's store, and nobody knows of it. */
void town_add_blob(struct town_controller *controller, const char *bytes);
/* The held append goes through, and its author is dead before it hears of it. */
void town_append_held_of_dying(struct town_controller *controller);
/* The held append goes through, or is answered as if another entry had come first. */
void town_release_journal(struct town *town);
/* The same, and the next one is held again. */
void town_release_held(struct town *town);
void town_release_staging(struct town *town);

/* A request begins; `headers` are lines with CRLF. */
struct town_conn *town_begin(struct town_controller *controller, const char *method, const char *path,
                             const char *headers, const char *body);
/* The status of its answer, or 0; then its body is town_body. Frees the connection's place. */
int town_finish(struct town_controller *controller, struct town_conn *conn);
/* Both; on the first controller. `token` may be NULL. */
int town_request(struct town *town, const char *token, const char *method, const char *path, const char *body);
const char *town_body(const struct town *town);
const char *town_header(const struct town *town, const char *name);

/* Creates the user with the password "secret" and returns a token. Given. */
char *town_token(struct town *town, const char *email);
/* Uploads those bits as a v1 client does: begins to, or all of it; on the first controller. */
struct town_conn *town_begin_upload(struct town_controller *controller, const char *token, const char *app,
                                    const char *bits);
int town_upload(struct town *town, const char *token, const char *app, const char *bits);

/* The bus. */
void town_answer(struct town *town, const char *subject, const char *payload);
/* Beside those that are given already. */
void town_answer_also(struct town *town, const char *subject, const char *payload);
void town_answer_times(struct town *town, const char *subject, const char *payload, size_t times);
void town_forget_answers(struct town *town);
void town_tell(struct town *town, const char *subject, const char *payload);
/* With every controller as its receiver, whatever the queue group says. */
void town_tell_all(struct town *town, const char *subject, const char *payload);
size_t town_heard(const struct town *town, const char *subject, const char *part);
void town_forget(struct town *town);
/* The controller's connection to the bus, or NULL; what it hears there comes as soon as it reads. */
struct town_conn *town_bus_conn(struct town_controller *controller);
void town_push_bytes(struct town_controller *controller, struct town_conn *conn, const void *bytes, size_t size);
/* The path, with its query, of the droplet that a DEA was told of first. Given. */
char *town_droplet_path(const struct town *town);

#endif
