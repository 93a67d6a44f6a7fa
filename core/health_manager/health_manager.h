/* The health manager: compares what should run with what does, and complains to the controllers.
 *
 *   state/    what should be (desired: pages, then numbered deltas from the controllers) and what is (actual:
 *             heartbeats and exits from the DEAs), by app and index; crash counters that outlive us
 *   hosts/    the DEAs, what of their words was missed, and whether their hosts live: leases, looks
 *   healing/  the comparison, for one app when something of it changed, for all every analysis_ms; the two ways to
 *             differ (missing, surplus), the complaints about them, what keeps healing from becoming the next failure
 *             (brake), and which of several health managers complains (speaker)
 *   answers.c what others ask: health, status, freshness
 *
 * Freshness: a complaint needs a desired state and a bus. What follows from silence needs time, too: after every
 * (re)connect, and after every sleep of our own, nobody counts as silent before heartbeats could have come for
 * droplet_lost. What was told (an exit, a heartbeat that lists everything) is acted upon at once.
 */
#ifndef CUPOLA_CORE_HEALTH_MANAGER_HEALTH_MANAGER_H
#define CUPOLA_CORE_HEALTH_MANAGER_HEALTH_MANAGER_H

#include "core/bus/client.h"
#include "core/health_manager/healing/brake.h"
#include "core/health_manager/healing/speaker.h"
#include "core/health_manager/hosts/hosts.h"
#include "core/health_manager/hosts/lease.h"
#include "core/health_manager/hosts/look.h"
#include "core/health_manager/state/app.h"
#include "core/health_manager/state/crashes.h"
#include "core/monitor/monitor.h"

/* The configuration in the units that decisions use. */
struct hm_times {
    uint64_t droplet_lost_ns;
    uint64_t analysis_ns;
    uint64_t flapping_timeout_ns;
    uint64_t restart_timeout_ns;
    uint64_t desired_poll_ns;
    uint64_t flapping_delay_ns;
    uint64_t flapping_delay_most_ns;
    uint64_t unknown_app_ns;
    uint64_t start_seen_ns;
    uint64_t canary_ns;
    uint64_t controllers_lost_ns;
    uint64_t lease_ns; /* 0: no leases. */
    uint64_t suspect_ns;
    uint64_t probe_ns;
    uint64_t speaker_lost_ns;
    uint64_t singleton_lease_ns;
    uint64_t singleton_grace_ns;
    uint32_t flapping_death;
};

/* Where the desired state comes from.
 *
 *   IDLE --connected, gap, poll--> PAGING --last page--> IDLE;      PAGING --no answer--> WAITING --pause--> PAGING
 */
enum desired_state { DESIRED_IDLE = 1, DESIRED_PAGING, DESIRED_WAITING };
enum page_result { PAGE_NONE = 0, PAGE_BAD, PAGE_OLD, PAGE_TAKEN, PAGE_LAST };

struct desired {
    enum desired_state state;
    bool is_known;          /* A whole scan has succeeded. */
    bool is_stale;          /* A gap or a change without number was seen: scan again after this scan. */
    bool has_base;          /* A page was taken: deltas build on it. */
    int64_t sequence;       /* Everything up to here is known, or will be when the scan is through. */
    int64_t heard_sequence; /* The highest that was heard of since the scan began. */
    int64_t base_sequence;  /* Of the first page of the scan. */
    int64_t after_droplet;  /* Where the scan stands; 0 before its first page. */
    uint64_t scan;          /* Counts scans. */
    uint32_t failures;      /* In a row. */
    uint32_t old_answers;   /* In a row: pages from before what is known already. */
    uint64_t heard_ns;      /* The last word of a controller: a page, a delta, a beat. */
    uint64_t known_at_ns;   /* The last time when everything was known to be current. */
    struct bus_request request;
    struct timer timer;
    enum page_result result; /* Of the request that is under way. */
};

struct hm_counters {
    uint64_t heartbeats;
    uint64_t exits;
    uint64_t updates;
    uint64_t status_requests;
    uint64_t health_requests;
    uint64_t start_requests; /* Indices asked to be started. */
    uint64_t stop_requests;  /* Instances asked to be stopped. */
    uint64_t scans;
    uint64_t analyses;
    uint64_t looks; /* With helpers: hosts that were suspect. */
    uint64_t hosts_lost;
    uint64_t catch_ups; /* Complete heartbeats asked for. */
};

