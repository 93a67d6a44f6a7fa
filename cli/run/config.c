#include "cli/run/config.h"

#include "cli/input.h"
#include "cli/run/config_place.h"
#include "cli/terminal.h"
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/components.h"
#include "core/wire/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct run_role roles[] = {
    {"bus", "bus_server", &bus_server_class, "listen"},
    {"router", "router", &router_class, "listen"},
    {"controller", "cloud_controller", &cloud_controller_class, "listen"},
    {"dea", "dea", &dea_class, "listen"},
    {"health", "health_manager", &health_manager_class, "monitor.listen"},
};

const struct run_role *run_role_of(const char *name)
{
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (strcmp(roles[i].name, name) == 0 || strcmp(roles[i].section, name) == 0)
            return &roles[i];
    }
    return NULL;
}

/* ---- Reading ---- */

/* "FILE:LINE: KEY: what is wrong", as compilers say it. */
static void complain(const char *path, const struct json_error *error)
{
    const char *text = error->text;
    if (strncmp(text, "line ", 5) == 0 && strstr(text, ": ") != NULL)
        text = strstr(text, ": ") + 2;
    terminal_error("%s:%d: %s", path, error->line, text);
}

Cupola__ProcessConfig *run_config_read(const char *path)
{
    struct text content = {0};
    if (path == NULL)
        text_add_string(&content, "{}");
    else if (!input_read_file(path, &content))
        return NULL;
    struct io_bytes bytes = {(const uint8_t *)text_string(&content), content.size};
    struct json_error error = {0};
    ProtobufCMessage *config = json_read(&cupola__process_config__descriptor, bytes, JSON_STRICT, &error);
    if (config == NULL)
        complain(path, &error);
    text_free(&content);
    return (Cupola__ProcessConfig *)config;
}

/* ---- Checking ---- */

static bool ends_with(const char *name, const char *end)
{
    size_t size = strlen(name), end_size = strlen(end);
    return size >= end_size && strcmp(name + size - end_size, end) == 0;
}

/* Pauses of 0 would be a busy loop; tables of 0 would serve nobody. */
static bool must_be_positive(const char *name)
{
    static const char *const names[] = {"ping_ms",     "heartbeat_ms", "monitor_ms", "analysis_ms", "probe_ms",
                                        "register_ms", "stage_jobs",   "first_port", "last_port"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return strncmp(name, "max_", 4) == 0 || ends_with(name, "_interval_ms");
}

/* "FILE:LINE: KEY: what is wrong with its value". */
__attribute__((format(printf, 4, 5))) static void complain_value(const char *where, const char *prefix,
                                                                 const char *name, const char *format, ...)
{
    struct text key = {0}, place = {0};
    char why[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    text_addf(&key, "%s%s", prefix, name);
    config_place(where, text_string(&key), &place);
    terminal_error("%s: %s: %s", text_string(&place), text_string(&key), why);
    text_free(&key);
    text_free(&place);
}

static void range_of(const char *name, uint64_t *ret_least, uint64_t *ret_most)
{
    *ret_least = must_be_positive(name) ? 1 : 0;
    *ret_most = UINT64_MAX;
    if (strcmp(name, "port") == 0 || ends_with(name, "_port"))
        *ret_most = UINT16_MAX;
    else if (ends_with(name, "_ms"))
        *ret_most = UINT64_C(30) * 24 * 3600 * 1000;
}

static bool check_number(const ProtobufCFieldDescriptor *field, const void *value, const char *prefix,
                         const char *where)
{
    uint64_t number, least, most;
    if (field->type == PROTOBUF_C_TYPE_UINT32)
        number = *(const uint32_t *)value;
    else if (field->type == PROTOBUF_C_TYPE_UINT64)
        number = *(const uint64_t *)value;
    else
        return true;
    range_of(field->name, &least, &most);
    if (field->default_value == NULL ||
        (field->type == PROTOBUF_C_TYPE_UINT32 && *(const uint32_t *)field->default_value == 0))
        least = 0; /* There 0 means "no limit". */
    if (number >= least && number <= most)
        return true;
    if (number < least)
        complain_value(where, prefix, field->name, "%llu is too small, it must be at least %llu",
                       (unsigned long long)number, (unsigned long long)least);
    else
        complain_value(where, prefix, field->name, "%llu is too large, it must be at most %llu",
                       (unsigned long long)number, (unsigned long long)most);
    return false;
}

static bool check_message(const ProtobufCMessage *message, const char *prefix, const char *where);

static bool check_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, const char *prefix,
                        const char *where)
{
    const char *value = (const char *)message + field->offset;
    char inner[200];
    if (field->type != PROTOBUF_C_TYPE_MESSAGE)
        return field->label == PROTOBUF_C_LABEL_REPEATED || check_number(field, value, prefix, where);
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        const ProtobufCMessage *sub = *(const ProtobufCMessage *const *)(const void *)value;
        snprintf(inner, sizeof inner, "%s%s.", prefix, field->name);
        return sub == NULL || check_message(sub, inner, where);
    }
    size_t count = *(const size_t *)(const void *)((const char *)message + field->quantifier_offset);
    ProtobufCMessage *const *items = *(ProtobufCMessage *const *const *)(const void *)value;
    for (size_t i = 0; i < count; i++) {
        snprintf(inner, sizeof inner, "%s%s[%zu].", prefix, field->name, i);
        if (!check_message(items[i], inner, where))
            return false;
    }
    return true;
}

