/* The DEAs that the health manager knows: what they say of themselves over the bus, and the leases of their hosts.
 *
 * `life` is drawn anew by each life of an agent, `sequence` counts what that life has told over the bus about its
 * instances. Who hears a higher one in a PONG has missed something, and asks for a complete heartbeat.
 *
 * They are never removed: there are few, and ids last; claims name them by their place.
 */
#ifndef CUPOLA_CORE_HEALTH_MANAGER_HOSTS_HOSTS_H
#define CUPOLA_CORE_HEALTH_MANAGER_HOSTS_HOSTS_H

#include "core/base/map.h"
#include "core/health_manager/hosts/lease.h"
#include "core/health_manager/state/app.h"
#include "core/proto/health_manager.pb-c.h"

enum { MAX_DEAS = 65536 };

struct hm_dea {
    char id[MAX_NAME];
    uint32_t place;           /* In the table, from 1. */
    uint32_t complete_beats;  /* Heartbeats that listed everything. */
    size_t listed;            /* How many instances the last one of them named. */
    uint64_t restarted_at_ns; /* 0: not since we know it. */
    char life[LIFE_SIZE];     /* As heard over the bus; "" while it tells none (v1). */
    int64_t sequence;         /* All up to here was heard over the bus. */
    int64_t newest;           /* The highest that was heard. */
    uint64_t vouched_at_ns;   /* The last PONG that told of nothing else: what we know ran at that moment. */
    uint64_t behind_since_ns; /* 0: nothing seems to be missing. */
    uint64_t tell_asked_ns;   /* 0: not since it is behind. */
    struct hm_lease lease;
    UT_hash_handle hh;
};

struct hm_deas {
    struct hm_dea *by_id;
    struct hm_dea **table; /* [place - 1] */
    uint32_t count;
    uint32_t capacity;
    Cupola__HealthManagerMemory *remembered; /* Not asked yet; or NULL. */
    bool are_remembered;                     /* By a life of ours that ended a moment ago: hardly any is missing. */
    bool have_told; /* Each has told what runs there in this life of ours, or was lost: what is unheard of is down. */
};

/* NULL for a DEA without a name (v1), or one too many: then only silence tells that its instances are gone. */
struct hm_dea *hm_dea_find_or_add(struct health_manager *hm, const char *id);
/* NULL for 0. */
struct hm_dea *hm_dea_at(const struct health_manager *hm, uint32_t place);
void hm_deas_free(struct health_manager *hm);

/* Whether something newer of that life was heard before: it was stuck in a connection that has ended. */
bool hm_dea_has_overtaken(const struct hm_dea *dea, const char *life, int64_t sequence);
/* A message of that life and number came over the bus; `life` may be NULL (v1). */
void hm_dea_take_sequence(struct health_manager *hm, struct hm_dea *dea, const char *life, int64_t sequence,
                          bool is_complete);
/* A PONG said so. */
void hm_dea_hear_sequence(struct health_manager *hm, struct hm_dea *dea, const char *life, int64_t sequence);
/* Whether something that it told has been missing for a while. */
bool hm_dea_has_more_to_tell(const struct health_manager *hm, const struct hm_dea *dea);
/* Asks for a complete heartbeat if so. */
void hm_dea_catch_up(struct health_manager *hm, struct hm_dea *dea);
/* Whether every DEA names a lease address: then all of them tell of each start that they accept. */
bool hm_deas_tell_starts(const struct health_manager *hm);
/* Of the FRESH hosts, how long ago the one that is silent for the longest was heard. */
uint64_t hm_deas_oldest_ns(const struct health_manager *hm);
/* Hosts with a lease that are not given up. */
uint32_t hm_deas_known(const struct health_manager *hm);

/* ---- saved_hosts.c ---- */

struct saved_hosts;
/* The hosts with a lease, lent to the message until the end of the saving. */
struct saved_hosts *hm_hosts_save(const struct health_manager *hm, Cupola__HealthManagerMemory *ret_saved);
void hm_hosts_save_end(struct saved_hosts *saved);
/* What an earlier life has saved. Given; NULL: nothing. */
void hm_hosts_remember(struct health_manager *hm, Cupola__HealthManagerMemory *given);
/* The desired state is known, so that healing can be promised: asks the hosts that are remembered. */
void hm_hosts_recall(struct health_manager *hm);
/* Finds out whether all have told. */
void hm_hosts_look(struct health_manager *hm);

#endif
