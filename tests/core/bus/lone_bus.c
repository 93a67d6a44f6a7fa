#include "tests/core/bus/lone_bus.h"

#include "core/components.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct net lone_net;
struct host *bus;
Cupola__BusServerConfig config;
static Cupola__Endpoint listen_at;

int prepare_bus(void **state)
{
    (void)state;
    net_open(&lone_net, 3);
    cupola__bus_server_config__init(&config);
    cupola__endpoint__init(&listen_at);
    listen_at.host = "bus";
    listen_at.has_port = true;
    listen_at.port = 4222;
    config.listen = &listen_at;
    config.server_id = "S1";
    return 0;
}

int stop_bus(void **state)
{
    (void)state;
    if (bus->exit_status < 0) {
        net_stop(bus);
        net_pass_ms(&lone_net, 2000);
        assert_int_equal(bus->exit_status, 0);
    }
    assert_int_equal(machine_open_conns(bus->machine), 0);
    assert_int_equal(machine_open_ops(bus->machine), 0);
    net_free(&lone_net);
    return 0;
}

void given_a_bus(void)
{
    bus = net_start(&lone_net, "bus", &bus_server_class, &config.base);
}

struct end *given_a_client(const char *options)
{
    struct end *end = net_dial(&lone_net, "bus", 4222);
    end_skip(end);
    char connect[300];
    snprintf(connect, sizeof connect, "CONNECT {\"verbose\":false,\"pedantic\":false%s}\r\nPING\r\n", options);
    end_send(end, connect);
    end_expect(end, "PONG\r\n");
    return end;
}

void expect_cut_with(struct end *end, const char *text)
{
    end_expect(end, text);
    assert_true(end_is_closed(end));
}

size_t count_messages(struct end *end)
{
    net_run(end->net);
    size_t count = 0;
    for (const char *at = text_string(&end->incoming); (at = strstr(at, "MSG ")) != NULL; at++)
        count++;
    text_clear(&end->incoming);
    return count;
}

void publish_to_x(struct end *publisher, size_t count, size_t payload_size)
{
    struct text burst = {0};
    for (size_t i = 0; i < count; i++) {
        text_addf(&burst, "PUB x %u\r\n", (unsigned)payload_size);
        memset(text_room(&burst, payload_size), 'p', payload_size);
        text_grow(&burst, payload_size);
        text_add_string(&burst, "\r\n");
    }
    end_send_bytes(publisher, text_string(&burst), burst.size);
    text_free(&burst);
}
