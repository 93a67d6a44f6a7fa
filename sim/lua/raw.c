#include "sim/lua/raw.h"

#include "sim/clients/raw_client.h"
#include "sim/clients/rest_clients.h"
#include "sim/lua/cloud.h"
#include "sim/lua/plan.h"

enum { MOST_CLIENTS = 10000 }; /* Of a run. */

static uint64_t number_field(lua_State *lua, const char *name)
{
    lua_getfield(lua, 1, name);
    uint64_t number = (uint64_t)lua_tointeger(lua, -1);
    lua_pop(lua, 1);
    return number;
}

/* raw_open(plan) -> id, from 1. lua/cloud.lua has checked the plan. */
static int native_raw_open(lua_State *lua)
{
    struct cloud *cloud = lua_cloud_to_change(lua)->cloud;
    luaL_checktype(lua, 1, LUA_TTABLE);
    if (cloud_raw_client_count(cloud) >= MOST_CLIENTS)
        return luaL_error(lua, "a run has at most %d raw clients: is this loop meant to end?", MOST_CLIENTS);
    struct raw_plan plan = {
        .address = lua_plan_text_field(lua, 1, "address"),
        .port = (uint16_t)number_field(lua, "port"),
        .chunk = (size_t)number_field(lua, "chunk"),
        .every_ns = number_field(lua, "every"),
        .read_size = (size_t)number_field(lua, "read"),
        .read_every_ns = number_field(lua, "read_every"),
    };
    lua_getfield(lua, 1, "bytes");
    const char *bytes = lua_tolstring(lua, -1, &plan.bytes.size);
    plan.bytes.data = (const uint8_t *)bytes;
    raw_client_open(cloud, &plan);
    lua_pushinteger(lua, (lua_Integer)cloud_raw_client_count(cloud));
    return 1;
}

static struct raw_client *check_client(lua_State *lua)
{
    lua_Integer id = luaL_checkinteger(lua, 1);
    struct raw_client *client = id < 1 ? NULL : cloud_raw_client(lua_cloud_of(lua)->cloud, (size_t)id - 1);
    if (client == NULL)
        luaL_error(lua, "there is no such client");
    return client;
}

/* raw_state(id) -> is open, how it ended, bytes that came, the first of them */
static int native_raw_state(lua_State *lua)
{
    const struct raw_client *client = check_client(lua);
    struct io_bytes text = raw_client_text(client);
    lua_pushboolean(lua, raw_client_is_open(client));
    lua_pushstring(lua, io_status_name(raw_client_status(client)));
    lua_pushinteger(lua, (lua_Integer)raw_client_received(client));
    lua_pushlstring(lua, (const char *)text.data, text.size);
    return 4;
}

static int native_raw_send(lua_State *lua)
{
    struct io_bytes bytes;
    const char *text = luaL_checklstring(lua, 2, &bytes.size);
    bytes.data = (const uint8_t *)text;
    lua_cloud_to_change(lua);
    raw_client_send(check_client(lua), bytes);
    return 0;
}

static int native_raw_close(lua_State *lua)
{
    lua_cloud_to_change(lua);
    raw_client_close(check_client(lua));
    return 0;
}

/* rest_clients(plan): lua/cloud.lua has checked it. */
static int native_rest_clients(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    struct rest_plan plan = {
        .app = lua_plan_text_field(lua, 1, "app"),
        .clients = (uint32_t)number_field(lua, "clients"),
        .calls = (uint32_t)number_field(lua, "calls"),
        .pause_ns = number_field(lua, "pause"),
        .timeout_ns = number_field(lua, "timeout"),
    };
    lua_getfield(lua, 1, "deletes");
    plan.deletes = lua_toboolean(lua, -1);
    rest_clients_open(lua_cloud_to_change(lua)->cloud, &plan);
    return 0;
}

const luaL_Reg lua_raw_functions[] = {
    {"rest_clients", native_rest_clients}, {"raw_open", native_raw_open},   {"raw_state", native_raw_state},
    {"raw_send", native_raw_send},         {"raw_close", native_raw_close}, {NULL, NULL},
};
