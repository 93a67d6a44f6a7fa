#include "core/health_manager/healing/speaker.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/health_manager/health_manager.h"

#include <stdio.h>
#include <string.h>

static void on_beat_due(struct timer *timer);
static void on_watch(struct timer *timer);

static struct health_manager *of_speaker(struct hm_speaker *speaker)
{
    return container_of(speaker, struct health_manager, speaker);
}

/* ---- Who is the eldest ---- */

static bool is_ready(const struct health_manager *hm)
{
    return hm->bus.is_connected && hm->desired.is_known && !hm->is_stopping &&
           hm->machine.now_ns >= hm->speaker.settled_at_ns;
}

static bool is_elder(const struct health_manager *hm, const struct hm_peer *peer)
{
    if (peer->since_ns != hm->speaker.since_ns)
        return peer->since_ns < hm->speaker.since_ns;
    return strcmp(peer->id, hm->monitor.uuid) < 0;
}

static bool counts(const struct health_manager *hm, const struct hm_peer *peer)
{
    return peer->is_ready && hm->machine.now_ns - peer->heard_at_ns < hm->times.speaker_lost_ns;
}

static bool should_speak(const struct health_manager *hm)
{
    const struct hm_speaker *speaker = &hm->speaker;
    uint64_t now_ns = hm->machine.now_ns;
    bool is_heard = now_ns - speaker->echoed_ns < 2 * hm->times.speaker_lost_ns;
    if (!is_ready(hm) || (!is_heard && !mutation_is(HM_TRUSTS_ITS_SLEEP)))
        return false;
    for (size_t i = 0; i < speaker->peer_count; i++)
        if (counts(hm, &speaker->peers[i]) && is_elder(hm, &speaker->peers[i]))
            return false;
    return true;
}

/* What should have been said since `since_ns` is to be said again: perhaps nobody said it. */
static void begin_to_speak(struct health_manager *hm, uint64_t since_ns)
{
    machine_log(&hm->machine, LOG_INFO, "this health manager speaks now");
    if (mutation_is(HM_FORGETS_THE_UNSAID))
        return;
    for (struct app *app = hm->apps.apps; app != NULL; app = app->hh.next)
        if (hm_app_unsay(app, since_ns, hm->machine.now_ns))
            hm_mark_dirty(hm, app);
}

/* Begins or ceases to speak. */
static void look(struct health_manager *hm)
{
    struct hm_speaker *speaker = &hm->speaker;
    bool speaks = should_speak(hm);
    bool begins = speaks && !speaker->speaks;
    uint64_t margin_ns = 2 * hm->times.speaker_lost_ns;
    uint64_t since_ns = speaker->spoke_ns > speaker->elder_ns ? speaker->spoke_ns : speaker->elder_ns;
    speaker->speaks = speaks;
    if (speaks)
        speaker->spoke_ns = hm->machine.now_ns;
    if (begins)
        begin_to_speak(hm, since_ns > margin_ns ? since_ns - margin_ns : 0);
}

bool hm_speaker_speaks(const struct health_manager *hm)
{
    return hm->speaker.speaks && should_speak(hm);
}

uint64_t hm_speaker_others_until_ns(const struct health_manager *hm)
{
    return hm->speaker.elder_ns == 0 ? 0 : hm->speaker.elder_ns + 2 * hm->times.speaker_lost_ns;
}

/* ---- Beats ---- */

void hm_speaker_open(struct health_manager *hm)
{
    hm->speaker.since_ns = hm->machine.wall_ns;
    /* Who was there before us may have granted leases until now. */
    hm->speaker.elder_ns = hm->speaker.spoke_ns = hm->machine.now_ns;
    hm_speaker_settle(hm);
    timer_set(&hm->machine, &hm->speaker.beat_timer, hm->times.speaker_lost_ns / 2, on_beat_due);
}

void hm_speaker_close(struct health_manager *hm)
{
    timer_cancel(&hm->machine, &hm->speaker.beat_timer);
    timer_cancel(&hm->machine, &hm->speaker.watch_timer);
}

void hm_speaker_settle(struct health_manager *hm)
{
    hm->speaker.settled_at_ns = hm->machine.now_ns + hm->times.speaker_lost_ns;
    timer_set(&hm->machine, &hm->speaker.watch_timer, hm->times.speaker_lost_ns, on_watch);
}

static void on_watch(struct timer *timer)
{
    struct hm_speaker *speaker = container_of(timer, struct hm_speaker, watch_timer);
    look(of_speaker(speaker));
}

static void on_beat_due(struct timer *timer)
{
    struct hm_speaker *speaker = container_of(timer, struct hm_speaker, beat_timer);
    struct health_manager *hm = of_speaker(speaker);
    hm_note_awake(hm);
    if (hm->bus.is_connected) {
        Cupola__HealthManagerBeat beat = CUPOLA__HEALTH_MANAGER_BEAT__INIT;
        beat.id = hm->monitor.uuid;
        beat.has_since_ns = beat.has_is_ready = beat.has_hosts = beat.has_fresh_hosts = true;
        beat.since_ns = speaker->since_ns;
        beat.is_ready = is_ready(hm);
        beat.hosts = (int32_t)hm_deas_known(hm);
        beat.fresh_hosts = (int32_t)hm->leases.counts[LEASE_FRESH];
        bus_publish_message(&hm->bus, "healthmanager.beat", NULL, &beat.base);
    }
    look(hm);
    timer_set(&hm->machine, timer, hm->times.speaker_lost_ns / 2, on_beat_due);
}

/* The one that was silent for the longest makes room. */
static struct hm_peer *find_or_add_peer(struct hm_speaker *speaker, const char *id)
{
    struct hm_peer *oldest = &speaker->peers[0];
    for (size_t i = 0; i < speaker->peer_count; i++) {
        if (strcmp(speaker->peers[i].id, id) == 0)
            return &speaker->peers[i];
        if (speaker->peers[i].heard_at_ns < oldest->heard_at_ns)
            oldest = &speaker->peers[i];
    }
    struct hm_peer *peer = speaker->peer_count < MAX_PEERS ? &speaker->peers[speaker->peer_count++] : oldest;
    *peer = (struct hm_peer){.since_ns = 0};
    snprintf(peer->id, sizeof peer->id, "%s", id);
    return peer;
}

void hm_speaker_on_beat(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct health_manager *hm = hm_of_bus(bus);
    struct hm_speaker *speaker = &hm->speaker;
    const Cupola__HealthManagerBeat *beat = (const Cupola__HealthManagerBeat *)parsed;
    if (beat->id == NULL || strlen(beat->id) >= PEER_ID_SIZE)
        return;
    if (strcmp(beat->id, hm->monitor.uuid) == 0) {
        speaker->echoed_ns = hm->machine.now_ns;
        return;
    }
    struct hm_peer *peer = find_or_add_peer(speaker, beat->id);
    peer->since_ns = beat->since_ns;
    peer->is_ready = beat->is_ready;
    peer->heard_at_ns = hm->machine.now_ns;
    if (!peer->is_ready || !is_elder(hm, peer))
        return;
    speaker->elder_ns = hm->machine.now_ns;
    speaker->speaks = false;
    timer_set(&hm->machine, &speaker->watch_timer, hm->times.speaker_lost_ns, on_watch);
}
