/* Services, as the journal says: what gateways offer, what they have made for users, and what of it nobody wants.
 *
 * A binding that vanishes from an app, in whatever way, becomes a leftover in the same fold, and so does a service that
 * is deleted: no step between "not bound any more" and "to be unbound at the gateway" can get lost.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_STATE_SERVICES_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_STATE_SERVICES_H

#include "core/base/map.h"
#include "core/io.h"
#include "core/proto/journal.pb-c.h"

#include <stdbool.h>
#include <stddef.h>

struct state;

struct offering {
    Cupola__JournalOffering *value;
    UT_hash_handle hh; /* By label. */
};

struct service {
    int64_t id;
    Cupola__JournalService *value;
    UT_hash_handle hh; /* By id. */
};

struct leftover {
    Cupola__JournalLeftover *value;
    uint64_t retry_ns;         /* Cache: not before then. */
    uint64_t unknown_since_ns; /* Cache: its gateway says since then that it knows of none; 0: it does not. */
    struct leftover *next;
};

struct services {
    struct offering *offerings;
    struct service *by_id;
    int64_t last_service_id;
    struct leftover *leftovers; /* The oldest first. */
    int64_t last_leftover_id;
};

/* NULL if there is none. */
struct offering *cc_offering_find(const struct state *state, const char *label);
struct service *cc_service_find(const struct state *state, int64_t id);
struct service *cc_service_find_named(const struct state *state, const char *owner, const char *name);
struct service *cc_service_find_at_gateway(const struct state *state, const char *label, const char *service_id);
/* By the gateway's name, among the services of one owner. */
struct service *cc_service_find_owned(const struct state *state, const char *owner, const char *service_id);
/* By name, among those that the app has, whoever owns them, and then among those of its owner. */
struct service *cc_service_find_for(const struct state *state, const Cupola__JournalApp *value, const char *name);
/* The service that a binding token is for, and its options, lent. */
struct service *cc_binding_token_find(const struct state *state, const char *token, const char **ret_options);
size_t cc_service_count(const struct state *state, const char *owner);
/* The app's binding to that service, or NULL. */
const Cupola__JournalBinding *cc_binding_find(const Cupola__JournalApp *value, int64_t service);
/* Something that a gateway has made, lent. */
struct made_thing {
    const char *label;
    const char *service_id;
    const char *handle;                      /* NULL: it is the service itself. */
    const char *configuration, *credentials; /* JSON; NULL: not known. */
    bool is_left;                            /* Nobody has it any more, and the gateway still does. */
};
/* Services, bindings, leftovers. */
void cc_services_each_made(const struct state *state, void (*act)(void *context, const struct made_thing *thing),
                           void *context);
/* "redis" of "redis-2.2", and where the version begins. */
size_t cc_label_name_size(const char *label);
const char *cc_label_version(const char *label);
/* v1's: "database", "key-value" or "generic". Static. */
const char *cc_label_type(const char *label);

/* ---- The fold (state.c) ---- */

/* Entries about services. False: malformed. */
bool cc_services_fold(struct state *state, const Cupola__JournalEntry *entry);
/* An app changes from one value to another (NULL: it is deleted). False: it binds what is not there. */
bool cc_services_fold_app(struct state *state, const Cupola__JournalApp *old, const Cupola__JournalApp *new);
void cc_services_fold_user_deleted(struct state *state, const char *email);
/* One of those entries as it stands in a snapshot. False: malformed. */
bool cc_services_load(struct state *state, const Cupola__JournalEntry *entry);
void cc_services_free(struct services *services);

#endif
