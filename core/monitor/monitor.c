/* Announcement, discovery, /healthz and /varz.
 *
 * What a pure component cannot know (mem, cpu, num_cores of its process) is not in varz: collectors of v1 take the
 * absence of a member for unknown, and a made-up number for a fact.
 */
#include "core/monitor/monitor.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/wall_time.h"
#include "core/proto/bus.pb-c.h"
#include "core/wire/json.h"

#include <stdio.h>
#include <string.h>

enum {
    UPTIME_SIZE = 64,
    SECRET_BYTES = 16, /* Of a uuid or a drawn credential: 32 hex digits. */
    MAX_BODY_BYTES = 1024,
    MAX_CONNECTIONS = 64,
    HEADER_TIMEOUT_S = 10,
    IDLE_TIMEOUT_S = 60,
};

static const struct http_server_handlers server_handlers;
static void on_discover(struct bus_subscription *subscription, const struct bus_message *message);

/* A configured text, or random hex digits where there is none. */
static void draw_unless_given(struct machine *machine, char *ret_text, size_t capacity, const char *given,
                              const char *decision)
{
    assert_that(capacity > 2 * SECRET_BYTES);
    if (given != NULL && given[0] != '\0') {
        snprintf(ret_text, capacity, "%s", given);
        return;
    }
    struct random_stream stream = random_named(machine->seed, decision);
    random_hex(&stream, ret_text, SECRET_BYTES);
}

static void choose_uuid(struct monitor *monitor, const char *given)
{
    char digits[sizeof monitor->uuid];
    draw_unless_given(monitor->machine, digits, 2 * SECRET_BYTES + 1, given, "monitor.uuid");
    if (monitor->index >= 0)
        snprintf(monitor->uuid, sizeof monitor->uuid, "%d-%.32s", monitor->index, digits);
    else
        snprintf(monitor->uuid, sizeof monitor->uuid, "%s", digits);
}

void monitor_open(struct machine *machine, struct monitor *monitor, struct bus_client *bus,
                  const Cupola__MonitorConfig *config, const char *uuid)
{
    static const Cupola__MonitorConfig default_config = CUPOLA__MONITOR_CONFIG__INIT;
    static const Cupola__Endpoint default_listen = CUPOLA__ENDPOINT__INIT;
    assert_that(monitor->type != NULL);
    if (config == NULL)
        config = &default_config;
    const Cupola__Endpoint *listen = config->listen != NULL ? config->listen : &default_listen;

    monitor->machine = machine;
    monitor->bus = bus;
    monitor->index = config->has_index ? config->index : -1;
    monitor->started_ns = machine->now_ns;
    monitor->started_wall_s = machine_wall_seconds(machine);
    choose_uuid(monitor, uuid);
    draw_unless_given(machine, monitor->user, sizeof monitor->user, config->user, "monitor.user");
    draw_unless_given(machine, monitor->password, sizeof monitor->password, config->password, "monitor.password");

    bus_subscribe(bus, &monitor->discover, "vcap.component.discover", NULL, on_discover);
    struct http_server_options options = {
        .host = listen->host,
        .port = (uint16_t)listen->port,
        .max_body_bytes = MAX_BODY_BYTES,
        .max_connections = MAX_CONNECTIONS,
        .header_timeout_ns = HEADER_TIMEOUT_S * NS_PER_S,
        .idle_timeout_ns = IDLE_TIMEOUT_S * NS_PER_S,
    };
    monitor->host = memory_copy_text(listen->host);
    http_server_open(machine, &monitor->server, &options, &server_handlers);
}

void monitor_destroy(struct monitor *monitor)
{
    if (monitor->machine == NULL)
        return;
    http_server_destroy(&monitor->server);
    bus_unsubscribe(&monitor->discover);
    memory_free(monitor->host);
    monitor->host = NULL;
}

/* ---- On the bus ---- */

/* Lends the texts of the monitor and of itself to the message. */
struct announcement {
    Cupola__ComponentAnnounce message;
    char *credentials[2];
    struct text start;
    char uptime[UPTIME_SIZE];
};

/* "0d:0h:0m:1s" */
static void format_uptime(char ret_text[UPTIME_SIZE], uint64_t seconds)
{
    snprintf(ret_text, UPTIME_SIZE, "%llud:%lluh:%llum:%llus", (unsigned long long)(seconds / 86400),
             (unsigned long long)(seconds / 3600 % 24), (unsigned long long)(seconds / 60 % 60),
             (unsigned long long)(seconds % 60));
}

