#include "sim/lua/cloud.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/cloud_controller/view.h"
#include "sim/checks/check.h"
#include "sim/clients/operator.h"
#include "sim/clients/rest_clients.h"
#include "sim/lua/json.h"
#include "sim/lua/operate.h"
#include "sim/lua/raw.h"
#include "sim/lua/sandbox.h"
#include "sim/lua/storm.h"
#include "sim/mark.h"
#include "sim/measure.h"

#include <lauxlib.h>

#include <string.h>

/* What a call into C counts for, so that a loop of them ends as soon as one of Lua's own. */
enum { INSTRUCTIONS_OF_A_CALL = 2000 };
enum { MOST_MARKS = 1000 }; /* Of a run. */

struct lua_cloud *lua_cloud_of(lua_State *lua)
{
    struct lua_cloud *context = lua_touserdata(lua, lua_upvalueindex(1));
    if (context->cloud == NULL)
        luaL_error(lua, "there is no cloud yet: this belongs into the scenario's run function");
    lua_sandbox_spend(lua, INSTRUCTIONS_OF_A_CALL);
    return context;
}

struct lua_cloud *lua_cloud_to_change(lua_State *lua)
{
    struct lua_cloud *context = lua_cloud_of(lua);
    if (context->is_looking)
        luaL_error(lua, "a check or condition looks at the cloud; only `run` changes it");
    return context;
}

void lua_cloud_tell_deed(lua_State *lua, const char *who)
{
    const struct lua_cloud *context = lua_touserdata(lua, lua_upvalueindex(1));
    if (context->deed_observer != NULL)
        context->deed_observer(context->deed_context, lua_sandbox_outer_line(lua), who);
}

static struct cloud *cloud_of(lua_State *lua)
{
    return lua_cloud_of(lua)->cloud;
}

/* ---- Time, records, decisions ---- */

static int native_now(lua_State *lua)
{
    lua_pushinteger(lua, (lua_Integer)cloud_now_ns(cloud_of(lua)));
    return 1;
}

static int native_record(lua_State *lua)
{
    const char *name = luaL_checkstring(lua, 1);
    enum measure_unit unit = strcmp(luaL_checkstring(lua, 2), "ns") == 0 ? UNIT_NS : UNIT_COUNT;
    lua_Integer value = luaL_checkinteger(lua, 3);
    luaL_argcheck(lua, value >= 0, 3, "a measurement is not negative");
    cloud_record(cloud_of(lua), name, unit, (uint64_t)value);
    return 0;
}

static int native_mark(lua_State *lua)
{
    struct cloud *cloud = cloud_of(lua);
    if (cloud_mark_count(cloud) >= MOST_MARKS)
        return luaL_error(lua, "a run has at most %d marks: is this loop meant to end?", MOST_MARKS);
    cloud_mark(cloud, luaL_checkstring(lua, 1));
    return 0;
}

static int native_tell(lua_State *lua)
{
    cloud_tell(cloud_of(lua), "", "%s", luaL_checkstring(lua, 1));
    return 0;
}

/* draw(name, bound): every name is a stream of its own, kept in a table of counters in the registry. */
static int native_draw(lua_State *lua)
{
    const char *name = luaL_checkstring(lua, 1);
    lua_Integer bound = luaL_checkinteger(lua, 2);
    luaL_argcheck(lua, bound > 0, 2, "there is nothing to draw from");
    luaL_getsubtable(lua, LUA_REGISTRYINDEX, "cupola.drawn");
    lua_getfield(lua, -1, name);
    struct random_stream stream = cloud_random(cloud_of(lua), name);
    stream.drawn = (uint64_t)lua_tointeger(lua, -1);
    lua_pushinteger(lua, (lua_Integer)random_below(&stream, (uint64_t)bound));
    lua_pushinteger(lua, (lua_Integer)stream.drawn);
    lua_setfield(lua, -4, name);
    return 1;
}

/* ---- Conditions and checks ---- */

cloud_predicate *lua_cloud_predicate(lua_State *lua, int index, const struct lua_cloud *lua_cloud, void **ret_context)
{
    static const struct {
        const char *kind;
        cloud_predicate *predicate;
    } conditions[] = {
        {"converged", converged},
        {"all_up", all_components_up},
        {"operators_idle", operators_idle},
        {"all_wanted_run", all_wanted_run},
        {"nothing_else_runs", nothing_else_runs},
        {"routes_are_right", routes_are_right},
        {"app_converged", app_converged},
        {"app_is_flapping", app_is_flapping},
        {"operation", operation_over},
        {"blobs_are_right", blobs_are_right},
        {"services_are_right", services_are_right},
        {"rest_clients_idle", rest_clients_idle},
    };
    *ret_context = NULL;
    if (!lua_istable(lua, index))
        return NULL;
    lua_getfield(lua, index, "kind");
    lua_getfield(lua, index, "argument");
    const char *kind = lua_tostring(lua, -2);
    if (lua_isinteger(lua, -1)) {
        lua_Integer id = lua_tointeger(lua, -1);
        bool is_known = id >= 1 && (size_t)id <= lua_cloud->operation_count;
        *ret_context = is_known ? lua_cloud->operations[id - 1] : NULL;
        kind = is_known ? kind : NULL;
    } else if (lua_isstring(lua, -1)) {
        *ret_context = (void *)(uintptr_t)lua_tostring(lua, -1); /* Lives as long as the condition's table. */
    }
    lua_pop(lua, 2);
    for (size_t i = 0; kind != NULL && i < sizeof conditions / sizeof conditions[0]; i++)
        if (strcmp(kind, conditions[i].kind) == 0)
            return conditions[i].predicate;
    return NULL;
}

