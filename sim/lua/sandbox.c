#include "sim/lua/sandbox.h"

#include "sim/lua/patterns.h"

#include "core/base/assert.h"

#include <lauxlib.h>
#include <lualib.h>

#include <stdlib.h>
#include <string.h>

enum { HOOK_EVERY = 1000 };

static struct lua_sandbox *sandbox_of(lua_State *lua)
{
    struct lua_sandbox *sandbox = *(struct lua_sandbox **)lua_getextraspace(lua);
    assert_that(sandbox != NULL);
    return sandbox;
}

/* ---- Memory and time ---- */

static void *allocate(void *user, void *memory, size_t size, size_t new_size)
{
    struct lua_sandbox *sandbox = user;
    size_t old_size = memory == NULL ? 0 : size;
    if (new_size == 0) {
        sandbox->memory_bytes -= old_size;
        free(memory);
        return NULL;
    }
    if (new_size > old_size && sandbox->memory_bytes + new_size - old_size > sandbox->memory_limit)
        return NULL; /* Lua collects garbage and tries again, then reports "not enough memory". */
    void *grown = realloc(memory, new_size);
    if (grown != NULL)
        sandbox->memory_bytes += new_size - old_size;
    return grown;
}

static void spend(lua_State *lua, uint64_t instructions)
{
    struct lua_sandbox *sandbox = sandbox_of(lua);
    sandbox->instructions += instructions;
    if (sandbox->instructions <= sandbox->instruction_limit)
        return;
    luaL_where(lua, 0);                  /* In a hook that is the line that runs. */
    if (lua_tostring(lua, -1)[0] == 0) { /* In a C function: its caller. */
        lua_pop(lua, 1);
        luaL_where(lua, 1);
    }
    lua_pushfstring(lua, "the scenario ran %I instructions without waiting for anything: is this loop meant to end?",
                    (lua_Integer)sandbox->instruction_limit);
    lua_concat(lua, 2);
    lua_error(lua);
}

static void count_instructions(lua_State *lua, lua_Debug *activation)
{
    (void)activation;
    spend(lua, HOOK_EVERY);
}

void lua_sandbox_spend(lua_State *lua, uint64_t instructions)
{
    spend(lua, instructions);
}

void lua_sandbox_arm(struct lua_sandbox *sandbox, lua_State *thread)
{
    sandbox->instructions = 0;
    lua_sethook(thread, count_instructions, LUA_MASKCOUNT, HOOK_EVERY);
}

/* What pcall and coroutine.resume must not swallow, or a scenario could loop for ever inside of them: the end of the
 * budget, and what costs far more time than instructions (each time the memory is full all of it is looked through). */
static int fail_when_spent(lua_State *lua)
{
    struct lua_sandbox *sandbox = sandbox_of(lua);
    const char *message = lua_toboolean(lua, 1) || lua_type(lua, 2) != LUA_TSTRING ? NULL : lua_tostring(lua, 2);
    bool is_final = message != NULL &&
                    (strstr(message, "stack overflow") != NULL || strstr(message, "error in error handling") != NULL ||
                     strstr(message, "not enough memory") != NULL);
    if (sandbox->instructions <= sandbox->instruction_limit && !is_final)
        return lua_gettop(lua);
    if (message == NULL)
        return luaL_error(lua, "out of instructions");
    luaL_where(lua, strchr(message, ':') == NULL ? 2 : 0); /* The caller of the guard; level 0 has no line. */
    lua_pushvalue(lua, 2);
    lua_concat(lua, 2);
    return lua_error(lua);
}

static const char guard[] = "local call, check = ...\n"
                            "return function(...) return check(call(...)) end\n";

/* Stack: the table with the function -> the same; the function is guarded. */
static void guard_call(lua_State *lua, const char *name)
{
    if (luaL_loadbuffer(lua, guard, sizeof guard - 1, "=lua/guard") != LUA_OK)
        lua_error(lua);
    lua_getfield(lua, -2, name);
    lua_pushcfunction(lua, fail_when_spent);
    lua_call(lua, 2, 1);
    lua_setfield(lua, -2, name);
}

/* ---- pairs in a fixed order ---- */

