#include "sim/lua/json.h"

#include "core/base/assert.h"
#include "core/wire/json.h"
#include "core/wire/json/scan.h"

#include <lauxlib.h>

enum { DEPTH_LIMIT = 32 };

static void push_scalar(lua_State *lua, struct json_token token)
{
    if (token.kind == JSON_STRING) {
        lua_pushlstring(lua, token.bytes, token.size);
    } else if (token.kind == JSON_BOOLEAN) {
        lua_pushboolean(lua, token.boolean);
    } else if (token.kind == JSON_NUMBER) {
        lua_pushlstring(lua, token.bytes, token.size);
        if (lua_stringtonumber(lua, lua_tostring(lua, -1)) == 0)
            lua_pushnil(lua);
        lua_remove(lua, -2);
    } else {
        lua_pushnil(lua);
    }
}

void lua_json_push(lua_State *lua, const char *json, size_t size)
{
    struct json_scanner scanner = {.bytes = {(const uint8_t *)json, size}};
    lua_Integer next[DEPTH_LIMIT + 1]; /* The next element of each open array; 0 for objects. */
    int top = lua_gettop(lua);
    enum json_item item;
    luaL_checkstack(lua, 3 * DEPTH_LIMIT, "JSON is nested too deeply");
    while ((item = json_scan(&scanner)) > JSON_ITEM_END && scanner.depth <= DEPTH_LIMIT) {
        if (item == JSON_ITEM_OPEN) {
            next[scanner.depth] = scanner.token.kind == JSON_ARRAY;
            lua_newtable(lua);
            continue;
        }
        if (item == JSON_ITEM_KEY)
            lua_pushlstring(lua, scanner.token.bytes, scanner.token.size);
        else if (item == JSON_ITEM_VALUE)
            push_scalar(lua, scanner.token);
        if (item == JSON_ITEM_KEY || scanner.depth == 0)
            continue;
        if (next[scanner.depth] > 0)
            lua_rawseti(lua, -2, next[scanner.depth]++);
        else
            lua_rawset(lua, -3);
    }
    json_scan_release(&scanner);
    if (item != JSON_ITEM_END)
        luaL_error(lua, "a component's state is not JSON: %s",
                   scanner.problem == NULL ? "nested too deeply" : scanner.problem);
    assert_that(lua_gettop(lua) == top + 1);
}

static bool write_value(lua_State *lua, int index, int depth, struct text *json, const char **ret_why);

static bool write_array(lua_State *lua, int index, int depth, struct text *json, const char **ret_why)
{
    text_add_char(json, '[');
    lua_Integer count = luaL_len(lua, index);
    for (lua_Integer i = 1; i <= count; i++) {
        if (i > 1)
            text_add_char(json, ',');
        lua_geti(lua, index, i);
        bool ok = write_value(lua, lua_gettop(lua), depth + 1, json, ret_why);
        lua_pop(lua, 1);
        if (!ok)
            return false;
    }
    text_add_char(json, ']');
    return true;
}

/* Goes through the sandbox's `pairs`, whose order repeats. */
static bool write_object(lua_State *lua, int index, int depth, struct text *json, const char **ret_why)
{
    text_add_char(json, '{');
    bool is_first = true;
    lua_getglobal(lua, "pairs");
    lua_pushvalue(lua, index);
    lua_call(lua, 1, 1);
    int step = lua_gettop(lua);
    for (;;) {
        lua_pushvalue(lua, step);
        lua_call(lua, 0, 2);
        if (lua_isnil(lua, -2))
            break;
        if (lua_type(lua, -2) != LUA_TSTRING) {
            *ret_why = "a table with names has a number among its keys";
            return false;
        }
        if (!is_first)
            text_add_char(json, ',');
        is_first = false;
        json_write_string(json, lua_tostring(lua, -2));
        text_add_char(json, ':');
        if (!write_value(lua, lua_gettop(lua), depth + 1, json, ret_why))
            return false;
        lua_settop(lua, step);
    }
    lua_settop(lua, step - 1);
    text_add_char(json, '}');
    return true;
}

static bool write_value(lua_State *lua, int index, int depth, struct text *json, const char **ret_why)
{
    if (depth > DEPTH_LIMIT || !lua_checkstack(lua, 8)) {
        *ret_why = "it is nested too deeply";
        return false;
    }
    int type = lua_type(lua, index);
    if (type == LUA_TSTRING) {
        json_write_string(json, lua_tostring(lua, index));
    } else if (type == LUA_TBOOLEAN) {
        text_add_string(json, lua_toboolean(lua, index) ? "true" : "false");
    } else if (lua_isinteger(lua, index)) {
        text_addf(json, "%lld", (long long)lua_tointeger(lua, index));
    } else if (type == LUA_TTABLE) {
        lua_geti(lua, index, 1);
        bool is_array = !lua_isnil(lua, -1);
        lua_pop(lua, 1);
        return is_array ? write_array(lua, index, depth, json, ret_why)
                        : write_object(lua, index, depth, json, ret_why);
    } else {
        *ret_why = "only texts, whole numbers, booleans and tables can stand there";
        return false;
    }
    return true;
}

bool lua_json_write(lua_State *lua, int index, struct text *ret_json, const char **ret_why)
{
    int top = lua_gettop(lua);
    bool ok = write_value(lua, lua_absindex(lua, index), 0, ret_json, ret_why);
    lua_settop(lua, top);
    return ok;
}
