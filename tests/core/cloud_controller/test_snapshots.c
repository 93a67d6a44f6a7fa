/* A snapshot of the journal is as good as the entries that it stands for. */
#include "tests/core/cloud_controller/story.h"

#include "core/base/memory.h"
#include "core/cloud_controller/controller.h"
#include "core/cloud_controller/state/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void scale(struct story *story, int instances)
{
    char body[64];
    snprintf(body, sizeof body, "{\"instances\":%d}", instances);
    assert_int_equal(story_call(story, "PUT", "/apps/shop", body), 200);
}

/* From the next life of a controller on. */
static void snapshot_every(struct story *story, uint32_t entries)
{
    story->town.config.has_snapshot_entries = true;
    story->town.config.snapshot_entries = entries;
}

static void restart(struct story *story, size_t controller)
{
    town_kill(&story->town.controllers[controller]);
    town_revive(&story->town.controllers[controller]);
}

static struct controller *inside(const struct story *story, size_t controller)
{
    return container_of(story->town.controllers[controller].machine, struct controller, machine);
}

/* What the controller knows, as bytes. Given. */
static struct text knowledge_of(const struct state *state)
{
    struct text bytes = {0};
    cc_snapshot_write(state, &bytes);
    return bytes;
}

static void expect_same(const struct state *a, const struct state *b)
{
    struct text first = knowledge_of(a), second = knowledge_of(b);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(text_string(&first), text_string(&second), first.size);
    text_free(&first);
    text_free(&second);
}

/* What all entries come to, folded one by one. */
static struct state fold_all(const struct story *story)
{
    struct state state = {0};
    for (size_t i = 0; i < story->town.entry_count; i++) {
        const struct text *bytes = &story->town.entries[i];
        Cupola__JournalEntry *entry =
            cupola__journal_entry__unpack(NULL, bytes->size, (const uint8_t *)text_string(bytes));
        struct difference difference;
        assert_non_null(entry);
        assert_int_equal(cc_state_fold(&state, i + 1, entry, 0, &difference), FOLD_OK);
        cupola__journal_entry__free_unpacked(entry, NULL);
    }
    return state;
}

static void who_begins_with_a_snapshot_knows_what_the_entries_say(void **state)
{
    struct story *story = *state;
    snapshot_every(story, 10);
    restart(story, 0);
    story_push(story, SHOP);
    for (int i = 0; i < 30; i++)
        scale(story, 1 + i % 5);
    assert_in_range(story->town.snapshots, 2, 4);
    town_add_controller(&story->town);
    town_settle(&story->town);
    assert_true(story->town.controllers[1].delivered > story->town.snapshot_sequence);
    struct state folded = fold_all(story);
    expect_same(&folded, &inside(story, 0)->state);
    expect_same(&folded, &inside(story, 1)->state);
    cc_state_free(&folded);
    assert_int_equal(inside(story, 1)->compactor.stored, 0); /* The first one has made them. */
}

static void the_orders_of_instances_keep_their_epochs(void **state)
{
    struct story *story = *state;
    snapshot_every(story, 4);
    restart(story, 0);
    story_push(story, SHOP);
    scale(story, 3);
    scale(story, 4);
    uint64_t epochs[4];
    for (int32_t i = 0; i < 4; i++)
        epochs[i] = controller_view_epoch(story->town.controllers[0].machine, 1, i);
    assert_true(epochs[0] < epochs[2] && epochs[2] < epochs[3]);
    assert_true(story->town.snapshots > 0);
    restart(story, 0);
    for (int32_t i = 0; i < 4; i++)
        assert_int_equal(controller_view_epoch(story->town.controllers[0].machine, 1, i), epochs[i]);
}

static void the_past_is_still_told(void **state)
{
    struct story *story = *state;
    snapshot_every(story, 6);
    restart(story, 0);
    story_push(story, SHOP);
    scale(story, 3);
    scale(story, 5);
    restart(story, 0);
    assert_true(story->town.snapshots > 0);
    assert_int_equal(story_call(story, "GET", "/cupola/v1/apps/shop/events", ""), 200);
    assert_non_null(strstr(town_body(&story->town), "\"created\""));
    assert_non_null(strstr(town_body(&story->town), "5 instances instead of 3"));
}

