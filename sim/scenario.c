#include "sim/scenario.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "sim/checks/check.h"
#include "sim/lua/cloud.h"
#include "sim/lua/library.h"
#include "sim/lua/place.h"
#include "sim/lua/plan.h"
#include "sim/lua/sandbox.h"
#include "sim/mark.h"
#include "sim/measure.h"

#include <lauxlib.h>

#include <string.h>

enum { MEMORY_LIMIT = 256 << 20 };
static const uint64_t instruction_limit = 100000000;
enum { MOST_WAITS = 100000 }; /* Of a run: a loop that waits is one without end, too. */
static const uint64_t finish_bound_ns = 60 * NS_PER_S;

/* A Lua function that is asked by C whether something holds. */
struct lua_predicate {
    struct scenario *scenario;
    int reference; /* In the registry. */
    struct lua_predicate *next;
};

struct scenario {
    struct lua_sandbox sandbox;
    struct lua_cloud native;
    struct lua_plan plan;
    struct cloud *cloud;
    struct lua_predicate *predicates;
    int scenario_reference;      /* The table that the file returned. */
    int cloud_reference;         /* The cloud object of lua/cloud.lua. */
    struct scenario_about about; /* Its texts belong to the table. */
    bool is_tripped;
    struct text failure;
};

/* ---- Loading ---- */

static bool load_library(struct scenario *scenario, const struct lua_library_file *file)
{
    if (!lua_sandbox_run_chunk(&scenario->sandbox, file->chunk, (const char *)file->text, file->size))
        return false;
    lua_sandbox_provide(&scenario->sandbox, file->module);
    return true;
}

static bool load_libraries(struct scenario *scenario)
{
    lua_cloud_push_module(scenario->sandbox.lua, &scenario->native);
    lua_sandbox_provide(&scenario->sandbox, "cupola.native");
    for (const struct lua_library_file *file = lua_library_files; file->module != NULL; file++)
        if (!load_library(scenario, file))
            return false;
    return true;
}