/* holds(kind, argument) -> boolean, why */
static int native_holds(lua_State *lua)
{
    lua_settop(lua, 2);
    lua_newtable(lua);
    lua_pushvalue(lua, 1);
    lua_setfield(lua, 3, "kind");
    lua_pushvalue(lua, 2);
    lua_setfield(lua, 3, "argument");
    void *context = NULL;
    cloud_predicate *predicate = lua_cloud_predicate(lua, 3, lua_cloud_of(lua), &context);
    if (predicate == NULL)
        return luaL_error(lua, "holds: expected a condition such as cupola.converged");
    struct text why = {0};
    bool holds = predicate(cloud_of(lua), context, &why);
    lua_pushboolean(lua, holds);
    lua_pushlstring(lua, text_string(&why), why.size);
    text_free(&why);
    return 2;
}

static int native_always_checks(lua_State *lua)
{
    lua_newtable(lua);
    for (int check = 1; check < CHECK_ALWAYS_END; check++) {
        lua_pushstring(lua, always_check_name((enum always_check)check));
        lua_rawseti(lua, -2, check);
    }
    return 1;
}

/* ---- Components ---- */

static struct component *check_component(lua_State *lua, int index)
{
    const char *name = luaL_checkstring(lua, index);
    struct component *component = cloud_find_component(cloud_of(lua), name);
    if (component == NULL)
        luaL_error(lua, "there is no component '%s'", name);
    return component;
}

static void push_component(lua_State *lua, const struct component *component)
{
    lua_newtable(lua);
    lua_pushstring(lua, component->name);
    lua_setfield(lua, -2, "name");
    lua_pushstring(lua, component_role_name(component->role));
    lua_setfield(lua, -2, "role");
    lua_pushinteger(lua, component->index);
    lua_setfield(lua, -2, "index");
    lua_pushinteger(lua, component_zone(component));
    lua_setfield(lua, -2, "zone");
    lua_pushstring(lua, component_host_name(component));
    lua_setfield(lua, -2, "host");
    lua_pushstring(lua, component_address(component));
    lua_setfield(lua, -2, "address");
}

static int native_components(lua_State *lua)
{
    const char *name = luaL_checkstring(lua, 1);
    enum component_role role = ROLE_BUS_SERVER;
    while (role < ROLE_COUNT && strcmp(component_role_name(role), name) != 0)
        role++;
    luaL_argcheck(lua, role < ROLE_COUNT, 1, "there is no such role");
    lua_newtable(lua);
    struct cloud *cloud = cloud_of(lua);
    for (size_t i = 0; i < cloud_component_count(cloud, role); i++) {
        push_component(lua, cloud_component(cloud, role, i));
        lua_rawseti(lua, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int native_component_is_running(lua_State *lua)
{
    lua_pushboolean(lua, component_is_running(check_component(lua, 1)));
    return 1;
}

static int native_component_unsent(lua_State *lua)
{
    lua_pushinteger(lua, (lua_Integer)component_unsent_bytes(check_component(lua, 1)));
    return 1;
}

static int native_component_action(lua_State *lua)
{
    lua_cloud_to_change(lua);
    static const struct {
        const char *name;
        void (*act)(struct component *component);
    } actions[] = {
        {"start", component_start},     {"stop", component_stop},         {"kill", component_kill},
        {"restart", component_restart}, {"evacuate", component_evacuate},
    };
    struct component *component = check_component(lua, 1);
    const char *name = luaL_checkstring(lua, 2);
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i].name, name) == 0) {
            actions[i].act(component);
            lua_cloud_tell_deed(lua, component->name);
            return 0;
        }
    }
    return luaL_error(lua, "a component cannot '%s'", name);
}

static int native_component_state(lua_State *lua)
{
    struct text json = {0};
    component_inspect(check_component(lua, 1), &json);
    lua_pushlstring(lua, text_string(&json), json.size);
    text_free(&json);
    size_t size = 0;
    const char *copy = lua_tolstring(lua, -1, &size);
    lua_json_push(lua, copy, size);
    return 1;
}

/* ---- Instances ---- */

