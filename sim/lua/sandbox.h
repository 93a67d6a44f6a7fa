/* A Lua state in which a scenario can only do what repeats: the same file and seed give the same run.
 *
 * What stock Lua 5.4 does differently from run to run is gone or mended: `pairs` goes through integers, then strings in
 * order (other keys are an error); `next`, `os`, `io`, `debug`, `load`, `require` of files, `collectgarbage`, weak
 * tables and `__gc` are not there; `tostring` prints no addresses; `math.random` draws from the named decisions of the
 * world; there is no floating-point library function whose result depends on the machine. Memory and instructions are
 * limited, so that a scenario that loops or grows for ever ends with an error that says so.
 */
#ifndef CUPOLA_SIM_LUA_SANDBOX_H
#define CUPOLA_SIM_LUA_SANDBOX_H

#include "core/base/random.h"

#include <lua.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lua_sandbox {
    lua_State *lua;
    lua_State *thread;   /* What lua_sandbox_call runs in: an error leaves its stack, which says where it was. */
    size_t memory_bytes; /* In use now. */
    size_t memory_limit;
    uint64_t instruction_limit; /* Of one lua_sandbox_arm. */
    uint64_t instructions;      /* Used since then. */
    struct random_stream random;
};

/* Opens it; `sandbox` is kept and must stay in place. False if there is no memory. */
bool lua_sandbox_open(struct lua_sandbox *sandbox, uint64_t seed, size_t memory_limit, uint64_t instruction_limit);
void lua_sandbox_close(struct lua_sandbox *sandbox);

/* The full instruction budget again: before every time that Lua code is let run. `thread` is the coroutine to run. */
void lua_sandbox_arm(struct lua_sandbox *sandbox, lua_State *thread);

/* For C functions that take long: counts against the budget as so many instructions. Raises a Lua error if it is spent.
 */
void lua_sandbox_spend(lua_State *lua, uint64_t instructions);

/* Makes `require "name"` give the value on top of the stack, which is popped. */
void lua_sandbox_provide(struct lua_sandbox *sandbox, const char *name);

/* As lua_pcall with what lies on the stack of `sandbox->lua`, with a full budget, and with a place in each message. */
bool lua_sandbox_call(struct lua_sandbox *sandbox, int arguments, int results);

/* Puts on the stack of `sandbox->lua`, and returns, what is to be told of a thread that lua_resume left with this
 * status.
 */
const char *lua_sandbox_explain(struct lua_sandbox *sandbox, lua_State *thread, int status);

/* The line of the scenario from which all that runs now was called: in `run`, if that runs. 0: none. */
size_t lua_sandbox_outer_line(lua_State *thread);

/* The same for a thread that the caller ends, with the caller's words. */
const char *lua_sandbox_complain(struct lua_sandbox *sandbox, lua_State *thread, const char *words);

/* Runs the text of a chunk called `name`; leaves its one result on the stack. On an error leaves its message. */
bool lua_sandbox_run_chunk(struct lua_sandbox *sandbox, const char *name, const char *text, size_t size);

#endif