static void one_of_several_controllers_makes_it(void **state)
{
    struct story *story = *state;
    snapshot_every(story, 12);
    restart(story, 0);
    town_add_controller(&story->town);
    town_add_controller(&story->town);
    story_push(story, SHOP);
    for (int i = 0; i < 12; i++)
        scale(story, 1 + i % 3);
    size_t made = 0;
    for (size_t i = 0; i < 3; i++)
        made += inside(story, i)->compactor.stored;
    assert_int_equal(made, story->town.snapshots);
    assert_in_range(made, 1, 2);
    expect_same(&inside(story, 0)->state, &inside(story, 2)->state);
}

static void a_snapshot_that_fails_costs_only_the_round(void **state)
{
    struct story *story = *state;
    story_push(story, SHOP);
    snapshot_every(story, 100);
    restart(story, 0);
    while (story->town.entry_count < 99)
        scale(story, 1 + (int)story->town.entry_count % 5);
    assert_int_equal(story->town.snapshots, 0);
    story->town.snapshots_fail = true;
    for (int i = 0; i < 10; i++)
        scale(story, 1 + i % 5);
    assert_int_equal(story->town.snapshots, 0);
    assert_false(inside(story, 0)->compactor.is_busy);
    story->town.snapshots_fail = false;
    for (int i = 0; i < 100; i++)
        scale(story, 1 + i % 5);
    assert_int_equal(story->town.snapshots, 1);
}

static void who_dies_over_a_snapshot_leaves_the_journal_as_it_was(void **state)
{
    struct story *story = *state;
    snapshot_every(story, 8);
    restart(story, 0);
    story_push(story, SHOP);
    story->town.snapshots_fail = true;
    while (inside(story, 0)->state.snapshot_sequence == 0)
        scale(story, 1 + (int)story->town.entry_count % 5);
    restart(story, 0);
    story->town.snapshots_fail = false;
    struct state folded = fold_all(story);
    expect_same(&folded, &inside(story, 0)->state);
    cc_state_free(&folded);
    for (int i = 0; i < 10; i++)
        scale(story, 1 + i % 5);
    assert_true(story->town.snapshots > 0);
}

static void who_fell_behind_what_is_kept_begins_anew(void **state)
{
    struct story *story = *state;
    story_push(story, SHOP);
    struct text bytes = knowledge_of(&inside(story, 0)->state);
    uint64_t sequence = inside(story, 0)->state.head_sequence;
    struct town_controller *late = town_add_controller(&story->town);
    town_settle(&story->town);
    town_bring_snapshot(late, sequence + 5, text_string(&bytes), bytes.size);
    assert_true(late->has_exited);
    text_free(&bytes);
}

static void a_snapshot_that_makes_no_sense_ends_the_controller(void **state)
{
    struct story *story = *state;
    story_push(story, SHOP);
    struct text bytes = knowledge_of(&inside(story, 0)->state);
    for (size_t cut = 1; cut < bytes.size; cut += 7) {
        struct state fresh = {0};
        struct io_bytes part = {(const uint8_t *)text_string(&bytes), cut};
        assert_false(cc_snapshot_load(&fresh, part, NULL, NULL));
        cc_state_free(&fresh);
    }
    text_add(&story->town.snapshot, text_string(&bytes), bytes.size / 2);
    story->town.snapshot_sequence = story->town.entry_count;
    restart(story, 0);
    assert_true(story->town.controllers[0].has_exited);
    text_free(&bytes);
}

static size_t count_blobs(const struct story *story)
{
    size_t count = 0;
    for (size_t i = 0; i < TOWN_BLOBS; i++)
        count += story->town.blobs[i].digest[0] != '\0';
    return count;
}

