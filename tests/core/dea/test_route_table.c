/* What a DEA tells routers of ours: digests, and its whole table to those who ask. */
#include "tests/core/dea/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct stage stage;

static int set_up(void **state)
{
    (void)state;
    stage_open(&stage);
    stage.droplet_is_here = true;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stage_close(&stage);
    return 0;
}

static void start(int index)
{
    stage_order(&stage, index, 5);
    stage_settle(&stage);
    stage_listen(&stage, stage_newest(&stage));
    stage_pass_ms(&stage, 1000);
}

/* The digest that was told last; 1 if none was. */
static uint64_t last_digest(const char *subject)
{
    const char *found = NULL;
    for (const char *at = text_string(&stage.said); (at = strstr(at, subject)) != NULL; at++)
        found = at;
    const char *value = found == NULL ? NULL : strstr(found, "\"digest\":");
    return value == NULL ? 1 : strtoull(value + strlen("\"digest\":"), NULL, 10);
}

static void a_new_router_is_told_the_digest_and_an_old_one_everything(void **state)
{
    (void)state;
    start(0);
    stage_forget(&stage);
    stage_tell(&stage, "router.start", "_INBOX.router", "{\"id\":\"r\",\"wants_table\":true}");
    stage_settle(&stage);
    assert_int_equal(stage_heard(&stage, "_INBOX.router", "\"count\":1"), 1);
    assert_int_equal(stage_heard(&stage, "router.register", ""), 0);
    assert_true(last_digest("_INBOX.router") > 1);
    stage_forget(&stage);
    stage_tell(&stage, "router.start", NULL, "{\"id\":\"r\",\"wants_table\":true}"); /* From time to time. */
    stage_pass_ms(&stage, 200);
    assert_int_equal(stage_heard(&stage, "router.register", ""), 0);
    stage_tell(&stage, "router.start", NULL, "{\"id\":\"r\",\"version\":0.98}");
    stage_pass_ms(&stage, 200);
    assert_int_equal(stage_heard(&stage, "router.register", "\"life\":"), 1);
}

static void the_digest_follows_what_is_registered(void **state)
{
    (void)state;
    stage_forget(&stage);
    stage_pass_ms(&stage, 40000);
    assert_int_equal(last_digest("router.digest"), 0); /* Nothing. */
    start(0);
    stage_forget(&stage);
    stage_pass_ms(&stage, 40000);
    uint64_t one = last_digest("router.digest");
    assert_true(one > 1);
    start(1);
    stage_forget(&stage);
    stage_pass_ms(&stage, 40000);
    assert_true(last_digest("router.digest") != one);
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7,\"indices\":[1]}");
    stage_forget(&stage);
    stage_pass_ms(&stage, 40000);
    assert_true(last_digest("router.digest") == one);
}

/* Who missed the last message learns it by no later one. */
static void one_digest_follows_a_burst_of_changes_and_then_the_period_goes_on(void **state)
{
    (void)state;
    stage_forget(&stage);
    start(0);
    start(1);
    stage_pass_ms(&stage, 2000);
    assert_int_equal(stage_heard(&stage, "router.digest", "\"count\":2"), 1);
    assert_int_equal(stage_heard(&stage, "router.digest", ""), 1);
    stage_pass_ms(&stage, 20000);
    assert_int_equal(stage_heard(&stage, "router.digest", ""), 1);
    stage_pass_ms(&stage, 20000);
    assert_int_equal(stage_heard(&stage, "router.digest", ""), 2);
}

/* A router takes a larger number for a newer table: what is only repeated must not count. */
static void only_changes_are_counted(void **state)
{
    (void)state;
    start(0);
    stage_tell(&stage, "router.start", NULL, "{\"id\":\"r\",\"version\":0.98}");
    stage_pass_ms(&stage, 100000);
    assert_true(stage_heard(&stage, "router.register", "") > 1);
    stage_forget(&stage);
    stage_tell(&stage, "dea." STAGE_UUID ".routes", "_INBOX.pull", "");
    stage_settle(&stage);
    assert_int_equal(stage_heard(&stage, "_INBOX.pull", "\"sequence\":1,"), 1);
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7}");
    stage_forget(&stage);
    stage_tell(&stage, "dea." STAGE_UUID ".routes", "_INBOX.pull", "");
    stage_settle(&stage);
    assert_int_equal(stage_heard(&stage, "_INBOX.pull", "\"sequence\":2,"), 1);
}

static void whoever_asks_gets_the_whole_table(void **state)
{
    (void)state;
    start(0);
    start(1);
    stage_forget(&stage);
    stage_tell(&stage, "dea." STAGE_UUID ".routes", "_INBOX.pull", "");
    stage_settle(&stage);
    assert_int_equal(stage_heard(&stage, "_INBOX.pull", "\"count\":2"), 1);
    assert_int_equal(stage_heard(&stage, "_INBOX.pull", "\"index\":1"), 1);
    assert_int_equal(stage_heard(&stage, "_INBOX.pull", "\"more\":true"), 0);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STORY(a_new_router_is_told_the_digest_and_an_old_one_everything),
        STORY(the_digest_follows_what_is_registered),
        STORY(one_digest_follows_a_burst_of_changes_and_then_the_period_goes_on),
        STORY(only_changes_are_counted),
        STORY(whoever_asks_gets_the_whole_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
