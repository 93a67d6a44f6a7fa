/* The state as one piece of bytes: what all entries up to one come to.
 *
 * A snapshot is a row of journal entries, each behind its size in four bytes (the lowest first). The same state makes
 * the same bytes, at every controller; only what people are told of the past (events.h), at its end, may differ.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_STATE_SNAPSHOT_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_STATE_SNAPSHOT_H

#include "core/cloud_controller/state/state.h"

/* Appends the snapshot of the state, without events. */
void cc_snapshot_write(const struct state *state, struct text *ret_snapshot);
/* Appends one more entry. */
void cc_snapshot_add(struct text *snapshot, const Cupola__JournalEntry *entry);
/* Fills an empty state. `on_event` is called for each event of the past, and may be NULL. False: it makes no sense, and
 * what is in the state now is of no use. */
bool cc_snapshot_load(struct state *state, struct io_bytes snapshot,
                      void (*on_event)(void *context, const Cupola__SnapshotEvent *event), void *context);

#endif
