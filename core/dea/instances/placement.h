/* Whether this DEA offers to run an instance, and how long it hesitates: the less it wants it, the later it answers,
 * and the controller takes the first answer (dea.discover). */
#ifndef CUPOLA_CORE_DEA_INSTANCES_PLACEMENT_H
#define CUPOLA_CORE_DEA_INSTANCES_PLACEMENT_H

#include "core/bus/client.h"
#include "core/proto/bus.pb-c.h"

struct dea;
struct offer;

struct placement {
    struct offer *offers; /* Answered in the last moment or about to be, the oldest first. */
    struct offer *last_offer;
    uint32_t count;
    struct bus_subscription all_starts; /* dea.*.start, while offers are made, and for a while after them. */
    struct timer listening;
    uint32_t failed_launches;   /* In a row. */
    uint64_t doubtful_until_ns; /* Until then others should have what we are asked for. */
};

void dea_placement_on_discover(struct bus_client *client, const ProtobufCMessage *parsed,
                               const struct bus_message *message);
/* Room and abilities for one more instance. Returns NULL, or the reason why not (static). */
const char *dea_placement_refuses(const struct dea *dea, uint32_t memory_mb, const char *runtime);
/* An order came for that droplet: an offer of ours was accepted. */
void dea_placement_settle(struct dea *dea, int64_t droplet);
/* An order has come to a process, or to nothing for a reason that is ours, not the app's. Where nothing can be started
 * (no process, descriptor or room on the disk is left) memory is free, and every order would come here: for a while we
 * offer last. We still do: it may be the droplet, which nobody can start. */
void dea_placement_note_launch(struct dea *dea, bool has_succeeded);
/* The executable of a runtime, "" if it has none of its own. */
const char *dea_placement_runtime_executable(const struct dea *dea, const char *runtime);
void dea_placement_destroy(struct dea *dea);

#endif
