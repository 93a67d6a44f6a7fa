/* Forms of strangers, whole and cut, kept open and given up: the documented error, and no blob stays. */
#include "tests/core/cloud_controller/story.h"

#include "core/base/memory.h"
#include "core/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CUTS = 16, MUTATIONS = 400, KEPT_MS = 3700000 /* blob_keep_ms and a sweep. */ };

#define PART(name) "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define FILE_PART "--b\r\nContent-Disposition: form-data; name=\"application\"; filename=\"a.zip\"\r\n\r\n"
#define GOOD                                                                                                           \
    PART("_method") "put\r\n" FILE_PART "these are the bits of a package\r\n" PART("resources") "[]\r\n--b--\r\n"

static int begin(void **state)
{
    story_begin(state);
    struct story *story = *state;
    story_expect(story, "POST", "/apps", "{\"name\":\"shop\",\"staging\":{\"framework\":\"node\"}}", 302, "");
    return 0;
}

static size_t count_blobs(const struct town *town)
{
    size_t count = 0;
    for (size_t i = 0; i < TOWN_BLOBS; i++)
        count += town->blobs[i].writing != 0 || town->blobs[i].digest[0] != '\0';
    return count;
}

/* None is being written now, and none is there when nobody can want it any more. */
static void expect_no_blobs(struct story *story)
{
    for (size_t i = 0; i < TOWN_BLOBS; i++)
        assert_int_equal(story->town.blobs[i].writing, 0);
    town_pass_ms(&story->town, KEPT_MS);
    assert_int_equal(count_blobs(&story->town), 0);
}

static int send_form(struct story *story, const char *type, const char *body)
{
    struct text headers = {0};
    text_addf(&headers, "Authorization: %s\r\nContent-Type: %s\r\n", story->ada, type);
    struct town_controller *controller = &story->town.controllers[0];
    struct town_conn *conn = town_begin(controller, "POST", "/apps/shop/application", text_string(&headers), body);
    text_free(&headers);
    return town_finish(controller, conn);
}

static void expect_refusal(struct story *story, const char *type, const char *body, int status, const char *part)
{
    int found = send_form(story, type, body);
    if (found != status || strstr(town_body(&story->town), part) == NULL)
        fail_msg("%s %s: expected %d %s, found %d %s", type, body, status, part, found, town_body(&story->town));
}

static const char *const multipart = "multipart/form-data; boundary=b";
static const char *const urlencoded = "application/x-www-form-urlencoded";

static void forms_that_make_no_sense_are_refused(void **state)
{
    struct story *story = *state;
    expect_refusal(story, "multipart/form-data", GOOD, 400, "\"code\":100");
    expect_refusal(story, "text/plain", GOOD, 400, "\"code\":100");
    expect_refusal(story, multipart, "", 400, "\"code\":100");
    expect_refusal(story, multipart, "--c\r\n\r\n", 400, "\"code\":100");
    expect_refusal(story, multipart, FILE_PART "bits\r\n--b--\r\n", 400, "_method: expected put");
    expect_refusal(story, multipart, FILE_PART "a\r\n" FILE_PART "b\r\n--b--\r\n", 400, "application: given twice");
    expect_refusal(story, multipart, PART("_method") "put\r\n--b--\r\n", 500, "\"code\":402");
    expect_refusal(story, multipart, PART("_method") "put\r\n" FILE_PART "bad\r\n--b--\r\n", 500, "\"code\":402");
    expect_refusal(story, multipart, PART("_method") "put\r\n" PART("resources") "{\r\n--b--\r\n", 400, "\"code\":");
    expect_refusal(story, urlencoded, "_method=put&resources=%5", 400, "\"code\":100");
    expect_refusal(story, urlencoded, "_method=put&resources=[1", 400, "\"code\":");
    expect_refusal(story, urlencoded, "_method=put", 500, "\"code\":402");
    expect_no_blobs(story);
}

static void cut_forms_are_refused(void **state)
{
    struct story *story = *state;
    char body[sizeof GOOD];
    for (size_t i = 0; i < CUTS; i++) {
        snprintf(body, sizeof body, "%.*s", (int)(strlen(GOOD) * i / CUTS), GOOD);
        expect_refusal(story, multipart, body, 400, "\"code\":100");
    }
    expect_no_blobs(story);
}

/* The client goes in the middle of its body. */
static void uploads_that_are_given_up_leave_nothing(void **state)
{
    struct story *story = *state;
    struct town_controller *controller = &story->town.controllers[0];
    for (size_t i = 0; i <= CUTS; i++) {
        struct text request = {0};
        text_addf(&request, "Authorization: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%.*s", story->ada,
                  multipart, strlen(GOOD) + 100, (int)(strlen(GOOD) * i / CUTS), GOOD);
        struct town_conn *conn = town_begin(controller, "POST", "/apps/shop/application", text_string(&request), "");
        assert_int_not_equal(town_finish(controller, conn), 200); /* What follows the cut may be nonsense at once. */
        text_free(&request);
    }
    expect_no_blobs(story);
}

static void damaged_forms_do_no_harm(void **state)
{
    struct story *story = *state;
    struct random_stream random = random_numbered(1, "test.forms", 1);
    char body[sizeof GOOD];
    for (size_t i = 0; i < MUTATIONS; i++) {
        memcpy(body, GOOD, sizeof body);
        body[random_below(&random, strlen(GOOD))] = (char)(1 + random_below(&random, 255));
        int status = send_form(story, multipart, body);
        if (status != 200 && status != 400 && status != 500)
            fail_msg("%d: %s", status, body);
        if (i % 100 == 99) /* The town has room for some blobs only. */
            town_pass_ms(&story->town, KEPT_MS);
    }
    assert_int_equal(town_request(&story->town, story->ada, "DELETE", "/apps/shop", ""), 200);
    expect_no_blobs(story);
}

#define form_test(name) cmocka_unit_test_setup_teardown(name, begin, story_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        form_test(forms_that_make_no_sense_are_refused),
        form_test(cut_forms_are_refused),
        form_test(uploads_that_are_given_up_leave_nothing),
        form_test(damaged_forms_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
