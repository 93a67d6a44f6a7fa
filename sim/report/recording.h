/* What a report shows of a run: messages, states of the components at moments, lives, and when the cloud was sound.
 *
 * A recording watches and changes nothing: the run has the same hash with and without it. Everything is bounded; what
 * does not fit is thinned evenly (every second one goes, then every second of the rest ...), and the recording says how
 * much it has left out. Life cycle: recording_start before the run, recording_stop when the cloud is at its end,
 * recording_free.
 */
#ifndef CUPOLA_SIM_REPORT_RECORDING_H
#define CUPOLA_SIM_REPORT_RECORDING_H

#include "core/base/map.h"
#include "sim/cloud.h"

enum message_class {
    MESSAGE_BUS = 0, /* Published, delivered, subscribed. */
    MESSAGE_REST,    /* HTTP with a controller or a component's monitor. */
    MESSAGE_REQUEST, /* HTTP of people who use apps, with routers and instances. */
    MESSAGE_CLASS_COUNT,
};
/* "bus", "rest", "request". Static. */
const char *message_class_name(enum message_class class);

/* Texts that occur often are kept once and named by number. */
struct recorded_text {
    char *text;
    uint32_t number;
    UT_hash_handle hh;
};

struct recorded_message {
    uint64_t sent_ns, arrived_ns;
    uint64_t number; /* Among all messages, kept or not, in the order of arrival. */
    uint32_t from, to, words;
    char *detail; /* The beginning of the payload; NULL without one. */
};

struct recorded_messages {
    struct recorded_message *all;
    size_t count, capacity;
    uint64_t seen;
    uint64_t stride; /* One in so many is kept. */
};

struct recorded_state {
    uint64_t at_ns;
    uint32_t component; /* By its number in the recording. */
    char *json;
};

struct recorded_life {
    uint64_t at_ns;
    uint32_t component;
    bool runs; /* From now on. */
};

/* Whether desired, actual and routed state agree, from a moment on. */
struct recorded_health {
    uint64_t at_ns;
    bool is_sound;
    uint32_t why;
};

/* The controllers' number of an app, and its name. */
struct recorded_app {
    int64_t id;
    uint32_t name;
};

struct recording {
    struct cloud *cloud;
    uint64_t ending_ns; /* When the scenario was over and its cloud was stopped; UINT64_MAX before. */
    struct recorded_text *texts;
    struct recorded_text **text_by_number;
    size_t text_count, text_capacity;

    struct recorded_messages messages[MESSAGE_CLASS_COUNT];
    uint64_t pings, continuations; /* Not kept: keep-alives, and segments in the middle of something. */

    const struct component **components;
    bool *was_running;
    uint64_t *last_states; /* Hashes. */
    size_t component_count;
    struct recorded_state *states;
    size_t state_count, state_capacity, state_bytes;
    uint64_t state_interval_ns, last_states_ns, next_state_ns;
    struct recorded_life *lives;
    size_t life_count, life_capacity;

    struct recorded_health *health;
    size_t health_count, health_capacity;
    struct recorded_app *apps;
    size_t app_count, app_capacity;
    uint64_t next_look_ns;
    bool wants_states, wants_look; /* Something happened that people will ask about. */
};

/* `recording` is zeroed, and kept by the cloud until recording_stop. */
void recording_start(struct recording *recording, struct cloud *cloud);
/* Takes the last states and lets go of the cloud's observers. */
void recording_stop(struct recording *recording);
void recording_free(struct recording *recording);

const char *recording_text(const struct recording *recording, uint32_t number);

/* One message within a segment. Texts are lent until the next call. */
struct segment_message {
    enum message_class class;
    char words[160];     /* "deliver dea.heartbeat", "GET shop.cupola.test/", "200 OK" */
    const char *payload; /* Not ended. */
    size_t payload_size;
};
enum said_kind {
    SAID_NOTHING = 0, /* There is nothing more in it. */
    SAID_MESSAGE,
    SAID_PING,
    SAID_MORE, /* Of something that began in an earlier segment; nothing more can be told of it. */
};
/* Takes the next message from the segment's bytes, which shrink by it. */
enum said_kind segment_take_message(struct io_bytes *bytes, struct segment_message *ret_message);

#endif
