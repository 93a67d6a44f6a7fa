#include "core/cloud_controller/state/runs.h"

#include "core/base/assert.h"
#include "core/base/mutation.h"

#include <stdio.h>
#include <string.h>

static const int32_t default_batch_percent = 25;

/* ---- One run ---- */

/* The run that the app's own fields describe. Points into the value. */
static Cupola__JournalRun current_run(const Cupola__JournalApp *value)
{
    Cupola__JournalRun run = CUPOLA__JOURNAL_RUN__INIT;
    run.has_revision = run.has_droplet_bytes = run.has_run_count = true;
    run.has_memory_mb = run.has_disk_mb = run.has_descriptors = true;
    run.revision = value->revision;
    run.droplet_sha1 = value->droplet_sha1;
    run.droplet_bytes = value->droplet_bytes;
    run.droplet_holder = value->droplet_holder;
    run.run_count = value->run_count;
    run.framework = value->framework;
    run.runtime = value->runtime;
    run.command = value->command;
    run.memory_mb = value->memory_mb;
    run.disk_mb = value->disk_mb;
    run.descriptors = value->descriptors;
    run.env = value->env;
    run.n_env = value->n_env;
    return run;
}

Cupola__JournalRun cc_run_of_index(const Cupola__JournalApp *value, int32_t index)
{
    struct layout layout;
    cc_app_layout(value, &layout);
    if (value->update != NULL && index >= layout.old_first && index < layout.old_end)
        return *value->update->other;
    return current_run(value);
}

void cc_run_adopt(Cupola__JournalApp *value, const Cupola__JournalRun *run)
{
    value->has_revision = value->has_droplet_bytes = value->has_run_count = true;
    value->has_memory_mb = value->has_disk_mb = value->has_descriptors = true;
    value->revision = run->revision;
    value->droplet_sha1 = run->droplet_sha1;
    value->droplet_bytes = run->droplet_bytes;
    value->droplet_holder = run->droplet_holder;
    value->run_count = run->run_count;
    value->framework = run->framework;
    value->runtime = run->runtime;
    value->command = run->command;
    value->memory_mb = run->memory_mb;
    value->disk_mb = run->disk_mb;
    value->descriptors = run->descriptors;
    value->env = run->env;
    value->n_env = run->n_env;
}

const Cupola__JournalRun *cc_run_find_revision(const Cupola__JournalApp *value, int64_t revision)
{
    for (size_t i = 0; i < value->n_revisions; i++)
        if (value->revisions[i]->revision == revision)
            return value->revisions[i];
    return NULL;
}

/* ---- Revisions ---- */

