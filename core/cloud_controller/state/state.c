/* The fold itself. */
#include "core/cloud_controller/state/state.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/wire/message.h"

#include <string.h>

static enum fold_result put_user(struct state *state, const Cupola__UserChange *change);
static enum fold_result delete_user(struct state *state, const Cupola__UserDeletion *deletion);
static enum fold_result put_app(struct state *state, const Cupola__AppChange *change, uint64_t now_ns,
                                struct difference *difference);
static enum fold_result delete_app(struct state *state, const Cupola__AppDeletion *deletion, uint64_t now_ns,
                                   struct difference *difference);
static enum fold_result order_starts(struct state *state, const Cupola__StartOrders *orders, uint64_t sequence,
                                     uint64_t now_ns);

enum fold_result cc_state_fold(struct state *state, uint64_t sequence, const Cupola__JournalEntry *entry,
                               uint64_t now_ns, struct difference *ret_difference)
{
    assert_that(sequence == state->head_sequence + 1);
    state->head_sequence = sequence;
    *ret_difference = (struct difference){.sequence = sequence, .previous = state->app_sequence};
    switch (entry->change_case) {
    case CUPOLA__JOURNAL_ENTRY__CHANGE_USER_PUT:
        return put_user(state, entry->user_put);
    case CUPOLA__JOURNAL_ENTRY__CHANGE_USER_DELETED:
        return delete_user(state, entry->user_deleted);
    case CUPOLA__JOURNAL_ENTRY__CHANGE_APP_PUT:
        return put_app(state, entry->app_put, now_ns, ret_difference);
    case CUPOLA__JOURNAL_ENTRY__CHANGE_APP_DELETED:
        return delete_app(state, entry->app_deleted, now_ns, ret_difference);
    case CUPOLA__JOURNAL_ENTRY__CHANGE_STARTS_ORDERED:
        return order_starts(state, entry->starts_ordered, sequence, now_ns);
    case CUPOLA__JOURNAL_ENTRY__CHANGE_OFFERING_PUT:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_OFFERING_DELETED:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_SERVICE_PUT:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_SERVICE_DELETED:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_LEFTOVER_PUT:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_LEFTOVER_GONE:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_HANDLE_CHANGED:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_BINDING_TOKEN_CHANGED:
        return cc_services_fold(state, entry) ? FOLD_OK : FOLD_MALFORMED;
    case CUPOLA__JOURNAL_ENTRY__CHANGE_SNAPSHOT_ORDERED:
        state->snapshot_sequence = sequence;
        return FOLD_OK;
    case CUPOLA__JOURNAL_ENTRY__CHANGE_APP_NOTED:
        return FOLD_OK; /* events.c */
    case CUPOLA__JOURNAL_ENTRY__CHANGE_SNAPSHOT_HEAD:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_SNAPSHOT_APP:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_SNAPSHOT_EVENT:
    case CUPOLA__JOURNAL_ENTRY__CHANGE__NOT_SET:
    case _CUPOLA__JOURNAL_ENTRY__CHANGE__CASE_IS_INT_SIZE:
        break;
    }
    return FOLD_MALFORMED;
}

struct user *cc_state_find_user(const struct state *state, const char *email)
{
    struct user *user = NULL;
    HASH_FIND(hh, state->users, email, strlen(email), user);
    return user;
}

struct app *cc_state_find_app(const struct state *state, int64_t id)
{
    struct app *app = NULL;
    HASH_FIND(hh, state->apps, &id, sizeof id, app);
    return app;
}

struct app *cc_state_find_owned(const struct state *state, const char *owner, const char *name)
{
    struct text path = {0};
    text_addf(&path, "%s %s", owner, name);
    struct app *app = NULL;
    HASH_FIND(hh_path, state->apps_by_path, text_string(&path), path.size, app);
    text_free(&path);
    return app;
}

bool cc_state_may_see(const struct app *app, const char *email)
{
    bool may = strcmp(app->value->owner, email) == 0;
    for (size_t i = 0; i < app->value->n_collaborators && !may; i++)
        may = strcmp(app->value->collaborators[i], email) == 0;
    return may;
}

struct app *cc_state_find_app_for(const struct state *state, const char *email, const char *name)
{
    struct app *app = cc_state_find_owned(state, email, name);
    if (app != NULL)
        return app;
    for (app = state->first_shared; app != NULL; app = app->links.following)
        if (strcmp(app->value->name, name) == 0 && cc_state_may_see(app, email))
            return app;
    return NULL;
}

/* ---- Users ---- */

