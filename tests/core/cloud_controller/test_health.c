/* What the controller does for the health manager, and what it asks it and the DEAs. */
#include "tests/core/cloud_controller/story.h"

#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HM "cloudcontrollers.hm.requests"

/* An app with two instances that were ordered long ago. */
static int begin(void **state)
{
    story_begin(state);
    struct story *story = *state;
    story_push_long_ago(story, SHOP);
    return 0;
}

static uint64_t time_of(struct story *story, const char *path, const char *part)
{
    uint64_t begun_ns = story->town.now_ns;
    char headers[256];
    snprintf(headers, sizeof headers, "Authorization: %s\r\n", story->ada);
    struct town_controller *controller = &story->town.controllers[0];
    struct town_conn *conn = town_begin(controller, "GET", path, headers, "");
    while (conn->outbound.size == 0 && story->town.now_ns - begun_ns < 5 * NS_PER_S)
        town_pass_ms(&story->town, 1);
    uint64_t took_ms = (story->town.now_ns - begun_ns) / NS_PER_MS;
    assert_int_equal(town_finish(controller, conn), 200);
    if (strstr(town_body(&story->town), part) == NULL)
        fail_msg("%s: expected %s, found %s", path, part, town_body(&story->town));
    return took_ms;
}

static size_t starts(struct story *story)
{
    return town_heard(&story->town, "dea.dea1.start", "");
}

static void a_missing_instance_is_started_under_a_new_epoch(void **state)
{
    struct story *story = *state;
    uint64_t before = controller_view_epoch(story->town.controllers[0].machine, 1, 1);
    story_complain(story, "[1]");
    assert_int_equal(starts(story), 1);
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", "\"index\":1,\"epoch\":7}"), 1);
    assert_true(controller_view_epoch(story->town.controllers[0].machine, 1, 1) > before);
    assert_int_equal(controller_view_epoch(story->town.controllers[0].machine, 1, 0), before);
}

static void the_same_complaint_twice_starts_once(void **state)
{
    struct story *story = *state;
    story_complain(story, "[0,1,1]");
    story_complain(story, "[0,1]");
    town_pass_ms(&story->town, 4000);
    story_complain(story, "[1]");
    assert_int_equal(starts(story), 2);
    town_pass_ms(&story->town, 2000);
    story_complain(story, "[1]");
    assert_int_equal(starts(story), 3); /* The first start has had its time. */
}

static void a_complaint_that_reaches_every_controller_starts_once(void **state)
{
    struct story *story = *state;
    town_add_controller(&story->town);
    town_add_controller(&story->town);
    town_pass_ms(&story->town, 10000);
    town_tell_all(&story->town, HM, story_with_version(story, "{\"droplet\":1,\"op\":\"START\",", ",\"indices\":[0]}"));
    town_pass_ms(&story->town, 3000);
    assert_int_equal(starts(story), 1);
}

/* It names the order that ended; whoever appends second finds a newer one. */
static void a_complaint_about_an_order_is_answered_once(void **state)
{
    struct story *story = *state;
    town_add_controller(&story->town);
    town_add_controller(&story->town);
    town_pass_ms(&story->town, 10000);
    uint64_t epoch = controller_view_epoch(story->town.controllers[0].machine, 1, 0);
    char indices[60];
    snprintf(indices, sizeof indices, ",\"indices\":[0],\"epochs\":[%llu]}", (unsigned long long)epoch);
    town_tell_all(&story->town, HM, story_with_version(story, "{\"droplet\":1,\"op\":\"START\",", indices));
    town_pass_ms(&story->town, 3000);
    assert_int_equal(starts(story), 1);
}

static void an_exit_allows_the_next_start_at_once(void **state)
{
    struct story *story = *state;
    story_complain(story, "[0]");
    town_tell(&story->town, "droplet.exited",
              "{\"droplet\":1,\"version\":\"old\",\"index\":0,\"reason\":\"CRASHED\",\"epoch\":6}");
    story_complain(story, "[0]");
    assert_int_equal(starts(story), 1); /* An older one has ended. */
    town_tell(&story->town, "droplet.exited",
              "{\"droplet\":1,\"version\":\"x\",\"index\":0,\"reason\":\"CRASHED\",\"epoch\":7}");
    story_complain(story, "[0]");
    assert_int_equal(starts(story), 2);
}

