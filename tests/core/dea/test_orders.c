/* Orders to start are answered within a round trip, and questions for many with figures. */
#include "tests/core/dea/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void order(struct stage *stage, const char *reply, int index, int epoch, int memory)
{
    char payload[512];
    snprintf(payload, sizeof payload,
             "{\"droplet\":7,\"name\":\"hello\",\"uris\":[],\"runtime\":\"node\",\"sha1\":\"" STAGE_DIGEST "\","
             "\"executableUri\":\"http://127.0.0.1:9022/x\",\"version\":\"" STAGE_DIGEST "-1\","
             "\"limits\":{\"mem\":%d},\"index\":%d,\"epoch\":%d}",
             memory, index, epoch);
    stage_tell(stage, "dea." STAGE_UUID ".start", reply, payload);
}

static void an_order_is_accepted_with_the_instance_that_comes_of_it(void **state)
{
    struct stage stage;
    struct dea_instance_view view;
    (void)state;
    stage_open(&stage);
    stage.controller_is_down = true; /* Nothing has to be fetched for that. */
    order(&stage, "_INBOX.1", 0, 5, 64);
    assert_true(stage_look(&stage, 0, &view));
    char accepted[96];
    snprintf(accepted, sizeof accepted, "{\"accepted\":true,\"instance\":\"%s\"}", view.instance);
    assert_int_equal(stage_heard(&stage, "_INBOX.1", accepted), 1);
    assert_int_equal(stage_heard(&stage, "dea.heartbeat", "\"state\":\"STARTING\""), 1);
    order(&stage, "_INBOX.2", 0, 5, 64); /* The same once more: the same instance. */
    assert_int_equal(stage_heard(&stage, "_INBOX.2", accepted), 1);
    stage_close(&stage);
}

static void a_refusal_says_why_and_is_said_once(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    order(&stage, "_INBOX.1", 0, 5, 512);
    assert_int_equal(stage_heard(&stage, "_INBOX.1", "{\"accepted\":false,\"reason\":\"not enough memory\"}"), 1);
    assert_int_equal(stage_heard(&stage, "droplet.exited", ""), 0);
    order(&stage, NULL, 0, 5, 512); /* v1's controllers wait for no answer. */
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"reason\":\"DEA_SHUTDOWN\""), 1);
    stage_tell(&stage, "dea." STAGE_UUID ".start", "_INBOX.2", "{\"droplet\":7}");
    assert_int_equal(stage_heard(&stage, "_INBOX.2", "{\"accepted\":false,\"reason\":\"the order is incomplete\"}"), 1);
    stage_close(&stage);
}

static void what_was_overtaken_is_refused(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    order(&stage, "_INBOX.1", 0, 9, 64);
    order(&stage, "_INBOX.2", 0, 8, 64);
    assert_int_equal(stage_heard(&stage, "_INBOX.2", "a newer start came before it"), 1);
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7,\"indices\":[1],\"epoch\":20}");
    order(&stage, "_INBOX.3", 1, 19, 64);
    assert_int_equal(stage_heard(&stage, "_INBOX.3", "a newer stop came before it"), 1);
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":8,\"epoch\":21}"); /* The one before is not forgotten for it. */
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7,\"indices\":[2],\"epoch\":22}");
    order(&stage, "_INBOX.4", 1, 19, 64);
    order(&stage, "_INBOX.5", 2, 21, 64);
    assert_int_equal(stage_heard(&stage, "_INBOX.4", "a newer stop came before it"), 1);
    assert_int_equal(stage_heard(&stage, "_INBOX.5", "a newer stop came before it"), 1);
    assert_int_equal(stage_running(&stage), 1);
    stage_close(&stage);
}

