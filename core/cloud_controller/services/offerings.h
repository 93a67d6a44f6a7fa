/* The catalogue: which offerings a user sees, and how he is told of them. */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_SERVICES_OFFERINGS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_SERVICES_OFFERINGS_H

#include "core/base/text.h"
#include "core/cloud_controller/state/state.h"

/* Of that vendor and version, else any of the vendor, as v1; NULL if there is none that the user may have. */
const struct offering *cc_offerings_choose(const struct state *state, const char *email, const char *vendor,
                                           const char *version);
/* Appends the object of GET /info/services: type -> vendor -> version -> description. */
void cc_offerings_write(const struct state *state, const char *email, struct text *json);

#endif