/* Integers first, by value; then strings, byte by byte (lua_compare would ask the locale). */
static int compare_keys(lua_State *lua, int a, int b)
{
    bool a_is_number = lua_type(lua, a) == LUA_TNUMBER, b_is_number = lua_type(lua, b) == LUA_TNUMBER;
    if (a_is_number != b_is_number)
        return a_is_number ? -1 : 1;
    if (a_is_number)
        return lua_compare(lua, a, b, LUA_OPLT) ? -1 : lua_compare(lua, b, a, LUA_OPLT) ? 1 : 0;
    size_t a_size, b_size;
    const char *a_text = lua_tolstring(lua, a, &a_size), *b_text = lua_tolstring(lua, b, &b_size);
    int order = memcmp(a_text, b_text, a_size < b_size ? a_size : b_size);
    return order != 0 ? order : a_size < b_size ? -1 : a_size > b_size ? 1 : 0;
}

static int key_is_before(lua_State *lua)
{
    lua_pushboolean(lua, compare_keys(lua, 1, 2) < 0);
    return 1;
}

/* The step function of pairs: upvalues are the table, its sorted keys and how many were given. Keys that were removed
 * meanwhile are passed over. */
static int pairs_step(lua_State *lua)
{
    lua_Integer given = lua_tointeger(lua, lua_upvalueindex(3));
    for (;;) {
        lua_rawgeti(lua, lua_upvalueindex(2), ++given);
        if (lua_isnil(lua, -1))
            return 1;
        lua_pushvalue(lua, -1);
        lua_gettable(lua, lua_upvalueindex(1));
        if (!lua_isnil(lua, -1))
            break;
        lua_pop(lua, 2);
    }
    lua_pushinteger(lua, given);
    lua_replace(lua, lua_upvalueindex(3));
    return 2;
}

static int ordered_pairs(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_settop(lua, 1);
    lua_newtable(lua);
    lua_Integer count = 0;
    for (lua_pushnil(lua); lua_next(lua, 1) != 0; lua_pop(lua, 1)) {
        int type = lua_type(lua, -2);
        if (type != LUA_TNUMBER && type != LUA_TSTRING)
            return luaL_error(lua, "pairs: a key is a %s; only numbers and strings have an order that repeats",
                              lua_typename(lua, type));
        lua_pushvalue(lua, -2);
        lua_rawseti(lua, 2, ++count);
    }
    lua_getfield(lua, LUA_REGISTRYINDEX, "cupola.sort");
    lua_pushvalue(lua, 2);
    lua_pushcfunction(lua, key_is_before);
    lua_call(lua, 2, 0);
    lua_pushinteger(lua, 0);
    lua_pushcclosure(lua, pairs_step, 3);
    return 1;
}

/* ---- Other replacements ---- */

/* Values that stock Lua prints with their address get their type only. */
static int safe_tostring(lua_State *lua)
{
    luaL_checkany(lua, 1);
    int type = lua_type(lua, 1);
    if (luaL_getmetafield(lua, 1, "__tostring") != LUA_TNIL || type == LUA_TNIL || type == LUA_TBOOLEAN ||
        type == LUA_TNUMBER || type == LUA_TSTRING)
        luaL_tolstring(lua, 1, NULL);
    else
        lua_pushstring(lua, lua_typename(lua, type));
    return 1;
}

static int safe_format(lua_State *lua)
{
    const char *format = luaL_checkstring(lua, 1);
    for (const char *at = strchr(format, '%'); at != NULL; at = strchr(at, '%')) {
        at++;
        at += strspn(at, "-+ #0123456789.");
        if (*at == 'p')
            return luaL_error(lua, "string.format: %%p prints an address, which differs from run to run");
        if (*at != 0)
            at++;
    }
    int count = lua_gettop(lua);
    for (int i = 2; i <= count; i++) {
        if (lua_type(lua, i) < LUA_TTABLE)
            continue;
        lua_pushcfunction(lua, safe_tostring);
        lua_pushvalue(lua, i);
        lua_call(lua, 1, 1);
        lua_replace(lua, i);
    }
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, count, 1);
    return 1;
}

