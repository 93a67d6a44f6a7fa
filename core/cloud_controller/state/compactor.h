/* Keeps the journal short: every so many entries a snapshot of what they come to is stored, and what came before the
 * snapshot before it goes.
 *
 * The controllers settle among each other who does it by an entry in the journal. If that one dies over it, or its
 * store fails, the journal is longer for one more round; nothing else follows.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_STATE_COMPACTOR_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_STATE_COMPACTOR_H

#include "core/cloud_controller/controller.h"

/* Entries were folded: is a snapshot due? */
void cc_compactor_look(struct controller *controller);
/* The journal begins with a snapshot. */
void cc_compactor_take_snapshot(struct controller *controller, uint64_t sequence, struct io_bytes snapshot);

#endif
