/* A scenario's checked tables (lua/plan.lua) as a cloud_plan. */
#ifndef CUPOLA_SIM_LUA_PLAN_H
#define CUPOLA_SIM_LUA_PLAN_H

#include "sim/plan.h"

#include <lua.h>

/* A plan whose texts belong to Lua: valid while the scenario's table is. Free it with lua_plan_release. */
struct lua_plan {
    struct cloud_plan plan;
    struct app_plan *apps;
    struct load_plan *loads;
    ProtobufCMessage *configs[6];
};

/* Reads the scenario at `index`; `is_tripped`: with the settings that it says make it fail. Raises a Lua error that
 * names the place if a component's configuration is wrong. */
void lua_plan_read(lua_State *lua, int index, bool is_tripped, struct lua_plan *ret_plan);
void lua_plan_release(struct lua_plan *plan);

/* One app, or one load, at `index`. */
void lua_plan_read_app(lua_State *lua, int index, struct app_plan *ret_app);
void lua_plan_read_load(lua_State *lua, int index, struct load_plan *ret_load);
/* The text in field `name` of the table at `index`, or NULL; lent by Lua for as long as the table holds it. */
const char *lua_plan_text_field(lua_State *lua, int index, const char *name);
/* The distribution in field `name` of the table at `index`; `ret` stays as it is if there is none. */
void lua_plan_read_distribution(lua_State *lua, int index, const char *name, struct distribution *ret_distribution);

#endif