static enum fold_result put_user(struct state *state, const Cupola__UserChange *change)
{
    const Cupola__JournalUser *value = change->user;
    if (value == NULL || value->email == NULL || value->password_hash == NULL)
        return FOLD_MALFORMED;
    struct user *user = cc_state_find_user(state, value->email);
    if (user != NULL) {
        HASH_DELETE(hh, state->users, user);
        cupola__journal_user__free_unpacked(user->value, NULL);
    } else {
        user = memory_new(sizeof *user);
    }
    user->value = message_copy(&value->base);
    HASH_ADD_KEYPTR(hh, state->users, user->value->email, strlen(user->value->email), user);
    return FOLD_OK;
}

static void free_user(struct state *state, struct user *user)
{
    HASH_DELETE(hh, state->users, user);
    cupola__journal_user__free_unpacked(user->value, NULL);
    memory_free(user);
}

/* A user's apps are deleted before the user, by entries of their own. */
static enum fold_result delete_user(struct state *state, const Cupola__UserDeletion *deletion)
{
    struct user *user = deletion->email == NULL ? NULL : cc_state_find_user(state, deletion->email);
    if (user == NULL || user->app_count != 0)
        return FOLD_MALFORMED;
    cc_services_fold_user_deleted(state, user->value->email);
    free_user(state, user);
    return FOLD_OK;
}

/* ---- Apps ---- */

static bool is_whole_update(const Cupola__JournalApp *value, const Cupola__JournalUpdate *update)
{
    return value->run_live && update->other != NULL && update->other->droplet_sha1 != NULL && update->surge >= 0 &&
           update->batch > 0 && update->first >= 0 && update->first <= value->instances;
}

static bool is_whole(const Cupola__JournalApp *value)
{
    return value != NULL && value->id > 0 && value->owner != NULL && value->name != NULL && value->framework != NULL &&
           value->runtime != NULL && value->nonce != NULL && value->instances >= 0 && value->run_count >= 0 &&
           (value->started || !value->run_live) && (!value->run_live || value->droplet_sha1 != NULL) &&
           (value->update == NULL || is_whole_update(value, value->update));
}

static bool same_uris(const Cupola__JournalApp *a, const Cupola__JournalApp *b)
{
    if (a->n_uris != b->n_uris)
        return false;
    for (size_t i = 0; i < a->n_uris; i++)
        if (strcmp(a->uris[i], b->uris[i]) != 0)
            return false;
    return true;
}

static void compare(const Cupola__JournalApp *old, const Cupola__JournalApp *new, struct difference *difference)
{
    difference->app_id = new->id;
    difference->uris_changed = old == NULL ? new->n_uris > 0 : !same_uris(old, new);
    if (old != NULL)
        cc_app_layout(old, &difference->before);
    cc_app_layout(new, &difference->after);
}

static enum fold_result put_app(struct state *state, const Cupola__AppChange *change, uint64_t now_ns,
                                struct difference *difference)
{
    const Cupola__JournalApp *value = change->app;
    struct user *owner = is_whole(value) ? cc_state_find_user(state, value->owner) : NULL;
    if (owner == NULL)
        return FOLD_MALFORMED;
    struct app *app = cc_state_find_app(state, value->id);
    compare(app == NULL ? NULL : app->value, value, difference);
    if (!cc_services_fold_app(state, app == NULL ? NULL : app->value, value))
        return FOLD_MALFORMED;
    if (app == NULL) {
        if (value->id <= state->last_app_id || cc_state_find_owned(state, value->owner, value->name) != NULL)
            return FOLD_MALFORMED;
        state->last_app_id = value->id;
        cc_refs_add(&state->refs, value);
        app = cc_app_new(value);
        HASH_ADD(hh, state->apps, id, sizeof app->id, app);
        HASH_ADD_KEYPTR(hh_path, state->apps_by_path, app->path, strlen(app->path), app);
        cc_lists_add(state, owner, app);
    } else {
        if (strcmp(app->value->owner, value->owner) != 0 || strcmp(app->value->name, value->name) != 0)
            return FOLD_MALFORMED;
        cc_app_assert_moves(app->value, value);
        cc_lists_before_change(state, app);
        cc_refs_add(&state->refs, value); /* First: what both refer to is not given up. */
        cc_refs_remove(&state->refs, app->value, now_ns);
        cc_app_replace_value(app, value);
        cc_lists_after_change(state, app);
    }
    app->changed_sequence = difference->sequence;
    if (difference->uris_changed)
        app->uris_sequence = difference->sequence;
    app->seen_at_ns = now_ns;
    cc_app_order_indices(app, difference, now_ns);
    state->app_sequence = difference->sequence;
    return FOLD_OK;
}

static void free_app(struct state *state, struct app *app)
{
    HASH_DELETE(hh, state->apps, app);
    HASH_DELETE(hh_path, state->apps_by_path, app);
    cc_app_free(app);
}

