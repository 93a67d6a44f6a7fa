/* The standing order: while nobody can heal our instances, we restart those that crash ourselves.
 *
 * In force when no health manager that can have anything started has pinged us, or we have had no bus, for
 * standing_order_ms. Without a sign that health managers ping at all (v1) only the bus counts. A restart bears the
 * epoch of the order that it repeats: if we were in truth cut off and replaced, the replacement is newer and wins. It
 * takes the same port where it can, so that routers that hear nobody still lead there. Pauses are those of the health
 * manager, and heartbeats tell the crashes so far.
 *
 *   crashed --somebody who can heal has heard of it--> theirs
 *   crashed --in force, pause over--> started anew here --no droplet, no process to be had--> crashed, as before
 */
#ifndef CUPOLA_CORE_DEA_HEALING_STANDING_H
#define CUPOLA_CORE_DEA_HEALING_STANDING_H

#include "core/machine/timer.h"

struct dea;
struct instance;

struct standing {
    struct timer timer;
    uint64_t bus_lost_ns; /* While there is no bus: since when. */
    bool was_pinged;      /* By a health manager, in this life or a former one. */
};

/* An instance has crashed just now (or while we were away): keeps an eye on it. */
void dea_standing_note_crash(struct instance *instance);
/* A start could not be carried out. If it was to heal one that crashed, that one is tried again, after growing pauses.
 */
void dea_standing_note_failure(const struct instance *failed);
/* Something has changed: a process has ended, the bus is back. */
void dea_standing_review(struct dea *dea);
void dea_standing_on_bus_lost(struct dea *dea);
/* A health manager has pinged. */
void dea_standing_on_ping(struct dea *dea);
/* Whether the end of that instance is told by the one who heals it, later. */
bool dea_standing_holds_back_exit(const struct dea *dea);

#endif
