/* The states of a lease, and who is pinged when. */
#include "core/health_manager/hosts/lease.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/health_manager/health_manager.h"

#include <stdlib.h>
#include <string.h>

enum {
    LOOKS_AFTER = 5, /* Times a period that each lease is looked after. */
    MOST_SLOTS = 10, /* Each is a wake-up of its own, however few hosts there are. */
    STATE_COUNT = LEASE_LOST + 1,
};

/* How long after the last word of it a host that was found dead is looked for. */
static const uint64_t forgotten_ns = 3600 * NS_PER_S;
static const uint64_t longest_pause_ns = 10 * NS_PER_S;
static const uint64_t lost_pause_ns = 2 * NS_PER_S;

/* allowed[from][to]; the diagram is in lease.h. */
static const bool allowed[STATE_COUNT][STATE_COUNT] = {
    [LEASE_NONE] = {[LEASE_FRESH] = true},
    [LEASE_FRESH] = {[LEASE_SUSPECT] = true, [LEASE_NONE] = true},
    [LEASE_SUSPECT] = {[LEASE_FRESH] = true,
                       [LEASE_STALLED] = true,
                       [LEASE_AGENTLESS] = true,
                       [LEASE_LOST] = true,
                       [LEASE_NONE] = true},
    [LEASE_STALLED] = {[LEASE_FRESH] = true, [LEASE_SUSPECT] = true, [LEASE_AGENTLESS] = true, [LEASE_NONE] = true},
    [LEASE_AGENTLESS] = {[LEASE_FRESH] = true, [LEASE_SUSPECT] = true, [LEASE_STALLED] = true, [LEASE_NONE] = true},
    [LEASE_LOST] = {[LEASE_FRESH] = true, [LEASE_SUSPECT] = true, [LEASE_NONE] = true},
};

static void on_tick(struct timer *timer);

/* The only way to change the state: asserts that the diagram allows it. */
static void move_to(struct health_manager *hm, struct hm_dea *dea, enum lease_state state)
{
    struct hm_lease *lease = &dea->lease;
    if (lease->state == state)
        return;
    assert_that(allowed[lease->state][state]);
    assert_that(hm->leases.counts[lease->state] > 0);
    hm->leases.counts[lease->state]--;
    hm->leases.counts[state]++;
    lease->state = state;
    lease->changed_at_ns = hm->machine.now_ns;
}

const char *hm_lease_state_name(enum lease_state state)
{
    static const char *const names[STATE_COUNT] = {"NONE", "FRESH", "SUSPECT", "STALLED", "AGENTLESS", "LOST"};
    return names[state];
}

/* ---- Connecting ---- */

static void connect_line(struct health_manager *hm, struct hm_dea *dea)
{
    dea->lease.line = hm_line_open(hm, dea, NULL);
    if (dea->lease.asked_at_ns == 0)
        dea->lease.asked_at_ns = hm->machine.now_ns;
}

static void suspect(struct health_manager *hm, struct hm_dea *dea)
{
    hm_look_end(dea);
    move_to(hm, dea, LEASE_SUSPECT);
    hm_look_begin(hm, dea, true);
}

static void drop_all(struct hm_dea *dea)
{
    hm_look_end(dea);
    hm_line_drop(dea->lease.line);
    dea->lease.line = NULL;
    dea->lease.asked_at_ns = 0;
}

/* "ip:port" into its parts; false if it is none. */
static bool read_address(const char *address, char ret_host[HOST_SIZE], uint16_t *ret_port)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon == address || colon - address >= HOST_SIZE)
        return false;
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || port == 0 || port > UINT16_MAX)
        return false;
    memcpy(ret_host, address, (size_t)(colon - address));
    ret_host[colon - address] = '\0';
    *ret_port = (uint16_t)port;
    return true;
}

void hm_lease_hear(struct health_manager *hm, struct hm_dea *dea, const char *address)
{
    struct hm_lease *lease = &dea->lease;
    char host[HOST_SIZE];
    uint16_t port;
    if (hm->times.lease_ns == 0 || hm->is_stopping || address == NULL || !read_address(address, host, &port))
        return;
    if (lease->state != LEASE_NONE && lease->port == port && strcmp(lease->host, host) == 0) {
        if (lease->state == LEASE_LOST)
            suspect(hm, dea);
        else if (lease->state == LEASE_STALLED || lease->state == LEASE_AGENTLESS)
            hm_look_begin(hm, dea, false);
        return;
    }
    drop_all(dea);
    move_to(hm, dea, LEASE_NONE);
    hm->leases.forgotten -= lease->is_forgotten;
    lease->is_forgotten = false;
    memcpy(lease->host, host, sizeof host);
    lease->port = port;
    lease->heard_at_ns = hm->machine.now_ns;
    move_to(hm, dea, LEASE_FRESH);
    connect_line(hm, dea);
    hm_crashes_changed(hm);
}

