#include "core/dea/instances/fences.h"

#include "core/wire/message.h"

#include <string.h>

enum { MOST_INDICES = 1024 }; /* Of a stop that is worth remembering. */

void dea_fences_add(struct dea_fences *fences, const Cupola__DeaStop *stop)
{
    if (stop->epoch <= 0 || stop->n_wanted_epochs > 0 || stop->n_instances > 0 || stop->n_states > 0 ||
        stop->n_indices > MOST_INDICES)
        return;
    Cupola__DeaStop **place = &fences->stops[fences->next];
    if (*place != NULL)
        cupola__dea_stop__free_unpacked(*place, NULL);
    *place = message_copy(&stop->base);
    fences->next = (fences->next + 1) % DEA_FENCES;
}

static bool is_index_meant(const Cupola__DeaStop *stop, int32_t index)
{
    for (size_t i = 0; i < stop->n_indices; i++)
        if (stop->indices[i] == index)
            return true;
    return stop->n_indices == 0;
}

/* A stop and the starts that are ordered by the same change bear the same epoch: those do not forbid each other. */
bool dea_fences_forbid(const struct dea_fences *fences, const Cupola__DeaStart *order)
{
    for (size_t i = 0; i < DEA_FENCES; i++) {
        const Cupola__DeaStop *stop = fences->stops[i];
        if (stop == NULL || order->epoch <= 0 || order->epoch >= stop->epoch || stop->droplet != order->droplet)
            continue;
        bool is_version_meant = stop->version == NULL || strcmp(stop->version, order->version) == 0;
        if (is_version_meant && is_index_meant(stop, order->index))
            return true;
    }
    return false;
}

void dea_fences_destroy(struct dea_fences *fences)
{
    for (size_t i = 0; i < DEA_FENCES; i++) {
        if (fences->stops[i] != NULL)
            cupola__dea_stop__free_unpacked(fences->stops[i], NULL);
        fences->stops[i] = NULL;
    }
}
