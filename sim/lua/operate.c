#include "sim/lua/operate.h"

#include "core/base/memory.h"
#include "sim/clients/load.h"
#include "sim/clients/operator.h"
#include "sim/faults/fault.h"
#include "sim/lua/cloud.h"
#include "sim/lua/json.h"
#include "sim/lua/plan.h"

#include <string.h>

enum { MOST_WORDS = 16 };
enum { MOST_FAULTS = 10000, MOST_OPERATIONS = 10000, MOST_LOADS = 1000 }; /* Of a run. */

static lua_Integer integer_field(lua_State *lua, int index, const char *name)
{
    lua_getfield(lua, index, name);
    lua_Integer number = lua_tointeger(lua, -1);
    lua_pop(lua, 1);
    return number;
}

/* The numbers of single messages: { 3, 7 }. False if they are none. */
static bool read_only(lua_State *lua, int index, struct fault_spec *spec)
{
    bool is_good = true;
    if (lua_getfield(lua, index, "only") != LUA_TNIL) {
        spec->only_count = lua_istable(lua, -1) ? (size_t)luaL_len(lua, -1) : 0;
        is_good = spec->only_count >= 1 && spec->only_count <= FAULT_MOST_NUMBERS;
        for (size_t i = 0; is_good && i < spec->only_count; i++) {
            is_good = lua_rawgeti(lua, -1, (lua_Integer)i + 1) == LUA_TNUMBER && lua_tointeger(lua, -1) > 0;
            spec->only[i] = (uint32_t)lua_tointeger(lua, -1);
            lua_pop(lua, 1);
        }
    }
    lua_pop(lua, 1);
    return is_good;
}

/* ---- Faults: Lua knows them by their place in the cloud's list, from 1. ---- */

static int native_fault_begin(lua_State *lua)
{
    struct cloud *cloud = lua_cloud_to_change(lua)->cloud;
    luaL_checktype(lua, 1, LUA_TTABLE);
    if (cloud_fault_count(cloud) >= MOST_FAULTS)
        return luaL_error(lua, "a run has at most %d faults: is this loop meant to end?", MOST_FAULTS);
    const char *kind = lua_plan_text_field(lua, 1, "kind");
    struct fault_spec spec = {
        .kind = kind == NULL ? 0 : fault_kind_find(kind),
        .target = lua_plan_text_field(lua, 1, "target"),
        .peer = lua_plan_text_field(lua, 1, "peer"),
        .subject = lua_plan_text_field(lua, 1, "subject"),
        .amount = integer_field(lua, 1, "amount"),
        .share_ppm = (uint32_t)integer_field(lua, 1, "share"),
        .duration_ns = (uint64_t)integer_field(lua, 1, "duration"),
    };
    lua_getfield(lua, 1, "one_way");
    spec.one_way = lua_toboolean(lua, -1);
    struct text config = {0};
    const char *flaw = NULL;
    if (lua_getfield(lua, 1, "config") != LUA_TNIL) {
        if (lua_istable(lua, -1) && lua_json_write(lua, -1, &config, &flaw))
            spec.config = text_string(&config);
        else
            flaw = flaw == NULL ? "config: expected a table of configuration keys" : flaw;
    }
    if (!read_only(lua, 1, &spec))
        flaw = "only: expected a list of 1 to 32 numbers of messages, such as { 3, 7 }";
    lua_plan_read_distribution(lua, 1, "delay", &spec.delay);
    struct text why = {0};
    if (spec.kind == 0 || flaw != NULL)
        text_add_string(&why, spec.kind == 0 ? "there is no fault of that name" : flaw);
    if (spec.kind == 0 || flaw != NULL || !fault_spec_is_valid(cloud, &spec, &why)) {
        lua_pushnil(lua);
        lua_pushlstring(lua, text_string(&why), why.size);
        text_free(&why);
        text_free(&config);
        return 2;
    }
    text_free(&why);
    uint64_t after_ns = (uint64_t)integer_field(lua, 1, "after");
    if (after_ns > 0)
        fault_begin_at(cloud, &spec, cloud_now_ns(cloud) + after_ns);
    else
        fault_begin(cloud, &spec);
    lua_cloud_tell_deed(lua, NULL);
    text_free(&config);
    lua_pushinteger(lua, (lua_Integer)cloud_fault_count(cloud));
    return 1;
}

/* All names as the keys of a table. */
static int native_fault_kinds(lua_State *lua)
{
    lua_newtable(lua);
    for (int kind = 1; kind < FAULT_KIND_END; kind++) {
        lua_pushboolean(lua, true);
        lua_setfield(lua, -2, fault_kind_name((enum fault_kind)kind));
    }
    return 1;
}

static int native_fault_end(lua_State *lua)
{
    struct cloud *cloud = lua_cloud_to_change(lua)->cloud;
    lua_Integer id = luaL_checkinteger(lua, 1);
    luaL_argcheck(lua, id >= 1 && (size_t)id <= cloud_fault_count(cloud), 1, "there is no such fault");
    fault_end((struct fault *)(uintptr_t)cloud_fault(cloud, (size_t)id - 1));
    return 0;
}

static int native_fault_end_all(lua_State *lua)
{
    faults_end_all(lua_cloud_to_change(lua)->cloud);
    return 0;
}

/* ---- Operators ---- */

static lua_Integer keep_operation(struct lua_cloud *context, struct operation *operation)
{
    size_t size = context->operation_count * sizeof(struct operation *);
    context->operations = memory_grow(context->operations, size, size + sizeof(struct operation *));
    context->operations[context->operation_count++] = operation;
    return (lua_Integer)context->operation_count;
}

