/* Health checks: what starts, what lives, what is ready. */
#include "tests/core/dea/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void expect_phase(struct stage *stage, const char *phase, bool is_registered)
{
    struct dea_instance_view view;
    assert_true(stage_look(stage, 0, &view));
    assert_string_equal(view.phase, phase);
    assert_int_equal(view.is_registered, is_registered);
}

static void a_startup_check_by_http_waits_for_a_good_answer(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order_with(&stage, 0, 5, ",\"health\":{\"startup\":{\"type\":\"http\",\"path\":\"/up\"}}");
    stage_pass_ms(&stage, 3000); /* Its port accepts; it does not answer. */
    expect_phase(&stage, "PROBING", false);
    stage_newest(&stage)->http_status = 503;
    stage_pass_ms(&stage, 3000);
    expect_phase(&stage, "PROBING", false);
    stage_newest(&stage)->http_status = 204;
    stage_pass_ms(&stage, 1600);
    expect_phase(&stage, "RUNNING", true);
    assert_true(stage_newest(&stage)->gets >= 4);
    stage_close(&stage);
}

static void an_answer_may_come_in_pieces(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order_with(&stage, 0, 5, ",\"health\":{\"startup\":{\"type\":\"http\",\"path\":\"/up\"}}");
    stage_pass_ms(&stage, 1);
    stage_newest(&stage)->answers_slowly = true;
    stage_newest(&stage)->http_status = 200;
    stage_pass_ms(&stage, 3000);
    expect_phase(&stage, "RUNNING", true);
    stage_close(&stage);
}

static void one_that_needs_no_port_runs_as_soon_as_its_process_does(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage.workloads_listen = false;
    stage_order_with(&stage, 0, 5, ",\"health\":{\"startup\":{\"type\":\"process\"}}");
    stage_pass_ms(&stage, 1);
    expect_phase(&stage, "RUNNING", true);
    stage_close(&stage);
}

static void an_app_has_its_own_time_to_start_and_is_told_why_it_was_too_short(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage.workloads_listen = false;
    stage_order_with(&stage, 0, 5, ",\"health\":{\"startup_timeout_ms\":5000}");
    stage_pass_ms(&stage, 4900);
    assert_int_equal(stage_heard(&stage, "droplet.exited", ""), 0);
    stage_pass_ms(&stage, 200);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"reason\":\"CRASHED\""), 1);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "it did not come up within 5 s: port 40000: refused"), 1);
    stage_close(&stage);
}

static void a_bad_liveness_check_ends_it_after_so_many_in_a_row(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order_with(&stage, 0, 5,
                     ",\"health\":{\"liveness\":{\"type\":\"http\",\"path\":\"/alive\",\"interval_ms\":1000,"
                     "\"timeout_ms\":200,\"failures\":2}}");
    stage_pass_ms(&stage, 10);
    struct workload *workload = stage_newest(&stage);
    workload->http_status = 200;
    stage_pass_ms(&stage, 3100);
    workload->http_status = 500; /* Once, */
    stage_pass_ms(&stage, 1000);
    workload->http_status = 200; /* and well again. */
    stage_pass_ms(&stage, 1000);
    expect_phase(&stage, "RUNNING", true);
    workload->http_status = 500;
    stage_pass_ms(&stage, 1000);
    assert_int_equal(stage_heard(&stage, "droplet.exited", ""), 0);
    stage_pass_ms(&stage, 1000);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "liveness check failed 2 times: GET /alive answers 500"), 1);
    assert_int_equal(stage_heard(&stage, "router.unregister", ""), 1);
    assert_int_equal(stage_running(&stage), 0);
    stage_pass_ms(&stage, 10000);
    stage_close(&stage);
}

static void silence_is_a_bad_answer(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order_with(&stage, 0, 5,
                     ",\"health\":{\"liveness\":{\"type\":\"http\",\"interval_ms\":1000,\"timeout_ms\":200,"
                     "\"failures\":1}}");
    stage_pass_ms(&stage, 1300); /* It accepts, and says nothing. */
    assert_int_equal(stage_heard(&stage, "droplet.exited", "no answer in time"), 1);
    stage_close(&stage);
}

static void readiness_takes_only_the_routes_away(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order_with(&stage, 0, 5,
                     ",\"health\":{\"readiness\":{\"type\":\"http\",\"path\":\"/ready\",\"interval_ms\":500,"
                     "\"failures\":2},\"liveness\":{\"type\":\"port\",\"interval_ms\":700}}");
    stage_pass_ms(&stage, 600);
    expect_phase(&stage, "UNREADY", false); /* Up, but not ready yet. */
    assert_int_equal(stage_heard(&stage, "dea.heartbeat", "\"state\":\"RUNNING\""), 1);
    assert_int_equal(stage_heard(&stage, "dea.heartbeat", "\"is_unready\":true"), 1);
    assert_int_equal(stage_heard(&stage, "router.register", ""), 0);
    struct workload *workload = stage_newest(&stage);
    workload->http_status = 200;
    stage_pass_ms(&stage, 2000);
    expect_phase(&stage, "RUNNING", true);
    workload->http_status = 503;
    stage_pass_ms(&stage, 1200);
    expect_phase(&stage, "UNREADY", false);
    assert_int_equal(stage_heard(&stage, "router.unregister", ""), 1);
    assert_int_equal(stage_heard(&stage, "droplet.exited", ""), 0);
    workload->http_status = 302;
    stage_pass_ms(&stage, 600);
    expect_phase(&stage, "RUNNING", true);
    assert_int_equal(stage_heard(&stage, "router.register", ""), 2);
    assert_int_equal(stage_running(&stage), 1);
    workload->listens = false; /* Liveness goes on meanwhile. */
    stage_pass_ms(&stage, 3000);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "liveness check failed 3 times: port 40000: refused"), 1);
    stage_close(&stage);
}

static void checks_end_with_the_instance_and_with_the_agent(void **state)
{
    static const char members[] = ",\"health\":{\"readiness\":{\"type\":\"http\",\"interval_ms\":500},"
                                  "\"liveness\":{\"type\":\"http\",\"interval_ms\":500,\"timeout_ms\":60000}}";
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order_with(&stage, 0, 5, members);
    stage_pass_ms(&stage, 600); /* Both checks wait for answers. */
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7}");
    stage_pass_ms(&stage, 100);
    struct dea_instance_view view;
    assert_false(stage_look(&stage, 0, &view));
    stage_order_with(&stage, 0, 6, members);
    stage_pass_ms(&stage, 600);
    stage_stop(&stage); /* Nothing stays open; the process lives. */
    assert_int_equal(stage_running(&stage), 1);
    stage_forget(&stage);
    stage_begin_life(&stage);
    stage_pass_ms(&stage, 600);
    expect_phase(&stage, "UNREADY", false); /* The next life knows its checks. */
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_startup_check_by_http_waits_for_a_good_answer),
        cmocka_unit_test(an_answer_may_come_in_pieces),
        cmocka_unit_test(one_that_needs_no_port_runs_as_soon_as_its_process_does),
        cmocka_unit_test(an_app_has_its_own_time_to_start_and_is_told_why_it_was_too_short),
        cmocka_unit_test(a_bad_liveness_check_ends_it_after_so_many_in_a_row),
        cmocka_unit_test(silence_is_a_bad_answer),
        cmocka_unit_test(readiness_takes_only_the_routes_away),
        cmocka_unit_test(checks_end_with_the_instance_and_with_the_agent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
