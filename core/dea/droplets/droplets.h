/* The droplets of this host: content named by its SHA-1, fetched once for all the instances that wait for it.
 *
 *   asked for --stat--> here                                                   (the waiting instances go on)
 *                  `--> downloading --digest is right--> here
 *                            `--failed, or wrong digest--> pause --> downloading ... until the attempts are used up
 *
 * What a controller sends is believed only if its digest is the name it was ordered under. Droplets that nobody runs
 * stay as a cache up to droplet_cache_mb; those unused for longest go first.
 */
#ifndef CUPOLA_CORE_DEA_DROPLETS_DROPLETS_H
#define CUPOLA_CORE_DEA_DROPLETS_DROPLETS_H

#include "core/base/map.h"
#include "core/http/client.h"
#include "core/machine/op.h"
#include "core/machine/timer.h"

struct dea;
struct droplet;
struct instance;

struct droplets {
    struct dea *dea;
    struct droplet *by_digest; /* Insertion order is age of use: the least recently used first. */
    uint64_t stored_bytes;
};

void dea_droplets_open(struct droplets *droplets, struct dea *dea);
/* Ends all downloads that are under way. */
void dea_droplets_cancel(struct droplets *droplets);
void dea_droplets_destroy(struct droplets *droplets);
/* dea_start_on_droplet or dea_start_give_up will be called for the instance, in a later step. */
void dea_droplets_want(struct droplets *droplets, struct instance *instance);
/* The instance goes away, or waits no more. Nothing if it does not wait. */
void dea_droplets_unwant(struct droplets *droplets, struct instance *instance);
/* A blob that was made here and is a droplet: kept as if it had been fetched. */
void dea_droplets_keep(struct droplets *droplets, const char *digest, uint64_t size);
/* The driver says that the droplet is not there or is damaged: forget it, so that it is fetched again. */
void dea_droplets_distrust(struct droplets *droplets, const char *digest);
/* The driver deletes the blob; nobody waits for it, and what is asked for afterwards is looked for again. */
void dea_droplets_delete_blob(struct dea *dea, const char *digest);

#endif