static void complaints_about_what_is_not_wanted_are_ignored(void **state)
{
    struct story *story = *state;
    story_complain(story, "[2,-1,99]");
    town_tell(&story->town, HM, "{\"droplet\":1,\"op\":\"START\",\"version\":\"old-1\",\"indices\":[0]}");
    town_tell(&story->town, HM, "{\"droplet\":1,\"op\":\"START\",\"indices\":[0]}");
    town_tell(&story->town, HM, "{\"droplet\":9,\"op\":\"START\",\"version\":\"old-1\",\"indices\":[0]}");
    town_tell(&story->town, HM, "{\"op\":\"START\"}");
    town_tell(&story->town, HM, "{}");
    town_tell(&story->town, HM, "not json");
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"state\":\"STOPPED\"}"), 200);
    story_complain(story, "[0]");
    assert_int_equal(starts(story), 0);
}

static void what_has_no_place_is_tried_again_until_it_is_not_wanted(void **state)
{
    struct story *story = *state;
    town_forget_answers(&story->town);
    story_complain(story, "[0,1]");
    assert_int_equal(starts(story), 0);
    town_pass_ms(&story->town, 7000);
    assert_true(town_heard(&story->town, "dea.discover", "\"count\":2") >= 3); /* One question for both. */
    assert_int_equal(story_call(story, "GET", "/apps/shop/instances", ""), 200);
    assert_non_null(
        strstr(town_body(&story->town), "\"reason\":\"no DEA offers a place: memory or runtime is missing\"}"));
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"instances\":1}"), 200);
    town_answer(&story->town, "dea.discover", HELLO);
    town_pass_ms(&story->town, 5000);
    assert_int_equal(starts(story), 1);
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", "\"index\":0"), 1);
}

static void stops_that_speak_of_another_state_spare_what_is_wanted_now(void **state)
{
    struct story *story = *state;
    town_tell(&story->town, HM, "{\"droplet\":1,\"op\":\"STOP\",\"last_updated\":5,\"instances\":[\"i1\"]}");
    assert_int_equal(town_heard(&story->town, "dea.stop", "\"instances\":[\"i1\"],\"wanted_epochs\":["), 1);
    town_forget(&story->town);
    town_forget(&story->town);
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"env\":[\"A=1\"]}"), 200);
    const char *updated = strstr(text_string(&story->town.said), "\"last_updated\":");
    assert_non_null(updated);
    char stop[200];
    snprintf(stop, sizeof stop, "{\"droplet\":1,\"op\":\"STOP\",%.25s,\"instances\":[\"i1\",\"i2\"]}", updated);
    town_tell(&story->town, HM, stop);
    assert_int_equal(town_heard(&story->town, "dea.stop", "{\"droplet\":1,\"instances\":[\"i1\",\"i2\"]}"), 1);
}

static void unknown_apps_are_stopped_only_if_they_were_ours(void **state)
{
    struct story *story = *state;
    town_tell(&story->town, HM, "{\"droplet\":44,\"op\":\"STOP\",\"last_updated\":0,\"instances\":[\"i1\"]}");
    assert_int_equal(town_heard(&story->town, "dea.stop", ""), 0);
    story_call(story, "DELETE", "/apps/shop", "");
    town_forget(&story->town);
    town_tell(&story->town, HM, "{\"droplet\":1,\"op\":\"STOP\",\"last_updated\":0,\"instances\":[\"i1\"]}");
    assert_int_equal(town_heard(&story->town, "dea.stop", "{\"droplet\":1}"), 1);
}

