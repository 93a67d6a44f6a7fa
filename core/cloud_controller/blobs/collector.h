/* Deletes packages and droplets that no app refers to any more, from this controller's own store.
 *
 * Not at once: who is just fetching one, or stores the same again, gets it still. And never while something is being
 * stored here: what is deleted could be what is being stored.
 * So often as well the store is searched for what no app refers to: left behind by a controller that died between
 * storing and saying so, or given up before the snapshot that we began with.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_BLOBS_COLLECTOR_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_BLOBS_COLLECTOR_H

#include "core/cloud_controller/controller.h"

void cc_collector_open(struct controller *controller);
/* Around each operation that stores a blob, until its entry is durable or it is given up. */
void cc_collector_hold(struct controller *controller);
void cc_collector_release(struct controller *controller);
void cc_collector_stop(struct controller *controller);

#endif