static bool check_message(const ProtobufCMessage *message, const char *prefix, const char *where)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        if (!check_field(message, &message->descriptor->fields[i], prefix, where))
            return false;
    }
    return true;
}

static bool check_choice(const char *where, const char *key, const char *value, const char *const *choices)
{
    for (size_t i = 0; choices[i] != NULL; i++) {
        if (strcmp(value, choices[i]) == 0)
            return true;
    }
    complain_value(where, "", key, "\"%s\" is none of %s", value,
                   choices[0][0] == 'd' ? "debug, info, warning, error" : "auto, process, bubblewrap, oci");
    return false;
}

bool run_config_check(const Cupola__ProcessConfig *config, const char *where)
{
    static const char *const levels[] = {"debug", "info", "warning", "error", NULL};
    static const char *const kinds[] = {"auto", "process", "bubblewrap", "oci", NULL};
    if (!check_message(&config->base, "", where))
        return false;
    if (config->driver != NULL && (!check_choice(where, "driver.log_level", config->driver->log_level, levels) ||
                                   !check_choice(where, "driver.workloads", config->driver->workloads, kinds)))
        return false;
    if (config->dea != NULL && config->dea->first_port > config->dea->last_port) {
        complain_value(where, "dea.", "first_port", "%u is above last_port, %u", config->dea->first_port,
                       config->dea->last_port);
        return false;
    }
    return true;
}

/* ---- Changing ---- */

static ProtobufCMessage **find_message(ProtobufCMessage *message, const char *name)
{
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
    if (field == NULL || field->type != PROTOBUF_C_TYPE_MESSAGE)
        return NULL;
    return (ProtobufCMessage **)(void *)((char *)message + field->offset);
}

/* The message in that field, made if there was none. NULL if there is no such field. */
static ProtobufCMessage *get_message(ProtobufCMessage *message, const char *name)
{
    ProtobufCMessage **place = find_message(message, name);
    if (place == NULL)
        return NULL;
    if (*place == NULL) {
        const ProtobufCMessageDescriptor *descriptor =
            protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name)->descriptor;
        *place = memory_new(descriptor->sizeof_message);
        protobuf_c_message_init(descriptor, *place);
    }
    return *place;
}

ProtobufCMessage *run_config_section(Cupola__ProcessConfig *config, const struct run_role *role)
{
    ProtobufCMessage *section = get_message(&config->base, role->section);
    assert_that(section != NULL);
    return section;
}

Cupola__DriverConfig *run_config_driver(Cupola__ProcessConfig *config)
{
    return (Cupola__DriverConfig *)get_message(&config->base, "driver");
}

/* A field that was absent points to its default, which is nobody's to free. */
static void set_text(char **field, const char *default_value, char *given)
{
    if (*field != default_value)
        memory_free(*field);
    *field = given;
}

void run_config_set_driver_text(Cupola__DriverConfig *driver, const char *name, const char *value)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(driver->base.descriptor, name);
    assert_that(field != NULL);
    assert_that(field->type == PROTOBUF_C_TYPE_STRING);
    set_text((char **)(void *)((char *)driver + field->offset), field->default_value, memory_copy_text(value));
}

/* "HOST:PORT", "PORT" or ":PORT" into an endpoint; false and a message if it is neither. */
static bool parse_endpoint(const char *text, Cupola__Endpoint **endpoint)
{
    const char *colon = strrchr(text, ':');
    const char *digits = colon == NULL ? text : colon + 1;
    char *end;
    unsigned long port = strtoul(digits, &end, 10);
    if (*digits < '0' || *digits > '9' || *end != 0 || port > UINT16_MAX) {
        terminal_error("\"%s\" is no address: give HOST:PORT, with a port of 0 to 65535", text);
        return false;
    }
    if (*endpoint == NULL) {
        *endpoint = memory_new(sizeof **endpoint);
        cupola__endpoint__init(*endpoint);
    }
    (*endpoint)->has_port = 1;
    (*endpoint)->port = (uint32_t)port;
    if (colon != NULL && colon > text)
        set_text(&(*endpoint)->host, cupola__endpoint__host__default_value,
                 memory_copy_bytes(text, (size_t)(colon - text)));
    return true;
}

bool run_config_set_listen(Cupola__ProcessConfig *config, const struct run_role *role, const char *text)
{
    ProtobufCMessage *holder = run_config_section(config, role);
    if (strcmp(role->listen, "monitor.listen") == 0)
        holder = get_message(holder, "monitor");
    ProtobufCMessage **place = find_message(holder, "listen");
    assert_that(place != NULL);
    return parse_endpoint(text, (Cupola__Endpoint **)(void *)place);
}

bool run_config_set_bus(Cupola__ProcessConfig *config, const struct run_role *role, const char *text)
{
    Cupola__BusConfig *bus = (Cupola__BusConfig *)get_message(run_config_section(config, role), "bus");
    Cupola__Endpoint *server = NULL;
    if (bus == NULL) {
        terminal_error("a %s has no use for --bus", role->name);
        return false;
    }
    if (!parse_endpoint(text, &server))
        return false;
    for (size_t i = 0; i < bus->n_servers; i++)
        protobuf_c_message_free_unpacked(&bus->servers[i]->base, NULL);
    memory_free(bus->servers);
    bus->servers = memory_new(sizeof *bus->servers);
    bus->servers[0] = server;
    bus->n_servers = 1;
    return true;
}
