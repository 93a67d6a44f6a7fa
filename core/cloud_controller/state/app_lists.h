/* Ways to apps that need no search through all of them: by owner, by who is let in, by host.
 *
 * Invariant: each app is in the list of its owner; in the list of shared ones exactly if it has collaborators; and in
 * the entry of each of its hosts. The lists are in the order of the ids.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_STATE_APP_LISTS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_STATE_APP_LISTS_H

#include "core/base/map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct app;
struct state;
struct user;

/* The apps that one host leads to. */
struct host_use {
    char *host;
    struct app **apps;
    size_t count, capacity;
    UT_hash_handle hh;
};

/* Its place in the lists. */
struct app_links {
    struct app *older, *newer;        /* Of the same owner. */
    struct app *previous, *following; /* Among those that are shared. */
};

/* A new app, whose owner that is; and its end. */
void cc_lists_add(struct state *state, struct user *owner, struct app *app);
void cc_lists_remove(struct state *state, struct user *owner, struct app *app);
/* Around a change of its value. */
void cc_lists_before_change(struct state *state, struct app *app);
void cc_lists_after_change(struct state *state, struct app *app);

/* The first app of a user, or NULL; the others by links.newer. */
struct app *cc_lists_first_of(const struct state *state, const char *email);
/* Apps of an owner and those that others have let them in to, in the order of their ids. Zeroed at first, but for
 * `email`; NULL at the end. */
struct visible_apps {
    const char *email;
    bool has_begun;
    const struct app *own, *shared;
};
const struct app *cc_lists_next_visible(const struct state *state, struct visible_apps *cursor);
/* Whether the host leads to an app of somebody else. */
bool cc_lists_is_others(const struct state *state, const char *host, const char *owner);
void cc_lists_free(struct state *state);

#endif
