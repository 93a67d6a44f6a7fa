/* Who speaks: of several health managers, which all know everything, the eldest ready one complains and grants leases.
 *
 * Each beats on healthmanager.beat twice in speaker_lost_ms. A peer counts while it was heard within speaker_lost_ms.
 * We speak while we are ready (the desired state is known, and since our connection to the bus or our last sleep there
 * was time to hear the fleet and our elders), no elder ready peer counts, and our own beats come back over the bus.
 *
 * What a watcher would have said it forgets to say, but not to note: its picture is that of the speaker. Who begins to
 * speak says once more what was to be said in the moments in which it may be that nobody did.
 */
#ifndef CUPOLA_CORE_HEALTH_MANAGER_HEALING_SPEAKER_H
#define CUPOLA_CORE_HEALTH_MANAGER_HEALING_SPEAKER_H

#include "core/bus/client.h"

struct health_manager;

enum { MAX_PEERS = 32, PEER_ID_SIZE = 64 };

struct hm_peer {
    char id[PEER_ID_SIZE];
    int64_t since_ns;
    bool is_ready;
    uint64_t heard_at_ns;
};

struct hm_speaker {
    struct hm_peer peers[MAX_PEERS];
    size_t peer_count;
    int64_t since_ns;       /* Wall clock of our start. */
    bool speaks;            /* As of the last look at it. */
    uint64_t settled_at_ns; /* Not ready before. */
    uint64_t echoed_ns;     /* The last of our beats that came back. */
    uint64_t spoke_ns;      /* When we last spoke, or began to listen. */
    uint64_t elder_ns;      /* When an elder ready peer was last heard. */
    struct timer beat_timer;
    struct timer watch_timer; /* The elder's silence has lasted long enough. */
};

void hm_speaker_open(struct health_manager *hm);
void hm_speaker_close(struct health_manager *hm);
/* The bus is there (again), or we slept: others have to be heard first. */
void hm_speaker_settle(struct health_manager *hm);
/* Whether what we say now is to be said. */
bool hm_speaker_speaks(const struct health_manager *hm);
void hm_speaker_on_beat(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message);
/* The last moment at which somebody else may have granted a lease. */
uint64_t hm_speaker_others_until_ns(const struct health_manager *hm);

#endif
