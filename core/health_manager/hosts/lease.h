/* Whether a host lives, asked straight over TCP: apart from the bus, and apart from what runs there.
 *
 *             PONG                       no PONG for suspect_ms, or the connection ended
 *   FRESH <--------- SUSPECT <------------------------------------------------------------ FRESH
 *                      |  at once: a look (look.h), by connections of our own and by three other DEAs
 *                      |-- somebody's connect was accepted --> STALLED     its kernel answers, its agent does not
 *                      |-- somebody's connect was refused ---> AGENTLESS   it lives without an agent
 *                      '-- all silent for probe_ms ----------> LOST        its instances are replaced
 *   SUSPECT, STALLED, AGENTLESS, LOST --PONG--> FRESH
 *   STALLED <--looked at again--> AGENTLESS;   STALLED, AGENTLESS --silence--> SUSPECT
 *   LOST --heard of over the bus--> SUSPECT
 *   NONE --names a lease address--> FRESH;     every state --names none, or forgotten--> NONE (judged by heartbeats)
 *
 * Cost: one buffer, shared by all who are pinged in one tick. Pings are spread over the period, and looked after five
 * times in it. What happened while we slept is nobody's fault: after a tick that came late all silences begin anew.
 *
 * Invariants: asked_at_ns is 0 exactly while nothing waits for a PONG; NONE has no line and no look; LOST has no line.
 */
#ifndef CUPOLA_CORE_HEALTH_MANAGER_HOSTS_LEASE_H
#define CUPOLA_CORE_HEALTH_MANAGER_HOSTS_LEASE_H

#include "core/machine/conn.h"
#include "core/machine/timer.h"

struct health_manager;
struct hm_dea;
struct hm_look;

enum lease_state {
    LEASE_NONE = 0, /* Names no lease address, as in v1, or was not heard of for an hour. */
    LEASE_FRESH,
    LEASE_SUSPECT,
    LEASE_STALLED,
    LEASE_AGENTLESS,
    LEASE_LOST,
};

enum {
    HOST_SIZE = 64,
    LIFE_SIZE = 40,
    LINE_SIZE = 96, /* "PONG <number> <life> <sequence>" */
};

/* One TCP connection to a lease port. A PONG on any line makes it the line of its lease. */
struct hm_line {
    struct conn conn;
    struct health_manager *hm;
    struct hm_dea *dea;   /* NULL: given up, freed when it is closed. */
    struct hm_look *look; /* Whose it is; NULL: the lease's own. */
    uint64_t sent_number; /* Of the last PING here, 0: none yet. */
    uint64_t answered_number;
    uint64_t sent_at_ns;
    char text[LINE_SIZE]; /* What has come of the next PONG. */
    size_t size;
    struct hm_line *previous, *next; /* All lines. */
};

struct hm_lease {
    enum lease_state state;
    bool is_forgotten; /* NONE, because nothing was heard of it for an hour. */
    char host[HOST_SIZE];
    uint16_t port;
    uint64_t changed_at_ns; /* Of the state. */
    uint64_t heard_at_ns;   /* The last PONG, or word of its address. */
    uint64_t asked_at_ns;   /* The oldest PING or connect that waits for its answer. */
    uint64_t granted_at_ns; /* The last PING with a grant. */
    uint64_t look_at_ns;    /* STALLED, AGENTLESS, LOST: the next look. */
    struct hm_line *line;
    struct hm_look *look; /* Under way, or NULL. */
};

struct hm_leases {
    struct timer tick_timer;
    uint32_t slot;
    uint64_t period; /* The number of the pings of this period. */
    struct hm_line *lines;
    uint32_t counts[LEASE_LOST + 1]; /* Of DEAs, by state, */
    uint32_t forgotten;              /* and of those in NONE, the ones that once named an address. */
};

void hm_leases_open(struct health_manager *hm);
void hm_leases_close(struct health_manager *hm);
void hm_leases_destroy(struct health_manager *hm);

/* We slept: nobody could answer, or did and we have not read it yet. */
void hm_leases_forgive_silence(struct health_manager *hm);

/* The DEA was heard of over the bus, with or without the address of its lease port ("ip:port"; lent, may be NULL). */
void hm_lease_hear(struct health_manager *hm, struct hm_dea *dea, const char *address);
/* What a look has found: STALLED (it was accepted), AGENTLESS (refused), LOST (silent). */
void hm_lease_judge(struct health_manager *hm, struct hm_dea *dea, enum lease_state verdict);
const char *hm_lease_state_name(enum lease_state state);

/* ---- line.c ---- */

/* A connection attempt; a PING follows as soon as it succeeds. */
struct hm_line *hm_line_open(struct health_manager *hm, struct hm_dea *dea, struct hm_look *look);
/* Its owner has no use for it any more. NULL is allowed. */
void hm_line_drop(struct hm_line *line);
/* The PING of this period, and with it whether we could have anything started. To be released. */
struct slice hm_line_new_ping(const struct health_manager *hm, uint64_t grant_ms);
/* Nothing unless it is open and was not pinged in this period. `ping` is lent. */
void hm_line_ping(struct hm_line *line, struct slice ping);
bool hm_line_is_answered(const struct hm_line *line);

/* For line.c: what happens on lines. */
void hm_lease_on_accepted(struct hm_line *line);
void hm_lease_on_pong(struct hm_line *line, const char *life, int64_t sequence);
void hm_lease_on_ended(struct hm_line *line, enum io_status status);

#endif
