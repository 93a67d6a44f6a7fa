/* Staging for controllers: package in, droplet out, and everything that can go wrong between. */
#include "tests/core/dea/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SUBJECT "dea." STAGE_UUID ".stage"

static void order(struct stage *stage, const char *task, const char *reply, const char *members)
{
    char payload[1024];
    snprintf(payload, sizeof payload,
             "{\"task\":\"%s\",\"droplet\":7,\"package_sha1\":\"" STAGE_DIGEST "\","
             "\"package_uri\":\"http://127.0.0.1:9022/packages/7/" STAGE_DIGEST "?until=1\","
             "\"upload_uri\":\"http://127.0.0.1:9022/staged_droplets/7/%s?until=1\",\"framework\":\"node\","
             "\"runtime\":\"node\",\"command\":\"\",\"memory_mb\":64%s}",
             task, task, members);
    stage_tell(stage, SUBJECT, reply, payload);
    stage_pass_ms(stage, 10);
}

static void ask(struct stage *stage, const char *reply, int memory_mb)
{
    char payload[128];
    snprintf(payload, sizeof payload, "{\"droplet\":7,\"runtime\":\"node\",\"memory_mb\":%d}", memory_mb);
    stage_tell(stage, "dea.discover.stage", reply, payload);
    stage_pass_ms(stage, 1);
}

static uint64_t reserved_mb(struct stage *stage)
{
    struct dea_view view;
    dea_view(stage->machine, &view);
    return view.reserved_mb;
}

static void a_package_becomes_a_droplet(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    order(&stage, "a1", "_INBOX.one", "");
    assert_int_equal(stage_heard(&stage, "_INBOX.one", "working"), 1);
    assert_int_equal(stage.downloads, 1);
    assert_int_equal(reserved_mb(&stage), 64);
    stage_pass_ms(&stage, 2500);
    assert_int_equal(stage_heard(&stage, "_INBOX.one", "working"), 3); /* It is heard that it goes on. */
    stage_finish_staging(&stage);
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage.uploads, 1);
    assert_int_equal(stage_heard(&stage, "_INBOX.one", "\"state\":\"staged\",\"sha1\":\"" STAGE_DROPLET "\""), 1);
    assert_int_equal(reserved_mb(&stage), 0);
    stage_forget(&stage);
    stage_pass_ms(&stage, 5000);
    assert_int_equal(stage_heard(&stage, "_INBOX.one", ""), 0);
    stage_close(&stage);
}

static void all_controllers_are_told_what_the_stager_says(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    order(&stage, "a1", "_INBOX.one", "");
    stage_hear_stager(&stage, "one\n");
    stage_hear_stager(&stage, "\x1btwo\n");
    assert_int_equal(stage_heard(&stage, "cloudcontroller.staging", ""), 0);
    stage_pass_ms(&stage, 100);
    assert_int_equal(stage_heard(&stage, "cloudcontroller.staging",
                                 "\"droplet\":7,\"package_sha1\":\"" STAGE_DIGEST "\",\"text\":\"one\\n?two\\n\"}"),
                     1);
    stage_hear_stager(&stage, "three\n");
    stage_finish_staging(&stage); /* What it said last comes before the word that it is done. */
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage_heard(&stage, "cloudcontroller.staging", "\"text\":\"three\\n\""), 1);
    stage_forget(&stage);
    stage_pass_ms(&stage, 1000);
    assert_int_equal(stage_heard(&stage, "cloudcontroller.staging", ""), 0);
    stage_close(&stage);
}

static void a_stager_that_floods_is_told_in_part_and_the_rest_is_counted(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    order(&stage, "a1", "_INBOX.one", "");
    static char line[1001];
    memset(line, 'x', sizeof line - 1);
    for (int i = 0; i < 100; i++)
        stage_hear_stager(&stage, line);
    stage_pass_ms(&stage, 100);
    assert_int_equal(stage_heard(&stage, "cloudcontroller.staging", ""), 3);
    assert_int_equal(stage_heard(&stage, "cloudcontroller.staging", "\\n[34464 bytes left out: too much at once]\\n"),
                     1);
    stage_forget(&stage);
    stage_hear_stager(&stage, "and on\n");
    stage_pass_ms(&stage, 100);
    assert_int_equal(stage_heard(&stage, "cloudcontroller.staging", "\"text\":\"and on\\n\""), 1);
    stage_finish_staging(&stage);
    stage_close(&stage);
}

static void an_address_that_makes_no_sense_is_refused_with_its_reason(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_tell(&stage, SUBJECT, "_INBOX.one",
               "{\"task\":\"a1\",\"droplet\":7,\"package_sha1\":\"" STAGE_DIGEST "\",\"package_uri\":\"ftp://x/y\","
               "\"upload_uri\":\"http://127.0.0.1:9022/z\",\"framework\":\"node\",\"runtime\":\"node\","
               "\"command\":\"\",\"memory_mb\":64}");
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage_heard(&stage, "_INBOX.one", "package_uri is not http://host:port/path"), 1);
    assert_int_equal(reserved_mb(&stage), 0);
    stage_close(&stage);
}

static void an_order_that_comes_twice_is_one(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    order(&stage, "a1", "_INBOX.one", "");
    order(&stage, "a1", "_INBOX.one", "");
    assert_int_equal(stage.downloads, 1);
    assert_int_equal(reserved_mb(&stage), 64);
    stage_finish_staging(&stage);
    stage_close(&stage);
}

