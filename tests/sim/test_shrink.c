/* The shrinker against an oracle that only reads the text: what must stay stays, the rest goes. */
#include "sim/search/shrink.h"

#include "core/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char big[] = "local cupola = require \"cupola\"\n"
                          "-- A comment.\n"
                          "return cupola.scenario {\n"
                          "  title = \"big\",\n"
                          "  cloud = { deas = 8, zones = 2 },\n"
                          "  apps = { shop = { instances = 12 }, blog = { instances = 3 } },\n"
                          "  run = function(cloud)\n"
                          "    cloud:wait_until(cupola.converged, \"60s\")\n"
                          "    cloud:wait(\"12.5s\")\n"
                          "    cloud:scale(\"shop\", 9)\n"
                          "    local victim = cloud:pick(cloud.deas)\n"
                          "    local fault = victim:pause()\n"
                          "    for i = 1, 3 do\n"
                          "      cloud:fault(\"loss\", { target = \"dea-1\", amount = 5, duration = \"30s\" })\n"
                          "    end\n"
                          "    fault:mend()\n"
                          "    cloud:wait_until(cupola.converged, \"300s\")\n"
                          "  end,\n"
                          "}\n";

/* What the scenario needs in order to fail: words, all of them. */
static size_t find(void *context, const struct text *candidates, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool has_all = true;
        for (const char *const *word = context; *word != NULL; word++)
            has_all = has_all && strstr(text_string(&candidates[i]), *word) != NULL;
        if (has_all)
            return i;
    }
    return count;
}

static bool never(void *context)
{
    (void)context;
    return false;
}

static bool at_once(void *context)
{
    (void)context;
    return true;
}

static void shrink_to(const char *const *words, bool has_control, struct text *ret_text)
{
    struct shrink shrink = {
        .context = (void *)(uintptr_t)words, .batch = 3, .find = find, .is_enough = never, .has_control = has_control};
    text_add(ret_text, big, sizeof big - 1);
    shrink_scenario(&shrink, ret_text);
    assert_true(shrink.tries > 0);
}

static void what_is_not_needed_goes(void **state)
{
    (void)state;
    static const char *const words[] = {"cloud:fault(\"loss\"", NULL};
    struct text text = {0};
    shrink_to(words, false, &text);
    assert_int_equal(shrink_step_count(text_string(&text), text.size), 1);
    static const char *const gone[] = {"comment", "deas", "apps", "victim", "wait", "for", "mend", "amount"};
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        assert_null(strstr(text_string(&text), gone[i]));
    assert_non_null(strstr(text_string(&text), "title = \"big\""));
    text_free(&text);
}

static void what_undoes_a_fault_goes_only_with_it(void **state)
{
    (void)state;
    static const char *const words[] = {"victim:pause()", NULL};
    struct text text = {0};
    shrink_to(words, false, &text);
    assert_non_null(strstr(text_string(&text), "local fault = victim:pause()"));
    assert_non_null(strstr(text_string(&text), "fault:mend()"));
    assert_null(strstr(text_string(&text), "loss"));
    text_free(&text);
}

static void values_become_smaller_and_picks_are_made(void **state)
{
    (void)state;
    static const char *const words[] = {"instances", "scale", "cloud:wait(", "local victim", "duration", NULL};
    struct text text = {0};
    shrink_to(words, false, &text);
    assert_non_null(strstr(text_string(&text), "instances = 1 "));
    assert_non_null(strstr(text_string(&text), "scale(\"shop\", 1)"));
    assert_non_null(strstr(text_string(&text), "cloud:wait(\"1s\")"));
    assert_non_null(strstr(text_string(&text), "local victim = cloud:dea_of(\""));
    assert_non_null(strstr(text_string(&text), "duration = \"1s\""));
    text_free(&text);
}

static void bounds_of_waits_are_cut_only_with_a_control(void **state)
{
    (void)state;
    static const char *const words[] = {"wait_until(cupola.converged, \"", NULL};
    struct text text = {0};
    shrink_to(words, false, &text);
    assert_non_null(strstr(text_string(&text), "\"300s\""));
    text_clear(&text);
    shrink_to(words, true, &text);
    assert_null(strstr(text_string(&text), "\"300s\""));
    text_free(&text);
}

/* ---- The slice, and decisions ---- */

static size_t sure_of_apps(void *context, const struct text *text)
{
    (void)context;
    return strstr(text_string(text), "dea_of") != NULL ? 4 : 3;
}

/* Only the loss of line 14 can have led to the failure; it met two messages. */
static bool look_at_loss(void *context, const struct text *text, struct cause_slice *ret_slice)
{
    (void)context;
    size_t line = 1, at = (size_t)(strstr(text_string(text), "cloud:fault(") - text_string(text));
    for (size_t i = 0; i < at; i++)
        line += text_string(text)[i] == '\n';
    *ret_slice = (struct cause_slice){.count = 3};
    ret_slice->deeds[0] = (struct cause_deed){.line = line, .is_in_cone = true, .numbers = {3, 7}, .number_count = 2};
    ret_slice->deeds[1] = (struct cause_deed){.line = 12, .steps = 4, .is_in_cone = true};
    ret_slice->deeds[2] = (struct cause_deed){.line = 10};
    return true;
}

static void shrink_text(const char *from, struct shrink *shrink, const char *const *words, struct text *ret_text)
{
    text_add_string(ret_text, from);
    shrink->context = (void *)(uintptr_t)words;
    shrink->batch = 2;
    shrink->find = find;
    shrink->is_enough = never;
    shrink_scenario(shrink, ret_text);
}

