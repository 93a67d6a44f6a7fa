/* The causal slice of runs whose cause is known. */
#include "sim/search/cause.h"

#include "core/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Plays the lines as a scenario's `run`, whose first line is line 4. */
static void play(const char *run, struct cause_slice *ret_slice)
{
    struct text text = {0}, error = {0};
    text_addf(&text,
              "local cupola = require \"cupola\"\n"
              "return cupola.scenario { title = \"t\", apps = { shop = {} }, cloud = { deas = 3, routers = 2 },\n"
              "run = function(cloud)\n%s end }\n",
              run);
    struct scenario_options options = {.seed = 1};
    struct scenario *scenario = scenario_open("t.lua", text_string(&text), text.size, &options, &error);
    if (scenario == NULL)
        fail_msg("%s", text_string(&error));
    struct cause *cause = cause_start(scenario);
    assert_false(scenario_run(scenario));
    cause_slice(cause, scenario_failure(scenario), ret_slice);
    cause_free(cause);
    scenario_close(scenario);
    text_free(&text);
    text_free(&error);
}

static void who_is_named_and_was_touched_comes_first(void **state)
{
    (void)state;
    struct cause_slice slice;
    play("cloud:wait_until(cupola.converged, '60s')\n"
         "cloud:fault('clock_step', { target = 'router-0', amount = 1000 })\n"
         "cloud.deas[2]:kill()\n"
         "cloud:wait('5s')\n"
         "cloud:expect(false, 'dea-1 is well')\n",
         &slice);
    assert_int_equal(slice.count, 2);
    assert_int_equal(slice.deeds[0].line, 6);
    assert_true(slice.deeds[0].is_in_cone);
    assert_int_equal(slice.deeds[0].steps, 0);
}

static void what_nobody_heard_of_is_outside(void **state)
{
    (void)state;
    struct cause_slice slice;
    play("cloud:wait_until(cupola.converged, '60s')\n"
         "cloud:scale('shop', 6):wait()\n"
         "cloud:wait_until(cupola.converged, '60s')\n"
         "cloud:fault('clock_step', { target = 'dea-1', amount = 1000 })\n"
         "cloud:expect(false, 'dea-2 is well')\n",
         &slice);
    assert_int_equal(slice.count, 2);
    assert_int_equal(slice.deeds[0].line, 5); /* It started something there. */
    assert_true(slice.deeds[0].is_in_cone);
    assert_int_equal(slice.deeds[1].line, 7);
    assert_false(slice.deeds[1].is_in_cone);
}

static void single_messages_are_known_by_their_numbers(void **state)
{
    (void)state;
    struct cause_slice slice;
    play("cloud:wait_until(cupola.converged, '60s')\n"
         "cloud:fault('message_loss', { target = 'health_manager', subject = 'dea.heartbeat', only = { 2, 4 } })\n"
         "cloud:wait('30s')\n"
         "cloud:expect(false, 'health_manager-0')\n",
         &slice);
    assert_int_equal(slice.count, 1);
    assert_int_equal(slice.deeds[0].number_count, 2);
    assert_int_equal(slice.deeds[0].numbers[0], 2);
    assert_int_equal(slice.deeds[0].numbers[1], 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_named_and_was_touched_comes_first),
        cmocka_unit_test(what_nobody_heard_of_is_outside),
        cmocka_unit_test(single_messages_are_known_by_their_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
