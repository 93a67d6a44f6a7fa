/* How the bus server shows its state. */
#include "core/components.h"
#include "tests/core/bus/lone_bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void its_state_can_be_looked_at(void **state)
{
    (void)state;
    given_a_bus();
    struct end *a = given_a_client("");
    end_send(a, "SUB x 1\r\nPUB x 3\r\nabc\r\n");
    struct text json = {0};
    bus_server_class.inspect(bus->machine, &json);
    assert_non_null(strstr(text_string(&json), "\"connections\":1,"));
    assert_non_null(strstr(text_string(&json), "\"subscriptions\":1,"));
    assert_non_null(strstr(text_string(&json), "\"in_msgs\":1,\"in_bytes\":3,\"out_msgs\":1,\"out_bytes\":3,"));
    text_free(&json);
}

static void expect_page(const char *path, const char *status, const char *part)
{
    struct end *browser = net_dial(&lone_net, "bus", 8222);
    char request[100];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: bus\r\nConnection: close\r\n\r\n", path);
    end_send(browser, request);
    const char *answer = text_string(&browser->incoming);
    assert_memory_equal(answer, status, strlen(status));
    assert_non_null(strstr(answer, part));
    end_close(browser, IO_OK);
}

static void its_state_can_be_looked_at_over_http(void **state)
{
    (void)state;
    Cupola__Endpoint monitor = CUPOLA__ENDPOINT__INIT;
    monitor.host = "bus";
    monitor.has_port = true;
    monitor.port = 8222;
    config.monitor = &monitor;
    given_a_bus();
    struct end *a = given_a_client(",\"name\":\"my \\\"dea\\\"\",\"lang\":\"c\"");
    end_send(a, "SUB x 1\r\nPUB x 3\r\nabc\r\n");
    expect_page("/healthz", "HTTP/1.1 200", "\r\n\r\nok\n");
    expect_page("/varz", "HTTP/1.1 200", "\"connections\":1,");
    expect_page("/connz", "HTTP/1.1 200",
                "\"name\":\"my \\\"dea\\\"\",\"lang\":\"c\",\"start\":1,\"subscriptions\":1,");
    end_send(net_dial(&lone_net, "bus", 4222), "NONSENSE\r\n");
    expect_page("/connz?state=closed", "HTTP/1.1 200", "\"reason\":\"Protocol Violation\"");
    expect_page("/routez", "HTTP/1.1 200", "\"num_routes\":0,\"routes\":[]}");
    expect_page("/subsz", "HTTP/1.1 200", "{\"num_subscriptions\":1,");
    expect_page("/other", "HTTP/1.1 404", "");
    net_dial(&lone_net, "bus", 8222); /* Idle when the server stops. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BUS_STORY(its_state_can_be_looked_at),
        BUS_STORY(its_state_can_be_looked_at_over_http),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
