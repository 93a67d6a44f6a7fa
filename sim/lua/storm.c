/* A storm: the faults of one trial of an exploration (sim/search/trial.h), for a scenario that begins them itself. */
#include "sim/lua/storm.h"

#include "core/base/duration.h"
#include "sim/cloud_state.h"
#include "sim/lua/cloud.h"
#include "sim/search/trial.h"

#include <string.h>

static void set_text(lua_State *lua, const char *name, const char *text)
{
    lua_pushstring(lua, text);
    lua_setfield(lua, -2, name);
}

static void set_number(lua_State *lua, const char *name, int64_t number)
{
    lua_pushinteger(lua, (lua_Integer)number);
    lua_setfield(lua, -2, name);
}

static void push_fault(lua_State *lua, const struct trial_action *action)
{
    const struct fault_spec *spec = &action->fault;
    uint64_t delay_ns = distribution_median_ns(&spec->delay);
    lua_newtable(lua);
    set_text(lua, "kind", fault_kind_name(spec->kind));
    set_text(lua, "target", action->target);
    if (action->peer[0] != 0)
        set_text(lua, "peer", action->peer);
    set_number(lua, "at", (int64_t)action->at_ns);
    set_number(lua, "amount", spec->amount);
    set_number(lua, "duration", (int64_t)spec->duration_ns);
    if (delay_ns > 0)
        set_number(lua, "delay", (int64_t)delay_ns);
    if (spec->share_ppm > 0) {
        lua_pushfstring(lua, "%d%%", (int)(spec->share_ppm / 10000));
        lua_setfield(lua, -2, "share");
    }
    lua_pushboolean(lua, spec->one_way);
    lua_setfield(lua, -2, "one_way");
}

static uint32_t check_families(lua_State *lua, int index)
{
    uint32_t families = 0;
    for (lua_Integer i = 1; lua_geti(lua, index, i) != LUA_TNIL; i++) {
        const char *name = luaL_checkstring(lua, -1);
        int family = 1;
        while (fault_family_name((enum fault_family)family) != NULL &&
               strcmp(fault_family_name((enum fault_family)family), name) != 0)
            family++;
        if (fault_family_name((enum fault_family)family) == NULL)
            luaL_error(lua, "storm: there is no family '%s' of faults", name);
        families |= 1u << family;
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
    return families;
}

/* storm_draw(number, nanoseconds, families or nil) -> list of faults in the order of their times */
static int native_storm_draw(lua_State *lua)
{
    struct trial_options options = {.families = UINT32_MAX};
    uint64_t number = (uint64_t)luaL_checkinteger(lua, 1);
    options.storm_ms = (uint64_t)luaL_checkinteger(lua, 2) / NS_PER_MS;
    luaL_argcheck(lua, options.storm_ms > 0, 2, "a storm lasts a millisecond at least");
    if (lua_istable(lua, 3))
        options.families = check_families(lua, 3);
    struct trial trial;
    trial_draw(&lua_cloud_of(lua)->cloud->plan, number, &options, &trial);
    lua_newtable(lua);
    for (size_t i = 0, count = 0; i < trial.action_count; i++) {
        if (trial.actions[i].act != TRIAL_FAULT)
            continue;
        push_fault(lua, &trial.actions[i]);
        lua_rawseti(lua, -2, (lua_Integer)++count);
    }
    return 1;
}

const luaL_Reg lua_storm_functions[] = {{"storm_draw", native_storm_draw}, {NULL, NULL}};
