#include "sim/lua_json.h"

#include "core/wire/json.h"

#include <lauxlib.h>
#include <yajl/yajl_tree.h>

#include <stdlib.h>
#include <string.h>

enum { DEPTH_LIMIT = 32 };

static void push_value(lua_State *lua, yajl_val value)
{
    luaL_checkstack(lua, 4, "JSON is nested too deeply");
    if (YAJL_IS_OBJECT(value)) {
        lua_newtable(lua);
        for (size_t i = 0; i < value->u.object.len; i++) {
            push_value(lua, value->u.object.values[i]);
            lua_setfield(lua, -2, value->u.object.keys[i]);
        }
    } else if (YAJL_IS_ARRAY(value)) {
        lua_newtable(lua);
        for (size_t i = 0; i < value->u.array.len; i++) {
            push_value(lua, value->u.array.values[i]);
            lua_rawseti(lua, -2, (lua_Integer)i + 1);
        }
    } else if (YAJL_IS_STRING(value)) {
        lua_pushstring(lua, YAJL_GET_STRING(value));
    } else if (YAJL_IS_INTEGER(value)) {
        lua_pushinteger(lua, YAJL_GET_INTEGER(value));
    } else if (YAJL_IS_NUMBER(value)) {
        lua_pushnumber(lua, strtod(YAJL_GET_NUMBER(value), NULL));
    } else if (YAJL_IS_TRUE(value) || YAJL_IS_FALSE(value)) {
        lua_pushboolean(lua, YAJL_IS_TRUE(value));
    } else {
        lua_pushnil(lua);
    }
}

void lua_json_push(lua_State *lua, const char *json, size_t size)
{
    char *copy = malloc(size + 1); /* yajl wants a NUL. */
    if (copy == NULL)
        luaL_error(lua, "not enough memory");
    memcpy(copy, json, size);
    copy[size] = 0;
    char why[200] = "";
    yajl_val tree = yajl_tree_parse(copy, why, sizeof why);
    free(copy);
    if (tree == NULL)
        luaL_error(lua, "a component's state is not JSON: %s", why);
    push_value(lua, tree);
    yajl_tree_free(tree);
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
