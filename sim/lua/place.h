/* Where in the file of a scenario something stands that is wrong with it. */
#ifndef CUPOLA_SIM_LUA_PLACE_H
#define CUPOLA_SIM_LUA_PLACE_H

#include "core/base/text.h"

/* Appends the message with the file's name and line. `return cupola.scenario { ... }` is a tail call and leaves no line
 * behind; but what is said of "cloud.deas" or "always[2]" is found in the text. */
void lua_place_complain(const char *name, const char *text, size_t size, const char *message, struct text *ret_error);

#endif
