/* The functions behind lua/cupola.lua and lua/cloud.lua: module "cupola.native". */
#ifndef CUPOLA_SIM_LUA_CLOUD_H
#define CUPOLA_SIM_LUA_CLOUD_H

#include "sim/cloud.h"

#include <lua.h>

/* Told of what the scenario does to the cloud, when it has done so: the line of `run` that does it (0: none), and to
 * whom: a component, a command's client; NULL: the fault that has just begun. */
typedef void lua_deed_observer(void *context, size_t line, const char *who);

/* What the native functions work on. The cloud is NULL while the file is being loaded. */
struct lua_cloud {
    struct cloud *cloud;
    bool is_looking;                  /* A check or condition of the scenario runs. */
    lua_deed_observer *deed_observer; /* May be NULL. */
    void *deed_context;
    struct operation **operations; /* By the id that Lua knows, from 1. */
    size_t operation_count;
};

/* Pushes the module's table. `lua_cloud` is kept. */
void lua_cloud_push_module(lua_State *lua, struct lua_cloud *lua_cloud);
void lua_cloud_release(struct lua_cloud *lua_cloud);

/* For native functions: what they work on, lent. Raises a Lua error while there is no cloud yet. */
struct lua_cloud *lua_cloud_of(lua_State *lua);

/* The same for those that change the cloud, which a check or condition must not. */
struct lua_cloud *lua_cloud_to_change(lua_State *lua);
/* For native functions that change the cloud: tells the observer of it. */
void lua_cloud_tell_deed(lua_State *lua, const char *who);

/* A condition of lua/cupola.lua at `index` ({kind =, argument =}) as a predicate with its context (lent by Lua). NULL
 * if there is no such condition. */
cloud_predicate *lua_cloud_predicate(lua_State *lua, int index, const struct lua_cloud *lua_cloud, void **ret_context);

#endif
