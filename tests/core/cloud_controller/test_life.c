/* The life of an app, from the first user to its deletion, as a v1 client goes through it. */
#include "tests/core/cloud_controller/story.h"

#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CREATE                                                                                                         \
    "{\"name\":\"shop\",\"staging\":{\"framework\":\"node\",\"runtime\":null},\"uris\":[\"http://Shop.Cupola.test\"]," \
    "\"instances\":\"2\",\"resources\":{\"memory\":64}}"

static void expect_in_body(const struct story *story, const char *part)
{
    if (strstr(town_body(&story->town), part) == NULL)
        fail_msg("no %s in %s", part, town_body(&story->town));
}

static void info_tells_strangers_little_and_users_all(void **state)
{
    struct story *story = *state;
    assert_int_equal(town_request(&story->town, NULL, "GET", "/info", ""), 200);
    expect_in_body(story, "\"name\":\"vcap\",\"build\":2222,\"support\":");
    assert_null(strstr(town_body(&story->town), "\"user\""));
    assert_int_equal(story_call(story, "GET", "/info", ""), 200);
    expect_in_body(story, "\"user\":\"ada@example.org\",\"limits\":{\"memory\":2048,\"app_uris\":4,\"services\":16,"
                          "\"apps\":20},\"usage\":{\"memory\":0,\"apps\":0,\"services\":0},\"frameworks\":{");
    expect_in_body(story, "\"node\":{\"name\":\"node\",\"runtimes\":[{\"name\":\"node\",\"version\":\"0.4.12\"");
}

static void an_app_is_created_uploaded_staged_and_started(void **state)
{
    struct story *story = *state;
    assert_int_equal(story_call(story, "GET", "/apps/shop", ""), 404);
    expect_in_body(story, "{\"code\":301,\"description\":\"Application not found\"}");
    assert_int_equal(story_call(story, "POST", "/apps", CREATE), 302);
    assert_non_null(town_header(&story->town, "Location: http://api.cupola.test/apps/shop\r\n"));
    expect_in_body(story, "{\"result\":\"success\",\"redirect\":\"http://api.cupola.test/apps/shop\"}");
    assert_int_equal(story_call(story, "POST", "/resources", "[{\"size\":1,\"sha1\":\"ab\",\"fn\":\"/x\"}]"), 200);
    expect_in_body(story, "[]");
    assert_int_equal(town_upload(&story->town, story->ada, "shop", "bits"), 200);
    assert_int_equal(story_call(story, "GET", "/apps/shop", ""), 200);
    expect_in_body(story, "\"staging\":{\"model\":\"node\",\"stack\":\"node\"},\"uris\":[\"shop.cupola.test\"],"
                          "\"instances\":2,\"runningInstances\":0,\"resources\":{\"memory\":64,\"disk\":2048,"
                          "\"fds\":256},\"state\":\"STOPPED\",\"services\":[]");
    expect_in_body(story, "\"env\":[],\"meta\":{\"version\":1,");
    town_forget(&story->town);
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"state\":\"STARTED\",\"meta\":{\"version\":1}}"), 200);
    assert_string_equal(story_look(story).state, "STARTED");
    assert_true(story_look(story).is_live);
    assert_int_equal(town_heard(&story->town, "dea.discover", "\"droplet\":1,\"limits\":{\"mem\":64"), 2);
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", "\"index\":0"), 1);
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", "\"index\":1"), 1);
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", "\"services\":[]"), 2);
    char uri[120];
    snprintf(uri, sizeof uri,
             "\"executableUri\":\"http://127.0.0.1:9000/staged_droplets/1/%.40s?until=", story_look(story).version);
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", uri), 2);
    assert_string_equal(story_look(story).version + 40, "-1");
}

static void deas_fetch_the_current_droplet_and_nothing_else(void **state)
{
    struct story *story = *state;
    story_push(story, CREATE);
    char *path = town_droplet_path(&story->town);
    assert_int_equal(town_request(&story->town, NULL, "GET", path, ""), 200);
    expect_in_body(story, "droplet of ");
    path[strlen(path) - 1] ^= 1; /* The signature. */
    assert_int_equal(town_request(&story->town, NULL, "GET", path, ""), 403);
    path[strlen(path) - 1] ^= 1;
    *strchr(path, '=') = '-';
    assert_int_equal(town_request(&story->town, NULL, "GET", path, ""), 403);
    *strchr(path, '?') = '\0';
    assert_int_equal(town_request(&story->town, NULL, "GET", path, ""), 403); /* As v1 gave it to anybody. */
    path[strlen(path) - 1] = 'x';
    assert_int_equal(town_request(&story->town, NULL, "GET", path, ""), 404);
    memory_free(path);
    assert_int_equal(story_call(story, "GET", "/apps/shop/application", ""), 200);
    assert_string_equal(town_body(&story->town), "bits");
}

