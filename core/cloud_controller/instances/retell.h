/* Says again to the DEAs under which hosts apps are served.
 *
 * A change of hosts reaches the DEAs by one message of the controller that made it; should it die between the journal
 * and the message, nothing else would show that they have not heard. So those that fold a change of another controller
 * say it once more, a moment later, and so does who starts, of the last changes before. Each such message bears the
 * number of its change: old ones are void.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_INSTANCES_RETELL_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_INSTANCES_RETELL_H

#include "core/cloud_controller/controller.h"

/* The past is folded. */
void cc_retell_open(struct controller *controller);
/* An entry was folded that another controller has appended. */
void cc_retell_note(struct controller *controller, const struct difference *difference);

#endif
