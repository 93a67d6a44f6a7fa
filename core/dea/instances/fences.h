/* Stops hold for starts that were ordered before them and arrive after them: messages of different controllers may
 * overtake each other. Needs epochs; of v1 messages nothing is remembered. */
#ifndef CUPOLA_CORE_DEA_INSTANCES_FENCES_H
#define CUPOLA_CORE_DEA_INSTANCES_FENCES_H

#include "core/proto/bus.pb-c.h"

#include <stdbool.h>
#include <stddef.h>

enum { DEA_FENCES = 256 }; /* What was stopped longer ago is left to the health manager. */

struct dea_fences {
    Cupola__DeaStop *stops[DEA_FENCES]; /* A ring. */
    size_t next;
};

/* Remembers the stop, if it concerns more than the instances it names. */
void dea_fences_add(struct dea_fences *fences, const Cupola__DeaStop *stop);
/* Whether the order is older than a stop that would have ended it. */
bool dea_fences_forbid(const struct dea_fences *fences, const Cupola__DeaStart *order);
void dea_fences_destroy(struct dea_fences *fences);

#endif