static int safe_setmetatable(lua_State *lua)
{
    static const char *const forbidden[] = {"__gc", "__mode"};
    if (lua_istable(lua, 2)) {
        for (size_t i = 0; i < 2; i++) {
            lua_pushstring(lua, forbidden[i]);
            if (lua_rawget(lua, 2) != LUA_TNIL)
                return luaL_error(lua, "setmetatable: %s depends on when memory is collected, which does not repeat",
                                  forbidden[i]);
            lua_pop(lua, 1);
        }
    }
    int count = lua_gettop(lua);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, count, 1);
    return 1;
}

/* math.random(), (n) and (a, b), from the world's seed. Without arguments: an integer from 0 to 2^53 - 1, not a float.
 */
static int seeded_random(lua_State *lua)
{
    struct lua_sandbox *sandbox = sandbox_of(lua);
    if (lua_gettop(lua) == 0) {
        lua_pushinteger(lua, (lua_Integer)(random_draw(&sandbox->random) >> 11));
        return 1;
    }
    lua_Integer low = lua_gettop(lua) == 1 ? 1 : luaL_checkinteger(lua, 1);
    lua_Integer high = luaL_checkinteger(lua, lua_gettop(lua) == 1 ? 1 : 2);
    luaL_argcheck(lua, low <= high, lua_gettop(lua), "interval is empty");
    uint64_t width = (uint64_t)high - (uint64_t)low;
    lua_pushinteger(lua, (lua_Integer)((uint64_t)low + random_between(&sandbox->random, 0, width)));
    return 1;
}

static int require_provided(lua_State *lua)
{
    const char *name = luaL_checkstring(lua, 1);
    lua_getfield(lua, LUA_REGISTRYINDEX, "cupola.provided");
    if (lua_getfield(lua, -1, name) == LUA_TNIL)
        return luaL_error(lua, "require: there is no '%s' here; scenarios can require \"cupola\"", name);
    return 1;
}

static int forbidden_name(lua_State *lua)
{
    return luaL_error(lua, "'%s' is not there in scenarios: its result would differ from run to run",
                      lua_tostring(lua, lua_upvalueindex(1)));
}

static int forbidden_field(lua_State *lua)
{
    return luaL_error(lua, "'%s.%s' is not there in scenarios: its result would differ from run to run",
                      lua_tostring(lua, lua_upvalueindex(1)), luaL_tolstring(lua, 2, NULL));
}

/* The instructions of a new coroutine are counted from its thousandth on: many short ones must not be for nothing. */
static int counted_thread(lua_State *lua)
{
    spend(lua, HOOK_EVERY);
    int count = lua_gettop(lua);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, count, 1);
    return 1;
}

/* ---- The environment ---- */

/* Takes names away; using one says why it is gone. */
static void forbid(lua_State *lua, const char *table, const char *const *names)
{
    if (table == NULL)
        lua_pushglobaltable(lua);
    else
        lua_getglobal(lua, table);
    for (; *names != NULL; names++) {
        lua_pushstring(lua, *names);
        lua_pushcclosure(lua, forbidden_name, 1);
        lua_setfield(lua, -2, *names);
    }
    lua_pop(lua, 1);
}

/* Whole libraries that are away. */
static void forbid_library(lua_State *lua, const char *name)
{
    lua_newtable(lua);
    lua_createtable(lua, 0, 1);
    lua_pushstring(lua, name);
    lua_pushcclosure(lua, forbidden_field, 1);
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, -2);
    lua_setglobal(lua, name);
}

static void replace_in(lua_State *lua, const char *table, const char *name, lua_CFunction function)
{
    lua_getglobal(lua, table);
    lua_getfield(lua, -1, name);
    lua_pushcclosure(lua, function, 1);
    lua_setfield(lua, -2, name);
    lua_pop(lua, 1);
}

