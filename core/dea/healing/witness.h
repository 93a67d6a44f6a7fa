/* Looks for a health manager whether a suspect host answers us (dea.UUID.probe): three hosts see more than one.
 *
 * Limits: so many looks at once, each for so long; a question beyond that gets no answer, as one that was lost. */
#ifndef CUPOLA_CORE_DEA_HEALING_WITNESS_H
#define CUPOLA_CORE_DEA_HEALING_WITNESS_H

#include "core/bus/client.h"

struct dea;
struct look;

struct witness {
    struct look *looks; /* Under way. */
    uint32_t count;
};

void dea_witness_on_probe(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message);
/* Gives up what is under way. */
void dea_witness_close(struct witness *witness);
void dea_witness_destroy(struct dea *dea);

#endif
