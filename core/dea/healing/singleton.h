/* Singletons run only while a health manager grants it (lease.h): when the grant ends, they end, and may be replaced
 * elsewhere a good while later. Where no grant was ever heard of (v1), they are like others. */
#ifndef CUPOLA_CORE_DEA_HEALING_SINGLETON_H
#define CUPOLA_CORE_DEA_HEALING_SINGLETON_H

#include "core/machine/timer.h"

struct dea;

struct singleton {
    struct timer timer;
    bool was_granted; /* By a health manager, in this life or a former one. */
    bool has_any;     /* There was one in this life: without it nobody needs to look at each grant. */
};

/* A new life: survivors may run until a health manager had time to ping. */
void dea_singleton_begin(struct dea *dea);
void dea_singleton_on_grant(struct dea *dea);
bool dea_singleton_may_run(const struct dea *dea);
/* There may be one to watch. */
void dea_singleton_review(struct dea *dea);

#endif