static enum fold_result delete_app(struct state *state, const Cupola__AppDeletion *deletion, uint64_t now_ns,
                                   struct difference *difference)
{
    struct app *app = cc_state_find_app(state, deletion->id);
    if (app == NULL)
        return FOLD_MALFORMED;
    struct user *owner = cc_state_find_user(state, app->value->owner);
    assert_that(owner != NULL);
    difference->app_id = app->id;
    difference->deleted = true;
    cc_app_layout(app->value, &difference->before);
    cc_refs_remove(&state->refs, app->value, now_ns);
    cc_services_fold_app(state, app->value, NULL);
    cc_lists_remove(state, owner, app);
    free_app(state, app);
    state->app_sequence = difference->sequence;
    return FOLD_OK;
}

/* Orders for what has changed meanwhile cannot be in the journal (compare-and-append), so every index is wanted. */
static enum fold_result order_starts(struct state *state, const Cupola__StartOrders *orders, uint64_t sequence,
                                     uint64_t now_ns)
{
    for (size_t i = 0; i < orders->n_orders; i++) {
        const Cupola__StartOrder *order = orders->orders[i];
        struct app *app = cc_state_find_app(state, order->app);
        if (app == NULL)
            return FOLD_MALFORMED;
        for (size_t j = 0; j < order->n_indices; j++) {
            int32_t index = order->indices[j];
            if (index < 0 || (size_t)index >= app->index_count)
                return FOLD_MALFORMED;
            app->indices[index].epoch = sequence;
            app->indices[index].ordered_at_ns = now_ns;
        }
    }
    return FOLD_OK;
}

/* ---- Snapshots ---- */

static enum fold_result load_head(struct state *state, const Cupola__SnapshotHead *head)
{
    state->head_sequence = head->sequence;
    state->app_sequence = head->app_sequence;
    state->snapshot_sequence = head->snapshot_sequence;
    return FOLD_OK;
}

/* As if it was created just now, but for what instances know: the epochs of their orders. */
static enum fold_result load_app(struct state *state, const Cupola__SnapshotApp *item)
{
    struct difference difference = {.sequence = item->changed_sequence};
    Cupola__AppChange change = CUPOLA__APP_CHANGE__INIT;
    change.app = item->app;
    uint64_t app_sequence = state->app_sequence;
    if (put_app(state, &change, 0, &difference) != FOLD_OK)
        return FOLD_MALFORMED;
    state->app_sequence = app_sequence;
    struct app *app = cc_state_find_app(state, item->app->id);
    if (app->index_count != item->n_epochs)
        return FOLD_MALFORMED;
    for (size_t i = 0; i < app->index_count; i++)
        app->indices[i].epoch = item->epochs[i];
    return FOLD_OK;
}

enum fold_result cc_state_load(struct state *state, const Cupola__JournalEntry *entry)
{
    switch (entry->change_case) {
    case CUPOLA__JOURNAL_ENTRY__CHANGE_SNAPSHOT_HEAD:
        return load_head(state, entry->snapshot_head);
    case CUPOLA__JOURNAL_ENTRY__CHANGE_SNAPSHOT_APP:
        return load_app(state, entry->snapshot_app);
    case CUPOLA__JOURNAL_ENTRY__CHANGE_USER_PUT:
        return put_user(state, entry->user_put);
    case CUPOLA__JOURNAL_ENTRY__CHANGE_OFFERING_PUT:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_SERVICE_PUT:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_LEFTOVER_PUT:
        return cc_services_load(state, entry) ? FOLD_OK : FOLD_MALFORMED;
    case CUPOLA__JOURNAL_ENTRY__CHANGE_USER_DELETED:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_APP_PUT:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_APP_DELETED:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_STARTS_ORDERED:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_OFFERING_DELETED:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_SERVICE_DELETED:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_LEFTOVER_GONE:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_HANDLE_CHANGED:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_BINDING_TOKEN_CHANGED:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_APP_NOTED:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_SNAPSHOT_ORDERED:
    case CUPOLA__JOURNAL_ENTRY__CHANGE_SNAPSHOT_EVENT:
    case CUPOLA__JOURNAL_ENTRY__CHANGE__NOT_SET:
    case _CUPOLA__JOURNAL_ENTRY__CHANGE__CASE_IS_INT_SIZE:
        break;
    }
    return FOLD_MALFORMED;
}

void cc_state_free(struct state *state)
{
    struct app *app, *next_app;
    HASH_ITER (hh, state->apps, app, next_app)
        free_app(state, app);
    struct user *user, *next_user;
    HASH_ITER (hh, state->users, user, next_user)
        free_user(state, user);
    cc_lists_free(state);
    cc_refs_free(&state->refs);
    cc_services_free(&state->services);
    *state = (struct state){0};
}
