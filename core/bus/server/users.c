#include "core/bus/server/users.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/base/random.h"
#include "core/machine/machine.h"

#include <string.h>

/* ---- Reading the configuration ---- */

static char **copy_list(char *const *list, size_t count)
{
    char **copy = memory_new((count + 1) * sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = memory_copy_text(list[i]);
    return copy;
}

static void free_list(char **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        memory_free(list[i]);
    memory_free(list);
}

static size_t count_list(const char *const *list)
{
    size_t count = 0;
    while (list[count] != NULL)
        count++;
    return count;
}

static void set_allow(struct bus_rules *rules, char *const *list, size_t count)
{
    free_list(rules->allow, rules->allow_count);
    rules->allow = copy_list(list, count);
    rules->allow_count = count;
}

static void set_deny(struct bus_rules *rules, char *const *list, size_t count)
{
    free_list(rules->deny, rules->deny_count);
    rules->deny = copy_list(list, count);
    rules->deny_count = count;
}

static void use_profile(struct bus_user *user, const struct bus_profile *profile)
{
    user->is_limited = true;
    user->literal_inboxes = true;
    set_allow(&user->publish, (char *const *)profile->publish, count_list(profile->publish));
    set_deny(&user->publish, (char *const *)profile->publish_not, count_list(profile->publish_not));
    set_allow(&user->subscribe, (char *const *)profile->subscribe, count_list(profile->subscribe));
}

static bool are_valid(char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!nats_subject_is_valid(nats_text_of(list[i])))
            return false;
    }
    return true;
}

/* False if a pattern in it is none. */
static bool use_permission(struct bus_user *user, struct bus_rules *rules, const Cupola__BusPermission *permission)
{
    if (permission == NULL)
        return true;
    user->is_limited = true;
    set_allow(rules, permission->allow, permission->n_allow);
    set_deny(rules, permission->deny, permission->n_deny);
    return are_valid(rules->allow, rules->allow_count) && are_valid(rules->deny, rules->deny_count);
}

/* What is wrong with it, or NULL. */
static const char *read_user(struct bus_user *user, const Cupola__BusUser *config)
{
    user->name = memory_copy_text(config->user);
    user->password = memory_copy_text(config->password);
    if (config->nkey != NULL) {
        user->has_nkey = nats_nkey_read(config->nkey, user->nkey);
        if (!user->has_nkey)
            return "the nkey is no public key of a user";
    } else if (config->user == NULL || config->password == NULL) {
        return "neither user and password nor nkey";
    }
    if (config->profile != NULL) {
        const struct bus_profile *profile = bus_profile_find(config->profile);
        if (profile == NULL)
            return "unknown profile";
        use_profile(user, profile);
    }
    if (!use_permission(user, &user->publish, config->publish) ||
        !use_permission(user, &user->subscribe, config->subscribe))
        return "a permission is not a pattern of subjects";
    return NULL;
}

bool bus_users_open(struct bus_users *users, struct machine *machine, const Cupola__BusServerConfig *config)
{
    users->salt = random_mix(machine->seed, 2);
    users->token = memory_copy_text(config->token);
    users->at = memory_new((config->n_users + 1) * sizeof *users->at);
    if (config->user != NULL || config->password != NULL) {
        struct bus_user *user = &users->at[users->count++];
        user->name = memory_copy_text(config->user);
        user->password = memory_copy_text(config->password);
    }
    for (size_t i = 0; i < config->n_users; i++) {
        const char *complaint = read_user(&users->at[users->count++], config->users[i]);
        if (complaint != NULL) {
            machine_log(machine, LOG_ERROR, "bus_server.users[%d]: %s", (int)i, complaint);
            return false;
        }
    }
    return true;
}

void bus_users_free(struct bus_users *users)
{
    for (size_t i = 0; i < users->count; i++) {
        struct bus_user *user = &users->at[i];
        memory_free(user->name);
        memory_free(user->password);
        free_list(user->publish.allow, user->publish.allow_count);
        free_list(user->publish.deny, user->publish.deny_count);
        free_list(user->subscribe.allow, user->subscribe.allow_count);
        free_list(user->subscribe.deny, user->subscribe.deny_count);
    }
    memory_free(users->at);
    memory_free(users->token);
    *users = (struct bus_users){0};
}

