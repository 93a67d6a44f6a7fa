/* Two clients, another server and a stranger say anything to a bus server. Links: tests_bus_net.
 *
 * Turns, divided by 0xff; a turn's first byte says whose it is: 'a' and 'b' the clients say what follows, 'r' the other
 * server does, 's' somebody who came to its port; in capital letters they end. 'z' the first client reads nothing any
 * more, 't' a second passes; others are passed over. Beyond "no crash": the server says nothing that its own parser
 * does not take, keeps within its limits, and goes on serving. */
#include "core/base/assert.h"
#include "core/components.h"
#include "core/proto/config.pb-c.h"
#include "core/wire/nats.h"
#include "tests/core/bus/net.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TURN_END = 0xff, MAX_TURNS = 64, CLIENT_PORT = 4222, SERVER_PORT = 6222, MAX_PENDING = 65536 };

struct party {
    char name;
    enum nats_direction hears_from; /* Whose words it is told: a server's, or another server's of the cluster. */
    struct end *end;                /* NULL once it has ended. */
};

static const char hello[] = "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\nSUB > 1\r\n";
static const char meeting[] = "INFO {\"server_id\":\"0\"}\r\nCONNECT {}\r\n+OK\r\nRS+ $G x.*\r\nRS+ $G jobs q 2\r\n";

static struct host *start(struct net *net)
{
    Cupola__BusServerConfig config = CUPOLA__BUS_SERVER_CONFIG__INIT;
    Cupola__BusClusterConfig cluster = CUPOLA__BUS_CLUSTER_CONFIG__INIT;
    Cupola__Endpoint clients = CUPOLA__ENDPOINT__INIT;
    Cupola__Endpoint servers = CUPOLA__ENDPOINT__INIT;
    clients.host = servers.host = (char *)"bus";
    clients.has_port = servers.has_port = true;
    clients.port = CLIENT_PORT;
    servers.port = SERVER_PORT;
    config.listen = &clients;
    config.cluster = &cluster;
    config.server_id = (char *)"bus";
    cluster.listen = &servers;
    config.has_max_payload = config.has_max_control_line = config.has_max_subscriptions = config.has_max_pending = true;
    config.max_payload = 1024;
    config.max_control_line = 512;
    config.max_subscriptions = 20;
    config.max_pending = MAX_PENDING;
    return net_start(net, "bus", &bus_server_class, &config.base);
}

static struct party *find_party(struct party *parties, size_t count, uint8_t name)
{
    for (size_t i = 0; i < count; i++) {
        if (parties[i].end != NULL && parties[i].name == (char)(name | 0x20))
            return &parties[i];
    }
    return NULL;
}

static void take_turn(struct net *net, struct party *parties, size_t count, const uint8_t *data, size_t size)
{
    if (size == 0)
        return;
    struct party *party = find_party(parties, count, data[0]);
    if (data[0] == 't') {
        net_pass_ms(net, 1000);
    } else if (data[0] == 'z' && parties[0].end != NULL) {
        parties[0].end->stuck = true;
    } else if (party != NULL && data[0] == (uint8_t)party->name) {
        end_send_bytes(party->end, data + 1, size - 1);
    } else if (party != NULL && party->end->incoming.size == 0) {
        end_close(party->end, IO_OK); /* Who has been told something is looked at in the end. */
        party->end = NULL;
    }
}

static void look_at(const struct party *party)
{
    struct nats_parser parser;
    const struct text *heard = &party->end->incoming;
    const uint8_t *at = (const uint8_t *)text_string(heard);
    size_t left = heard->size;
    nats_parser_init(&parser, party->hears_from, 65536, 65536);
    for (;;) {
        struct nats_frame frame;
        size_t used = 0;
        enum nats_result result = nats_parse(&parser, at, left, &used, &frame);
        if (result == NATS_INCOMPLETE)
            break;
        assert_that(result == NATS_FRAME);
        at += used;
        left -= used;
    }
    nats_parser_free(&parser);
}

static void expect_service(struct net *net)
{
    struct end *end = net_dial(net, "bus", CLIENT_PORT);
    end_skip(end);
    end_send(end, "CONNECT {\"verbose\":false}\r\nPING\r\n");
    assert_that(strcmp(text_string(&end->incoming), "PONG\r\n") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct net net;
    net_open(&net, size);
    struct host *host = start(&net);
    struct party parties[] = {{'a', NATS_FROM_SERVER, net_dial(&net, "bus", CLIENT_PORT)},
                              {'b', NATS_FROM_SERVER, net_dial(&net, "bus", CLIENT_PORT)},
                              {'r', NATS_FROM_ROUTE, net_dial(&net, "bus", SERVER_PORT)},
                              {'s', NATS_FROM_ROUTE, net_dial(&net, "bus", SERVER_PORT)}};
    enum { PARTIES = sizeof parties / sizeof *parties };
    end_send(parties[0].end, hello);
    end_send(parties[2].end, meeting);
    for (size_t i = 0; i < PARTIES; i++)
        look_at(&parties[i]);
    size_t begin = 0;
    for (size_t turns = 0; begin < size && turns < MAX_TURNS; turns++) {
        const uint8_t *end = memchr(data + begin, TURN_END, size - begin);
        size_t turn_size = end == NULL ? size - begin : (size_t)(end - data) - begin;
        take_turn(&net, parties, PARTIES, data + begin, turn_size);
        begin += turn_size + 1;
    }
    for (size_t i = 0; i < PARTIES; i++) {
        if (parties[i].end != NULL)
            look_at(&parties[i]);
    }
    expect_service(&net);
    net_stop(host);
    net_pass_ms(&net, 4000);
    assert_that(host->exit_status == 0);
    net_free(&net);
    return 0;
}
