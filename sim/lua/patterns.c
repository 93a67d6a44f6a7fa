#include "sim/lua/patterns.h"

#include "sim/lua/sandbox.h"

#include <lauxlib.h>

#include <stdbool.h>
#include <string.h>

/* A character costs less than an instruction. */
enum { CHARACTERS_PER_INSTRUCTION = 8 };

/* Items that can match texts of different lengths: each may try every length. */
static unsigned count_choices(const char *pattern, size_t size)
{
    unsigned choices = 0;
    bool in_set = false;
    for (size_t i = 0; i < size; i++) {
        if (pattern[i] == '%') {
            choices += i + 1 < size && pattern[i + 1] == 'b';
            i++;
        } else if (pattern[i] == '[') {
            in_set = true;
        } else if (pattern[i] == ']') {
            in_set = false;
        } else if (!in_set && i > 0 && strchr("*+-?", pattern[i]) != NULL) {
            choices++;
        }
    }
    return choices;
}

/* Characters that a search could look at, at most; UINT64_MAX if that is beyond counting. */
static uint64_t cost_of(const char *pattern, size_t pattern_size, size_t text_size)
{
    bool is_anchored = pattern_size > 0 && pattern[0] == '^';
    unsigned choices = count_choices(pattern, pattern_size);
    uint64_t cost = pattern_size + 1;
    for (unsigned i = is_anchored ? 1 : 0; i < choices + 1; i++) {
        if (cost > UINT64_MAX / (text_size + 2))
            return UINT64_MAX;
        cost *= text_size + 2;
    }
    return cost;
}

static int guarded(lua_State *lua)
{
    size_t text_size = 0, pattern_size = 0;
    luaL_checklstring(lua, 1, &text_size);
    const char *pattern = luaL_checklstring(lua, 2, &pattern_size);
    bool is_plain = lua_toboolean(lua, lua_upvalueindex(2)) && lua_toboolean(lua, 4);
    uint64_t cost = is_plain ? text_size + pattern_size : cost_of(pattern, pattern_size, text_size);
    lua_sandbox_spend(lua, cost / CHARACTERS_PER_INSTRUCTION > INT64_MAX / 2 ? INT64_MAX / 2
                                                                             : cost / CHARACTERS_PER_INSTRUCTION);
    int count = lua_gettop(lua);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, count, LUA_MULTRET);
    return lua_gettop(lua);
}

void lua_patterns_guard(lua_State *lua)
{
    static const char *const names[] = {"find", "match", "gmatch", "gsub"};
    lua_getglobal(lua, "string");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        lua_getfield(lua, -1, names[i]);
        lua_pushboolean(lua, i == 0); /* Only find has a fourth argument that says "plain". */
        lua_pushcclosure(lua, guarded, 2);
        lua_setfield(lua, -2, names[i]);
    }
    lua_pop(lua, 1);
}
