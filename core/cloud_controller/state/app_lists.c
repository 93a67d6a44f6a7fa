#include "core/cloud_controller/state/app_lists.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/cloud_controller/state/state.h"

#include <string.h>

/* ---- Hosts ---- */

static struct host_use *find_host(const struct state *state, const char *host)
{
    struct host_use *use = NULL;
    HASH_FIND(hh, state->hosts, host, strlen(host), use);
    return use;
}

static void add_host(struct state *state, const char *host, struct app *app)
{
    struct host_use *use = find_host(state, host);
    if (use == NULL) {
        use = memory_new(sizeof *use);
        use->host = memory_copy_text(host);
        HASH_ADD_KEYPTR(hh, state->hosts, use->host, strlen(use->host), use);
    }
    use->apps = memory_room(use->apps, use->count, &use->capacity, sizeof(struct app *));
    use->apps[use->count++] = app;
}

static void free_host(struct state *state, struct host_use *use)
{
    HASH_DELETE(hh, state->hosts, use);
    memory_free(use->apps);
    memory_free(use->host);
    memory_free(use);
}

static void remove_host(struct state *state, const char *host, const struct app *app)
{
    struct host_use *use = find_host(state, host);
    assert_that(use != NULL);
    size_t place = 0;
    while (use->apps[place] != app)
        assert_that(++place < use->count);
    use->apps[place] = use->apps[--use->count];
    if (use->count == 0)
        free_host(state, use);
}

bool cc_lists_is_others(const struct state *state, const char *host, const char *owner)
{
    const struct host_use *use = find_host(state, host);
    for (size_t i = 0; use != NULL && i < use->count; i++)
        if (strcmp(use->apps[i]->value->owner, owner) != 0)
            return true;
    return false;
}

/* ---- Shared ones ---- */

/* They are few. */
static void link_shared(struct state *state, struct app *app)
{
    struct app *before = NULL, *behind = state->first_shared;
    while (behind != NULL && behind->id < app->id) {
        before = behind;
        behind = behind->links.following;
    }
    app->links.previous = before;
    app->links.following = behind;
    *(before == NULL ? &state->first_shared : &before->links.following) = app;
    if (behind != NULL)
        behind->links.previous = app;
}

static void unlink_shared(struct state *state, struct app *app)
{
    struct app *before = app->links.previous, *behind = app->links.following;
    *(before == NULL ? &state->first_shared : &before->links.following) = behind;
    if (behind != NULL)
        behind->links.previous = before;
}

/* ---- Changes ---- */

void cc_lists_before_change(struct state *state, struct app *app)
{
    for (size_t i = 0; i < app->value->n_uris; i++)
        remove_host(state, app->value->uris[i], app);
    if (app->value->n_collaborators > 0)
        unlink_shared(state, app);
}

void cc_lists_after_change(struct state *state, struct app *app)
{
    for (size_t i = 0; i < app->value->n_uris; i++)
        add_host(state, app->value->uris[i], app);
    if (app->value->n_collaborators > 0)
        link_shared(state, app);
}

/* Its id is the highest. */
void cc_lists_add(struct state *state, struct user *owner, struct app *app)
{
    assert_that(owner->last_app == NULL || owner->last_app->id < app->id);
    app->links.older = owner->last_app;
    *(owner->last_app == NULL ? &owner->first_app : &owner->last_app->links.newer) = app;
    owner->last_app = app;
    owner->app_count++;
    cc_lists_after_change(state, app);
}

void cc_lists_remove(struct state *state, struct user *owner, struct app *app)
{
    struct app *older = app->links.older, *newer = app->links.newer;
    assert_that(owner->app_count > 0);
    owner->app_count--;
    *(older == NULL ? &owner->first_app : &older->links.newer) = newer;
    *(newer == NULL ? &owner->last_app : &newer->links.older) = older;
    cc_lists_before_change(state, app);
}

void cc_lists_free(struct state *state)
{
    struct host_use *use, *next;
    HASH_ITER (hh, state->hosts, use, next)
        free_host(state, use);
}

/* ---- Looking ---- */

struct app *cc_lists_first_of(const struct state *state, const char *email)
{
    const struct user *user = cc_state_find_user(state, email);
    return user == NULL ? NULL : user->first_app;
}

/* The user's own are in the other list. */
static const struct app *skip_hidden(const struct app *shared, const char *email)
{
    while (shared != NULL && (strcmp(shared->value->owner, email) == 0 || !cc_state_may_see(shared, email)))
        shared = shared->links.following;
    return shared;
}

const struct app *cc_lists_next_visible(const struct state *state, struct visible_apps *cursor)
{
    if (!cursor->has_begun) {
        cursor->has_begun = true;
        cursor->own = cc_lists_first_of(state, cursor->email);
        cursor->shared = skip_hidden(state->first_shared, cursor->email);
    }
    const struct app *own = cursor->own, *shared = cursor->shared;
    if (own != NULL && (shared == NULL || own->id < shared->id)) {
        cursor->own = own->links.newer;
        return own;
    }
    if (shared != NULL)
        cursor->shared = skip_hidden(shared->links.following, cursor->email);
    return shared;
}
