/* What a build of 2011 would say and understand on the bus: two versions of a component in one world.
 *
 * A process that is old (process.is_old) is our machine behind a filter: fields that came after 2011 are taken out of
 * what it says and what it hears, as a peer of that time would neither write nor read them, and so are subjects that
 * nobody knew then. The desired state stays as it is: in 2011 a health manager read it from the controllers' database.
 */
#ifndef CUPOLA_DRIVERS_SIM_NETWORK_OLD_WIRE_H
#define CUPOLA_DRIVERS_SIM_NETWORK_OLD_WIRE_H

#include "core/base/text.h"
#include "core/wire/nats.h"

/* Whether the subject, or a pattern of subjects, means anything to a peer of 2011. */
bool old_wire_knows(struct nats_text subject);
/* Whether a message of 2011 to that subject carried a reply subject. */
bool old_wire_is_answered(struct nats_text subject);
/* Appends the payload without what came later. What is no JSON object stays as it is. */
void old_wire_strip(struct nats_text subject, const uint8_t *payload, size_t size, struct text *ret_payload);

#endif
