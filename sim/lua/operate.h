/* The native functions with which a scenario acts: faults, operators' commands, load. Part of sim/lua/cloud.h. */
#ifndef CUPOLA_SIM_LUA_OPERATE_H
#define CUPOLA_SIM_LUA_OPERATE_H

#include <lauxlib.h>

/* Ended by NULL; each expects a struct lua_cloud as its first upvalue. */
extern const luaL_Reg lua_operate_functions[];

#endif
