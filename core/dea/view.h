/* A DEA as checks see it, read-only, between two steps. Texts are lent until the next step. */
#ifndef CUPOLA_CORE_DEA_VIEW_H
#define CUPOLA_CORE_DEA_VIEW_H

#include "core/machine/machine.h"

struct dea_view {
    const char *uuid; /* "" before it has one. */
    bool is_connected;
    bool is_evacuating; /* Or ending already. */
    uint64_t reserved_mb;
    uint64_t max_mb;
    size_t instance_count; /* Of any state. */
    const char *life;
    uint64_t granted_until_ns; /* Singletons may run until then, by its own clock. 0: never granted. */
};

struct dea_instance_view {
    const char *instance;
    int64_t droplet;
    const char *version;
    int32_t index;
    int64_t epoch;     /* 0: none. */
    const char *state; /* STARTING, RUNNING, CRASHED; "STOPPED" for one whose end is told but not complete. */
    const char *phase; /* FETCHING, LAUNCHING, ...: see instance.h. */
    uint16_t port;
    uint32_t memory_mb;
    bool holds_memory;
    bool is_registered;  /* The routers were told of it, and not of its end. */
    bool is_surrendered; /* Evacuating: serves until it is replaced. */
};

/* `machine` must be of dea_class. */
void dea_view(const struct machine *machine, struct dea_view *ret_view);
/* The next instance in order of arrival: start with *at = NULL; false when there is none. */
bool dea_view_next(const struct machine *machine, const void **at, struct dea_instance_view *ret_view);

#endif
