/* A component that is nothing but its monitor, seen over the bus and over HTTP. */
#include "core/base/duration.h"
#include "core/components.h"
#include "core/monitor/monitor.h"
#include "tests/support/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { BUS_PORT = 4222, HTTP_PORT = 8081 };

/* ---- The component ---- */

struct nothing {
    struct machine machine;
    struct bus_client bus;
    struct monitor monitor;
};

static void add_varz(struct monitor *monitor, struct text *json)
{
    (void)monitor;
    text_add_string(json, ",\"requests\":5,\"tags\":{}");
}

static void start(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved)
{
    (void)saved;
    static const struct bus_client_handlers handlers = {0};
    struct nothing *nothing = container_of(machine, struct nothing, machine);
    const Cupola__RouterConfig *config = (const Cupola__RouterConfig *)configuration;
    nothing->monitor.type = "Nothing";
    nothing->monitor.add_varz = add_varz;
    bus_client_open(machine, &nothing->bus, config->bus, "nothing", &handlers);
    monitor_open(machine, &nothing->monitor, &nothing->bus, config->monitor, NULL);
}

static void stop(struct machine *machine)
{
    machine_exit(machine, 0, (struct io_bytes){0});
}

static void destroy(struct machine *machine)
{
    struct nothing *nothing = container_of(machine, struct nothing, machine);
    monitor_destroy(&nothing->monitor);
    bus_client_destroy(&nothing->bus);
}

static const struct machine_class nothing_class = {
    .name = "nothing",
    .configuration = &cupola__router_config__descriptor,
    .size = sizeof(struct nothing),
    .start = start,
    .stop = stop,
    .destroy = destroy,
};

/* ---- Its world ---- */

struct scene {
    struct world *world;
    struct world_stream *bus; /* A NATS client that hears all. */
    struct nothing *nothing;
};

static struct scene *scene_new(Cupola__MonitorConfig *monitor)
{
    struct scene *scene = memory_new(sizeof *scene);
    scene->world = world_new();
    Cupola__Endpoint at_bus = CUPOLA__ENDPOINT__INIT;
    at_bus.has_port = true;
    at_bus.port = BUS_PORT;
    Cupola__BusServerConfig server = CUPOLA__BUS_SERVER_CONFIG__INIT;
    server.listen = &at_bus;
    world_start(scene->world, &bus_server_class, &server.base);
    scene->bus = world_dial(scene->world, BUS_PORT);
    world_send(scene->bus, "CONNECT {\"verbose\":false}\r\nSUB > 1\r\n");

    Cupola__Endpoint *servers[] = {&at_bus};
    Cupola__BusConfig bus = CUPOLA__BUS_CONFIG__INIT;
    bus.servers = servers;
    bus.n_servers = 1;
    Cupola__RouterConfig config = CUPOLA__ROUTER_CONFIG__INIT;
    config.bus = &bus;
    config.monitor = monitor;
    scene->nothing = (struct nothing *)(void *)world_start(scene->world, &nothing_class, &config.base);
    world_settle(scene->world);
    return scene;
}

static struct scene *scene_with_credentials(void)
{
    Cupola__Endpoint listen = CUPOLA__ENDPOINT__INIT;
    listen.has_port = true;
    listen.port = HTTP_PORT;
    Cupola__MonitorConfig monitor = CUPOLA__MONITOR_CONFIG__INIT;
    monitor.listen = &listen;
    monitor.user = "user";
    monitor.password = "pass";
    monitor.has_index = true;
    monitor.index = 3;
    return scene_new(&monitor);
}

static int end_scene(void **state)
{
    struct scene *scene = *state;
    world_free(scene->world);
    memory_free(scene);
    return 0;
}

static void expect_heard(struct scene *scene, const char *part)
{
    const char *heard = text_string(world_received(scene->bus));
    if (strstr(heard, part) == NULL)
        fail_msg("not heard: %s\nin: %s", part, heard);
}

/* Sends a request of its own connection and returns all that came back; lent until the next. */
static const char *get(struct scene *scene, const char *path, const char *fields)
{
    struct world_stream *stream = world_dial(scene->world, HTTP_PORT);
    assert_non_null(stream);
    struct text request = {0};
    text_addf(&request, "GET %s HTTP/1.1\r\nHost: x\r\n%sConnection: close\r\n\r\n", path, fields);
    world_send(stream, text_string(&request));
    text_free(&request);
    return text_string(world_received(stream));
}

static const char credentials[] = "Authorization: Basic dXNlcjpwYXNz\r\n"; /* user:pass */

/* ---- Stories ---- */