static void desired_state_comes_in_pages(void **state)
{
    struct story *story = *state;
    story_call(story, "POST", "/apps", "{\"name\":\"two\",\"staging\":{\"framework\":\"node\"}}");
    town_forget(&story->town);
    struct town_conn *bus = town_bus_conn(&story->town.controllers[0]);
    char message[200];
    uint64_t id = 0;
    for (size_t i = 0; i < TOWN_SUBSCRIPTIONS; i++)
        if (strcmp(story->town.controllers[0].subscriptions[i].subject, "cloudcontroller.desired") == 0)
            id = story->town.controllers[0].subscriptions[i].id;
    int size = snprintf(message, sizeof message,
                        "MSG cloudcontroller.desired %llu r.1 11\r\n{\"limit\":1}\r\n"
                        "MSG cloudcontroller.desired %llu r.2 19\r\n{\"after_droplet\":1}\r\n",
                        (unsigned long long)id, (unsigned long long)id);
    town_push_bytes(&story->town.controllers[0], bus, message, (size_t)size);
    town_settle(&story->town);
    assert_int_equal(town_heard(&story->town, "r.1", "{\"sequence\":7,\"apps\":[{\"droplet\":1,"), 1);
    assert_int_equal(town_heard(&story->town, "r.1", "\"staged\":true}],\"last\":false}"), 1);
    assert_int_equal(town_heard(&story->town, "r.2", "{\"sequence\":7,\"apps\":[{\"droplet\":2,"), 1);
    assert_int_equal(town_heard(&story->town, "r.2", "\"staged\":false}],\"last\":true}"), 1);
}

static void running_instances_are_what_the_health_manager_says_or_null(void **state)
{
    struct story *story = *state;
    assert_int_equal(story_call(story, "GET", "/apps/shop", ""), 200);
    assert_non_null(strstr(town_body(&story->town), "\"runningInstances\":null"));
    town_pass_ms(&story->town, 1500);
    town_answer(&story->town, "healthmanager.health", story_with_version(story, "{\"droplet\":1,", ",\"healthy\":2}"));
    assert_int_equal(story_call(story, "GET", "/apps/shop", ""), 200);
    assert_non_null(strstr(town_body(&story->town), "\"runningInstances\":2"));
    assert_int_equal(story_call(story, "GET", "/apps", ""), 200);
    assert_non_null(strstr(town_body(&story->town), "\"runningInstances\":2"));
}

static void instances_and_stats_come_from_the_deas(void **state)
{
    struct story *story = *state;
    town_answer(&story->town, "healthmanager.status", "{\"indices\":[{\"index\":1,\"since\":77}]}");
    town_answer(
        &story->town, "dea.find.droplet",
        story_with_version(story, "{\"dea\":\"dea1\",\"droplet\":1,",
                           ",\"instance\":\"i\",\"index\":0,\"state\":\"RUNNING\",\"state_timestamp\":55,\"stats\":"
                           "{\"name\":\"shop\",\"host\":\"h\",\"port\":1,\"uris\":[],\"uptime\":6.5,\"cores\":2,"
                           "\"usage\":{\"cpu\":0.5,\"mem\":18604,\"disk\":4}}}"));
    assert_int_equal(story_call(story, "GET", "/apps/shop/instances", ""), 200);
    assert_string_equal(town_body(&story->town), "{\"instances\":[{\"index\":0,\"state\":\"RUNNING\",\"since\":55},"
                                                 "{\"index\":1,\"state\":\"FLAPPING\",\"since\":77}]}");
    assert_int_equal(story_call(story, "GET", "/apps/shop/stats", ""), 200);
    assert_non_null(strstr(town_body(&story->town), "{\"0\":{\"state\":\"RUNNING\",\"stats\":{\"name\":\"shop\","));
    assert_non_null(strstr(town_body(&story->town), "\"mem\":18604"));
    assert_non_null(strstr(town_body(&story->town), ",\"1\":{\"state\":\"DOWN\",\"since\":"));
    story_call(story, "PUT", "/apps/shop", "{\"state\":\"STOPPED\"}");
    assert_int_equal(story_call(story, "GET", "/apps/shop/stats", ""), 200);
    assert_string_equal(town_body(&story->town), "{}");
    assert_int_equal(story_call(story, "GET", "/apps/shop/instances", ""), 200);
    assert_string_equal(town_body(&story->town), "{\"instances\":[]}");
}