/* The table's texts live as long as it does. */
static struct scenario_about read_about(lua_State *lua, int index)
{
    struct scenario_about about = {
        .title = lua_plan_text_field(lua, index, "title"),
        .row = lua_plan_text_field(lua, index, "row"),
        .weakness = lua_plan_text_field(lua, index, "weakness"),
    };
    if (lua_getfield(lua, index, "tripped_by") == LUA_TTABLE) {
        about.mutation = lua_plan_text_field(lua, lua_gettop(lua), "mutation");
        about.has_setting = lua_getfield(lua, -1, "setting") == LUA_TTABLE;
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
    return about;
}

/* Stack: the scenario's table -> nothing; plan, title and references are set. Runs protected. */
static int read_scenario(lua_State *lua)
{
    struct scenario *scenario = lua_touserdata(lua, lua_upvalueindex(1));
    if (!lua_istable(lua, 1) || lua_getfield(lua, 1, "run") != LUA_TFUNCTION ||
        lua_getfield(lua, 1, "title") != LUA_TSTRING)
        return luaL_error(
            lua, "the file must end with `return cupola.scenario { title = ..., run = function(cloud) ... end }`");
    lua_settop(lua, 1);
    scenario->about = read_about(lua, 1);
    if (scenario->is_tripped && scenario->about.mutation == NULL && !scenario->about.has_setting)
        return luaL_error(lua, "nothing trips this scenario: `tripped_by` names no mutation and no setting");
    lua_plan_read(lua, 1, scenario->is_tripped, &scenario->plan);
    lua_settop(lua, 1);
    scenario->scenario_reference = luaL_ref(lua, LUA_REGISTRYINDEX);
    return 0;
}

static bool load_file(struct scenario *scenario, const char *name, const char *text, size_t size)
{
    lua_State *lua = scenario->sandbox.lua;
    char chunk[256];
    strcpy(chunk, "@");
    strncat(chunk, name, sizeof chunk - 2);
    lua_pushlightuserdata(lua, scenario);
    lua_pushcclosure(lua, read_scenario, 1);
    if (!lua_sandbox_run_chunk(&scenario->sandbox, chunk, text, size))
        return false;
    return lua_sandbox_call(&scenario->sandbox, 1, 0);
}

struct scenario *scenario_open(const char *name, const char *text, size_t size, const struct scenario_options *options,
                               struct text *ret_error)
{
    struct scenario *scenario = memory_new(sizeof *scenario);
    scenario->is_tripped = options->is_tripped;
    bool ok = lua_sandbox_open(&scenario->sandbox, options->seed, MEMORY_LIMIT, instruction_limit) &&
              load_libraries(scenario) && load_file(scenario, name, text, size);
    if (!ok) {
        lua_State *lua = scenario->sandbox.lua;
        const char *message = lua == NULL ? "not enough memory" : lua_tostring(lua, -1);
        lua_place_complain(name, text, size, message == NULL ? "an error without a message" : message, ret_error);
        scenario_close(scenario);
        return NULL;
    }
    scenario->plan.plan.keep_traces = options->keep_traces;
    scenario->plan.plan.story_limit = options->story_limit;
    scenario->cloud = cloud_create(&scenario->plan.plan, options->seed);
    scenario->native.cloud = scenario->cloud;
    return scenario;
}

void scenario_close(struct scenario *scenario)
{
    if (scenario == NULL)
        return;
    cloud_destroy(scenario->cloud);
    lua_plan_release(&scenario->plan);
    lua_sandbox_close(&scenario->sandbox);
    lua_cloud_release(&scenario->native);
    while (scenario->predicates != NULL) {
        struct lua_predicate *next = scenario->predicates->next;
        memory_free(scenario->predicates);
        scenario->predicates = next;
    }
    text_free(&scenario->failure);
    memory_free(scenario);
}

/* ---- Conditions that are Lua functions ---- */

/* A function that ends in a call of ours leaves no line: then it is the one where it begins. Takes the function from
 * the top of the stack. */
static void add_placed(lua_State *lua, const char *message, struct text *ret_text)
{
    lua_Debug function;
    lua_getinfo(lua, ">S", &function);
    if (strncmp(message, function.short_src, strlen(function.short_src)) != 0)
        text_addf(ret_text, "%s:%d: ", function.short_src, function.linedefined);
    text_add_string(ret_text, message);
}

static bool lua_predicate_holds(struct cloud *cloud, void *context, struct text *ret_why)
{
    struct lua_predicate *predicate = context;
    struct scenario *scenario = predicate->scenario;
    lua_State *lua = scenario->sandbox.lua;
    lua_rawgeti(lua, LUA_REGISTRYINDEX, predicate->reference);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, scenario->cloud_reference);
    scenario->native.is_looking = true;
    bool has_run = lua_sandbox_call(&scenario->sandbox, 1, 2);
    scenario->native.is_looking = false;
    if (!has_run) {
        struct text text = {0};
        lua_rawgeti(lua, LUA_REGISTRYINDEX, predicate->reference);
        add_placed(lua, lua_tostring(lua, -2), &text);
        cloud_violate(cloud, "a condition of the scenario", "%s", text_string(&text));
        text_free(&text);
        lua_pop(lua, 1);
        return false;
    }
    bool holds = lua_toboolean(lua, -2);
    if (!holds && ret_why != NULL)
        text_add_string(ret_why, lua_isstring(lua, -1) ? lua_tostring(lua, -1) : "the scenario's condition is false");
    lua_pop(lua, 2);
    return holds;
}

/* Takes the function from the top of the stack. */
static struct lua_predicate *keep_predicate(struct scenario *scenario, lua_State *lua)
{
    struct lua_predicate *predicate = memory_new(sizeof *predicate);
    predicate->scenario = scenario;
    predicate->reference = luaL_ref(lua, LUA_REGISTRYINDEX);
    predicate->next = scenario->predicates;
    scenario->predicates = predicate;
    return predicate;
}

/* ---- Running ---- */

