/* Lua's patterns search in C, where no instruction is counted, and can take a power of the text's length: `a.-b.-c` on
 * a long text. Each use is therefore counted beforehand with the most that it could take, as instructions, so that it
 * ends at the same place on every machine.
 */
#ifndef CUPOLA_SIM_LUA_PATTERNS_H
#define CUPOLA_SIM_LUA_PATTERNS_H

#include <lua.h>

#include <stddef.h>
#include <stdint.h>

/* Replaces string.find, match, gmatch and gsub. */
void lua_patterns_guard(lua_State *lua);

#endif