static void freshness_is_what_the_health_manager_says(void **state)
{
    struct story *story = *state;
    assert_int_equal(story_call(story, "GET", "/cupola/v1/freshness", ""), 200);
    assert_string_equal(town_body(&story->town), "{\"freshness\":\"no health manager answers\",\"brakes\":[]}");
    town_answer(&story->town, "healthmanager.freshness",
                "{\"id\":\"h\",\"speaks\":true,\"hosts\":3,\"fresh_hosts\":2,\"oldest_ms\":400,\"freshness\":"
                "\"2 of 3 hosts fresh, 0.4 s old\",\"brakes\":[\"many fell silent\"]}");
    assert_int_equal(story_call(story, "GET", "/cupola/v1/freshness", ""), 200);
    assert_string_equal(town_body(&story->town),
                        "{\"hosts\":3,\"fresh_hosts\":2,\"oldest_ms\":400,\"freshness\":\"2 of 3 hosts fresh, 0.4 s "
                        "old\",\"brakes\":[\"many fell silent\"]}");
    town_forget_answers(&story->town);
    town_answer_also(
        &story->town, "healthmanager.freshness",
        "{\"id\":\"g\",\"speaks\":false,\"hosts\":2,\"fresh_hosts\":2,\"oldest_ms\":1,\"freshness\":\"g\"}");
    town_answer_also(
        &story->town, "healthmanager.freshness",
        "{\"id\":\"h\",\"speaks\":true,\"hosts\":3,\"fresh_hosts\":3,\"oldest_ms\":2,\"freshness\":\"h\"}");
    story_expect(story, "GET", "/cupola/v1/freshness", "", 200, "");
    assert_string_equal(town_body(&story->town), "{\"hosts\":3,\"fresh_hosts\":3,\"oldest_ms\":2,\"freshness\":\"h\","
                                                 "\"brakes\":[]}"); /* Of the one that speaks. */
}

static void without_a_health_manager_crashes_are_what_was_heard_and_what_deas_tell(void **state)
{
    struct story *story = *state;
    for (int i = 0; i < 2; i++) {
        char exited[200];
        snprintf(exited, sizeof exited,
                 "{\"droplet\":1,\"version\":\"x\",\"index\":1,\"instance\":\"i%d\",\"reason\":\"CRASHED\",\"epoch\":7,"
                 "\"exit_code\":3}",
                 i);
        town_tell(&story->town, "droplet.exited", exited);
    }
    assert_int_equal(story_call(story, "GET", "/apps/shop/crashes", ""), 200);
    assert_string_equal(town_body(&story->town),
                        "{\"crashes\":[{\"instance\":\"i0\",\"since\":1700001010,\"reason\":\"exited with status 3\"},"
                        "{\"instance\":\"i1\",\"since\":1700001010,\"reason\":\"exited with status 3\"}]}");
}

static void crashes_are_listed_and_silence_means_none(void **state)
{
    struct story *story = *state;
    assert_int_equal(story_call(story, "GET", "/apps/shop/crashes", ""), 200);
    assert_string_equal(town_body(&story->town), "{\"crashes\":[]}");
    town_answer(&story->town, "healthmanager.status", "{\"instances\":[{\"instance\":\"i5\",\"since\":9}]}");
    assert_int_equal(story_call(story, "GET", "/apps/shop/crashes", ""), 200);
    assert_string_equal(town_body(&story->town), "{\"crashes\":[{\"instance\":\"i5\",\"since\":9}]}");
    town_answer(&story->town, "healthmanager.status",
                "{\"instances\":[{\"instance\":\"i5\",\"since\":9,\"reason\":\"killed\"}]}");
    assert_int_equal(story_call(story, "GET", "/apps/shop/crashes", ""), 200);
    assert_string_equal(town_body(&story->town),
                        "{\"crashes\":[{\"instance\":\"i5\",\"since\":9,\"reason\":\"killed\"}]}");
    assert_int_equal(story_call(story, "GET", "/apps/shop/update", ""), 200);
    assert_non_null(strstr(town_body(&story->town), "{\"state\":\"CANARY_FAILED\",\"since\":"));
}

