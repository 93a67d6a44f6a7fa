/* Raw clients (sim/clients/raw_client.h) for Lua. */
#ifndef CUPOLA_SIM_LUA_RAW_H
#define CUPOLA_SIM_LUA_RAW_H

#include <lauxlib.h>

/* Functions of the module "cupola.native"; their upvalue is the struct lua_cloud. */
extern const luaL_Reg lua_raw_functions[];

#endif