/* ---- What lines and looks tell ---- */

void hm_lease_on_accepted(struct hm_line *line)
{
    if (line->look != NULL) /* A PONG follows in a moment, or its agent is stopped. */
        hm_lease_judge(line->hm, line->dea, LEASE_STALLED);
}

void hm_lease_on_pong(struct hm_line *line, const char *life, int64_t sequence)
{
    struct health_manager *hm = line->hm;
    struct hm_dea *dea = line->dea;
    struct hm_lease *lease = &dea->lease;
    if (line != lease->line) {
        hm_line_drop(lease->line);
        lease->line = line;
        if (line->look != NULL)
            hm_look_forget_line(line->look, line);
        line->look = NULL;
    }
    hm_look_end(dea);
    lease->heard_at_ns = hm->machine.now_ns;
    lease->asked_at_ns = hm_line_is_answered(line) ? 0 : line->sent_at_ns;
    move_to(hm, dea, LEASE_FRESH);
    hm_dea_hear_sequence(hm, dea, life, sequence);
}

void hm_lease_on_ended(struct hm_line *line, enum io_status status)
{
    struct health_manager *hm = line->hm;
    struct hm_dea *dea = line->dea;
    struct hm_look *look = line->look;
    if (look != NULL) {
        hm_look_forget_line(look, line);
        if (status == IO_REFUSED)
            hm_lease_judge(hm, dea, LEASE_AGENTLESS);
        else if (status == IO_FULL)
            hm_look_could_not(look);
        return;
    }
    dea->lease.line = NULL;
    if (dea->lease.state == LEASE_FRESH)
        suspect(hm, dea);
}

static uint64_t pause_of(const struct health_manager *hm, const struct hm_lease *lease)
{
    if (lease->state == LEASE_LOST)
        return lost_pause_ns;
    uint64_t pause_ns = (hm->machine.now_ns - lease->changed_at_ns) / 8;
    if (pause_ns < hm->times.suspect_ns)
        return hm->times.suspect_ns;
    return pause_ns < longest_pause_ns ? pause_ns : longest_pause_ns;
}

void hm_lease_judge(struct health_manager *hm, struct hm_dea *dea, enum lease_state verdict)
{
    struct hm_lease *lease = &dea->lease;
    if (mutation_is(HM_LOSES_STALLED_HOSTS) && verdict == LEASE_STALLED)
        return; /* The look goes on as if nobody had answered. */
    bool is_silent = verdict == LEASE_LOST;
    struct hm_line *line = verdict == LEASE_STALLED ? hm_look_take_open_line(dea) : NULL;
    if (line != NULL) { /* On it the agent will answer, in a moment or once it runs again. */
        hm_line_drop(lease->line);
        lease->line = line;
    }
    hm_look_end(dea);
    if (is_silent && (lease->state == LEASE_STALLED || lease->state == LEASE_AGENTLESS)) {
        suspect(hm, dea);
        return;
    }
    if (!is_silent && lease->state == LEASE_LOST)
        move_to(hm, dea, LEASE_SUSPECT);
    if (lease->state == LEASE_SUSPECT && is_silent) {
        machine_log(&hm->machine, LOG_WARNING, "host of DEA %s is lost: nobody reaches it", dea->id);
        hm->counters.hosts_lost++;
        drop_all(dea);
        hm_look_at_lost_hosts(hm);
    }
    move_to(hm, dea, verdict);
    lease->look_at_ns = hm->machine.now_ns + pause_of(hm, lease);
}

/* ---- The tick ---- */

/* A multiple of LOOKS_AFTER. */
static uint32_t slot_count(const struct health_manager *hm)
{
    uint32_t slots = (hm->deas.count + LOOKS_AFTER - 1) / LOOKS_AFTER * LOOKS_AFTER;
    if (slots < LOOKS_AFTER)
        return LOOKS_AFTER;
    return slots < MOST_SLOTS ? slots : MOST_SLOTS;
}

