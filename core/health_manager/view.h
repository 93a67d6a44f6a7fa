/* A health manager as checks see it, read-only, between two steps. Texts are lent until the next step. */
#ifndef CUPOLA_CORE_HEALTH_MANAGER_VIEW_H
#define CUPOLA_CORE_HEALTH_MANAGER_VIEW_H

#include "core/machine/machine.h"

struct hm_view {
    bool is_connected;
    bool knows_desired; /* A whole scan of what should run has succeeded. */
    bool is_fresh;      /* And nothing says that it is out of date, and silence would mean something. */
    int64_t sequence;   /* Of the last change that it knows. */
    uint64_t scans;     /* How often all pages were read. */
    size_t desired_apps;
    bool speaks; /* Of several health managers one does. */
    uint32_t hosts, fresh_hosts;
    uint32_t lines;          /* Connections to lease ports, those under way among them. */
    uint64_t start_requests; /* Indices it asked to be started, ever. */
    uint64_t stop_requests;  /* Instances it asked to be stopped, ever. */
};

struct hm_app_view {
    int64_t droplet;
    const char *version;
    bool is_desired;
    size_t wanted; /* Indices; 0 while it is stopped. */
    size_t running;
    size_t starting;
    size_t down; /* With those of which nothing is known. */
    size_t flapping;
    size_t strays; /* Instances that should not run. */
};

struct hm_index_view {
    const char *state;    /* UNKNOWN, DOWN, STARTING, RUNNING, FLAPPING */
    const char *instance; /* "" while nothing is heard. */
    int64_t epoch;
    uint32_t crashes; /* In a row. */
};

/* `machine` must be of health_manager_class. */
void hm_view(const struct machine *machine, struct hm_view *ret_view);
/* false: it does not know the app, or the app has no such index. */
bool hm_view_app(const struct machine *machine, int64_t droplet, struct hm_app_view *ret_view);
bool hm_view_index(const struct machine *machine, int64_t droplet, size_t index, struct hm_index_view *ret_view);

/* FRESH, SUSPECT, STALLED, AGENTLESS, LOST, or NONE (also of a DEA that it does not know). Static. */
const char *hm_view_host_state(const struct machine *machine, const char *dea);

#endif
