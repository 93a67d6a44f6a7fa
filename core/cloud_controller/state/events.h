/* What happened to apps, and why: for people.
 *
 * Two sources: journal entries (what was changed, and by whom; every controller tells the same, also after a restart),
 * and the ends of instances (heard on the bus while this controller lived). Each event has a key that is the same at
 * every controller, so that whoever follows may ask any of them. Kept in memory: so many of an app, so many of all;
 * the oldest go first.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_STATE_EVENTS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_STATE_EVENTS_H

#include "core/cloud_controller/controller.h"

enum { MAX_EVENTS_OF_APP = 100, EVENT_KEY_SIZE = 80, EVENT_TEXT_SIZE = 240 };

struct app_event {
    int64_t app_id;
    uint64_t number; /* In the order in which this controller heard of them. */
    int64_t at_s;
    int32_t index;    /* -1: of the app as a whole. */
    const char *kind; /* Static: "created", "changed", "crashed", ... */
    char key[EVENT_KEY_SIZE];
    char actor[80]; /* "": the platform. */
    char instance[33];
    char text[EVENT_TEXT_SIZE];
    struct app_event *older, *newer; /* Of all. */
    struct app_event *older_of_app, *newer_of_app;
};

/* An entry that is about to be folded. */
void cc_events_note_entry(struct controller *controller, uint64_t sequence, const Cupola__JournalEntry *entry);
/* droplet.exited, for the table in cloud_controller.c. */
void cc_events_on_exited(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message);
/* The number of the newest event of all; 0: none yet. */
uint64_t cc_events_newest(const struct controller *controller);
/* The oldest event of an app that is kept, or NULL. */
const struct app_event *cc_events_of(const struct controller *controller, int64_t app_id);
/* For snapshots: appends what came from the journal, the oldest first; takes one of these back. */
void cc_events_write(const struct controller *controller, struct text *snapshot);
void cc_events_load(struct controller *controller, const Cupola__SnapshotEvent *event);
void cc_events_destroy(struct controller *controller);

#endif