/* The `always` checks of the scenario's table. Runs protected. */
static int switch_checks_on(lua_State *lua)
{
    struct scenario *scenario = lua_touserdata(lua, 1);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, scenario->scenario_reference);
    if (lua_getfield(lua, -1, "always") != LUA_TTABLE)
        return 0;
    for (lua_Integer i = 1; lua_geti(lua, -1, i) == LUA_TTABLE; i++) {
        lua_getfield(lua, -1, "name");
        const char *name = lua_tostring(lua, -1); /* Lives as long as the scenario's table. */
        if (lua_getfield(lua, -2, "holds") == LUA_TFUNCTION) {
            cloud_check_always_with(scenario->cloud, name, lua_predicate_holds, keep_predicate(scenario, lua));
            lua_pop(lua, 2);
        } else {
            cloud_check_always(scenario->cloud, always_check_find(name));
            lua_pop(lua, 3);
        }
    }
    return 0;
}

/* The `sometimes` marks of the scenario's table. Runs protected. */
static int declare_marks(lua_State *lua)
{
    struct scenario *scenario = lua_touserdata(lua, 1);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, scenario->scenario_reference);
    if (lua_getfield(lua, -1, "sometimes") != LUA_TTABLE)
        return 0;
    for (lua_Integer i = 1; lua_geti(lua, -1, i) == LUA_TTABLE; i++) {
        int mark = lua_gettop(lua);
        cloud_declare_mark(scenario->cloud, lua_plan_text_field(lua, mark, "name"),
                           lua_plan_text_field(lua, mark, "log"));
        lua_settop(lua, mark - 1);
    }
    return 0;
}

/* The `run` function as a coroutine with the cloud object as its argument. Runs protected; returns the thread. */
static int make_thread(lua_State *lua)
{
    struct scenario *scenario = lua_touserdata(lua, 1);
    lua_State *thread = lua_newthread(lua);
    lua_getglobal(lua, "require");
    lua_pushliteral(lua, "cupola.cloud");
    lua_call(lua, 1, 1);
    lua_call(lua, 0, 1);
    lua_pushvalue(lua, -1);
    scenario->cloud_reference = luaL_ref(lua, LUA_REGISTRYINDEX);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, scenario->scenario_reference);
    lua_getfield(lua, -1, "run");
    lua_pushvalue(lua, -3);
    lua_xmove(lua, thread, 2);
    lua_settop(lua, 2);
    return 1;
}

static void fail(struct scenario *scenario, const char *message)
{
    if (scenario->failure.size == 0)
        text_add_string(&scenario->failure, message == NULL ? "an error without a message" : message);
}

static bool protected_call(struct scenario *scenario, lua_CFunction function, int results)
{
    lua_State *lua = scenario->sandbox.lua;
    lua_pushcfunction(lua, function);
    lua_pushlightuserdata(lua, scenario);
    if (lua_sandbox_call(&scenario->sandbox, 1, results))
        return true;
    fail(scenario, lua_tostring(lua, -1));
    lua_pop(lua, 1);
    return false;
}

/* wait_until: the condition and its bound lie on the thread's stack. Leaves the values for the next resume. False if it
 * is no condition. */
static bool wait_for_condition(struct scenario *scenario, lua_State *thread, int *ret_values,
                               enum cloud_result *ret_result)
{
    uint64_t bound_ns = (uint64_t)lua_tointeger(thread, 3);
    void *context = NULL;
    cloud_predicate *predicate = lua_predicate_holds;
    if (lua_isfunction(thread, 2)) {
        lua_pushvalue(thread, 2);
        context = keep_predicate(scenario, thread);
    } else {
        predicate = lua_cloud_predicate(thread, 2, &scenario->native, &context);
    }
    if (predicate == NULL)
        return false;
    uint64_t took_ns = 0;
    enum cloud_result result = cloud_wait_until(scenario->cloud, predicate, context, bound_ns, &took_ns);
    lua_settop(thread, 0);
    if (result == CLOUD_OK) {
        lua_pushinteger(thread, (lua_Integer)took_ns);
        *ret_values = 1;
    } else {
        lua_pushnil(thread);
        lua_pushstring(thread, cloud_explanation(scenario->cloud));
        *ret_values = 2;
    }
    *ret_result = result;
    return true;
}