static void what_is_outside_of_the_causal_slice_goes_at_once(void **state)
{
    (void)state;
    static const char *const words[] = {"cloud:fault(\"loss\"", NULL};
    struct shrink shrink = {.look = look_at_loss};
    struct text text = {0};
    shrink_text(big, &shrink, words, &text);
    assert_int_equal(shrink.deeds, 3);
    assert_int_equal(shrink.sliced, 2);
    text_free(&text);
}

static void a_slice_that_loses_the_failure_is_no_slice(void **state)
{
    (void)state;
    static const char *const words[] = {"cloud:fault(\"loss\"", "cloud:scale", NULL};
    struct shrink shrink = {.look = look_at_loss};
    struct text text = {0};
    shrink_text(big, &shrink, words, &text);
    assert_int_equal(shrink.sliced, 0);
    assert_non_null(strstr(text_string(&text), "cloud:scale"));
    assert_non_null(strstr(text_string(&text), "cloud:fault"));
    text_free(&text);
}

static const char drawn[] = "return cupola.scenario {\n"
                            "  title = \"drawn\",\n"
                            "  apps = { shop = { boot = cupola.lognormal(\"1s\", 0.5) } },\n"
                            "  run = function(cloud)\n"
                            "    cloud:fault(\"message_loss\", { target = \"dea-3\", amount = 300000 })\n"
                            "    cloud:wait(\"1500ms\")\n"
                            "    cloud:wait(\"700ms\")\n"
                            "    cloud:pick(cloud.deas, \"victim\"):kill()\n"
                            "  end,\n"
                            "}\n";

static void decisions_become_explicit(void **state)
{
    (void)state;
    static const char *const words[] = {"target = ", "boot =", "kill()", "only = {", NULL};
    struct shrink shrink = {.look = look_at_loss, .count_elsewhere = sure_of_apps};
    struct text text = {0};
    shrink_text(drawn, &shrink, words, &text);
    assert_non_null(strstr(text_string(&text), "boot = \"1s\""));
    assert_non_null(strstr(text_string(&text), "target = cloud:dea_of(\"shop\")"));
    assert_non_null(strstr(text_string(&text), "cloud:dea_of(\"shop\"):kill()"));
    text_free(&text);
}

static void what_is_drawn_of_a_share_may_be_all(void **state)
{
    (void)state;
    static const char *const words[] = {"message_loss", "amount", NULL};
    struct shrink shrink = {0};
    struct text text = {0};
    shrink_text(drawn, &shrink, words, &text);
    assert_non_null(strstr(text_string(&text), "amount = 1000000"));
    text_free(&text);
}

/* Named by nobody's seeds but one, the DEA of an app is no better than the one that was picked. */
static size_t sure_of_picks(void *context, const struct text *text)
{
    (void)context;
    return strstr(text_string(text), "cloud:pick") != NULL ? 4 : 3;
}

static void who_is_meant_stays_if_that_is_surer(void **state)
{
    (void)state;
    static const char *const words[] = {"kill()", "apps", NULL};
    struct shrink shrink = {.count_elsewhere = sure_of_picks};
    struct text text = {0};
    shrink_text(drawn, &shrink, words, &text);
    assert_non_null(strstr(text_string(&text), "cloud:pick(cloud.deas, \"victim\"):kill()"));
    text_free(&text);
}

static void waits_beside_each_other_are_one(void **state)
{
    (void)state;
    static const char *const words[] = {"cloud:wait(", "kill()", NULL};
    struct shrink shrink = {0};
    struct text text = {0};
    shrink_text(drawn, &shrink, words, &text);
    assert_int_equal(shrink_step_count(text_string(&text), text.size), 2);
    text_free(&text);
}

static void what_is_used_once_stands_where_it_is_used(void **state)
{
    (void)state;
    static const char *const words[] = {"cloud:pick(cloud.deas)", ":pause()", "mend()", "wait_until(", NULL};
    struct text text = {0};
    shrink_to(words, false, &text);
    assert_non_null(strstr(text_string(&text), "local fault = cloud:pick(cloud.deas):pause()"));
    text_free(&text);
}

static void enough_is_enough(void **state)
{
    (void)state;
    static const char *const words[] = {NULL};
    struct text text = {0};
    struct shrink shrink = {.context = (void *)(uintptr_t)words, .batch = 1, .find = find, .is_enough = at_once};
    text_add(&text, big, sizeof big - 1);
    shrink_scenario(&shrink, &text);
    assert_string_equal(text_string(&text), big);
    text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_needed_goes),
        cmocka_unit_test(what_undoes_a_fault_goes_only_with_it),
        cmocka_unit_test(values_become_smaller_and_picks_are_made),
        cmocka_unit_test(bounds_of_waits_are_cut_only_with_a_control),
        cmocka_unit_test(what_is_outside_of_the_causal_slice_goes_at_once),
        cmocka_unit_test(a_slice_that_loses_the_failure_is_no_slice),
        cmocka_unit_test(decisions_become_explicit),
        cmocka_unit_test(what_is_drawn_of_a_share_may_be_all),
        cmocka_unit_test(who_is_meant_stays_if_that_is_surer),
        cmocka_unit_test(waits_beside_each_other_are_one),
        cmocka_unit_test(what_is_used_once_stands_where_it_is_used),
        cmocka_unit_test(enough_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
