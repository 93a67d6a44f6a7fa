/* One app: what its journalled value means, and which changes of it make sense.
 *
 * Its package:                                             Its run:
 *
 *   NONE --upload--> PENDING --staged--> STAGED              STOPPED --start--> LIVE        (a staged droplet exists)
 *   PENDING --upload--> PENDING                              STOPPED --start--> WAITING     (it does not)
 *   PENDING, FAILED --failed--> FAILED                       WAITING --staged--> LIVE
 *   FAILED --staged--> STAGED                                LIVE --staged anew, updated--> LIVE
 *   FAILED, STAGED --upload--> PENDING                       WAITING, LIVE --stop, staging failed--> STOPPED
 *
 * A live run may have a rolling update under way (runs.h).
 */
#include "core/cloud_controller/state/state.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/wire/message.h"

#include <stdio.h>
#include <string.h>

enum { PACKAGE_STATES = 4, RUN_STATES = 4 };

#define NONE CUPOLA__PACKAGE_STATE__PACKAGE_NONE
#define PENDING CUPOLA__PACKAGE_STATE__PACKAGE_PENDING
#define STAGED CUPOLA__PACKAGE_STATE__PACKAGE_STAGED
#define FAILED CUPOLA__PACKAGE_STATE__PACKAGE_FAILED

/* Staying is always allowed. */
static const bool package_moves[PACKAGE_STATES][PACKAGE_STATES] = {
    [NONE] = {[NONE] = true, [PENDING] = true},
    [PENDING] = {[PENDING] = true, [STAGED] = true, [FAILED] = true},
    [STAGED] = {[STAGED] = true, [PENDING] = true},
    [FAILED] = {[FAILED] = true, [STAGED] = true, [PENDING] = true},
};
static const bool run_moves[RUN_STATES][RUN_STATES] = {
    [RUN_STOPPED] = {[RUN_STOPPED] = true, [RUN_WAITING] = true, [RUN_LIVE] = true},
    [RUN_WAITING] = {[RUN_WAITING] = true, [RUN_LIVE] = true, [RUN_STOPPED] = true},
    [RUN_LIVE] = {[RUN_LIVE] = true, [RUN_STOPPED] = true},
};

enum run_state cc_app_run_state(const Cupola__JournalApp *value)
{
    if (!value->started)
        return RUN_STOPPED;
    return value->run_live ? RUN_LIVE : RUN_WAITING;
}

void cc_app_assert_moves(const Cupola__JournalApp *from, const Cupola__JournalApp *to)
{
    assert_that(from->id == to->id);
    assert_that(package_moves[from->package_state][to->package_state]);
    assert_that(run_moves[cc_app_run_state(from)][cc_app_run_state(to)]);
    assert_that(to->started || !to->run_live);
    assert_that(!to->run_live || to->droplet_sha1 != NULL);
    assert_that(to->run_count >= 0);
    assert_that(to->update == NULL || to->run_live);
}

void cc_app_version(const Cupola__JournalApp *value, char ret_version[VERSION_CAPACITY])
{
    const char *stem = value->droplet_sha1;
    if (stem == NULL)
        stem = value->package_sha1 != NULL ? value->package_sha1 : value->nonce;
    snprintf(ret_version, VERSION_CAPACITY, "%.40s-%lld", stem, (long long)value->run_count);
}

bool cc_app_has_version(const Cupola__JournalApp *value, const char *version)
{
    char current[VERSION_CAPACITY];
    cc_app_version(value, current);
    return version != NULL && strcmp(version, current) == 0;
}

bool cc_app_needs_staging(const Cupola__JournalApp *value)
{
    return value->package_sha1 != NULL && value->package_state != STAGED;
}

const char *cc_app_package_name(const Cupola__JournalApp *value)
{
    static const char *const names[PACKAGE_STATES] = {
        [NONE] = "NONE", [PENDING] = "PENDING", [STAGED] = "STAGED", [FAILED] = "FAILED"};
    return names[value->package_state];
}

const char *cc_app_state_name(const Cupola__JournalApp *value)
{
    return value->started ? "STARTED" : "STOPPED";
}

/* ---- Layouts ---- */

const char *cc_layout_version(const struct layout *layout, int32_t index)
{
    if (index < 0 || index >= layout->count)
        return NULL;
    return index >= layout->old_first && index < layout->old_end ? layout->old_version : layout->version;
}

void cc_app_layout(const Cupola__JournalApp *value, struct layout *ret_layout)
{
    *ret_layout = (struct layout){0};
    if (!value->run_live)
        return;
    const Cupola__JournalUpdate *update = value->update;
    ret_layout->count = value->instances + (update == NULL ? 0 : update->surge);
    cc_app_version(value, ret_layout->version);
    if (update == NULL)
        return;
    ret_layout->old_first = update->is_return ? 0 : update->first;
    ret_layout->old_end = update->is_return ? update->first : value->instances;
    snprintf(ret_layout->old_version, VERSION_CAPACITY, "%.40s-%lld", update->other->droplet_sha1,
             (long long)update->other->run_count);
}

/* ---- Folded ---- */

struct app *cc_app_new(const Cupola__JournalApp *value)
{
    struct app *app = memory_new(sizeof *app);
    app->id = value->id;
    app->value = message_copy(&value->base);
    app->healthy = -1;
    struct text path = {0};
    text_addf(&path, "%s %s", value->owner, value->name);
    app->path = memory_copy_text(text_string(&path));
    text_free(&path);
    return app;
}

void cc_app_replace_value(struct app *app, const Cupola__JournalApp *value)
{
    Cupola__JournalApp *copy = message_copy(&value->base);
    cupola__journal_app__free_unpacked(app->value, NULL);
    app->value = copy;
}

void cc_app_free(struct app *app)
{
    cupola__journal_app__free_unpacked(app->value, NULL);
    memory_free(app->indices);
    memory_free(app->path);
    memory_free(app);
}

/* Gives every index that the change has ordered to start its epoch, and forgets those that are wanted no more. */
void cc_app_order_indices(struct app *app, const struct difference *difference, uint64_t now_ns)
{
    size_t count = (size_t)difference->after.count;
    app->indices = memory_grow(app->indices, app->index_count * sizeof *app->indices, count * sizeof *app->indices);
    for (size_t i = 0; i < count; i++) {
        const char *before = cc_layout_version(&difference->before, (int32_t)i);
        if (before != NULL && strcmp(before, cc_layout_version(&difference->after, (int32_t)i)) == 0)
            continue;
        app->indices[i].epoch = difference->sequence;
        app->indices[i].ordered_at_ns = now_ns;
    }
    app->index_count = count;
}