static void a_controller_that_was_restarted_hears_of_crashes_from_deas(void **state)
{
    struct story *story = *state;
    char crashed[400];
    snprintf(crashed, sizeof crashed,
             "{\"dea\":\"d1\",\"droplet\":1,\"version\":\"%s\",\"instance\":\"i5\",\"index\":0,\"state\":\"CRASHED\","
             "\"state_timestamp\":9,\"reason\":\"exited with status 3\"}",
             story_look(story).version);
    town_kill(&story->town.controllers[0]);
    town_revive(&story->town.controllers[0]);
    town_answer(&story->town, "dea.find.droplet", crashed);
    assert_int_equal(story_call(story, "GET", "/apps/shop/crashes", ""), 200);
    assert_string_equal(town_body(&story->town),
                        "{\"crashes\":[{\"instance\":\"i5\",\"since\":9,\"reason\":\"exited with status 3\"}]}");
    assert_int_equal(town_heard(&story->town, "dea.find.droplet", "\"states\":[\"CRASHED\"]"), 1);
    town_answer(&story->town, "healthmanager.status", "{\"instances\":[{\"instance\":\"i6\",\"since\":8}]}");
    assert_int_equal(story_call(story, "GET", "/apps/shop/crashes", ""), 200);
    assert_string_equal(town_body(&story->town), "{\"crashes\":[{\"instance\":\"i6\",\"since\":8}]}");
}

static void files_are_fetched_from_the_instance_s_dea(void **state)
{
    struct story *story = *state;
    story->town.viewer_answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    town_answer(&story->town, "dea.find.droplet",
                "{\"dea\":\"dea1\",\"droplet\":1,\"index\":0,\"file_uri\":\"http://10.0.0.1:24345/droplets/\","
                "\"credentials\":[\"user\",\"pass\"],\"staged\":\"shop-0-abc\"}");
    assert_int_equal(story_call(story, "GET", "/apps/shop/instances/0/files/%2Flogs%2Fstdout.log", ""), 200);
    assert_string_equal(town_body(&story->town), "hello");
    const char *asked = text_string(&story->town.viewer_request);
    assert_non_null(strstr(asked, "GET /droplets/shop-0-abc/logs/stdout.log HTTP/1.1\r\n"));
    assert_non_null(strstr(asked, "Authorization: Basic dXNlcjpwYXNz\r\n"));
    story->town.viewer_answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 18\r\n\r\nEntity not found.\n";
    assert_int_equal(story_call(story, "GET", "/apps/shop/instances/0/files/x", ""), 404);
    assert_string_equal(town_body(&story->town), "Entity not found.\n");
    assert_int_equal(town_heard(&story->town, "dea.find.droplet", "\"indices\":[0],"), 2);
    assert_int_equal(story_call(story, "GET", "/apps/shop/instances/0123456789abcdef0123456789abcdef/files/x", ""),
                     404);
    assert_int_equal(
        town_heard(&story->town, "dea.find.droplet", "\"instances\":[\"0123456789abcdef0123456789abcdef\"]"), 1);
    assert_int_equal(story_call(story, "GET", "/apps/shop/instances/7/files/x", ""), 400);
    assert_non_null(strstr(town_body(&story->town), "{\"code\":304,\"description\":\"Could not find instance: '7'\"}"));
    town_forget_answers(&story->town);
    assert_int_equal(story_call(story, "GET", "/apps/shop/instances/0/files/a/b", ""), 500);
    assert_string_equal(town_body(&story->town), "{\"code\":306,\"description\":\"Error retrieving file 'a/b'\"}");
    story_call(story, "PUT", "/apps/shop", "{\"state\":\"STOPPED\"}");
    assert_int_equal(story_call(story, "GET", "/apps/shop/instances/0/files/x", ""), 400);
    assert_non_null(strstr(town_body(&story->town), "{\"code\":305,"));
}