static size_t count_blobs(const struct story *story)
{
    size_t count = 0;
    for (size_t i = 0; i < TOWN_BLOBS; i++)
        count += story->town.blobs[i].digest[0] != '\0';
    return count;
}

static void what_no_app_refers_to_is_deleted_after_a_while(void **state)
{
    struct story *story = *state;
    story_push(story, CREATE);
    assert_int_equal(count_blobs(story), 2); /* The package and the droplet. */
    assert_int_equal(town_upload(&story->town, story->ada, "shop", "other bits"), 200);
    assert_int_equal(town_upload(&story->town, story->ada, "none", "bits of nobody"), 404);
    town_pass_ms(&story->town, 3590 * UINT64_C(1000));
    assert_int_equal(count_blobs(story), 3); /* Nobody waits for a body that is refused. */
    town_pass_ms(&story->town, 30 * UINT64_C(1000));
    assert_int_equal(count_blobs(story), 2); /* The first package is gone, its droplet still is a revision. */
    assert_int_equal(story_call(story, "DELETE", "/apps/shop", ""), 200);
    town_pass_ms(&story->town, 3700 * UINT64_C(1000));
    assert_int_equal(count_blobs(story), 0);
}

static void what_two_apps_refer_to_stays_until_both_are_gone(void **state)
{
    struct story *story = *state;
    story_push(story, CREATE);
    assert_int_equal(story_call(story, "POST", "/apps", "{\"name\":\"twin\",\"staging\":{\"framework\":\"node\"}}"),
                     302);
    assert_int_equal(town_upload(&story->town, story->ada, "twin", "bits"), 200);
    assert_int_equal(story_call(story, "DELETE", "/apps/shop", ""), 200);
    town_pass_ms(&story->town, 3700 * UINT64_C(1000));
    assert_int_equal(count_blobs(story), 1);
    assert_int_equal(story_call(story, "DELETE", "/apps/twin", ""), 200);
    town_pass_ms(&story->town, 3700 * UINT64_C(1000));
    assert_int_equal(count_blobs(story), 0);
}

static void the_address_of_a_droplet_ends(void **state)
{
    struct story *story = *state;
    story_push(story, CREATE);
    char *path = town_droplet_path(&story->town);
    town_pass_ms(&story->town, 86399 * UINT64_C(1000));
    assert_int_equal(town_request(&story->town, NULL, "GET", path, ""), 200);
    town_pass_ms(&story->town, 2000);
    assert_int_equal(town_request(&story->town, NULL, "GET", path, ""), 403);
    memory_free(path);
}

static void scaling_starts_and_stops_the_highest_indices_under_newer_epochs(void **state)
{
    struct story *story = *state;
    story_push(story, CREATE);
    uint64_t first = controller_view_epoch(story->town.controllers[0].machine, 1, 0);
    town_forget(&story->town);
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"instances\":4}"), 200);
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", "\"index\":2"), 1);
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", "\"index\":3"), 1);
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", ""), 2);
    assert_true(controller_view_epoch(story->town.controllers[0].machine, 1, 3) > first);
    assert_int_equal(controller_view_epoch(story->town.controllers[0].machine, 1, 0), first);
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"instances\":1}"), 200);
    assert_int_equal(town_heard(&story->town, "dea.stop", "-1\",\"indices\":[1,2,3],\"epoch\":"), 1);
}

static void stopping_tells_the_deas_and_starting_again_is_another_run(void **state)
{
    struct story *story = *state;
    story_push(story, CREATE);
    town_forget(&story->town);
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"state\":\"STOPPED\"}"), 200);
    assert_int_equal(town_heard(&story->town, "dea.stop", "{\"droplet\":1,\"epoch\":"), 1);
    assert_false(story_look(story).is_live);
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"state\":\"STARTED\"}"), 200);
    assert_string_equal(story_look(story).version + 40, "-2");
    assert_int_equal(town_heard(&story->town, "dea.dea1.start", "-2\""), 2);
}