struct health_manager {
    struct machine machine;
    struct bus_client bus;
    struct monitor monitor;
    struct hm_times times;
    struct app_table apps;
    struct hm_deas deas;
    struct hm_leases leases;
    struct hm_speaker speaker;
    struct hm_crashes crashes;
    struct desired desired;
    struct brake brake;
    struct timer analysis_timer;
    uint64_t analysed_ns; /* The last full pass. */
    struct late_work look_late;
    struct app *first_dirty, **dirty_end; /* In the order in which they changed. */
    uint64_t connected_at_ns;             /* We listen since then: to this connection of the bus, without a sleep. */
    uint64_t awake_ns;                    /* The last sign that time does not jump for us. */
    bool is_stopping;
    struct hm_counters counters;
};

/* ---- health_manager.c ---- */

struct health_manager *hm_of_bus(struct bus_client *bus);
/* Looks at the app before the step ends. */
void hm_mark_dirty(struct health_manager *hm, struct app *app);
/* Called often. If we slept (were stopped, or starved) all silences begin anew, and others may have spoken for us. */
void hm_note_awake(struct health_manager *hm);
/* While stopping: ends, unless something is still being saved. */
void hm_finish(struct health_manager *hm);

/* ---- desired.c ---- */

/* Scans now, or again after the scan that is under way. */
void hm_desired_refresh(struct health_manager *hm);
void hm_desired_on_updated(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message);
void hm_desired_stop(struct health_manager *hm);
/* Whether a controller is there, as far as we hear, and we know what to ask of it. */
bool hm_desired_can_order(const struct health_manager *hm);

/* ---- actual.c ---- */

void hm_actual_on_heartbeat(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message);
void hm_actual_on_exited(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message);
void hm_actual_on_dea_start(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message);

/* ---- analysis.c ---- */

/* Complains about one app. */
void hm_analyse_app(struct health_manager *hm, struct app *app);
/* From now on, every analysis_ms. */
void hm_analysis_open(struct health_manager *hm);
/* A host was lost: a full pass follows in a moment. */
void hm_look_at_lost_hosts(struct health_manager *hm);
/* Whether silence since then says something: it was long enough, and we could hear. */
bool hm_is_silence(const struct health_manager *hm, uint64_t since_ns, uint64_t allowed_ns);

/* Whether the instance is gone, by what is known of its DEA and its host, and why. */
bool hm_is_lost(const struct health_manager *hm, const struct claim *claim, enum instance_cause *ret_cause);

/* ---- missing.c ---- */

/* Takes what time tells into the states; returns how many indices may be asked for now. */
size_t hm_missing_age(struct health_manager *hm, struct app *app);
/* Asks for them, as far as the brakes allow. */
void hm_missing_ask(struct health_manager *hm, struct app *app);

/* ---- surplus.c ---- */

void hm_surplus_look(struct health_manager *hm, struct app *app);

/* ---- requests.c ---- */

/* Indices of one app, wanted in one version. All lent; epochs[i] is that of the last instance of indices[i] that is
 * known to have ended, or 0. */
struct hm_start {
    const struct app *app;
    const char *version;
    const int32_t *indices;
    const int64_t *epochs;
    size_t count;
    bool is_flapping;
    const char *reason;
};
void hm_request_start(struct health_manager *hm, const struct hm_start *start);
/* `instances` are lent. */
void hm_request_stop(struct health_manager *hm, const struct app *app, char *const *instances, size_t count,
                     const char *reason);

/* ---- answers.c ---- */

void hm_answer_health(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message);
void hm_answer_status(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message);
void hm_answer_freshness(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message);
/* "998 of 1000 hosts fresh, 0.4 s old" */
void hm_add_freshness(const struct health_manager *hm, struct text *text);

/* ---- varz.c ---- */

void hm_add_varz(struct monitor *monitor, struct text *json);
void hm_add_healthz(struct monitor *monitor, struct text *text);

#endif
