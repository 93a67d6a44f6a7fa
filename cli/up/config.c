/* Configuration files of all components: ports that are free now, secrets that they share, limits that suit one
 * machine. */
#include "cli/run/runtimes.h"
#include "cli/terminal.h"
#include "cli/up/up.h"
#include "core/base/memory.h"
#include "core/wire/json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Below the ports that the kernel gives to outgoing connections (32768 and up on Linux): nobody gets ours by chance. */
enum { FIRST_OWN_PORT = 28000, OWN_PORTS = 4000, FIRST_APP_PORT = 10000, APP_PORTS = 17000, PORTS_A_DEA = 200 };

static uint64_t draw(void)
{
    uint64_t drawn = 0;
    if (getrandom(&drawn, sizeof drawn, 0) != (ssize_t)sizeof drawn)
        drawn = uv_hrtime();
    return drawn;
}

static bool is_free(uint16_t port)
{
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool bound = bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0 && listen(descriptor, 1) == 0;
    close(descriptor);
    return bound;
}

static bool is_ours(const struct up *up, uint16_t port)
{
    for (size_t i = 0; i < up->child_count; i++) {
        if (up->children[i].port == port)
            return true;
    }
    return false;
}

static uint16_t find_free_port(const struct up *up)
{
    uint64_t first = draw();
    for (unsigned i = 0; i < OWN_PORTS; i++) {
        uint16_t port = (uint16_t)(FIRST_OWN_PORT + (first + i) % OWN_PORTS);
        if (!is_ours(up, port) && is_free(port))
            return port;
    }
    return 0;
}

/* ---- Secrets ---- */

static void draw_hex(char *ret_digits, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        snprintf(ret_digits + 2 * i, 3, "%02x", (unsigned)(draw() & 0xff));
}

/* A folder that was used before keeps its secrets: its journal knows the user by the old password. */
static bool choose_secrets(struct up *up)
{
    char path[UP_PATH_SIZE];
    snprintf(path, sizeof path, "%s/secrets", up->dir);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        int found = fscanf(file, "%64s %64s %64s", up->password, up->token_key, up->session_key);
        fclose(file);
        if (found == 3)
            return true;
    }
    draw_hex(up->token_key, 32);
    draw_hex(up->session_key, 16);
    draw_hex(up->password, 6);
    if (up->options.password != NULL)
        snprintf(up->password, sizeof up->password, "%s", up->options.password);
    int descriptor = creat(path, 0600);
    if (descriptor < 0) {
        terminal_error("cannot write %s: %s", path, strerror(errno));
        return false;
    }
    dprintf(descriptor, "%s %s %s\n", up->password, up->token_key, up->session_key);
    close(descriptor);
    return true;
}

/* ---- Files ---- */

static void add_driver(const struct up_child *child, struct text *json)
{
    text_add_string(json, "{\"driver\":{\"data_dir\":");
    json_write_string(json, child->data);
    if (strcmp(child->role, "controller") == 0) { /* All controllers share it. */
        struct text own = {0};
        text_addf(&own, "%s/journal.db", child->up->dir);
        const char *journal = child->up->options.journal;
        text_add_string(json, ",\"journal\":");
        json_write_string(json, journal == NULL ? text_string(&own) : journal);
        text_free(&own);
    }
    if (child->up->options.stagers != NULL) {
        text_add_string(json, ",\"stagers\":[");
        json_write_string(json, child->up->options.stagers);
        text_add_string(json, "]");
    }
    text_addf(json, ",\"workloads\":\"%s\"},", child->up->options.workloads);
}

static void add_bus(const struct up_child *child, struct text *json)
{
    text_addf(json, "\"bus\":{\"servers\":[{\"host\":\"127.0.0.1\",\"port\":%u}],\"user\":\"%s\",\"password\":\"%s\"}",
              child->up->bus_port, child->name, child->bus_password);
}

/* Each component may say and hear on the bus what it needs, the operator everything, and nobody else anything. */
static void add_bus_server(const struct up_child *child, struct text *json)
{
    static const char *const profiles[][2] = {
        {"router", "router"}, {"controller", "cloud_controller"}, {"dea", "dea"}, {"health", "health_manager"}};
    const struct up *up = child->up;
    text_addf(json, "\"bus_server\":{\"listen\":{\"port\":%u},\"users\":[{\"user\":\"operator\",\"password\":\"%s\"}",
              child->port, child->bus_password);
    for (size_t i = 0; i < up->child_count; i++) {
        const struct up_child *user = &up->children[i];
        for (size_t k = 0; k < sizeof profiles / sizeof profiles[0]; k++) {
            if (strcmp(user->role, profiles[k][0]) == 0)
                text_addf(json, ",{\"user\":\"%s\",\"password\":\"%s\",\"profile\":\"%s\"}", user->name,
                          user->bus_password, profiles[k][1]);
        }
    }
    text_add_string(json, "]}}");
}

