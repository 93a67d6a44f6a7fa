#include "sim/lua/plan.h"

#include "core/base/memory.h"
#include "core/wire/json.h"
#include "sim/lua/json.h"

#include <lauxlib.h>

#include <string.h>

/* ---- Fields. lua/plan.lua has checked types and ranges. ---- */

static uint64_t number_field(lua_State *lua, int index, const char *name, uint64_t otherwise)
{
    uint64_t number = lua_getfield(lua, index, name) == LUA_TNIL ? otherwise : (uint64_t)lua_tointeger(lua, -1);
    lua_pop(lua, 1);
    return number;
}

static bool boolean_field(lua_State *lua, int index, const char *name, bool otherwise)
{
    bool value = lua_getfield(lua, index, name) == LUA_TNIL ? otherwise : lua_toboolean(lua, -1);
    lua_pop(lua, 1);
    return value;
}

const char *lua_plan_text_field(lua_State *lua, int index, const char *name)
{
    lua_getfield(lua, index, name);
    const char *text = lua_tostring(lua, -1);
    lua_pop(lua, 1);
    return text;
}

void lua_plan_read_distribution(lua_State *lua, int index, const char *name, struct distribution *ret_distribution)
{
    if (lua_getfield(lua, index, name) == LUA_TNIL) {
        lua_pop(lua, 1);
        return;
    }
    int at = lua_gettop(lua);
    const char *kind = lua_plan_text_field(lua, at, "kind");
    uint64_t first = number_field(lua, at, "first", 0);
    uint64_t second = number_field(lua, at, "second", 0);
    uint64_t share = number_field(lua, at, "share", 0);
    if (strcmp(kind, "uniform") == 0)
        *ret_distribution = distribution_uniform(first, second);
    else if (strcmp(kind, "exponential") == 0)
        *ret_distribution = distribution_exponential(first, second);
    else if (strcmp(kind, "lognormal") == 0)
        *ret_distribution = distribution_lognormal(first, second);
    else if (strcmp(kind, "bimodal") == 0)
        *ret_distribution = distribution_bimodal(first, second, (uint32_t)share);
    else
        *ret_distribution = distribution_constant(first);
    lua_pop(lua, 1);
}

void lua_plan_read_app(lua_State *lua, int index, struct app_plan *ret_app)
{
    struct app_plan app = {
        .name = lua_plan_text_field(lua, index, "name"),
        .host = lua_plan_text_field(lua, index, "host"),
        .instances = (uint32_t)number_field(lua, index, "instances", 1),
        .memory_mb = (uint32_t)number_field(lua, index, "memory", 64),
        .framework = lua_plan_text_field(lua, index, "framework"),
        .runtime = lua_plan_text_field(lua, index, "runtime"),
        .is_not_pushed = !boolean_field(lua, index, "pushed", true),
        .is_singleton = boolean_field(lua, index, "singleton", false),
        .crash_after_mean_ns = number_field(lua, index, "crash_after_mean", 0),
        .exit_after_boot_ns = number_field(lua, index, "exit_after_boot", 0),
        .never_binds = boolean_field(lua, index, "never_binds", false),
        .ignores_term = boolean_field(lua, index, "ignores_term", false),
        .memory_bytes = number_field(lua, index, "memory_used", 0),
        .memory_growth_bytes_per_s = number_field(lua, index, "memory_growth", 0),
        .response_bytes = (uint32_t)number_field(lua, index, "response_bytes", 0),
        .environment = lua_plan_text_field(lua, index, "environment"),
        .settings = lua_plan_text_field(lua, index, "settings"),
    };
    lua_plan_read_distribution(lua, index, "boot", &app.boot);
    lua_plan_read_distribution(lua, index, "response", &app.response);
    lua_plan_read_distribution(lua, index, "stop", &app.stop);
    *ret_app = app;
}

void lua_plan_read_load(lua_State *lua, int index, struct load_plan *ret_load)
{
    *ret_load = (struct load_plan){
        .host = lua_plan_text_field(lua, index, "host"),
        .rate_per_s = (uint32_t)number_field(lua, index, "rate", 1),
        .from_ns = number_field(lua, index, "from", 0),
        .until_ns = number_field(lua, index, "until_time", 0),
        .timeout_ns = number_field(lua, index, "timeout", 0),
        .method = lua_plan_text_field(lua, index, "method"),
        .body_bytes = (uint32_t)number_field(lua, index, "body_bytes", 0),
    };
}

/* ---- The parts of a plan ---- */

static void read_apps(lua_State *lua, int scenario, struct lua_plan *plan)
{
    if (lua_getfield(lua, scenario, "apps") == LUA_TTABLE) {
        plan->plan.app_count = (size_t)luaL_len(lua, -1);
        plan->apps = memory_new(plan->plan.app_count * sizeof *plan->apps);
        for (size_t i = 0; i < plan->plan.app_count; i++) {
            lua_rawgeti(lua, -1, (lua_Integer)i + 1);
            lua_plan_read_app(lua, lua_gettop(lua), &plan->apps[i]);
            lua_pop(lua, 1);
        }
        plan->plan.apps = plan->apps;
    }
    lua_pop(lua, 1);
}

static void read_loads(lua_State *lua, int scenario, struct lua_plan *plan)
{
    if (lua_getfield(lua, scenario, "load") == LUA_TTABLE) {
        plan->plan.load_count = (size_t)luaL_len(lua, -1);
        plan->loads = memory_new(plan->plan.load_count * sizeof *plan->loads);
        for (size_t i = 0; i < plan->plan.load_count; i++) {
            lua_rawgeti(lua, -1, (lua_Integer)i + 1);
            lua_plan_read_load(lua, lua_gettop(lua), &plan->loads[i]);
            lua_pop(lua, 1);
        }
        plan->plan.loads = plan->loads;
    }
    lua_pop(lua, 1);
}