static bool same_text(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

static bool makes_the_same(const Cupola__JournalRun *a, const Cupola__JournalRun *b)
{
    bool same = same_text(a->droplet_sha1, b->droplet_sha1) && same_text(a->framework, b->framework) &&
                same_text(a->runtime, b->runtime) && same_text(a->command, b->command) &&
                a->memory_mb == b->memory_mb && a->disk_mb == b->disk_mb && a->descriptors == b->descriptors &&
                a->n_env == b->n_env;
    for (size_t i = 0; same && i < a->n_env; i++)
        same = strcmp(a->env[i], b->env[i]) == 0;
    return same;
}

/* The same again: its number of runs counts on from here when somebody goes back to it. */
static void refresh_revision(struct run_draft *draft, Cupola__JournalApp *value, const Cupola__JournalRun *known)
{
    draft->added = *known;
    draft->added.run_count = value->run_count;
    for (size_t i = 0; i < value->n_revisions; i++)
        draft->revisions[i] = value->revisions[i] == known ? &draft->added : value->revisions[i];
    value->revisions = draft->revisions;
}

/* A run that differs from what the current revision says is a new one; the oldest makes room. */
static void note_revision(struct run_draft *draft, Cupola__JournalApp *value, const char *reason)
{
    Cupola__JournalRun run = current_run(value);
    const Cupola__JournalRun *known = cc_run_find_revision(value, value->revision);
    if (known != NULL && makes_the_same(known, &run)) {
        refresh_revision(draft, value, known);
        return;
    }
    size_t first = value->n_revisions < MAX_REVISIONS ? 0 : value->n_revisions - MAX_REVISIONS + 1;
    int64_t last = value->n_revisions == 0 ? 0 : value->revisions[value->n_revisions - 1]->revision;
    size_t count = 0;
    for (size_t i = first; i < value->n_revisions; i++)
        draft->revisions[count++] = value->revisions[i];
    draft->added = run;
    draft->added.revision = last + 1;
    draft->added.has_at_s = true;
    draft->added.at_s = draft->now_s;
    draft->added.reason = (char *)(uintptr_t)reason;
    draft->revisions[count++] = &draft->added;
    value->revisions = draft->revisions;
    value->n_revisions = count;
    value->has_revision = true;
    value->revision = last + 1;
}

/* ---- Beginnings ---- */

/* No two runs of one droplet ever get the same number: instances are known by it. */
static void count_run(Cupola__JournalApp *value)
{
    int64_t last = value->run_count;
    for (size_t i = 0; i < value->n_revisions; i++)
        if (same_text(value->revisions[i]->droplet_sha1, value->droplet_sha1) && value->revisions[i]->run_count > last)
            last = value->revisions[i]->run_count;
    if (same_text(value->spent_droplet, value->droplet_sha1) && value->spent_run_count > last)
        last = value->spent_run_count;
    value->has_run_count = true;
    value->run_count = last + 1;
}

void cc_run_begin(struct run_draft *draft, Cupola__JournalApp *value, const char *reason)
{
    assert_that(value->started);
    assert_that(value->droplet_sha1 != NULL);
    value->has_run_live = value->run_live = true;
    count_run(value);
    note_revision(draft, value, reason);
}

static int32_t smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t batch_of(const Cupola__JournalApp *value)
{
    int32_t percent = default_batch_percent;
    if (value->settings != NULL && value->settings->has_batch_percent)
        percent = value->settings->batch_percent;
    int32_t batch = (int32_t)((int64_t)value->instances * percent / 100);
    return batch < 1 ? 1 : batch;
}

static int32_t canary_of(const Cupola__JournalApp *value)
{
    bool is_set = value->settings != NULL && value->settings->has_canary;
    return is_set && value->settings->canary > 0 ? value->settings->canary : 1;
}

void cc_run_replace(struct run_draft *draft, const Cupola__JournalApp *old, Cupola__JournalApp *value,
                    const char *reason)
{
    assert_that(value->update == NULL);
    assert_that(old->run_live);
    draft->other = current_run(old);
    cc_run_begin(draft, value, reason);
    if (value->instances == 0 || mutation_is(CC_UPDATES_AT_ONCE))
        return;
    cupola__journal_update__init(&draft->update);
    Cupola__JournalUpdate *update = &draft->update;
    update->other = &draft->other;
    update->has_first = update->has_surge = update->has_batch = update->has_step = update->has_began_s = true;
    update->batch = batch_of(value);
    update->surge = smaller(canary_of(value), update->batch);
    update->step = 1;
    update->began_s = draft->now_s;
    value->update = update;
    value->has_last_update = false;
    value->last_update_reason = NULL;
}

/* ---- Under way ---- */

/* A copy that may be changed. */
static Cupola__JournalUpdate *own_update(struct run_draft *draft, Cupola__JournalApp *value)
{
    assert_that(value->update != NULL);
    if (value->update != &draft->update) {
        draft->update = *value->update;
        value->update = &draft->update;
    }
    return &draft->update;
}

static void drop_update(Cupola__JournalApp *value, Cupola__UpdateEnd end, const char *reason)
{
    value->update = NULL;
    value->has_last_update = true;
    value->last_update = end;
    value->last_update_reason = (char *)(uintptr_t)reason;
}

/* What was staged meanwhile takes its turn. */
static void end_update(struct run_draft *draft, Cupola__JournalApp *value, Cupola__UpdateEnd end, const char *reason)
{
    drop_update(value, end, reason);
    if (value->next == NULL)
        return;
    Cupola__JournalApp old = *value;
    value->droplet_sha1 = old.next->droplet_sha1;
    value->droplet_bytes = old.next->droplet_bytes;
    value->droplet_holder = old.next->droplet_holder;
    value->run_count = same_text(old.droplet_sha1, value->droplet_sha1) ? old.run_count : 0;
    value->next = NULL;
    cc_run_replace(draft, &old, value, "new bits");
}

void cc_update_adapt(struct run_draft *draft, Cupola__JournalApp *value)
{
    if (value->update == NULL)
        return;
    if (!value->run_live || value->instances == 0) {
        drop_update(value, CUPOLA__UPDATE_END__UPDATE_CANCELLED, "the app was stopped");
        if (value->next != NULL) {
            value->droplet_sha1 = value->next->droplet_sha1;
            value->droplet_bytes = value->next->droplet_bytes;
            value->droplet_holder = value->next->droplet_holder;
            value->run_count = 0;
            value->next = NULL;
        }
        return;
    }
    if (value->update->first > value->instances)
        own_update(draft, value)->first = value->instances;
}

void cc_update_step(struct run_draft *draft, Cupola__JournalApp *value)
{
    Cupola__JournalUpdate *update = own_update(draft, value);
    int32_t most_extras = smaller(update->batch, value->instances);
    update->step++;
    if (update->is_return) {
        if (update->first == 0)
            end_update(draft, value, value->last_update, value->last_update_reason);
        else
            update->first -= smaller(update->batch, update->first);
        return;
    }
    if (update->first == value->instances)
        end_update(draft, value, CUPOLA__UPDATE_END__UPDATE_SUCCEEDED, NULL);
    else if (update->first == 0 && update->surge < most_extras)
        update->surge = most_extras;
    else
        update->first = smaller(update->first + update->batch, value->instances);
}

void cc_update_return(struct run_draft *draft, Cupola__JournalApp *value, Cupola__UpdateEnd end, const char *reason)
{
    Cupola__JournalUpdate *update = own_update(draft, value);
    assert_that(!update->is_return);
    Cupola__JournalRun given_up = current_run(value), before = *update->other;
    snprintf(draft->reason, sizeof draft->reason, "%s", reason);
    value->has_spent_run_count = true;
    value->spent_droplet = given_up.droplet_sha1;
    value->spent_run_count = given_up.run_count;
    cc_run_adopt(value, &before);
    draft->other = given_up;
    update->other = &draft->other;
    update->has_is_return = update->is_return = true;
    update->step++;
    if (update->first == 0) {
        end_update(draft, value, end, draft->reason);
        return;
    }
    value->has_last_update = true; /* How it will have ended. */
    value->last_update = end;
    value->last_update_reason = draft->reason;
}