static void what_nobody_refers_to_is_found_also_after_a_snapshot(void **state)
{
    struct story *story = *state;
    snapshot_every(story, 10);
    restart(story, 0);
    story_push(story, SHOP);
    assert_int_equal(count_blobs(story), 2);
    town_add_blob(&story->town.controllers[0], "stored by who died before saying so");
    while (story->town.snapshots == 0)
        scale(story, 1 + (int)story->town.entry_count % 5);
    restart(story, 0);
    town_pass_ms(&story->town, 60000);
    assert_int_equal(count_blobs(story), 3); /* It could be somebody's who is slow. */
    town_pass_ms(&story->town, 3700000);
    assert_int_equal(count_blobs(story), 2);
    town_pass_ms(&story->town, 7400000);
    assert_int_equal(count_blobs(story), 2);
}

/* ---- Services ---- */

static void fold(struct state *state, Cupola__JournalEntry *entry)
{
    struct difference difference;
    assert_int_equal(cc_state_fold(state, state->head_sequence + 1, entry, 0, &difference), FOLD_OK);
}

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void put_service(struct state *state, int64_t id, const char *name)
{
    Cupola__JournalService service = CUPOLA__JOURNAL_SERVICE__INIT;
    service.has_id = true;
    service.id = id;
    service.owner = text_of("ada@example.org");
    service.name = service.service_id = text_of(name);
    service.label = text_of("redis-2.2");
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_SERVICE_PUT;
    entry.service_put = &service;
    fold(state, &entry);
}

static void delete_service(struct state *state, int64_t id)
{
    Cupola__ServiceDeletion deletion = CUPOLA__SERVICE_DELETION__INIT;
    deletion.has_id = true;
    deletion.id = id;
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_SERVICE_DELETED;
    entry.service_deleted = &deletion;
    fold(state, &entry);
}

static void delete_app(struct state *state, int64_t id)
{
    Cupola__AppDeletion deletion = CUPOLA__APP_DELETION__INIT;
    deletion.has_id = true;
    deletion.id = id;
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_APP_DELETED;
    entry.app_deleted = &deletion;
    fold(state, &entry);
}

static struct state load(const struct state *state)
{
    struct text bytes = knowledge_of(state);
    struct state loaded = {0};
    assert_true(
        cc_snapshot_load(&loaded, (struct io_bytes){(const uint8_t *)text_string(&bytes), bytes.size}, NULL, NULL));
    text_free(&bytes);
    return loaded;
}

static void services_and_what_is_left_of_them_are_in_it(void **state)
{
    struct story *story = *state;
    story_push(story, SHOP);
    struct state folded = fold_all(story);
    put_service(&folded, 1, "cache");
    put_service(&folded, 2, "other");
    put_service(&folded, 3, "third");
    delete_service(&folded, 3);
    delete_service(&folded, 1);
    struct state loaded = load(&folded);
    expect_same(&folded, &loaded);
    /* Life goes on alike for both: no number is used again. */
    struct state *both[] = {&folded, &loaded};
    for (size_t i = 0; i < 2; i++) {
        delete_app(both[i], 1);
        delete_service(both[i], 2);
        put_service(both[i], 4, "fourth");
        assert_int_equal(both[i]->last_app_id, 1);
        assert_int_equal(both[i]->services.last_leftover_id, 3);
    }
    expect_same(&folded, &loaded);
    struct state again = load(&loaded);
    assert_int_equal(again.last_app_id, 1);
    cc_state_free(&again);
    cc_state_free(&folded);
    cc_state_free(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define STORY(name) cmocka_unit_test_setup_teardown(name, story_begin, story_end)
        STORY(who_begins_with_a_snapshot_knows_what_the_entries_say),
        STORY(the_orders_of_instances_keep_their_epochs),
        STORY(the_past_is_still_told),
        STORY(one_of_several_controllers_makes_it),
        STORY(a_snapshot_that_fails_costs_only_the_round),
        STORY(who_dies_over_a_snapshot_leaves_the_journal_as_it_was),
        STORY(who_fell_behind_what_is_kept_begins_anew),
        STORY(a_snapshot_that_makes_no_sense_ends_the_controller),
        STORY(what_nobody_refers_to_is_found_also_after_a_snapshot),
        STORY(services_and_what_is_left_of_them_are_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
