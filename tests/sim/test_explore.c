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

static void rare_moments_are_gone_back_to(void **state)
{
    (void)state;
    struct coverage *coverage = memory_new(sizeof *coverage);
    struct moments *moments = memory_new(sizeof *moments);
    struct moment drawn;
    uint64_t future = 0, futures[2] = {0};
    assert_false(moments_draw(moments, coverage, &drawn, &future));
    for (uint32_t i = 0; i < 2; i++) {
        const struct moment moment = {.number = i + 1, .kept = 3, .feature = i};
        coverage->buckets[i] = i == 0 ? 200 : 1;
        moments_add(moments, &moment);
    }
    size_t rare = 0;
    for (size_t i = 0; i < 20; i++) {
        assert_true(moments_draw(moments, coverage, &drawn, &future));
        assert_true(future != futures[0] && future != futures[1]);
        futures[i % 2] = future;
        rare += drawn.number == 2;
    }
    assert_true(rare >= 15);
    /* New ones make room for themselves. */
    for (uint32_t i = 0; i < MOMENTS_KEPT; i++)
        moments_add(moments, &(struct moment){.number = 9, .feature = 5});
    assert_true(moments_draw(moments, coverage, &drawn, &future));
    assert_int_equal(drawn.number, 9);
    memory_free(moments);
    memory_free(coverage);
}

void __sanitizer_cov_8bit_counters_init(uint8_t *begin, uint8_t *end);

/* As the compiler's calls in a build of the preset "guided". */
static void edges_are_counted_by_how_often_they_are_taken(void **state)
{
    (void)state;
    static uint8_t counters[64];
    struct coverage *coverage = memory_new(sizeof *coverage);
    uint32_t newest = 0;
    assert_false(coverage_has_edges());
    __sanitizer_cov_8bit_counters_init(counters, counters + sizeof counters);
    assert_true(coverage_has_edges());
    counters[3] = 1;
    counters[7] = 40;
    assert_int_equal(coverage_note_edges(coverage, &newest), 2);
    assert_int_equal(coverage_rarity(coverage, newest), 1);
    assert_int_equal(coverage_note_edges(coverage, &newest), 0);
    assert_int_equal(coverage_rarity(coverage, newest), 2);
    counters[3] = 5; /* A few times is something else than once, a few more is not. */
    assert_int_equal(coverage_note_edges(coverage, &newest), 1);
    counters[3] = 6;
    assert_int_equal(coverage_note_edges(coverage, &newest), 0);
    coverage_clear_edges();
    assert_int_equal(counters[3] + counters[7], 0);
    assert_int_equal(coverage->edge_count, 3);
    __sanitizer_cov_8bit_counters_init(NULL, NULL);
    memory_free(coverage);
}

struct told {
    size_t runs, branches, failed;
};

static void count_trial(void *context, const Cupola__TrialResult *result)
{
    struct told *told = context;
    told->runs++;
    told->branches += result->branch > 0;
    told->failed += !result->run->passed;
}

static void an_exploration_goes_back_only_if_it_is_guided(void **state)
{
    (void)state;
    struct coverage *coverage = memory_new(sizeof *coverage);
    struct explore_options options = {.name = "test.lua",
                                      .head = ground,
                                      .coverage = coverage,
                                      .trial = {.families = 1u << FAULT_FAMILY_PROCESS, .storm_ms = 3000}};
    struct told told = {0};
    explore_trial(&options, 1, count_trial, &told);
    assert_int_equal(told.runs, 1);
    options.is_twice = true;
    options.moments = memory_new(sizeof *options.moments);
    for (uint64_t number = 1; number < 20 && options.moments->added == 0; number++)
        explore_trial(&options, number, count_trial, &told); /* Until one has met something new. */
    uint64_t drawn = options.moments->drawn;
    explore_trial(&options, 2, count_trial, &told);
    assert_true(options.moments->added > 0);
    assert_int_equal(options.moments->drawn, drawn + 1);
    assert_int_equal(told.branches + told.failed, 0); /* What forks tell is told in their own memory. */
    memory_free(options.moments);
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
        cmocka_unit_test(rare_moments_are_gone_back_to),
        cmocka_unit_test(edges_are_counted_by_how_often_they_are_taken),
        cmocka_unit_test(an_exploration_goes_back_only_if_it_is_guided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