static void new_hosts_are_told_to_the_deas(void **state)
{
    struct story *story = *state;
    story_push(story, CREATE);
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"uris\":[\"b.cupola.test\",\"A.cupola.test\"]}"), 200);
    assert_int_equal(town_heard(&story->town, "dea.update",
                                "{\"droplet\":1,\"uris\":[\"a.cupola.test\",\"b.cupola.test\"],\"sequence\":"),
                     1);
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"uris\":[]}"), 200);
    assert_int_equal(town_heard(&story->town, "dea.update", "{\"droplet\":1,\"uris\":[],\"sequence\":"), 1);
}

static void deleting_stops_everything(void **state)
{
    struct story *story = *state;
    story_push(story, CREATE);
    town_forget(&story->town);
    assert_int_equal(story_call(story, "DELETE", "/apps/shop", ""), 200);
    assert_string_equal(town_body(&story->town), " ");
    assert_int_equal(town_heard(&story->town, "dea.stop", "{\"droplet\":1,\"epoch\":"), 1);
    assert_int_equal(town_heard(&story->town, "droplet.updated", "{\"droplet\":1,\"sequence\":"), 1);
    assert_int_equal(town_heard(&story->town, "droplet.updated", "\"app\""), 0);
    assert_int_equal(story_call(story, "GET", "/apps", ""), 200);
    assert_string_equal(town_body(&story->town), "[]");
}

static void the_health_manager_hears_every_change_as_a_numbered_delta(void **state)
{
    struct story *story = *state;
    assert_int_equal(story_call(story, "POST", "/apps", CREATE), 302); /* Entries 1 and 2 were the users. */
    assert_int_equal(town_heard(&story->town, "droplet.updated", "{\"droplet\":1,\"sequence\":3,\"previous\":0,"), 1);
    town_upload(&story->town, story->ada, "shop", "bits");
    assert_int_equal(town_heard(&story->town, "droplet.updated", "\"sequence\":4,\"previous\":3,"), 1);
    memory_free(town_token(&story->town, "eve@example.org")); /* No app's business. */
    story_call(story, "PUT", "/apps/shop", "{\"state\":\"STARTED\"}");
    assert_int_equal(town_heard(&story->town, "droplet.updated", "\"sequence\":6,\"previous\":4,"), 1);
    assert_int_equal(town_heard(&story->town, "droplet.updated", "\"sequence\":7,\"previous\":6,"), 1);
    assert_int_equal(town_heard(&story->town, "droplet.updated", "\"state\":\"STARTED\",\"instances\":2,"), 2);
    assert_int_equal(town_heard(&story->town, "droplet.updated", "\"staged\":true"), 1);
}

static void the_api_registers_its_own_host(void **state)
{
    struct story *story = *state;
    size_t before = town_heard(&story->town, "router.register", "\"uris\":[\"api.cupola.test\"]");
    assert_true(before >= 1);
    town_tell(&story->town, "router.start", "{\"id\":\"r\",\"version\":0.98}");
    assert_int_equal(town_heard(&story->town, "router.register", "\"port\":9000"), before + 1);
    town_stop(&story->town.controllers[0]);
    assert_int_equal(town_heard(&story->town, "router.unregister", "\"port\":9000"), 1);
    assert_true(story->town.controllers[0].has_exited);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define STORY(name) cmocka_unit_test_setup_teardown(name, story_begin, story_end)
        STORY(info_tells_strangers_little_and_users_all),
        STORY(an_app_is_created_uploaded_staged_and_started),
        STORY(deas_fetch_the_current_droplet_and_nothing_else),
        STORY(what_no_app_refers_to_is_deleted_after_a_while),
        STORY(what_two_apps_refer_to_stays_until_both_are_gone),
        STORY(the_address_of_a_droplet_ends),
        STORY(scaling_starts_and_stops_the_highest_indices_under_newer_epochs),
        STORY(stopping_tells_the_deas_and_starting_again_is_another_run),
        STORY(new_hosts_are_told_to_the_deas),
        STORY(deleting_stops_everything),
        STORY(the_health_manager_hears_every_change_as_a_numbered_delta),
        STORY(the_api_registers_its_own_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
