/* Commands in instances, as the controller orders them: who may, what is noted, and what addresses are worth. */
#include "tests/core/cloud_controller/story.h"

#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ORDER "{\"index\":1,\"command\":[\"ls\",\"-l\"]}"
#define EXEC "/cupola/v1/apps/shop/exec"

static int begin(void **state)
{
    story_begin_with_all(state);
    story_push(*state, SHOP);
    return 0;
}

static void a_command_is_noted_prepared_and_told_where_it_waits(void **state)
{
    struct story *story = *state;
    town_answer(&story->town, "dea.exec",
                "{\"dea\":\"dea1\",\"ip\":\"10.0.0.1\",\"port\":24345,\"ticket\":\"0123abcd\"}");
    story_expect(story, "POST", EXEC, ORDER, 201, "{\"path\":\"/cupola/v1/exec/10.0.0.1:24345/0123abcd?until=");
    char path[300], forged[300];
    snprintf(path, sizeof path, "%s", strstr(town_body(&story->town), "/cupola"));
    path[strcspn(path, "\"")] = '\0';
    assert_int_equal(town_heard(&story->town, "dea.exec", "\"index\":1,\"command\":[\"ls\",\"-l\"]"), 1);
    story_expect(story, "GET", "/cupola/v1/apps/shop/events", "", 200,
                 "\"kind\":\"command\",\"actor\":\"ada@example.org\",\"text\":\"in instance 1: ls -l\"");
    /* The address alone counts, for whoever has it, and for what it was made for. */
    story_expect_as(story, NULL, "GET", path, "", 400, "wants an Upgrade");
    snprintf(forged, sizeof forged, "%s", path);
    memcpy(strstr(forged, "10.0.0.1"), "10.0.0.9", 8);
    story_expect_as(story, NULL, "GET", forged, "", 403, "");
}

static void a_host_that_does_not_answer_is_waited_for_so_long_and_no_longer(void **state)
{
    struct story *story = *state;
    struct town_controller *controller = &story->town.controllers[0];
    town_answer(&story->town, "dea.exec",
                "{\"dea\":\"dea1\",\"ip\":\"10.0.0.1\",\"port\":24345,\"ticket\":\"0123abcd\"}");
    story_expect(story, "POST", EXEC, ORDER, 201, "{\"path\":\"");
    char path[300];
    snprintf(path, sizeof path, "%s", strstr(town_body(&story->town), "/cupola"));
    path[strcspn(path, "\"")] = '\0';
    story->town.silent_port = 24345;
    struct town_conn *conn = town_begin(controller, "GET", path, "Connection: Upgrade\r\nUpgrade: cupola-exec\r\n", "");
    town_pass_ms(&story->town, 1000);
    assert_int_equal(conn->outbound.size, 0);
    town_pass_ms(&story->town, 20000);
    assert_int_equal(town_finish(controller, conn), 500);
}

static void what_cannot_be_run_is_refused_with_the_reason(void **state)
{
    struct story *story = *state;
    story_expect(story, "POST", EXEC, "{\"index\":1}", 400, "command: name a program");
    story_expect(story, "POST", EXEC, "{\"command\":[\"ls\"]}", 400, "index: name the instance");
    story_expect(story, "POST", EXEC, "{\"index\":0,\"command\":[\"ls\"],\"rows\":-1}", 400, "rows, columns");
    story_expect(story, "POST", EXEC, ORDER, 400, "{\"code\":304,\"description\":\"Could not find instance: '1'\"}");
    town_answer(&story->town, "dea.exec",
                "{\"dea\":\"dea1\",\"refusal\":\"too many commands run on that host already\"}");
    story_expect(story, "POST", EXEC, ORDER, 500, "Cannot run a command there: too many commands");
    story_expect_as(story, story->eve, "POST", EXEC, ORDER, 404, "\"code\":301");
    story_expect_as(story, NULL, "POST", EXEC, ORDER, 403, "");
    story_expect(story, "PUT", "/apps/shop", "{\"state\":\"STOPPED\"}", 200, "");
    story_expect(story, "POST", EXEC, ORDER, 400, "\"code\":305");
}

static void who_only_looks_may_run_nothing(void **state)
{
    struct story *story = *state;
    story_expect_as(story, story->admin, "PUT", "/cupola/v1/users/ada@example.org/role", "{\"role\":\"auditor\"}", 204,
                    "");
    story_expect(story, "POST", EXEC, ORDER, 403, "\"code\":200");
    assert_int_equal(town_heard(&story->town, "dea.exec", ""), 0);
}

static void what_was_run_is_still_known_after_a_restart(void **state)
{
    struct story *story = *state;
    story_expect(story, "POST", EXEC, ORDER, 400, "\"code\":304"); /* Noted before anybody is asked. */
    town_kill(&story->town.controllers[0]);
    town_revive(&story->town.controllers[0]);
    story_expect(story, "GET", "/cupola/v1/apps/shop/events", "", 200, "\"text\":\"in instance 1: ls -l\"");
    story_expect(story, "GET", "/apps/shop", "", 200, "\"meta\":{\"version\":");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_command_is_noted_prepared_and_told_where_it_waits, begin, story_end),
        cmocka_unit_test_setup_teardown(a_host_that_does_not_answer_is_waited_for_so_long_and_no_longer, begin,
                                        story_end),
        cmocka_unit_test_setup_teardown(what_cannot_be_run_is_refused_with_the_reason, begin, story_end),
        cmocka_unit_test_setup_teardown(who_only_looks_may_run_nothing, begin, story_end),
        cmocka_unit_test_setup_teardown(what_was_run_is_still_known_after_a_restart, begin, story_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
