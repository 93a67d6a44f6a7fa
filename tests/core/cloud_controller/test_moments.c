/* What others do in the moment between two steps of a request or of the controller's own work. */
#include "tests/core/cloud_controller/story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct town_controller *first(struct story *story)
{
    return &story->town.controllers[0];
}

/* What the journal is asked then comes one at a time, by town_release_held. */
static struct town_conn *begin(struct story *story, const char *token, const char *method, const char *path,
                               const char *body)
{
    char headers[256];
    snprintf(headers, sizeof headers, "Authorization: %s\r\n", token);
    return town_begin(first(story), method, path, headers, body);
}

static void expect_end(struct story *story, struct town_conn *conn, int status, const char *part)
{
    assert_int_equal(town_finish(first(story), conn), status);
    assert_non_null(strstr(town_body(&story->town), part));
}

/* Each of them finds the account when it begins, and the first deletes it. */
static void an_account_that_goes_in_the_middle_of_a_change_is_not_found(void **state)
{
    static const struct {
        const char *method, *path, *body;
    } changes[] = {
        {"PUT", "/users/eve@example.org", "{\"password\":\"new\"}"},
        {"DELETE", "/users/eve@example.org", ""},
        {"PUT", "/cupola/v1/users/eve@example.org/role", "{\"role\":\"auditor\"}"},
    };
    enum { CHANGES = sizeof changes / sizeof changes[0] };
    struct story *story = *state;
    struct town_conn *conns[CHANGES];
    story->town.journal_mode = JOURNAL_HOLDS;
    struct town_conn *deleting = begin(story, story->admin, "DELETE", "/users/eve@example.org", "");
    for (size_t i = 0; i < CHANGES; i++)
        conns[i] = begin(story, story->admin, changes[i].method, changes[i].path, changes[i].body);
    for (int i = 0; i < 10; i++)
        town_release_held(&story->town);
    expect_end(story, deleting, 204, "");
    for (size_t i = 0; i < CHANGES; i++)
        expect_end(story, conns[i], 403, "{\"code\":201,");
    town_release_journal(&story->town);
    assert_int_equal(controller_view_pending_count(first(story)->machine), 0);
}

static void of_two_who_register_the_same_address_one_gets_it(void **state)
{
    struct story *story = *state;
    const char *body = "{\"email\":\"bob@example.org\",\"password\":\"secret\"}";
    story->town.journal_mode = JOURNAL_HOLDS;
    struct town_conn *one = begin(story, story->admin, "POST", "/users", body);
    struct town_conn *other = begin(story, story->admin, "POST", "/users", body);
    for (int i = 0; i < 6; i++)
        town_release_held(&story->town);
    expect_end(story, one, 204, "");
    expect_end(story, other, 400, "email: there is such a user already");
}

static void other_bits_that_come_while_a_staging_is_noted_are_staged_next(void **state)
{
    struct story *story = *state;
    story_create(story, SHOP);
    story->town.staging_holds = true;
    struct town_conn *starting = begin(story, story->ada, "PUT", "/apps/shop", "{\"state\":\"STARTED\"}");
    story->town.journal_mode = JOURNAL_HOLDS;
    struct town_conn *uploading = town_begin_upload(first(story), story->ada, "shop", "other bits");
    town_release_held(&story->town);    /* The journal is asked for the bits, */
    town_release_staging(&story->town); /* and for the droplet of the former ones after it. */
    town_release_journal(&story->town);
    expect_end(story, uploading, 200, "");
    expect_end(story, starting, 200, "");
    assert_int_equal(controller_view_pending_count(first(story)->machine), 0);
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", ""), 2);
}

/* It waits for the answers that it owes, and not a moment longer. */
static void a_controller_leaves_with_its_last_answer(void **state)
{
    struct story *story = *state;
    story->town.journal_mode = JOURNAL_HOLDS;
    struct town_conn *conn = begin(story, story->ada, "POST", "/apps", SHOP);
    town_stop(first(story));
    town_pass_ms(&story->town, 100);
    assert_false(first(story)->has_exited);
    town_release_held(&story->town); /* It confirms what the controller knows, */
    town_release_held(&story->town); /* and takes the app. */
    assert_int_equal(town_finish(first(story), conn), 302);
    assert_true(first(story)->has_exited);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define STORY(name) cmocka_unit_test_setup_teardown(name, story_begin_with_all, story_end)
        STORY(an_account_that_goes_in_the_middle_of_a_change_is_not_found),
        STORY(of_two_who_register_the_same_address_one_gets_it),
        STORY(other_bits_that_come_while_a_staging_is_noted_are_staged_next),
        STORY(a_controller_leaves_with_its_last_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