static void who_is_silent_is_told_of_as_it_was_heard_last(void **state)
{
    struct story *story = *state;
    char version[80], found[400], seen[500], healthy[200];
    snprintf(version, sizeof version, "%s", story_look(story).version);
    snprintf(
        found, sizeof found,
        "{\"dea\":\"d1\",\"droplet\":1,\"version\":\"%s\",\"index\":%%d,\"state\":\"RUNNING\",\"state_timestamp\":5,"
        "\"stats\":{\"name\":\"shop\",\"cores\":2}}",
        version);
    for (int i = 0; i < 2; i++) {
        char answer[500];
        snprintf(answer, sizeof answer, found, i);
        town_answer_also(&story->town, "dea.find.droplet", answer);
    }
    snprintf(healthy, sizeof healthy, "{\"droplet\":1,\"version\":\"%s\",\"healthy\":2}", version);
    town_answer(&story->town, "healthmanager.health", healthy);
    assert_in_range(time_of(story, "/apps/shop/stats", "\"cores\":2"), 0, 1);
    time_of(story, "/apps/shop/instances", "{\"index\":1,\"state\":\"RUNNING\",\"since\":5}");
    time_of(story, "/apps/shop", "\"runningInstances\":2");

    town_forget_answers(&story->town); /* DEAs and the health manager are gone. */
    town_pass_ms(&story->town, 3000);
    assert_in_range(time_of(story, "/apps/shop/stats", "\"cores\":2},\"age\":3}"), 10, 15);
    assert_in_range(time_of(story, "/apps/shop/instances", "\"state\":\"RUNNING\",\"since\":5,\"age\":3}"), 10, 15);
    assert_in_range(time_of(story, "/apps/shop", "\"health_age\":3"), 10, 15);
    assert_in_range(time_of(story, "/apps/shop/crashes", "{\"crashes\":[]}"), 10, 15);
    town_pass_ms(&story->town, 40000); /* That is too long ago to be told. */
    assert_in_range(time_of(story, "/apps/shop/instances", "{\"index\":0,\"state\":\"DOWN\""), 400, 600);
    assert_in_range(time_of(story, "/apps/shop", "\"runningInstances\":null"), 200, 400);

    snprintf(
        seen, sizeof seen,
        "{\"indices\":[],\"seen\":{\"version\":\"%s\",\"instances\":[{\"index\":0,\"state\":\"RUNNING\",\"since\":7,"
        "\"age_ms\":13000},{\"index\":1,\"state\":\"DOWN\",\"age_ms\":0}]}}",
        version);
    town_answer(&story->town, "healthmanager.status", seen); /* It is back, and has not heard of the DEA either. */
    assert_in_range(time_of(story, "/apps/shop/instances", "\"state\":\"RUNNING\",\"since\":7,\"age\":13}"), 10, 15);
    assert_in_range(time_of(story, "/apps/shop/stats",
                            "{\"0\":{\"state\":\"RUNNING\",\"since\":7,\"age\":13},\"1\":{\"state\":\"DOWN\""),
                    10, 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, story_end)
        STORY(a_missing_instance_is_started_under_a_new_epoch),
        STORY(the_same_complaint_twice_starts_once),
        STORY(a_complaint_that_reaches_every_controller_starts_once),
        STORY(a_complaint_about_an_order_is_answered_once),
        STORY(an_exit_allows_the_next_start_at_once),
        STORY(complaints_about_what_is_not_wanted_are_ignored),
        STORY(what_has_no_place_is_tried_again_until_it_is_not_wanted),
        STORY(stops_that_speak_of_another_state_spare_what_is_wanted_now),
        STORY(unknown_apps_are_stopped_only_if_they_were_ours),
        STORY(desired_state_comes_in_pages),
        STORY(running_instances_are_what_the_health_manager_says_or_null),
        STORY(instances_and_stats_come_from_the_deas),
        STORY(freshness_is_what_the_health_manager_says),
        STORY(who_is_silent_is_told_of_as_it_was_heard_last),
        STORY(without_a_health_manager_crashes_are_what_was_heard_and_what_deas_tell),
        STORY(crashes_are_listed_and_silence_means_none),
        STORY(a_controller_that_was_restarted_hears_of_crashes_from_deas),
        STORY(files_are_fetched_from_the_instance_s_dea),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
