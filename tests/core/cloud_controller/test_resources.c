/* Files that need not be sent again: asked for, and put into packages. */
#include "tests/core/cloud_controller/story.h"

#include "core/base/memory.h"

#include <nettle/sha1.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CREATE "{\"name\":\"%s\",\"staging\":{\"framework\":\"node\"},\"instances\":1,\"resources\":{\"memory\":64}}"
enum { LARGE = 65536 };

static char large[LARGE + 1], sha1[41];

static void create(struct story *story, const char *name)
{
    char json[200];
    snprintf(json, sizeof json, CREATE, name);
    assert_int_equal(town_request(&story->town, story->ada, "POST", "/apps", json), 302);
}

/* The controller has a large file: the simulated pool is what was ever uploaded. */
static int begin(void **state)
{
    story_begin(state);
    struct story *story = *state;
    memset(large, 'x', LARGE);
    uint8_t digest[SHA1_DIGEST_SIZE];
    struct sha1_ctx hash;
    sha1_init(&hash);
    sha1_update(&hash, LARGE, (const uint8_t *)large);
    sha1_digest(&hash, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(sha1 + 2 * i, 3, "%02x", digest[i]);
    create(story, "first");
    assert_int_equal(town_upload(&story->town, story->ada, "first", large), 200);
    return 0;
}

static void known_files_are_told_as_they_were_named(void **state)
{
    struct story *story = *state;
    char asked[1000], known[300];
    snprintf(known, sizeof known, "{\"size\": %d, \"sha1\":\"%s\",\"fn\":\"/tmp/.vmc_x_files/a.jar\",\"more\":[1]}",
             LARGE, sha1);
    snprintf(
        asked, sizeof asked,
        "[{\"size\":70000,\"sha1\":\"0123456789012345678901234567890123456789\",\"fn\":\"/b\"}, %s ,"
        "{\"size\":65537,\"sha1\":\"%s\",\"fn\":\"/other-size\"},{\"size\":12,\"sha1\":\"%s\",\"fn\":\"/small\"},7]",
        known, sha1, sha1);
    assert_int_equal(town_request(&story->town, story->ada, "POST", "/resources", asked), 200);
    char expected[310];
    snprintf(expected, sizeof expected, "[%s]", known);
    assert_string_equal(town_body(&story->town), expected);
    assert_int_equal(town_request(&story->town, story->ada, "POST", "/resources", "{}"), 200);
    assert_string_equal(town_body(&story->town), "[]");
    assert_int_equal(town_request(&story->town, NULL, "POST", "/resources", asked), 403);
}

static int upload_names(struct story *story, const char *resources)
{
    struct town_controller *controller = &story->town.controllers[0];
    struct text headers = {0}, form = {0};
    text_addf(&headers, "Authorization: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n", story->ada);
    text_add_string(&form, "_method=put&resources=");
    for (const char *c = resources; *c != '\0'; c++)
        text_addf(&form, "%%%02X", (unsigned char)*c);
    struct town_conn *conn =
        town_begin(controller, "POST", "/apps/second/application", text_string(&headers), text_string(&form));
    text_free(&headers);
    text_free(&form);
    return town_finish(controller, conn);
}

/* As the first clients do when every file matched: no file at all. */
static void a_package_may_come_from_the_pool_alone(void **state)
{
    struct story *story = *state;
    char resources[300];
    create(story, "second");
    snprintf(resources, sizeof resources, "[{\"size\":%d,\"sha1\":\"%s\",\"fn\":\"lib/a.jar\"}]", LARGE, sha1);
    assert_int_equal(upload_names(story, resources), 200);
    assert_int_equal(town_request(&story->town, story->ada, "GET", "/apps/second", ""), 200);
    assert_non_null(strstr(town_body(&story->town), sha1));
}

static void names_that_lead_astray_are_refused(void **state)
{
    struct story *story = *state;
    static const char *const names[] = {"", "/etc/passwd", "../x", "a/../../x", "a/..", "a\\nb"};
    create(story, "second");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char resources[300];
        snprintf(resources, sizeof resources, "[{\"size\":%d,\"sha1\":\"%s\",\"fn\":\"%s\"}]", LARGE, sha1, names[i]);
        if (upload_names(story, resources) != 400 ||
            strstr(town_body(&story->town), "resources[0].fn: the name ") == NULL)
            fail_msg("%s: %s", names[i], town_body(&story->town));
    }
    assert_int_equal(upload_names(story, "{}"), 400);
    assert_int_equal(upload_names(story, "[{\"size\":70000,\"sha1\":\"0123456789012345678901234567890123456789\","
                                         "\"fn\":\"b\"}]"),
                     500);
    assert_non_null(strstr(town_body(&story->town), "App packaging failed: 'resources names a file that is not kept"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(known_files_are_told_as_they_were_named, begin, story_end),
        cmocka_unit_test_setup_teardown(a_package_may_come_from_the_pool_alone, begin, story_end),
        cmocka_unit_test_setup_teardown(names_that_lead_astray_are_refused, begin, story_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
