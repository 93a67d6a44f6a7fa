/* Trials of explorations: played, branched and written, they are the same run; signatures; where Lua is cut. */
#include "core/base/memory.h"
#include "sim/lua/source.h"
#include "sim/scenario.h"
#include "sim/search/coverage.h"
#include "sim/search/explore.h"
#include "sim/search/signature.h"
#include "sim/search/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char ground[] = "local cupola = require \"cupola\"\n"
                             "return cupola.scenario {\n"
                             "  title = \"ground\", -- of a trial\n"
                             "  cloud = { deas = 2, controllers = 2 },\n"
                             "  apps = { shop = { instances = 2 } },\n"
                             "  always = { cupola.no_failed_request, cupola.never_misrouted },\n"
                             "  run = function(cloud)\n"
                             "    cloud:wait(\"1s\")\n"
                             "  end,\n"
                             "}\n";

static struct scenario *open_text(const char *text, size_t size, uint64_t seed)
{
    struct text error = {0};
    struct scenario_options options = {.seed = seed};
    struct scenario *scenario = scenario_open("test.lua", text, size, &options, &error);
    assert_string_equal(text_string(&error), "");
    text_free(&error);
    return scenario;
}

static struct cloud_plan small_plan(void)
{
    static const struct app_plan app = {.name = "shop", .instances = 2};
    struct cloud_plan plan = cloud_plan_default();
    plan.controllers = 2;
    plan.apps = &app;
    plan.app_count = 1;
    return plan;
}

static void branch(struct trial *trial, struct cloud *cloud, size_t done, void *context)
{
    (void)cloud;
    const struct cloud_plan plan = small_plan();
    if (done == *(size_t *)context)
        trial_redraw(&plan, trial, done, 77);
}

/* Plays it from C, with another future from action `at` on; then what was written of it from Lua. */
static void expect_same_hash(uint64_t number, size_t at)
{
    const struct cloud_plan plan = small_plan();
    const struct trial_options options = {.families = UINT32_MAX};
    struct trial trial;
    trial_draw(&plan, number, &options, &trial);
    struct trial_play play = {.trial = &trial, .boundary = branch, .context = &at};
    struct scenario *scenario = open_text(ground, sizeof ground - 1, number);
    scenario_play(scenario, trial_player, &play);
    uint64_t played = cloud_hash(scenario_cloud(scenario));
    scenario_close(scenario);

    struct text lua = {0}, run = {0};
    const char *begin = strstr(ground, "function(cloud)");
    text_add(&lua, ground, (size_t)(begin - ground));
    trial_write_lua(&trial, &lua);
    text_add_string(&lua, ",\n}\n");
    scenario = open_text(text_string(&lua), lua.size, number);
    scenario_run(scenario);
    assert_true(played == cloud_hash(scenario_cloud(scenario)));
    scenario_close(scenario);
    text_free(&lua);
    text_free(&run);
}

static void a_trial_played_is_the_trial_written(void **state)
{
    (void)state;
    for (uint64_t number = 1; number <= 3; number++)
        expect_same_hash(number, SIZE_MAX);
}

static void a_branch_is_a_trial_of_its_own(void **state)
{
    (void)state;
    for (uint64_t number = 1; number <= 3; number++)
        expect_same_hash(number, 1);
}

static void a_calm_trial_has_no_faults(void **state)
{
    (void)state;
    const struct cloud_plan plan = small_plan();
    const struct trial_options options = {.families = UINT32_MAX, .calm_every = 4};
    struct trial trial;
    trial_draw(&plan, 8, &options, &trial);
    for (size_t i = 0; i < trial.action_count; i++)
        assert_int_not_equal(trial.actions[i].act, TRIAL_FAULT);
}

static void only_families_that_are_allowed_are_drawn(void **state)
{
    (void)state;
    const struct cloud_plan plan = small_plan();
    const struct trial_options options = {.families = 1u << FAULT_FAMILY_CLOCK};
    size_t faults = 0;
    for (uint64_t number = 1; number <= 40; number++) {
        struct trial trial;
        trial_draw(&plan, number, &options, &trial);
        for (size_t i = 0; i < trial.action_count; i++) {
            if (trial.actions[i].act != TRIAL_FAULT)
                continue;
            assert_int_equal(fault_kind_family(trial.actions[i].fault.kind), FAULT_FAMILY_CLOCK);
            faults++;
        }
    }
    assert_true(faults > 0);
}