static void what_cannot_be_staged_comes_back_with_its_log(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    order(&stage, "a1", "_INBOX.one", "");
    stage_fail_staging(&stage, IO_INVALID, "npm: \x1b no such package");
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage.uploads, 0);
    assert_int_equal(stage_heard(&stage, "_INBOX.one", "\"state\":\"failed\",\"log\":\"npm: ? no such package\""), 1);
    assert_int_equal(reserved_mb(&stage), 0);
    stage_close(&stage);
}

static void our_own_trouble_is_not_the_apps(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    order(&stage, "a1", "_INBOX.one", "");
    stage_fail_staging(&stage, IO_FULL, "");
    assert_int_equal(stage_heard(&stage, "_INBOX.one", "\"state\":\"refused\",\"log\":\"full\""), 1);
    stage.served_digest = STAGE_DROPLET; /* Another package than was ordered. */
    order(&stage, "a2", "_INBOX.two", "");
    stage_pass_ms(&stage, 5000);
    assert_int_equal(stage_heard(&stage, "_INBOX.two", "refused"), 1);
    assert_int_equal(reserved_mb(&stage), 0);
    stage_close(&stage);
}

static void a_controller_that_is_away_for_a_moment_gets_its_droplet(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    order(&stage, "a1", "_INBOX.one", "");
    stage.controller_is_down = true;
    stage_finish_staging(&stage);
    stage_pass_ms(&stage, 100);
    stage.controller_is_down = false;
    stage_pass_ms(&stage, 1000);
    assert_int_equal(stage_heard(&stage, "_INBOX.one", "staged"), 1);
    stage_close(&stage);
}

static void a_droplet_that_nobody_waits_for_is_let_go(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage.upload_status = 404;
    order(&stage, "a1", "_INBOX.one", "");
    stage_finish_staging(&stage);
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage_heard(&stage, "_INBOX.one", "\"state\":\"staged\""), 0);
    order(&stage, "a2", "_INBOX.two", "");
    stage.controller_is_down = true; /* For good. */
    stage_finish_staging(&stage);
    stage_pass_ms(&stage, 5000);
    assert_int_equal(stage_heard(&stage, "_INBOX.two", "\"state\":\"staged\""), 0);
    assert_int_equal(reserved_mb(&stage), 0);
    stage_close(&stage);
}

static void it_offers_what_it_can_take(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    ask(&stage, "_INBOX.a", 64);
    assert_int_equal(stage_heard(&stage, "_INBOX.a", "\"room\":2"), 1);
    ask(&stage, "_INBOX.b", 512); /* More than it has. */
    assert_int_equal(stage_heard(&stage, "_INBOX.b", ""), 0);
    order(&stage, "a1", "_INBOX.one", "");
    order(&stage, "a2", "_INBOX.two", "");
    ask(&stage, "_INBOX.c", 64);
    assert_int_equal(stage_heard(&stage, "_INBOX.c", ""), 0);
    order(&stage, "a3", "_INBOX.three", "");
    assert_int_equal(stage_heard(&stage, "_INBOX.three", "too many stagings"), 1);
    stage_close(&stage);
}

static void a_staging_without_end_is_given_up(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    order(&stage, "a1", "_INBOX.one", ",\"deadline_ms\":3000");
    stage_pass_ms(&stage, 4000);
    assert_int_equal(stage_heard(&stage, "_INBOX.one", "\"state\":\"failed\",\"log\":\"staging took too long\""), 1);
    assert_int_equal(reserved_mb(&stage), 64); /* It still goes on down there. */
    stage_finish_staging(&stage);
    stage_pass_ms(&stage, 10);
    assert_int_equal(reserved_mb(&stage), 0);
    assert_int_equal(stage.uploads, 0);
    stage_close(&stage);
}

static void an_agent_that_ends_sends_them_elsewhere(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    order(&stage, "a1", "_INBOX.one", "");
    stage_finish_staging(&stage);
    stage.silent_port = STAGE_PORT_CC;
    order(&stage, "a2", "_INBOX.two", ""); /* In the middle of its download. */
    stage_stop(&stage);
    assert_int_equal(stage_heard(&stage, "_INBOX.two", "\"state\":\"refused\",\"log\":\"the agent ends\""), 1);
    stage_close(&stage);
}

static void nonsense_is_not_answered(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_tell(&stage, SUBJECT, "_INBOX.one", "{\"task\":\"a1\"}");
    order(&stage, "a1", NULL, ""); /* Nobody would hear of it. */
    order(&stage, "0123456789abcdef0123456789abcdef00", "_INBOX.one", "");
    assert_int_equal(stage_heard(&stage, "_INBOX.one", ""), 0);
    assert_int_equal(stage.downloads, 0);
    assert_int_equal(reserved_mb(&stage), 0);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_package_becomes_a_droplet),
        cmocka_unit_test(all_controllers_are_told_what_the_stager_says),
        cmocka_unit_test(a_stager_that_floods_is_told_in_part_and_the_rest_is_counted),
        cmocka_unit_test(an_address_that_makes_no_sense_is_refused_with_its_reason),
        cmocka_unit_test(an_order_that_comes_twice_is_one),
        cmocka_unit_test(what_cannot_be_staged_comes_back_with_its_log),
        cmocka_unit_test(our_own_trouble_is_not_the_apps),
        cmocka_unit_test(a_controller_that_is_away_for_a_moment_gets_its_droplet),
        cmocka_unit_test(a_droplet_that_nobody_waits_for_is_let_go),
        cmocka_unit_test(it_offers_what_it_can_take),
        cmocka_unit_test(a_staging_without_end_is_given_up),
        cmocka_unit_test(an_agent_that_ends_sends_them_elsewhere),
        cmocka_unit_test(nonsense_is_not_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
