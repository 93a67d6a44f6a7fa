/* What cloud:storm draws, as a native function. Part of sim/lua/cloud.h. */
#ifndef CUPOLA_SIM_LUA_STORM_H
#define CUPOLA_SIM_LUA_STORM_H

#include <lauxlib.h>

/* Ended by NULL; each expects a struct lua_cloud as its first upvalue. */
extern const luaL_Reg lua_storm_functions[];

#endif