static void push_instance(lua_State *lua, const struct instance_info *info)
{
    lua_newtable(lua);
    lua_pushstring(lua, info->app);
    lua_setfield(lua, -2, "app");
    lua_pushstring(lua, info->instance);
    lua_setfield(lua, -2, "instance");
    lua_pushinteger(lua, info->index);
    lua_setfield(lua, -2, "index");
    lua_pushstring(lua, info->version);
    lua_setfield(lua, -2, "version");
    lua_pushstring(lua, info->dea == NULL ? "" : info->dea->name);
    lua_setfield(lua, -2, "dea");
    lua_pushboolean(lua, info->is_listening);
    lua_setfield(lua, -2, "is_listening");
    lua_pushinteger(lua, (lua_Integer)info->started_ns);
    lua_setfield(lua, -2, "started_ns");
}

static int native_instances(lua_State *lua)
{
    const char *app = luaL_optstring(lua, 1, NULL);
    struct cloud *cloud = cloud_of(lua);
    size_t count = cloud_instances(cloud, app, NULL, 0);
    struct instance_info *infos = lua_newuserdatauv(lua, (count + 1) * sizeof *infos, 0);
    count = cloud_instances(cloud, app, infos, count);
    lua_newtable(lua);
    for (size_t i = 0; i < count; i++) {
        push_instance(lua, &infos[i]);
        lua_rawseti(lua, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static const char *dea_of(struct cloud *cloud, const char *instance)
{
    size_t count = cloud_instances(cloud, NULL, NULL, 0);
    struct instance_info *infos = memory_new((count + 1) * sizeof *infos);
    const char *name = "";
    count = cloud_instances(cloud, NULL, infos, count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(infos[i].instance, instance) == 0 && infos[i].dea != NULL)
            name = infos[i].dea->name;
    memory_free(infos);
    return name;
}

static int native_signal_instance(lua_State *lua)
{
    const char *instance = luaL_checkstring(lua, 1);
    const char *dea = dea_of(lua_cloud_to_change(lua)->cloud, instance);
    lua_pushboolean(lua, cloud_signal_instance(cloud_of(lua), instance, (int)luaL_checkinteger(lua, 2)));
    lua_cloud_tell_deed(lua, dea);
    return 1;
}

static int native_started(lua_State *lua)
{
    lua_pushinteger(lua, (lua_Integer)cloud_started_instances(cloud_of(lua)));
    return 1;
}

static int native_commands(lua_State *lua)
{
    lua_pushinteger(lua, (lua_Integer)cloud_running_commands(cloud_of(lua), luaL_optstring(lua, 1, NULL)));
    return 1;
}

/* ordered(app, index) -> the number of the newest order to start it that any controller knows */
static int native_ordered(lua_State *lua)
{
    struct cloud *cloud = cloud_of(lua);
    uint64_t newest = 0;
    for (size_t i = 0; i < cloud_component_count(cloud, ROLE_CONTROLLER); i++) {
        struct component *controller = cloud_component(cloud, ROLE_CONTROLLER, i);
        struct controller_app_view app;
        if (!component_is_running(controller) ||
            !controller_view_find_app(component_machine(controller), luaL_checkstring(lua, 1), &app))
            continue;
        uint64_t epoch =
            controller_view_epoch(component_machine(controller), app.id, (int32_t)luaL_checkinteger(lua, 2));
        newest = epoch > newest ? epoch : newest;
    }
    lua_pushinteger(lua, (lua_Integer)newest);
    return 1;
}

static int native_serving(lua_State *lua)
{
    lua_pushinteger(lua, (lua_Integer)cloud_serving_instances(cloud_of(lua), luaL_checkstring(lua, 1)));
    return 1;
}

void lua_cloud_push_module(lua_State *lua, struct lua_cloud *lua_cloud)
{
    static const luaL_Reg functions[] = {
        {"now", native_now},
        {"record", native_record},
        {"mark", native_mark},
        {"tell", native_tell},
        {"draw", native_draw},
        {"holds", native_holds},
        {"always_checks", native_always_checks},
        {"components", native_components},
        {"component_is_running", native_component_is_running},
        {"component_unsent", native_component_unsent},
        {"component_action", native_component_action},
        {"component_state", native_component_state},
        {"instances", native_instances},
        {"signal_instance", native_signal_instance},
        {"serving", native_serving},
        {"ordered", native_ordered},
        {"started", native_started},
        {"commands", native_commands},
        {NULL, NULL},
    };
    lua_newtable(lua);
    lua_pushlightuserdata(lua, lua_cloud);
    luaL_setfuncs(lua, functions, 1);
    lua_pushlightuserdata(lua, lua_cloud);
    luaL_setfuncs(lua, lua_operate_functions, 1);
    lua_pushlightuserdata(lua, lua_cloud);
    luaL_setfuncs(lua, lua_raw_functions, 1);
    lua_pushlightuserdata(lua, lua_cloud);
    luaL_setfuncs(lua, lua_storm_functions, 1);
}

void lua_cloud_release(struct lua_cloud *lua_cloud)
{
    memory_free(lua_cloud->operations);
    *lua_cloud = (struct lua_cloud){0};
}
