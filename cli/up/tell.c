/* What people see and what programs read. */
#include "cli/terminal.h"
#include "cli/up/up.h"
#include "core/wire/json.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- For programs ---- */

static void add_child(struct text *json, const struct up_child *child)
{
    text_addf(json, "{\"name\":\"%s\",\"role\":\"%s\",\"pid\":%d,\"life\":%u", child->name, child->role,
              child->is_running ? uv_process_get_pid(&child->process) : 0, child->life);
    if (child->port != 0)
        text_addf(json, ",\"port\":%u", child->port);
    text_addf(json, ",\"bus_user\":\"%s\",\"bus_password\":\"%s\"",
              strcmp(child->role, "bus") == 0 ? "operator" : child->name, child->bus_password);
    text_add_string(json, ",\"config\":");
    json_write_string(json, child->config);
    text_add_string(json, ",\"data\":");
    json_write_string(json, child->data);
    if (child->trace[0] != 0) {
        text_add_string(json, ",\"trace\":");
        json_write_string(json, child->trace);
    }
    text_add_char(json, '}');
}

void up_write_facts(const struct up *up)
{
    char path[UP_PATH_SIZE], temp[UP_PATH_SIZE];
    snprintf(path, sizeof path, "%s/cloud.json", up->dir);
    snprintf(temp, sizeof temp, "%s/cloud.json.new", up->dir);
    struct text json = {0};
    text_addf(&json, "{\"ready\":%s,\"pid\":%d,\"api\":\"http://api.%s\",\"domain\":\"%s\",",
              up->is_ready ? "true" : "false", (int)getpid(), up->options.domain, up->options.domain);
    text_add_string(&json, "\"user\":\"admin@cupola.test\",\"password\":");
    json_write_string(&json, up->password);
    text_add_string(&json, ",\"components\":[");
    for (size_t i = 0; i < up->child_count; i++) {
        text_add_string(&json, i == 0 ? "\n  " : ",\n  ");
        add_child(&json, &up->children[i]);
    }
    text_add_string(&json, "\n]}\n");
    int descriptor = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool is_written = descriptor >= 0 && write(descriptor, text_string(&json), json.size) == (ssize_t)json.size;
    if (descriptor >= 0)
        close(descriptor);
    if (!is_written || rename(temp, path) != 0)
        terminal_error("cannot write %s", path);
    text_free(&json);
}

/* ---- For people ---- */

static const char *name_color(const struct up_child *child)
{
    static const struct {
        const char *role;
        const char *color;
    } colors[] = {{"bus", "\033[35m"}, {"router", "\033[36m"}, {"controller", "\033[34m"}, {"dea", "\033[32m"}};
    for (size_t i = 0; i < sizeof colors / sizeof colors[0]; i++) {
        if (strcmp(colors[i].role, child->role) == 0)
            return colors[i].color;
    }
    return "\033[33m";
}

static void print_line(const char *when, const char *color, const char *name, const char *text_color, const char *text)
{
    bool has_color = terminal_has_color();
    printf("%s%s%s  %s%-12s%s %s%s%s\n", has_color ? "\033[2m" : "", when, has_color ? "\033[0m" : "",
           has_color ? color : "", name, has_color ? "\033[0m" : "", has_color ? text_color : "", text,
           has_color ? "\033[0m" : "");
    fflush(stdout);
}

/* "2026-11-22T22:35:03.123Z INFO  dea: text", as drivers/real/log.c writes it; anything else is shown as it is. */
void up_tell_line(const struct up_child *child, const char *line)
{
    char when[13] = "            ";
    const char *text = line, *text_color = "";
    if (strlen(line) > 31 && line[10] == 'T' && line[23] == 'Z') {
        memcpy(when, line + 11, 12);
        const char *level = line + 25;
        text_color = strncmp(level, "ERROR", 5) == 0 ? "\033[31m" : strncmp(level, "WARN", 4) == 0 ? "\033[33m" : "";
        const char *colon = strstr(line + 31, ": ");
        text = colon == NULL ? line + 31 : colon + 2;
    }
    bool is_important = text_color[0] != 0 || text == line;
    if (!child->up->options.quiet || is_important)
        print_line(when, name_color(child), child->name, text_color, text);
}

void up_tell(const struct up *up, const char *format, ...)
{
    (void)up;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm utc;
    gmtime_r(&now.tv_sec, &utc);
    char when[16], text[600];
    size_t size = strftime(when, sizeof when, "%H:%M:%S", &utc);
    snprintf(when + size, sizeof when - size, ".%03d", (int)(now.tv_nsec / 1000000) % 1000);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    print_line(when, "\033[1m", "cloud", "\033[1m", text);
}

static uint16_t first_router_port(const struct up *up)
{
    for (size_t i = 0; i < up->child_count; i++) {
        if (strcmp(up->children[i].role, "router") == 0)
            return up->children[i].port;
    }
    return 0;
}

void up_tell_welcome(const struct up *up)
{
    const char *bold = terminal_color(1), *off = terminal_color(0), *domain = up->options.domain;
    unsigned port = first_router_port(up);
    printf("\n  %sThe cloud is up.%s\n\n", bold, off);
    printf("  API        http://api.%s  at 127.0.0.1:%u\n", domain, port);
    printf("  apps       http://APP.%s:%u/  (curl: curl -H 'Host: APP.%s' http://127.0.0.1:%u/)\n", domain, port,
           domain, port);
    printf("  user       admin@cupola.test, password %s\n", up->password);
    printf("  folder     %s%s\n\n", up->dir,
           up->options.dir == NULL && !up->options.keep ? "  (deleted at the end)" : "");
    printf("  Try, in another terminal:\n");
    printf("    cupola target http://api.%s --address 127.0.0.1:%u\n", domain, port);
    printf("    cupola login admin@cupola.test --password %s\n", up->password);
    printf("    cupola push hello --path apps/hello-node --instances 2\n");
    printf("    cupola apps\n\n");
    printf("  Ctrl-C ends it all.\n\n");
    fflush(stdout);
}