/* Carries out what the scenario yielded: ("for", ns) or ("until", condition, bound). False if the run is over. */
static bool serve_yield(struct scenario *scenario, lua_State *thread, int *ret_values)
{
    const char *what = lua_tostring(thread, 1);
    enum cloud_result result = CLOUD_OK;
    *ret_values = 0;
    if (what != NULL && strcmp(what, "for") == 0) {
        result = cloud_run_for(scenario->cloud, (uint64_t)lua_tointeger(thread, 2));
        lua_settop(thread, 0);
    } else if (what == NULL || strcmp(what, "until") != 0 ||
               !wait_for_condition(scenario, thread, ret_values, &result)) {
        fail(scenario, lua_sandbox_complain(&scenario->sandbox, thread,
                                            "it yielded by itself; wait with cloud:wait or cloud:wait_until"));
        return false;
    }
    if (result != CLOUD_VIOLATED)
        return true;
    fail(scenario, cloud_violation(scenario->cloud));
    return false;
}

static void fail_in_run(struct scenario *scenario, const char *message)
{
    lua_State *lua = scenario->sandbox.lua;
    struct text text = {0};
    lua_rawgeti(lua, LUA_REGISTRYINDEX, scenario->scenario_reference);
    lua_getfield(lua, -1, "run");
    add_placed(lua, message, &text);
    lua_pop(lua, 1);
    fail(scenario, text_string(&text));
    text_free(&text);
}

static void play(struct scenario *scenario, lua_State *thread)
{
    int values = 1; /* The cloud object. */
    for (uint64_t waits = 0;; waits++) {
        int results = 0;
        lua_sandbox_arm(&scenario->sandbox, thread);
        int status = lua_resume(thread, NULL, values, &results);
        if (status == LUA_OK)
            return;
        if (status != LUA_YIELD) {
            fail_in_run(scenario, lua_sandbox_explain(&scenario->sandbox, thread, status));
            return;
        }
        if (waits == MOST_WAITS) {
            fail(scenario, lua_sandbox_complain(
                               &scenario->sandbox, thread,
                               "it waited more often than a run may (100000 times): is this loop meant to end?"));
            return;
        }
        if (!serve_yield(scenario, thread, &values))
            return;
    }
}

static bool conclude(struct scenario *scenario)
{
    if (scenario->failure.size == 0 && cloud_finish(scenario->cloud, finish_bound_ns) != CLOUD_OK) {
        const char *violation = cloud_violation(scenario->cloud);
        fail(scenario, violation != NULL ? violation : cloud_explanation(scenario->cloud));
    }
    cloud_record_totals(scenario->cloud);
    return scenario->failure.size == 0;
}

bool scenario_run(struct scenario *scenario)
{
    lua_State *lua = scenario->sandbox.lua;
    if (!protected_call(scenario, make_thread, 1))
        return false;
    lua_State *thread = lua_tothread(lua, -1); /* Stays on the stack, so that it is not collected. */
    if (!protected_call(scenario, declare_marks, 0) || !protected_call(scenario, switch_checks_on, 0))
        return false;
    play(scenario, thread);
    return conclude(scenario);
}

bool scenario_play(struct scenario *scenario, scenario_player *player, void *context)
{
    if (!protected_call(scenario, make_thread, 1) || !protected_call(scenario, declare_marks, 0) ||
        !protected_call(scenario, switch_checks_on, 0))
        return false;
    struct text why = {0};
    if (!player(scenario->cloud, context, &why)) {
        const char *violation = cloud_violation(scenario->cloud);
        fail(scenario, violation != NULL ? violation : text_string(&why));
    }
    text_free(&why);
    return conclude(scenario);
}

void scenario_observe_deeds(struct scenario *scenario, scenario_deed_observer *observer, void *context)
{
    scenario->native.deed_observer = observer;
    scenario->native.deed_context = context;
}

const char *scenario_title(const struct scenario *scenario)
{
    return scenario->about.title;
}

struct scenario_about scenario_about(const struct scenario *scenario)
{
    return scenario->about;
}

const char *scenario_failure(const struct scenario *scenario)
{
    return text_string(&scenario->failure);
}

struct cloud *scenario_cloud(struct scenario *scenario)
{
    return scenario->cloud;
}