static void it_announces_itself_once_it_can_be_reached(void **state)
{
    struct scene *scene = *state = scene_with_credentials();
    expect_heard(scene, "MSG vcap.component.announce 1 ");
    expect_heard(scene, "{\"type\":\"Nothing\",\"index\":3,\"uuid\":\"3-");
    expect_heard(scene, "\"host\":\"127.0.0.1:8081\",\"credentials\":[\"user\",\"pass\"],"
                        "\"start\":\"2027-01-15 08:00:00 +0000\"}");
    assert_int_equal(strlen(scene->nothing->monitor.uuid), 34);
}

static void credentials_and_uuid_are_drawn_when_none_are_given(void **state)
{
    struct scene *scene = *state = scene_new(NULL);
    const struct monitor *monitor = &scene->nothing->monitor;
    assert_int_equal(strlen(monitor->uuid), 32);
    assert_int_equal(strlen(monitor->user), 32);
    assert_int_equal(strlen(monitor->password), 32);
    assert_string_not_equal(monitor->user, monitor->password);
    assert_string_not_equal(monitor->uuid, monitor->user);
    expect_heard(scene, monitor->uuid);
    expect_heard(scene, monitor->password);
}

static void who_asks_is_told_with_the_uptime(void **state)
{
    struct scene *scene = *state = scene_with_credentials();
    world_advance(scene->world, (90061 * NS_PER_S));
    struct world_stream *asker = world_dial(scene->world, BUS_PORT);
    world_send(asker, "CONNECT {\"verbose\":false}\r\nSUB box 7\r\nPUB vcap.component.discover box 0\r\n\r\n");
    const char *heard = text_string(world_received(asker));
    assert_non_null(strstr(heard, "MSG box 7 "));
    assert_non_null(strstr(heard, "\"uptime\":\"1d:1h:1m:1s\"}"));
}

static void healthz_says_ok(void **state)
{
    struct scene *scene = *state = scene_with_credentials();
    const char *answer = get(scene, "/healthz", credentials);
    assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(answer, "Content-Type: text/plaintext\r\n"));
    assert_non_null(strstr(answer, "\r\n\r\nok\n"));
}

static void varz_has_the_common_members_and_the_components_own(void **state)
{
    struct scene *scene = *state = scene_with_credentials();
    const char *answer = get(scene, "/varz", credentials);
    assert_non_null(strstr(answer, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(answer, "{\n  \"type\": \"Nothing\",\n  \"index\": 3,\n  \"uuid\": \"3-"));
    assert_non_null(strstr(answer, "\"credentials\": [\n    \"user\",\n    \"pass\"\n  ],\n"));
    assert_non_null(strstr(answer, "\"uptime\": \"0d:0h:0m:0s\",\n  \"requests\": 5,\n  \"tags\": {}\n}\n"));
}

static void nobody_is_served_without_the_right_credentials(void **state)
{
    static const char *const wrong[] = {
        "",
        "Authorization: Basic dXNlcjpwYXNx\r\n",
        "Authorization: Basic\r\n",
        "Authorization: Basic \r\n",
        "Authorization: Basic dXNlcjpwYXN\r\n",
        "Authorization: Basic dXNlcjpwYXNzdXNlcjpwYXNz\r\n",
        "Authorization: Bearer dXNlcjpwYXNz\r\n",
    };
    struct scene *scene = *state = scene_with_credentials();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *answer = get(scene, "/varz", wrong[i]);
        assert_non_null(strstr(answer, "HTTP/1.1 401 Unauthorized\r\n"));
        assert_non_null(strstr(answer, "WWW-Authenticate: Basic realm=\"\"\r\n"));
        assert_null(strstr(answer, "requests"));
    }
    assert_non_null(strstr(get(scene, "/healthz", "authorization: bASIC dXNlcjpwYXNz\r\n"), "200 OK"));
}

static void other_paths_are_not_found(void **state)
{
    struct scene *scene = *state = scene_with_credentials();
    assert_non_null(strstr(get(scene, "/", credentials), "HTTP/1.1 404 Not Found\r\n"));
    assert_non_null(strstr(get(scene, "/varz/x", credentials), "HTTP/1.1 404 Not Found\r\n"));
}

#define story(test) cmocka_unit_test_teardown(test, end_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(it_announces_itself_once_it_can_be_reached),
        story(credentials_and_uuid_are_drawn_when_none_are_given),
        story(who_asks_is_told_with_the_uptime),
        story(healthz_says_ok),
        story(varz_has_the_common_members_and_the_components_own),
        story(nobody_is_served_without_the_right_credentials),
        story(other_paths_are_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
