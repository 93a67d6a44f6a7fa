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
    assert_non_null(strstr(text_string(&text), "local victim = cloud.deas[1]"));
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
        cmocka_unit_test(enough_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
