/* A look inside for the simulator's checks. Reads only; what it returns is lent until the next step. */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_VIEW_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_VIEW_H

#include "core/machine/machine.h"

struct controller_app_view {
    int64_t id;
    const char *owner;
    const char *name;
    const char *package; /* Digests, or NULL. */
    const char *droplet;
    const char *state; /* STARTED, STOPPED */
    bool is_live;      /* A run of the droplet was ordered: instances should be there. */
    int32_t instances;
    int32_t memory_mb;
    char version[80];
    char *const *uris;
    size_t uri_count;
};

/* `machine` is a cloud controller. */
size_t controller_view_app_count(const struct machine *machine);
/* In the order of their ids. */
void controller_view_app(const struct machine *machine, size_t place, struct controller_app_view *ret_view);
/* False if there is no such app. */
bool controller_view_find_app(const struct machine *machine, const char *name, struct controller_app_view *ret_view);
uint64_t controller_view_head_sequence(const struct machine *machine);
bool controller_view_is_caught_up(const struct machine *machine);
/* Requests, changes, stagings and placements that are under way. */
size_t controller_view_pending_count(const struct machine *machine);
/* The epoch under which an index was ordered last; 0: it is not wanted. */
uint64_t controller_view_epoch(const struct machine *machine, int64_t app_id, int32_t index);

/* Whether any app refers to that package or droplet. */
bool controller_view_needs_blob(const struct machine *machine, const char *digest);

/* Each service that was made for somebody (`handle` is NULL) and each binding of one, by their names at the gateway. */
void controller_view_each_handle(const struct machine *machine,
                                 void (*act)(void *context, const char *label, const char *service_id,
                                             const char *handle),
                                 void *context);
/* Whether anybody has a service of that name; with `app`, whether it is bound to the app of that name. */
bool controller_view_has_service(const struct machine *machine, const char *app, const char *service);
/* What is still to be deleted at gateways. */
size_t controller_view_leftover_count(const struct machine *machine);

#endif