static int open_environment(lua_State *lua)
{
    static const luaL_Reg libraries[] = {{"_G", luaopen_base},
                                         {LUA_TABLIBNAME, luaopen_table},
                                         {LUA_STRLIBNAME, luaopen_string},
                                         {LUA_MATHLIBNAME, luaopen_math},
                                         {LUA_COLIBNAME, luaopen_coroutine},
                                         {LUA_UTF8LIBNAME, luaopen_utf8}};
    static const char *const no_globals[] = {"next",   "xpcall", "load",           "loadstring", "loadfile",
                                             "dofile", "print",  "collectgarbage", "warn",       NULL};
    static const char *const no_math[] = {"randomseed", "sin", "cos", "tan",  "asin", "acos",
                                          "atan",       "exp", "log", "sqrt", NULL};
    static const char *const no_string[] = {"dump", NULL};
    for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++) {
        luaL_requiref(lua, libraries[i].name, libraries[i].func, 1);
        lua_pop(lua, 1);
    }
    lua_getglobal(lua, "table");
    lua_getfield(lua, -1, "sort");
    lua_setfield(lua, LUA_REGISTRYINDEX, "cupola.sort");
    lua_pop(lua, 1);
    lua_newtable(lua);
    lua_setfield(lua, LUA_REGISTRYINDEX, "cupola.provided");
    forbid(lua, NULL, no_globals);
    forbid_library(lua, "os");
    forbid_library(lua, "io");
    forbid_library(lua, "debug");
    forbid_library(lua, "package");
    forbid(lua, "math", no_math);
    forbid(lua, "string", no_string);
    replace_in(lua, "string", "format", safe_format);
    lua_patterns_guard(lua);
    replace_in(lua, "math", "random", seeded_random);
    replace_in(lua, "_G", "setmetatable", safe_setmetatable);
    lua_pushglobaltable(lua);
    guard_call(lua, "pcall");
    lua_getfield(lua, -1, "coroutine");
    guard_call(lua, "resume");
    replace_in(lua, "coroutine", "create", counted_thread);
    replace_in(lua, "coroutine", "wrap", counted_thread);
    lua_register(lua, "pairs", ordered_pairs);
    lua_register(lua, "tostring", safe_tostring);
    lua_register(lua, "require", require_provided);
    sandbox_of(lua)->thread = lua_newthread(lua);
    lua_setfield(lua, LUA_REGISTRYINDEX, "cupola.thread");
    return 0;
}

bool lua_sandbox_open(struct lua_sandbox *sandbox, uint64_t seed, size_t memory_limit, uint64_t instruction_limit)
{
    memset(sandbox, 0, sizeof *sandbox);
    sandbox->memory_limit = memory_limit;
    sandbox->instruction_limit = instruction_limit;
    sandbox->random = random_named(seed, "lua.math.random");
    sandbox->lua = lua_newstate(allocate, sandbox);
    if (sandbox->lua == NULL)
        return false;
    *(struct lua_sandbox **)lua_getextraspace(sandbox->lua) = sandbox;
    lua_pushcfunction(sandbox->lua, open_environment);
    return lua_pcall(sandbox->lua, 0, 0, 0) == LUA_OK;
}

void lua_sandbox_close(struct lua_sandbox *sandbox)
{
    if (sandbox->lua != NULL)
        lua_close(sandbox->lua);
    sandbox->lua = NULL;
}

void lua_sandbox_provide(struct lua_sandbox *sandbox, const char *name)
{
    lua_State *lua = sandbox->lua;
    lua_getfield(lua, LUA_REGISTRYINDEX, "cupola.provided");
    lua_insert(lua, -2);
    lua_setfield(lua, -2, name);
    lua_pop(lua, 1);
}

/* ---- Calling ---- */

bool lua_sandbox_call(struct lua_sandbox *sandbox, int arguments, int results)
{
    lua_State *thread = sandbox->thread;
    lua_sandbox_arm(sandbox, thread);
    lua_xmove(sandbox->lua, thread, arguments + 1);
    int count = 0;
    int status = lua_resume(thread, sandbox->lua, arguments, &count);
    if (status == LUA_OK) {
        lua_settop(thread, results);
        lua_xmove(thread, sandbox->lua, results);
        return true;
    }
    lua_sandbox_explain(sandbox, thread, status);
    lua_resetthread(thread);
    return false;
}

bool lua_sandbox_run_chunk(struct lua_sandbox *sandbox, const char *name, const char *text, size_t size)
{
    size_t mark = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* Some editors begin files with it. */
    return luaL_loadbufferx(sandbox->lua, text + mark, size - mark, name, "t") == LUA_OK &&
           lua_sandbox_call(sandbox, 0, 1);
}
