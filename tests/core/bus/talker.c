#include "tests/core/bus/talker.h"

#include "core/base/memory.h"
#include "core/proto/bus.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

struct net net;
struct host *host;
struct talker *talker;
struct end *server;

static void on_connected(struct bus_client *client, bool again)
{
    text_addf(&container_of(client, struct talker, bus)->heard, "connected%s\n", again ? " again" : "");
}

static void on_disconnected(struct bus_client *client, const char *reason)
{
    text_addf(&container_of(client, struct talker, bus)->heard, "disconnected: %s\n", reason);
}

static void on_message(struct bus_subscription *subscription, const struct bus_message *message)
{
    struct talker *self = container_of(subscription, struct talker, subscription);
    text_addf(&self->heard, "%s %s ", message->subject, message->reply != NULL ? message->reply : "-");
    text_add(&self->heard, message->payload.data, message->payload.size);
    text_add_char(&self->heard, '\n');
}

static void on_stop_message(struct bus_client *client, const ProtobufCMessage *parsed,
                            const struct bus_message *message)
{
    const Cupola__DeaStop *stop = (const Cupola__DeaStop *)(const void *)parsed;
    struct talker *self = container_of(client, struct talker, bus);
    text_addf(&self->heard, "stop %d, %d indices\n", (int)stop->droplet, (int)stop->n_indices);
    Cupola__DropletVersion answer = CUPOLA__DROPLET_VERSION__INIT;
    answer.has_droplet = true;
    answer.droplet = stop->droplet;
    bus_answer(client, message, &answer.base);
}

static bool on_answer(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    const Cupola__DeaHello *hello = (const Cupola__DeaHello *)(const void *)parsed;
    text_addf(&container_of(request, struct talker, request)->heard, "answer %s\n", hello->id);
    return true;
}

static void on_end(struct bus_request *request, bool timed_out)
{
    text_addf(&container_of(request, struct talker, request)->heard, "end, %u answers%s\n", request->answers,
              timed_out ? ", timed out" : "");
}

const struct bus_request_handlers request_handlers = {.on_answer = on_answer, .on_end = on_end};

static void start_talker(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved)
{
    static const struct bus_client_handlers handlers = {
        .on_connected = on_connected,
        .on_disconnected = on_disconnected,
    };
    static const struct bus_route routes[] = {
        {.subject = "dea.stop", .queue = "cc", .payload = &cupola__dea_stop__descriptor, .handle = on_stop_message},
    };
    (void)saved;
    talker = container_of(machine, struct talker, machine);
    bus_client_open(machine, &talker->bus, (const Cupola__BusConfig *)(const void *)configuration, "talker", &handlers);
    bus_listen(&talker->bus, routes, 1);
    bus_subscribe(&talker->bus, &talker->subscription, "news.*", NULL, on_message);
}

static void stop_talker(struct machine *machine)
{
    struct talker *self = container_of(machine, struct talker, machine);
    bus_client_close(&self->bus);
}

static void destroy_talker(struct machine *machine)
{
    struct talker *self = container_of(machine, struct talker, machine);
    bus_client_destroy(&self->bus);
    text_free(&self->heard);
}

/* The journal is not used by the bus; its handler is how a test gets into a step of the talker. */
static void (*action)(void);

static void run_action(struct machine *machine, uint64_t sequence, struct io_bytes entry)
{
    (void)machine;
    (void)sequence;
    (void)entry;
    action();
}

static const struct machine_class talker_class = {
    .name = "talker",
    .configuration = &cupola__bus_config__descriptor,
    .size = sizeof(struct talker),
    .start = start_talker,
    .stop = stop_talker,
    .destroy = destroy_talker,
    .journal_entry = run_action,
};

void within_a_step(void (*act)(void))
{
    action = act;
    net_bring(host, &(struct event){.kind = EVENT_JOURNAL_ENTRY});
}

void publish(const char *subject, const char *payload)
{
    bus_publish(&talker->bus, subject, NULL, (struct io_bytes){(const uint8_t *)payload, strlen(payload)});
}

void expect_heard(const char *text)
{
    net_run(&net);
    assert_string_equal(text_string(&talker->heard), text);
    text_clear(&talker->heard);
}

void start_with(Cupola__BusConfig *config)
{
    host = net_start(&net, "talker", &talker_class, &config->base);
    server = net.accepted;
}

void given_a_talker_and_a_listening_server(void)
{
    net_open(&net, 1);
    net_listen_raw(&net, "bus1", 4222);
    Cupola__Endpoint endpoint = CUPOLA__ENDPOINT__INIT;
    endpoint.host = "bus1";
    endpoint.has_port = true;
    endpoint.port = 4222;
    Cupola__Endpoint *endpoints[] = {&endpoint};
    Cupola__BusConfig config = CUPOLA__BUS_CONFIG__INIT;
    config.n_servers = 1;
    config.servers = endpoints;
    config.user = "joe";
    config.password = "a\"b";
    config.has_pending_bytes = true;
    config.pending_bytes = 100;
    start_with(&config);
}

const char expected_connect[] =
    "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"c\",\"version\":\"0.2.0\",\"protocol\":1,"
    "\"name\":\"talker\",\"user\":\"joe\",\"pass\":\"a\\\"b\"}\r\nPING\r\n";
const char expected_subscriptions[] = "SUB dea.stop cc 1\r\nSUB news.* 2\r\n";

void given_a_connected_talker(void)
{
    given_a_talker_and_a_listening_server();
    end_send(server, "INFO {\"server_id\":\"x\",\"max_payload\":50}\r\n");
    end_expect(server, expected_connect);
    end_send(server, "PONG\r\n");
    end_expect(server, expected_subscriptions);
    expect_heard("connected\n");
}

void finish(void)
{
    net_stop(host);
    assert_int_equal(machine_open_conns(host->machine), 0);
    assert_int_equal(host->deadline_ns, UINT64_MAX);
    net_free(&net);
}
