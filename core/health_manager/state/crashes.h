/* Crash counters outlive health managers: a flapping app gets no new lives because a watcher lost its memory.
 *
 * Every health manager hears every exit and counts. A newcomer asks the others (healthmanager.crashes), and each saves
 * what it counts, a moment after it changed, for the case that all of them end (with the hosts: saved_hosts.c). What is
 * told of apps that are not known yet is kept until the desired state is.
 */
#ifndef CUPOLA_CORE_HEALTH_MANAGER_STATE_CRASHES_H
#define CUPOLA_CORE_HEALTH_MANAGER_STATE_CRASHES_H

#include "core/bus/client.h"
#include "core/health_manager/state/instance.h"
#include "core/machine/op.h"

struct health_manager;

enum { MAX_CRASH_NOTES = 65536 };

struct crash_note {
    int64_t droplet;
    char version[VERSION_SIZE];
    int32_t index;
    uint32_t crashes;
    uint64_t crashed_at_ns; /* In our time; 0: before it began. */
    uint64_t restart_at_ns; /* FLAPPING until then; 0: it is not. */
};

struct hm_crashes {
    struct bus_request request;
    bool is_asking;
    struct op save_op;
    struct timer save_timer;
    bool is_changed; /* Since what is being saved was put together. */
    struct crash_note *notes;
    size_t note_count;
    size_t note_capacity;
};

/* `saved` is what was saved by an earlier life, or empty. */
void hm_crashes_open(struct health_manager *hm, struct io_bytes saved);
void hm_crashes_close(struct health_manager *hm);
void hm_crashes_free(struct health_manager *hm);
/* Asks the others. */
void hm_crashes_ask(struct health_manager *hm);
void hm_crashes_answer(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message);
/* A counter changed, or the hosts: that will be saved. */
void hm_crashes_changed(struct health_manager *hm);
/* The desired state is known: what was told before is taken over. */
void hm_crashes_recall(struct health_manager *hm);

#endif