static void a_stop_spares_what_is_wanted(void **state)
{
    struct stage stage;
    struct dea_instance_view view;
    (void)state;
    stage_open(&stage);
    order(&stage, NULL, 0, 5, 64);
    order(&stage, NULL, 1, 6, 64);
    stage_pass_ms(&stage, 10);
    char stop[160];
    for (int index = 0; index < 2; index++) {
        assert_true(stage_look(&stage, index, &view));
        snprintf(stop, sizeof stop, "{\"droplet\":7,\"instances\":[\"%s\"],\"wanted_epochs\":[5,7]}", view.instance);
        stage_tell(&stage, "dea.stop", NULL, stop);
    }
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"index\":0"), 0);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"index\":1"), 1); /* A newer one is wanted there. */
    stage_close(&stage);
}

static void ask(struct stage *stage, const char *reply, int memory, const char *count)
{
    char question[160];
    snprintf(question, sizeof question, "{\"droplet\":7,\"limits\":{\"mem\":%d},\"runtime\":\"node\"%s}", memory,
             count);
    stage_tell(stage, "dea.discover", reply, question);
}

static void a_question_for_many_is_answered_at_once_and_with_figures(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    order(&stage, NULL, 0, 5, 64);
    stage_pass_ms(&stage, 10);
    ask(&stage, "_INBOX.1", 64, ",\"count\":50");
    assert_int_equal(stage_heard(&stage, "_INBOX.1", "\"siblings\":1,\"load_permille\":250,\"room\":3}"), 1);
    ask(&stage, "_INBOX.2", 64, ""); /* One alone: the less it is suited, the later. */
    assert_int_equal(stage_heard(&stage, "_INBOX.2", ""), 0);
    stage_pass_ms(&stage, 40);
    assert_int_equal(stage_heard(&stage, "_INBOX.2", "\"id\":\"" STAGE_UUID "\""), 1);
    assert_int_equal(stage_heard(&stage, "_INBOX.2", "siblings"), 0);
    ask(&stage, "_INBOX.3", 200, ",\"count\":2"); /* Not even for one. */
    stage_pass_ms(&stage, 500);
    assert_int_equal(stage_heard(&stage, "_INBOX.3", ""), 0);
    stage_close(&stage);
}

static bool hears_all_starts(const struct stage *stage)
{
    for (size_t i = 0; i < stage->subscription_count; i++)
        if (strcmp(stage->subscriptions[i].subject, "dea.*.start") == 0)
            return true;
    return false;
}

static void only_who_makes_offers_hears_what_others_are_ordered(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    assert_false(hears_all_starts(&stage));
    ask(&stage, "_INBOX.1", 64, ",\"count\":50");
    assert_false(hears_all_starts(&stage));
    ask(&stage, "_INBOX.2", 64, "");
    assert_true(hears_all_starts(&stage));
    stage_pass_ms(&stage, 9000);
    ask(&stage, "_INBOX.3", 64, ""); /* It goes on. */
    stage_pass_ms(&stage, 9000);
    assert_true(hears_all_starts(&stage));
    stage_pass_ms(&stage, 2000);
    assert_false(hears_all_starts(&stage));
    ask(&stage, "_INBOX.4", 64, "");
    assert_true(hears_all_starts(&stage));
    stage_close(&stage);
}

static void an_order_to_another_takes_the_place_of_an_answer(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    for (int i = 0; i < 3; i++)
        ask(&stage, "_INBOX.burst", 64, "");
    stage_tell(&stage, "dea.*.start", NULL, "{\"droplet\":7}");
    stage_tell(&stage, "dea.*.start", NULL, "{\"droplet\":8}");
    stage_pass_ms(&stage, 500);
    assert_int_equal(stage_heard(&stage, "_INBOX.burst", ""), 2);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_is_accepted_with_the_instance_that_comes_of_it),
        cmocka_unit_test(a_refusal_says_why_and_is_said_once),
        cmocka_unit_test(what_was_overtaken_is_refused),
        cmocka_unit_test(a_stop_spares_what_is_wanted),
        cmocka_unit_test(a_question_for_many_is_answered_at_once_and_with_figures),
        cmocka_unit_test(only_who_makes_offers_hears_what_others_are_ordered),
        cmocka_unit_test(an_order_to_another_takes_the_place_of_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
