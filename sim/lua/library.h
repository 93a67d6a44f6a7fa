/* The files of lua/, built into the program. */
#ifndef CUPOLA_SIM_LUA_LIBRARY_H
#define CUPOLA_SIM_LUA_LIBRARY_H

#include <stddef.h>

struct lua_library_file {
    const char *module; /* "cupola.units" */
    const char *chunk;  /* "@lua/units.lua", as Lua names it in messages */
    const unsigned char *text;
    size_t size;
};

/* In the order in which they have to be run; ended by a module NULL. Made by sim/CMakeLists.txt. */
extern const struct lua_library_file lua_library_files[];

#endif