static void ping_slot(struct health_manager *hm, uint32_t slot, uint32_t slots)
{
    bool grants = hm_speaker_speaks(hm);
    struct slice plain = hm_line_new_ping(hm, 0);
    struct slice grant = hm_line_new_ping(hm, hm->times.singleton_lease_ns / NS_PER_MS);
    for (uint32_t i = slot; i < hm->deas.count; i += slots) {
        struct hm_lease *lease = &hm->deas.table[i]->lease;
        struct hm_line *line = lease->line;
        if (line == NULL || line->conn.state != CONN_OPEN || lease->state != LEASE_FRESH)
            continue;
        bool is_granted = grants && hm_line_is_answered(line);
        if (is_granted)
            lease->granted_at_ns = hm->machine.now_ns;
        hm_line_ping(line, is_granted ? grant : plain);
        if (lease->asked_at_ns == 0)
            lease->asked_at_ns = hm->machine.now_ns;
    }
    buffer_unref(plain.buffer);
    buffer_unref(grant.buffer);
}

static void look_after(struct health_manager *hm, struct hm_dea *dea)
{
    struct hm_lease *lease = &dea->lease;
    uint64_t now_ns = hm->machine.now_ns;
    if (lease->state == LEASE_FRESH) {
        if (lease->asked_at_ns != 0 && now_ns - lease->asked_at_ns >= hm->times.suspect_ns)
            suspect(hm, dea);
        else
            hm_dea_catch_up(hm, dea);
    } else if (lease->state != LEASE_NONE && lease->state != LEASE_SUSPECT && now_ns >= lease->look_at_ns) {
        bool is_forgotten = lease->state != LEASE_STALLED && now_ns - lease->heard_at_ns >= forgotten_ns;
        if (!is_forgotten) {
            hm_look_begin(hm, dea, false);
            return;
        }
        drop_all(dea);
        move_to(hm, dea, LEASE_NONE);
        lease->is_forgotten = true;
        hm->leases.forgotten++;
    }
}

void hm_leases_forgive_silence(struct health_manager *hm)
{
    for (uint32_t i = 0; i < hm->deas.count; i++) {
        struct hm_dea *dea = hm->deas.table[i];
        if (dea->lease.asked_at_ns != 0)
            dea->lease.asked_at_ns = hm->machine.now_ns;
        if (dea->lease.look != NULL)
            dea->lease.look->began_ns = hm->machine.now_ns;
    }
}

static void on_tick(struct timer *timer)
{
    struct hm_leases *leases = container_of(timer, struct hm_leases, tick_timer);
    struct health_manager *hm = container_of(leases, struct health_manager, leases);
    uint32_t slots = slot_count(hm);
    hm_note_awake(hm);
    if (++leases->slot >= slots) {
        leases->slot = 0;
        leases->period++;
    }
    for (uint32_t part = 0; part < LOOKS_AFTER; part++) {
        uint32_t slot = (leases->slot + part * (slots / LOOKS_AFTER)) % slots;
        for (uint32_t i = slot; i < hm->deas.count; i += slots)
            look_after(hm, hm->deas.table[i]);
    }
    ping_slot(hm, leases->slot, slots);
    /* Rounded up: a look that came a few nanoseconds before suspect_ms is over would leave a host alone until the next.
     */
    timer_set(&hm->machine, timer, (hm->times.lease_ns + slots - 1) / slots, on_tick);
}

void hm_leases_open(struct health_manager *hm)
{
    hm->leases.period = 1;
    if (hm->times.lease_ns > 0)
        timer_set(&hm->machine, &hm->leases.tick_timer, hm->times.lease_ns / LOOKS_AFTER, on_tick);
}

void hm_leases_close(struct health_manager *hm)
{
    timer_cancel(&hm->machine, &hm->leases.tick_timer);
    for (uint32_t i = 0; i < hm->deas.count; i++)
        drop_all(hm->deas.table[i]);
}

void hm_leases_destroy(struct health_manager *hm)
{
    for (uint32_t i = 0; i < hm->deas.count; i++)
        memory_free(hm->deas.table[i]->lease.look);
    struct hm_line *next;
    for (struct hm_line *line = hm->leases.lines; line != NULL; line = next) {
        next = line->next;
        memory_free(line);
    }
}