/* ---- Who is let in ---- */

bool bus_secret_is(const char *given, const char *wanted)
{
    if (wanted == NULL)
        return true;
    if (given == NULL)
        return false;
    size_t given_size = strlen(given);
    size_t wanted_size = strlen(wanted);
    unsigned difference = given_size != wanted_size;
    for (size_t i = 0; i < given_size; i++)
        difference |= (unsigned)(given[i] ^ wanted[wanted_size > 0 ? i % wanted_size : 0]);
    return difference == 0;
}

bool bus_users_are_needed(const struct bus_users *users)
{
    return users->count > 0 || users->token != NULL;
}

bool bus_users_have_nkeys(const struct bus_users *users)
{
    for (size_t i = 0; i < users->count; i++) {
        if (users->at[i].has_nkey)
            return true;
    }
    return false;
}

static bool is_user(const struct bus_user *user, const Cupola__NatsConnect *connect, const uint8_t *key,
                    const char *nonce)
{
    if (user->has_nkey)
        return key != NULL && memcmp(key, user->nkey, NATS_NKEY_SIZE) == 0 &&
               nats_nkey_verify(user->nkey, nonce, connect->sig);
    return bus_secret_is(connect->user, user->name) && bus_secret_is(connect->pass, user->password);
}

bool bus_users_admit(const struct bus_users *users, const Cupola__NatsConnect *connect, const char *nonce,
                     struct bus_user **ret_user)
{
    *ret_user = NULL;
    if (!bus_users_are_needed(users))
        return true;
    if (users->token != NULL && bus_secret_is(connect->auth_token, users->token))
        return true;
    uint8_t key[NATS_NKEY_SIZE];
    bool has_key = connect->nkey != NULL && connect->sig != NULL && nats_nkey_read(connect->nkey, key);
    for (size_t i = 0; i < users->count; i++) {
        if (is_user(&users->at[i], connect, has_key ? key : NULL, nonce)) {
            *ret_user = &users->at[i];
            return true;
        }
    }
    return false;
}

/* ---- What is allowed ---- */

static bool are_allowed(const struct bus_rules *rules, struct nats_text pattern)
{
    for (size_t i = 0; i < rules->deny_count; i++) {
        if (nats_subject_overlaps(nats_text_of(rules->deny[i]), pattern))
            return false;
    }
    for (size_t i = 0; i < rules->allow_count; i++) {
        if (nats_subject_covers(nats_text_of(rules->allow[i]), pattern))
            return true;
    }
    return rules->allow_count == 0;
}

static bool is_inbox(struct nats_text subject)
{
    static const char prefix[] = "_INBOX.";
    return subject.size >= sizeof prefix && memcmp(subject.data, prefix, sizeof prefix - 1) == 0;
}

/* Remembers what was allowed, so that the rules are not walked for every message. */
static bool may_say(const struct bus_users *users, struct bus_user *user, struct nats_text subject)
{
    if (is_inbox(subject))
        return true;
    uint64_t hash = random_hash(users->salt, subject.data, subject.size);
    uint64_t *known = &user->allowed[hash % BUS_USER_CACHE];
    if (*known == hash && hash != 0)
        return true;
    if (!are_allowed(&user->publish, subject))
        return false;
    *known = hash;
    return true;
}

bool bus_user_may_publish(const struct bus_users *users, struct bus_user *user, struct nats_text subject,
                          struct nats_text reply)
{
    if (user == NULL || !user->is_limited)
        return true;
    return may_say(users, user, subject) && (reply.size == 0 || may_say(users, user, reply));
}

bool bus_user_may_subscribe(const struct bus_user *user, struct nats_text pattern)
{
    if (user == NULL || !user->is_limited)
        return true;
    if (user->literal_inboxes && is_inbox(pattern))
        return nats_subject_is_literal(pattern);
    return are_allowed(&user->subscribe, pattern);
}