/* The words of a command that is to run in an instance; they belong to the table. */
static void read_words(lua_State *lua, int index, Cupola__ClientConfig *config, char *ret_words[MOST_WORDS])
{
    if (lua_getfield(lua, index, "words") == LUA_TTABLE) {
        config->arguments = ret_words;
        for (size_t count = lua_rawlen(lua, -1); config->n_arguments < count && config->n_arguments < MOST_WORDS;) {
            lua_rawgeti(lua, -1, (lua_Integer)config->n_arguments + 1);
            ret_words[config->n_arguments++] = (char *)(uintptr_t)luaL_checkstring(lua, -1);
            lua_pop(lua, 1);
        }
        config->has_index = true;
        config->index = (int32_t)integer_field(lua, index, "index");
    }
    lua_pop(lua, 1);
}

/* operate(command, app, fields, behaviour or nil, whether a colleague does it) -> id */
static int native_operate(lua_State *lua)
{
    struct lua_cloud *context = lua_cloud_to_change(lua);
    const char *command = luaL_checkstring(lua, 1);
    if (context->operation_count >= MOST_OPERATIONS)
        return luaL_error(lua, "a run has at most %d commands: is this loop meant to end?", MOST_OPERATIONS);
    const char *uri = lua_plan_text_field(lua, 3, "uri");
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.command = (char *)(uintptr_t)command;
    config.app = (char *)(uintptr_t)luaL_checkstring(lua, 2);
    config.instances = (int32_t)integer_field(lua, 3, "instances");
    config.has_instances = config.instances > 0;
    config.memory_mb = (int32_t)integer_field(lua, 3, "memory_mb");
    config.has_memory_mb = config.memory_mb > 0;
    config.vendor = (char *)(uintptr_t)lua_plan_text_field(lua, 3, "vendor");
    config.service = (char *)(uintptr_t)lua_plan_text_field(lua, 3, "service");
    char *uris[1] = {(char *)(uintptr_t)uri};
    config.n_uris = uri != NULL;
    config.uris = uris;
    char *words[MOST_WORDS];
    read_words(lua, 3, &config, words);
    struct app_plan behaviour;
    struct operation *operation;
    if (lua_istable(lua, 4)) {
        lua_plan_read_app(lua, 4, &behaviour);
        operation = operator_push(context->cloud, &behaviour);
    } else if (lua_toboolean(lua, 5)) {
        operation = operator_run_beside(context->cloud, &config);
    } else {
        operation = operator_run(context->cloud, &config, NULL);
    }
    lua_cloud_tell_deed(lua, operation_client(operation));
    lua_pushinteger(lua, keep_operation(context, operation));
    return 1;
}

static int native_operation(lua_State *lua)
{
    struct lua_cloud *context = lua_cloud_of(lua);
    lua_Integer id = luaL_checkinteger(lua, 1);
    luaL_argcheck(lua, id >= 1 && (size_t)id <= context->operation_count, 1, "there is no such command");
    const struct operation *operation = context->operations[id - 1];
    lua_newtable(lua);
    lua_pushboolean(lua, operation_is_over(operation));
    lua_setfield(lua, -2, "over");
    lua_pushinteger(lua, operation_status(operation));
    lua_setfield(lua, -2, "status");
    lua_pushstring(lua, operation_result(operation));
    lua_setfield(lua, -2, "result");
    return 1;
}

/* ---- Load ---- */

static size_t check_load(lua_State *lua, struct cloud *cloud)
{
    const char *host = luaL_checkstring(lua, 1);
    for (size_t i = 0; i < cloud_load_count(cloud); i++)
        if (strcmp(cloud_load_host(cloud, i), host) == 0)
            return i;
    luaL_error(lua, "there is no load on '%s'", host);
    return 0;
}

static void set_count(lua_State *lua, const char *name, uint64_t value)
{
    lua_pushinteger(lua, (lua_Integer)value);
    lua_setfield(lua, -2, name);
}

static int native_load_counts(lua_State *lua)
{
    struct cloud *cloud = lua_cloud_of(lua)->cloud;
    size_t load = check_load(lua, cloud);
    struct load_counts counts = cloud_load_counts(cloud, load);
    lua_newtable(lua);
    set_count(lua, "sent", counts.sent);
    set_count(lua, "ok", counts.ok);
    set_count(lua, "failed", load_counts_failed(&counts));
    set_count(lua, "misrouted", counts.misrouted);
    set_count(lua, "refused", counts.refused);
    set_count(lua, "reset", counts.reset);
    set_count(lua, "timed_out", counts.timed_out);
    set_count(lua, "p50", cloud_load_latency_ns(cloud, load, 500));
    set_count(lua, "p99", cloud_load_latency_ns(cloud, load, 990));
    return 1;
}

static int native_load_add(lua_State *lua)
{
    struct load_plan plan;
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_plan_read_load(lua, 1, &plan);
    struct cloud *cloud = lua_cloud_to_change(lua)->cloud;
    if (cloud_load_count(cloud) >= MOST_LOADS)
        return luaL_error(lua, "a run has at most %d loads: is this loop meant to end?", MOST_LOADS);
    cloud_load_add(cloud, &plan);
    return 0;
}

static int native_load_stop(lua_State *lua)
{
    struct cloud *cloud = lua_cloud_to_change(lua)->cloud;
    cloud_load_stop(cloud, check_load(lua, cloud));
    return 0;
}

const luaL_Reg lua_operate_functions[] = {
    {"fault_begin", native_fault_begin}, {"fault_kinds", native_fault_kinds},
    {"fault_end", native_fault_end},     {"fault_end_all", native_fault_end_all},
    {"operate", native_operate},         {"operation", native_operation},
    {"load_counts", native_load_counts}, {"load_add", native_load_add},
    {"load_stop", native_load_stop},     {NULL, NULL},
};
