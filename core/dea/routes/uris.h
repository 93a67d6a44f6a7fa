/* dea.update reaches only those who listen: a DEA that was away, or without a bus, asks a controller for the URIs of
 * what it runs, again and again until one answers. */
#ifndef CUPOLA_CORE_DEA_ROUTES_URIS_H
#define CUPOLA_CORE_DEA_ROUTES_URIS_H

#include "core/bus/client.h"

struct dea;

struct uris {
    struct bus_request request;
    struct timer again;
};

/* The bus is there, again: asks if anything runs here. */
void dea_uris_ask(struct dea *dea);
void dea_uris_close(struct uris *uris, struct machine *machine);

#endif
