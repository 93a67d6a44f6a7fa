/* Who may connect to the bus, and what each may say and hear. For core/bus only.
 *
 * A rule is a pattern of subjects. With rules that allow, only what lies within one of them is allowed; what a rule
 * that denies touches is not. Beside that, everybody may publish to inboxes (answers), and nobody with rules may name a
 * reply subject that is neither an inbox nor allowed to it: else others would say for him what he must not.
 */
#ifndef CUPOLA_CORE_BUS_SERVER_USERS_H
#define CUPOLA_CORE_BUS_SERVER_USERS_H

#include "core/proto/config.pb-c.h"
#include "core/proto/nats.pb-c.h"
#include "core/wire/nats.h"
#include "core/wire/nats/nkey.h"

struct machine;

enum { BUS_USER_CACHE = 256 };

struct bus_rules {
    char **allow;
    size_t allow_count; /* 0: everything that is not denied. */
    char **deny;
    size_t deny_count;
};

struct bus_user {
    char *name;     /* NULL: any. */
    char *password; /* NULL: any. */
    uint8_t nkey[NATS_NKEY_SIZE];
    bool has_nkey;
    bool is_limited;      /* Has rules. */
    bool literal_inboxes; /* Subscribes to inboxes one by one only, so that it cannot listen to others' answers. */
    struct bus_rules publish, subscribe;
    uint64_t allowed[BUS_USER_CACHE]; /* Hashes of subjects that it may publish to; 0: none. */
    uint64_t violations;
};

struct bus_users {
    struct bus_user *at;
    size_t count; /* 0: everyone is let in. */
    char *token;
    uint64_t salt;
};

/* Reads the configuration. False, and a line in the log, if it makes no sense. */
bool bus_users_open(struct bus_users *users, struct machine *machine, const Cupola__BusServerConfig *config);
void bus_users_free(struct bus_users *users);
/* Whether a CONNECT must name somebody. */
bool bus_users_are_needed(const struct bus_users *users);
/* Whether one of them has an nkey, so that a nonce is of use. */
bool bus_users_have_nkeys(const struct bus_users *users);
/* True if the CONNECT shows that it may come in. *ret_user is who it is, or NULL where that does not matter. */
bool bus_users_admit(const struct bus_users *users, const Cupola__NatsConnect *connect, const char *nonce,
                     struct bus_user **ret_user);

/* `user` may be NULL: then all is allowed. */
bool bus_user_may_publish(const struct bus_users *users, struct bus_user *user, struct nats_text subject,
                          struct nats_text reply);
bool bus_user_may_subscribe(const struct bus_user *user, struct nats_text pattern);

/* A text against a secret, in a time that tells nothing of where they differ. NULL as `wanted`: any. */
bool bus_secret_is(const char *given, const char *wanted);

/* profiles.c: the rules of a component by its name, as in the table there; NULL if there is none. */
struct bus_profile {
    const char *name;
    const char *const *publish, *const *publish_not; /* Ended by NULL. */
    const char *const *subscribe;
};
const struct bus_profile *bus_profile_find(const char *name);

#endif