static void add_router(const struct up_child *child, struct text *json)
{
    text_add_string(json, "\"router\":{");
    add_bus(child, json);
    text_addf(json, ",\"listen\":{\"port\":%u},\"session_key\":\"%s\",\"drain_ms\":2000}}", child->port,
              child->up->session_key);
}

static void add_controller(const struct up_child *child, struct text *json)
{
    const struct up *up = child->up;
    text_add_string(json, "\"cloud_controller\":{");
    add_bus(child, json);
    text_addf(json, ",\"listen\":{\"port\":%u},\"external_uri\":\"api.%s\",\"token_key\":\"%s\",", child->port,
              up->options.domain, up->token_key);
    text_add_string(json, "\"admins\":[\"admin@cupola.test\"],"
                          "\"bootstrap_users\":[{\"email\":\"admin@cupola.test\",\"password\":");
    json_write_string(json, up->password);
    text_add_string(json, "}]");
    const char *equals = up->options.service == NULL ? NULL : strchr(up->options.service, '=');
    if (equals != NULL) {
        char *name = memory_copy_bytes(up->options.service, (size_t)(equals - up->options.service));
        text_add_string(json, ",\"builtin_services\":[{\"name\":");
        json_write_string(json, name);
        text_add_string(json, ",\"token\":");
        json_write_string(json, equals + 1);
        text_add_string(json, "}]");
        memory_free(name);
    }
    text_add_string(json, "}}");
}

static void add_dea(const struct up_child *child, struct text *json)
{
    const struct up *up = child->up;
    unsigned first = (unsigned)(FIRST_APP_PORT + (up->bus_port * 7u + child->index * PORTS_A_DEA) % APP_PORTS);
    text_add_string(json, "\"dea\":{");
    add_bus(child, json);
    text_addf(json, ",\"max_memory_mb\":%u,\"first_port\":%u,\"last_port\":%u,\"heartbeat_ms\":2000,\"runtimes\":[",
              up->options.dea_memory_mb, first, first + PORTS_A_DEA - 1);
    runtimes_add(json);
    text_add_string(json, "]}}");
}

static void add_health(const struct up_child *child, struct text *json)
{
    text_add_string(json, "\"health_manager\":{");
    add_bus(child, json);
    text_add_string(json, ",\"droplet_lost_ms\":8000}}");
}

static bool write_config(const struct up_child *child)
{
    struct text json = {0};
    add_driver(child, &json);
    if (strcmp(child->role, "bus") == 0)
        add_bus_server(child, &json);
    else if (strcmp(child->role, "router") == 0)
        add_router(child, &json);
    else if (strcmp(child->role, "controller") == 0)
        add_controller(child, &json);
    else if (strcmp(child->role, "dea") == 0)
        add_dea(child, &json);
    else
        add_health(child, &json);
    int descriptor = creat(child->config, 0600);
    bool is_written = descriptor >= 0 && dprintf(descriptor, "%s\n", text_string(&json)) > 0;
    if (!is_written)
        terminal_error("cannot write %s: %s", child->config, strerror(errno));
    if (descriptor >= 0)
        close(descriptor);
    text_free(&json);
    return is_written;
}

/* ---- All of them ---- */

static bool add_child(struct up *up, const char *role, unsigned index, bool is_alone, uint16_t port)
{
    struct up_child *child = &up->children[up->child_count];
    char dir[UP_DIR_SIZE];
    memcpy(dir, up->dir, sizeof dir);
    child->up = up;
    child->role = role;
    child->index = index;
    child->port = port;
    char name[sizeof child->name];
    if (is_alone)
        snprintf(name, sizeof name, "%s", role);
    else
        snprintf(name, sizeof name, "%s-%u", role, index);
    memcpy(child->name, name, sizeof name);
    snprintf(child->config, sizeof child->config, "%s/%s.json", dir, name);
    snprintf(child->data, sizeof child->data, "%s/%s", dir, name);
    draw_hex(child->bus_password, (sizeof child->bus_password - 1) / 2);
    up->child_count++;
    return write_config(child);
}

bool up_configure(struct up *up)
{
    const struct up_options *options = &up->options;
    if (!choose_secrets(up))
        return false;
    up->bus_port = find_free_port(up);
    if (options->port != 0 && !is_free(options->port)) {
        terminal_error("port %u is taken (or not ours to use): choose another one with --port", options->port);
        return false;
    }
    bool is_written = add_child(up, "bus", 0, true, up->bus_port) && add_child(up, "health", 0, true, 0);
    for (unsigned i = 0; i < options->controllers && is_written; i++)
        is_written = add_child(up, "controller", i, options->controllers == 1, find_free_port(up));
    for (unsigned i = 0; i < options->routers && is_written; i++)
        is_written =
            add_child(up, "router", i, false, i == 0 && options->port != 0 ? options->port : find_free_port(up));
    for (unsigned i = 0; i < options->deas && is_written; i++)
        is_written = add_child(up, "dea", i, false, 0);
    return is_written && write_config(&up->children[0]); /* Now the bus knows all its users. */
}
