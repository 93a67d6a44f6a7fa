/* A client that is stopped, and logs that are followed: without a controller, each byte given by the test. */
#include "core/components.h"
#include "core/proto/config.pb-c.h"
#include "tests/core/http/puppet.h"

static void begin(struct puppet *client, const char *command, bool follow)
{
    Cupola__Endpoint target = CUPOLA__ENDPOINT__INIT;
    target.has_port = true;
    target.port = 8080;
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.target = &target;
    config.command = (char *)(uintptr_t)command;
    config.app = (char *)(uintptr_t) "shop";
    config.has_follow = config.follow = follow;
    config.proxy_user = (char *)(uintptr_t) "bob@example.org";
    puppet_start(client, &client_class, &config.base);
}

/* The client's next request must begin so; it gets that answer. */
static void answer(struct puppet *client, const char *request, int status, const char *body)
{
    uint32_t id = client->last_connect;
    while (!client->conns[id].connecting && !client->exited) {
        puppet_pass(client, 10 * NS_PER_MS);
        id = client->last_connect;
    }
    puppet_connected(client, id);
    assert_memory_equal(puppet_output(client, id), request, strlen(request));
    char bytes[500];
    snprintf(bytes, sizeof bytes, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
    puppet_settle(client);
    puppet_receive_string(client, id, bytes);
    puppet_settle(client);
}

static void expect_stopped(struct puppet *client)
{
    assert_true(client->exited);
    assert_int_equal(client->exit_status, 130);
    assert_string_equal(text_string(&client->result), "{\"error\":\"stopped\"}");
    assert_int_equal(machine_open_conns(client->machine), 0);
    puppet_end(client);
}

static void a_stop_cuts_the_call_and_exits_when_it_is_gone(void **state)
{
    (void)state;
    struct puppet client;
    begin(&client, "app", false);
    puppet_connected(&client, client.last_connect);
    expect_contains(puppet_output(&client, client.last_connect), "\r\nProxy-User: bob@example.org\r\n");
    puppet_step(&client, (struct event){.kind = EVENT_STOP});
    assert_false(client.exited);
    assert_true(client.conns[client.last_connect].aborted);
    puppet_settle(&client);
    expect_stopped(&client);
}

static void a_stop_between_two_attempts_exits_at_once(void **state)
{
    (void)state;
    struct puppet client;
    begin(&client, "app", false);
    puppet_closed(&client, client.last_connect, IO_REFUSED);
    puppet_step(&client, (struct event){.kind = EVENT_STOP});
    expect_stopped(&client);
}

#define APP "{\"name\":\"shop\",\"instances\":1,\"state\":\"STARTED\"}"
#define NO_FILE "{\"code\":306,\"description\":\"Error retrieving file\"}"

static void give_round(struct puppet *client, const char *log)
{
    answer(client, "GET /apps/shop HTTP", 200, APP);
    answer(client, "GET /apps/shop/crashes HTTP", 200, "{\"crashes\":[]}");
    answer(client, "GET /apps/shop/instances/0/files/logs/staging.log HTTP", 500, NO_FILE);
    answer(client, "GET /apps/shop/instances/0/files/logs/stdout.log HTTP", 200, log);
    answer(client, "GET /apps/shop/instances/0/files/logs/stderr.log HTTP", 404, "no such file");
}

/* What has been told since the last look: these lines of instance 0, and nothing else. */
static void expect_told(struct puppet *client, const char *const *lines)
{
    struct text expected = {0};
    for (; *lines != NULL; lines++)
        text_addf(&expected, "{\"instance\":\"0\",\"path\":\"logs/stdout.log\",\"line\":\"%s\"}\n", *lines);
    assert_string_equal(text_string(&client->logs), text_string(&expected));
    text_clear(&client->logs);
    text_free(&expected);
}
#define EXPECT_TOLD(client, ...) expect_told(client, (const char *const[]){__VA_ARGS__, NULL})

static void followed_logs_come_line_by_line_and_only_once(void **state)
{
    (void)state;
    struct puppet client;
    begin(&client, "logs", true);
    give_round(&client, "one\ntw");
    EXPECT_TOLD(&client, "one");
    give_round(&client, "one\ntwo\n");
    give_round(&client, "one\ntwo\n");
    EXPECT_TOLD(&client, "two");
    give_round(&client, "new\n"); /* Shorter: another run has begun another file. */
    EXPECT_TOLD(&client, "new");
    puppet_pass(&client, 900 * NS_PER_MS);
    puppet_step(&client, (struct event){.kind = EVENT_STOP});
    expect_stopped(&client);
}

static void an_outage_does_not_end_followed_logs(void **state)
{
    (void)state;
    struct puppet client;
    begin(&client, "logs", true);
    give_round(&client, "one\n");
    for (int i = 0; i < 200; i++) { /* Some minutes. */
        while (!client.conns[client.last_connect].connecting)
            puppet_pass(&client, 100 * NS_PER_MS);
        puppet_closed(&client, client.last_connect, IO_REFUSED);
    }
    assert_in_range(client.now_ns / NS_PER_S, 180, 420);
    text_clear(&client.logs);
    give_round(&client, "one\ntwo\n");
    EXPECT_TOLD(&client, "two");
    puppet_step(&client, (struct event){.kind = EVENT_STOP});
    expect_stopped(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_cuts_the_call_and_exits_when_it_is_gone),
        cmocka_unit_test(a_stop_between_two_attempts_exits_at_once),
        cmocka_unit_test(followed_logs_come_line_by_line_and_only_once),
        cmocka_unit_test(an_outage_does_not_end_followed_logs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