static void every_fault_that_is_drawn_makes_sense(void **state)
{
    (void)state;
    static const char zones[] = "local cupola = require \"cupola\"\n"
                                "return cupola.scenario {\n"
                                "  title = \"zones\", cloud = { zones = 3, deas = 2 }, apps = { shop = {} },\n"
                                "  run = function(cloud) end,\n"
                                "}\n";
    static const struct app_plan app = {.name = "shop", .instances = 1};
    struct scenario *scenario = open_text(zones, sizeof zones - 1, 1);
    struct cloud_plan plan = cloud_plan_default();
    plan.zones = 3;
    plan.apps = &app;
    plan.app_count = 1;
    const struct trial_options options = {.families = UINT32_MAX};
    for (uint64_t number = 1; number <= 200; number++) {
        struct trial trial;
        trial_draw(&plan, number, &options, &trial);
        for (size_t i = 0; i < trial.action_count; i++) {
            struct fault_spec spec = trial.actions[i].fault;
            struct text why = {0};
            spec.target = trial.actions[i].target;
            spec.peer = trial.actions[i].peer;
            if (trial.actions[i].act == TRIAL_FAULT && !fault_spec_is_valid(scenario_cloud(scenario), &spec, &why))
                fail_msg("trial %d: %s: %s", (int)number, fault_kind_name(spec.kind), text_string(&why));
        }
    }
    scenario_close(scenario);
}

static void the_ground_keeps_all_but_its_run(void **state)
{
    (void)state;
    struct text head = {0};
    assert_true(explore_head_of(ground, sizeof ground - 1, &head));
    assert_null(strstr(text_string(&head), "no_failed_request"));
    assert_null(strstr(text_string(&head), "wait"));
    assert_non_null(strstr(text_string(&head), "always = {  cupola.never_misrouted }"));
    scenario_close(open_text(text_string(&head), head.size, 1));
    text_free(&head);
    assert_false(explore_head_of("return {", 8, &head));
    text_free(&head);
}

static void pieces_of_lua_are_found(void **state)
{
    (void)state;
    static const char text[] = "local a, b = f { x = 1, [\"y\"] = { 2 } }, [[long]]\n"
                               "g:h(\"s\")(3) -- said\n"
                               "for _, one in ipairs(a) do one.x = -4; k() end\n"
                               "if not b then return end\n";
    struct lua_source source;
    assert_true(lua_source_parse(text, sizeof text - 1, &source));
    size_t counts[8] = {0};
    for (size_t i = 0; i < source.count; i++) {
        counts[source.pieces[i].kind]++;
        assert_true(source.pieces[i].from <= source.pieces[i].to && source.pieces[i].to <= source.size);
    }
    assert_int_equal(counts[LUA_STATEMENT], 7);
    assert_int_equal(counts[LUA_BLOCK], 3);
    assert_int_equal(counts[LUA_ENTRY], 3);
    assert_int_equal(counts[LUA_NUMBER], 4);
    assert_int_equal(counts[LUA_COMMENT], 1);
    const struct lua_piece *x = lua_source_entry(&source, "x");
    assert_non_null(x);
    assert_memory_equal(text + x->from, "x = 1,", x->to - x->from);
    lua_source_release(&source);
    assert_false(lua_source_parse("local = 3", 9, &source));
}

static void signatures_leave_out_what_changes(void **state)
{
    (void)state;
    char *a = signature_of("scenarios/x.lua:31: waited 30s in vain: dea-3 has 12 instances");
    char *b = signature_of("waited 4s in vain: dea-1 has 7 instances");
    char *c = signature_of("one_of_each: dea-1 has 7 instances");
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
    memory_free(a);
    memory_free(b);
    memory_free(c);
}

static void what_met_what_is_counted(void **state)
{
    (void)state;
    struct coverage *coverage = memory_new(sizeof *coverage);
    struct coverage_watch watch;
    struct scenario *scenario = open_text(ground, sizeof ground - 1, 1);
    struct cloud *cloud = scenario_cloud(scenario);
    coverage_watch(&watch, coverage, cloud);
    cloud_run_for(cloud, UINT64_C(3000000000));
    uint64_t calm = coverage->bucket_count;
    assert_true(calm > 0);
    fault_begin(cloud, &(struct fault_spec){.kind = FAULT_PAUSE, .target = "dea-0"});
    cloud_run_for(cloud, UINT64_C(3000000000));
    coverage_unwatch(&watch);
    size_t met = 0;
    for (size_t i = 0; i < COVERAGE_STATES; i++)
        met += coverage->met[FAULT_PAUSE][ROLE_DEA][i] + coverage->met[FAULT_PAUSE][ROLE_ROUTER][i];
    assert_int_equal(met, 1);
    assert_true(coverage->bucket_count > calm);
    struct text table = {0};
    coverage_print(coverage, true, &table);
    assert_non_null(strstr(text_string(&table), "\n  1 of "));
    assert_non_null(strstr(text_string(&table), "never met:\n    kill x bus x down\n"));
    text_free(&table);
    scenario_close(scenario);
    memory_free(coverage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trial_played_is_the_trial_written),
        cmocka_unit_test(a_branch_is_a_trial_of_its_own),
        cmocka_unit_test(a_calm_trial_has_no_faults),
        cmocka_unit_test(only_families_that_are_allowed_are_drawn),
        cmocka_unit_test(every_fault_that_is_drawn_makes_sense),
        cmocka_unit_test(the_ground_keeps_all_but_its_run),
        cmocka_unit_test(pieces_of_lua_are_found),
        cmocka_unit_test(signatures_leave_out_what_changes),
        cmocka_unit_test(what_met_what_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