static void read_link(lua_State *lua, int cloud, const char *name, struct link_plan *link)
{
    if (lua_getfield(lua, cloud, name) == LUA_TTABLE) {
        int at = lua_gettop(lua);
        lua_plan_read_distribution(lua, at, "latency", &link->latency);
        link->bytes_per_s = number_field(lua, at, "bandwidth", link->bytes_per_s);
        link->loss_ppm = (uint32_t)number_field(lua, at, "loss", link->loss_ppm);
    }
    lua_pop(lua, 1);
}

/* A component's configuration, checked against its message as its file would be. */
static ProtobufCMessage *read_config(lua_State *lua, int cloud, const char *name,
                                     const ProtobufCMessageDescriptor *descriptor)
{
    ProtobufCMessage *message = NULL;
    if (lua_getfield(lua, cloud, name) == LUA_TTABLE) {
        struct text json = {0};
        const char *why = NULL;
        struct json_error error = {0};
        if (lua_json_write(lua, -1, &json, &why))
            message = json_read(descriptor, (struct io_bytes){(const uint8_t *)text_string(&json), json.size},
                                JSON_STRICT, &error);
        text_free(&json);
        if (message == NULL)
            luaL_error(lua, "cloud.%s: %s", name, why != NULL ? why : error.text);
    }
    lua_pop(lua, 1);
    return message;
}

static void read_configs(lua_State *lua, int cloud, struct lua_plan *plan)
{
    static const struct {
        const char *name;
        const ProtobufCMessageDescriptor *descriptor;
    } configs[] = {
        {"bus_config", &cupola__bus_server_config__descriptor},
        {"router_config", &cupola__router_config__descriptor},
        {"controller_config", &cupola__cloud_controller_config__descriptor},
        {"health_manager_config", &cupola__health_manager_config__descriptor},
        {"dea_config", &cupola__dea_config__descriptor},
        {"gateway_config", &cupola__sim_gateway_config__descriptor},
    };
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++)
        plan->configs[i] = read_config(lua, cloud, configs[i].name, configs[i].descriptor);
    plan->plan.bus_server = (const Cupola__BusServerConfig *)plan->configs[0];
    plan->plan.router = (const Cupola__RouterConfig *)plan->configs[1];
    plan->plan.controller = (const Cupola__CloudControllerConfig *)plan->configs[2];
    plan->plan.health_manager = (const Cupola__HealthManagerConfig *)plan->configs[3];
    plan->plan.dea = (const Cupola__DeaConfig *)plan->configs[4];
    plan->plan.gateway = (const Cupola__SimGatewayConfig *)plan->configs[5];
}

static void read_cloud(lua_State *lua, int cloud, struct lua_plan *result)
{
    struct cloud_plan *plan = &result->plan;
    plan->zones = (uint32_t)number_field(lua, cloud, "zones", plan->zones);
    plan->bus_servers = (uint32_t)number_field(lua, cloud, "bus_servers", plan->bus_servers);
    plan->routers = (uint32_t)number_field(lua, cloud, "routers", plan->routers);
    plan->controllers = (uint32_t)number_field(lua, cloud, "controllers", plan->controllers);
    plan->health_managers = (uint32_t)number_field(lua, cloud, "health_managers", plan->health_managers);
    plan->deas = (uint32_t)number_field(lua, cloud, "deas", plan->deas);
    plan->old_deas = (uint32_t)number_field(lua, cloud, "old_deas", plan->old_deas);
    plan->gateways = (uint32_t)number_field(lua, cloud, "gateways", plan->gateways);
    plan->dea_memory_mb = (uint32_t)number_field(lua, cloud, "dea_memory", plan->dea_memory_mb);
    plan->restart_delay_ns = number_field(lua, cloud, "restart_delay", plan->restart_delay_ns);
    plan->boot_ns = number_field(lua, cloud, "boot", plan->boot_ns);
    plan->clock_offset_most_ns = number_field(lua, cloud, "clock_offset_most", plan->clock_offset_most_ns);
    plan->check_interval_ns = number_field(lua, cloud, "check_interval", plan->check_interval_ns);
    read_link(lua, cloud, "link", &plan->link_same_zone);
    read_link(lua, cloud, "link_between_zones", &plan->link_other_zone);
    read_link(lua, cloud, "link_outside", &plan->link_outside);
    lua_plan_read_distribution(lua, cloud, "disk_sync", &plan->disk.sync);
    lua_plan_read_distribution(lua, cloud, "disk_read", &plan->disk.read);
    lua_plan_read_distribution(lua, cloud, "staging", &plan->staging);
    lua_plan_read_distribution(lua, cloud, "password_hash", &plan->password_hash);
    read_configs(lua, cloud, result);
}

void lua_plan_read(lua_State *lua, int index, bool is_tripped, struct lua_plan *ret_plan)
{
    int scenario = lua_absindex(lua, index);
    *ret_plan = (struct lua_plan){.plan = cloud_plan_default()};
    if (lua_getfield(lua, scenario, is_tripped ? "tripped_cloud" : "cloud") == LUA_TTABLE)
        read_cloud(lua, lua_gettop(lua), ret_plan);
    lua_pop(lua, 1);
    read_apps(lua, scenario, ret_plan);
    read_loads(lua, scenario, ret_plan);
}

void lua_plan_release(struct lua_plan *plan)
{
    memory_free(plan->apps);
    memory_free(plan->loads);
    for (size_t i = 0; i < sizeof plan->configs / sizeof plan->configs[0]; i++)
        if (plan->configs[i] != NULL)
            protobuf_c_message_free_unpacked(plan->configs[i], NULL);
    *plan = (struct lua_plan){0};
}
