/* Lua tables and JSON text: states of components on their way into a scenario, configurations on their way out. */
#ifndef CUPOLA_SIM_LUA_JSON_H
#define CUPOLA_SIM_LUA_JSON_H

#include "core/base/text.h"

#include <lua.h>

#include <stdbool.h>

/* Pushes the value that the JSON text stands for (null is nil); an error in the text raises a Lua error. */
void lua_json_push(lua_State *lua, const char *json, size_t size);
/* Appends the value at `index` as JSON. Tables with a [1] (and empty ones) become arrays, others objects with sorted
 * keys. False, with a static reason, if something in it has no JSON form. */
bool lua_json_write(lua_State *lua, int index, struct text *ret_json, const char **ret_why);

#endif
