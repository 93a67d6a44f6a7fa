/* What went wrong, with the line of the scenario: for sim/lua/sandbox.h. */
#include "sim/lua/sandbox.h"

#include <lauxlib.h>

#include <string.h>

/* The innermost line of the scenario that a thread was at, not of our library: some messages of Lua do not say it. */
static void push_place(lua_State *lua, lua_State *thread)
{
    lua_Debug at;
    for (int level = 0; lua_getstack(thread, level, &at) != 0; level++) {
        lua_getinfo(thread, "Sl", &at);
        if (at.currentline > 0 && strncmp(at.short_src, "lua/", 4) != 0) {
            lua_pushfstring(lua, "%s:%d: ", at.short_src, at.currentline);
            return;
        }
    }
    lua_pushliteral(lua, "");
}

size_t lua_sandbox_outer_line(lua_State *thread)
{
    lua_Debug at;
    size_t line = 0;
    for (int level = 0; lua_getstack(thread, level, &at) != 0; level++) {
        lua_getinfo(thread, "Sl", &at);
        if (at.currentline > 0 && strncmp(at.short_src, "lua/", 4) != 0)
            line = (size_t)at.currentline;
    }
    return line;
}

/* Behind the place in our library that a message names: that is no help. */
static const char *skip_library_place(const char *message)
{
    const char *colon = strncmp(message, "lua/", 4) == 0 ? strchr(message, ':') : NULL;
    size_t digits = colon == NULL ? 0 : strspn(colon + 1, "0123456789");
    return digits > 0 && strncmp(colon + 1 + digits, ": ", 2) == 0 ? colon + digits + 3 : message;
}

/* What was said, with the place in the scenario if that was not. */
static void push_message(lua_State *lua, lua_State *thread, const char *message)
{
    push_place(lua, thread);
    const char *place = lua_tostring(lua, -1), *words = skip_library_place(message);
    size_t file = strcspn(place, ":");
    bool is_placed = strncmp(words, place, file) == 0 && words[file] == place[file];
    lua_pushstring(lua, words);
    if (is_placed)
        lua_remove(lua, -2);
    else
        lua_concat(lua, 2);
}

const char *lua_sandbox_complain(struct lua_sandbox *sandbox, lua_State *thread, const char *words)
{
    push_place(sandbox->lua, thread);
    lua_pushstring(sandbox->lua, words);
    lua_concat(sandbox->lua, 2);
    return lua_tostring(sandbox->lua, -1);
}

const char *lua_sandbox_explain(struct lua_sandbox *sandbox, lua_State *thread, int status)
{
    enum { ROOM = 1 << 16 };
    lua_State *lua = sandbox->lua;
    if (status == LUA_ERRMEM) {
        lua_Integer megabytes = (lua_Integer)(sandbox->memory_limit >> 20);
        sandbox->memory_limit += ROOM; /* To tell it. */
        push_place(lua, thread);
        lua_pushfstring(lua, "not enough memory: a scenario gets %I MiB; does it keep what it does not need?",
                        megabytes);
        lua_concat(lua, 2);
    } else if (status == LUA_YIELD) {
        return lua_sandbox_complain(sandbox, thread, "only `run` can wait, and what it calls");
    } else if (lua_type(thread, -1) != LUA_TSTRING) {
        push_place(lua, thread);
        lua_pushfstring(lua, "the scenario raised an error that is a %s, not a text", luaL_typename(thread, -1));
        lua_concat(lua, 2);
    } else {
        push_message(lua, thread, lua_tostring(thread, -1));
    }
    return lua_tostring(lua, -1);
}
