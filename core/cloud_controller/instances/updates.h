/* Rolling updates under way: somebody watches each, and takes it a step further when all that was ordered runs.
 *
 *   IDLE --our own entry, or nobody's for long--> ASKING --all run--> HOLDING --hold_ms--> ASKING --all run-->
 * RECORDING ^                                             ^ '--not yet: a pause--' |
 *     '------------------- another controller's step -------------------------- durable: the next step ----------'
 *
 * Whoever wrote the last step drives. Should two drive, the journal takes one step of each number. What dies on the
 * way is restarted by the health manager, as always; here crashes are only counted.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_INSTANCES_UPDATES_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_INSTANCES_UPDATES_H

#include "core/cloud_controller/controller.h"

/* An entry was folded: of that app, if any. */
void cc_updates_note(struct controller *controller, const struct difference *difference);
/* The app's last change was ours. */
void cc_updates_drive(struct controller *controller, struct app *app);
/* droplet.exited */
void cc_updates_on_exited(struct controller *controller, const Cupola__DropletExited *exited);
size_t cc_updates_count(const struct controller *controller);
void cc_updates_destroy(struct controller *controller);

#endif