/* Free announcement->start afterwards. */
static void fill_announcement(struct monitor *monitor, struct announcement *announcement)
{
    *announcement = (struct announcement){.message = CUPOLA__COMPONENT_ANNOUNCE__INIT};
    wall_time_add(&announcement->start, monitor->started_wall_s);
    format_uptime(announcement->uptime, (monitor->machine->now_ns - monitor->started_ns) / NS_PER_S);
    announcement->credentials[0] = monitor->user;
    announcement->credentials[1] = monitor->password;

    Cupola__ComponentAnnounce *message = &announcement->message;
    message->type = (char *)(uintptr_t)monitor->type;
    message->has_index = monitor->index >= 0;
    message->index = monitor->index;
    message->uuid = monitor->uuid;
    message->host = monitor->host;
    message->credentials = announcement->credentials;
    message->n_credentials = 2;
    message->start = (char *)(uintptr_t)text_string(&announcement->start);
}

static void announce(struct monitor *monitor)
{
    struct announcement announcement;
    fill_announcement(monitor, &announcement);
    monitor->is_announced = true;
    bus_publish_message(monitor->bus, "vcap.component.announce", NULL, &announcement.message.base);
    text_free(&announcement.start);
}

static void on_discover(struct bus_subscription *subscription, const struct bus_message *message)
{
    struct monitor *monitor = container_of(subscription, struct monitor, discover);
    if (!monitor->is_announced)
        return; /* Nobody could reach us yet; the announcement is about to come. */
    struct announcement announcement;
    fill_announcement(monitor, &announcement);
    announcement.message.uptime = announcement.uptime;
    bus_answer(monitor->bus, message, &announcement.message.base);
    text_free(&announcement.start);
}

/* ---- Over HTTP ---- */

static void on_listening(struct http_server *server, enum io_status status, uint16_t port)
{
    struct monitor *monitor = container_of(server, struct monitor, server);
    if (status != IO_OK) {
        machine_log(monitor->machine, LOG_ERROR, "no /healthz and /varz: cannot listen on %s: %s", monitor->host,
                    io_status_name(status));
        return;
    }
    struct text host = {0};
    text_addf(&host, "%s:%u", monitor->host, port);
    memory_free(monitor->host);
    monitor->host = memory_copy_text(text_string(&host));
    text_free(&host);
    announce(monitor);
}

static void answer_healthz(struct monitor *monitor, struct http_exchange *exchange)
{
    struct text text = {0};
    text_add_string(&text, "ok\n");
    if (monitor->add_healthz != NULL)
        monitor->add_healthz(monitor, &text);
    http_answer_string(exchange, 200, "text/plaintext", text_string(&text)); /* v1's own spelling of the type. */
    text_free(&text);
}

static void answer_varz(struct monitor *monitor, struct http_exchange *exchange)
{
    struct announcement announcement;
    fill_announcement(monitor, &announcement);
    announcement.message.uptime = announcement.uptime;
    struct text compact = {0};
    json_write(&compact, &announcement.message.base);
    text_free(&announcement.start);
    if (monitor->add_varz != NULL) {
        struct text object = {0}; /* What is behind the last "}" of the common members. */
        text_add(&object, text_string(&compact), compact.size - 1);
        monitor->add_varz(monitor, &object);
        text_add_char(&object, '}');
        text_free(&compact);
        compact = object;
    }
    struct text pretty = {0};
    json_indent(&pretty, (struct io_bytes){.data = (const uint8_t *)text_string(&compact), .size = compact.size});
    text_free(&compact);
    http_answer_text(exchange, 200, "application/json", &pretty);
    text_free(&pretty);
}

static void on_request(struct http_exchange *exchange)
{
    struct monitor *monitor = container_of(exchange->server, struct monitor, server);
    bool is_read = http_text_equals(exchange->head.method, "GET") || http_text_equals(exchange->head.method, "HEAD");
    if (!http_has_basic(&exchange->head, monitor->user, monitor->password))
        http_answer(exchange, 401, "text/plain", "WWW-Authenticate: Basic realm=\"\"\r\n", (struct io_bytes){0});
    else if (!is_read)
        http_answer(exchange, 405, "text/plain", "Allow: GET, HEAD\r\n", (struct io_bytes){0});
    else if (monitor->on_request != NULL && monitor->on_request(monitor, exchange))
        return;
    else if (strcmp(exchange->path, "/healthz") == 0)
        answer_healthz(monitor, exchange);
    else if (strcmp(exchange->path, "/varz") == 0)
        answer_varz(monitor, exchange);
    else
        http_answer_string(exchange, 404, "text/plain", "Not Found\n");
}

static void on_aborted(struct http_exchange *exchange)
{
    (void)exchange; /* Every request is answered at once: nothing waits. */
}

static const struct http_server_handlers server_handlers = {
    .on_listening = on_listening,
    .on_request = on_request,
    .on_aborted = on_aborted,
};
