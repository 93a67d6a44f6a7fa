/* Everybody misbehaves at random: no assertion of the router fails, nothing leaks, and afterwards it still serves and
 * stops. What it must not do to a connection (write after finish, anything after close) the rig asserts. */
#include "tests/core/router/rig.h"

#include "core/base/random.h"

#include <stdio.h>

enum { RUNS = 150, ACTIONS = 300, MAX_CLIENTS = 20 };

static const char *const client_words[] = {
    "GET / HTTP/1.1\r\nHost: one.test\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: two.test\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: none.test\r\n\r\n",
    "HEAD / HTTP/1.1\r\nHost: one.test\r\n\r\n",
    "GET / HTTP/1.0\r\nHost: one.test\r\nConnection: keep-alive\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: one.test\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: one.test\r\n\r\nGET / HTTP/1.1\r\nHost: two.test\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: one.test\r\nContent-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: one.test\r\nContent-Length: 500\r\n\r\nhello",
    "PUT / HTTP/1.1\r\nHost: two.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "PUT / HTTP/1.1\r\nHost: one.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: one.test\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    "2\r\nde\r\n0\r\n\r\n",
    "GET / HT",
    "TP/1.1\r\nHost: one.test\r\n",
    "\r\n",
    "\r\n\r\n",
    "garbage\n",
    "some bytes of a body or of nothing",
};

static const char *const backend_words[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "HTTP/1.1 200 OK\r\n\r\nuntil the end",
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nraw",
    "HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=3\r\n\r\n",
    "HTTP/1.1 20",
    "0 OK\r\nContent-Length: 1\r\n\r\nx",
    "0\r\n\r\n",
    "nonsense\r\n\r\n",
    "some bytes of a body or of nothing",
};

static uint64_t draw(struct random_stream *stream, uint64_t bound)
{
    return random_below(stream, bound);
}

/* A random open connection of clients (odd ids) or instances (even ones), or NULL. */
static struct rig_conn *any_conn(struct rig *rig, struct random_stream *stream, bool of_client)
{
    struct rig_conn *found = NULL;
    uint64_t seen = 0;
    for (size_t i = of_client ? 1 : 2; i < RIG_CONNS; i += 2) {
        struct rig_conn *conn = &rig->conns[i];
        bool fits = conn->is_open && !conn->closing && !conn->connecting && conn->port != RIG_BUS_PORT;
        if (fits && draw(stream, ++seen) == 0)
            found = conn;
    }
    return found;
}

static void speak(struct rig *rig, struct random_stream *stream, bool as_client)
{
    struct rig_conn *conn = any_conn(rig, stream, as_client);
    if (conn == NULL)
        return;
    if (as_client)
        rig_send(rig, conn, client_words[draw(stream, sizeof client_words / sizeof client_words[0])]);
    else
        rig_send(rig, conn, backend_words[draw(stream, sizeof backend_words / sizeof backend_words[0])]);
}

static void change_routes(struct rig *rig, struct random_stream *stream)
{
    if (rig->bus_is_down)
        return;
    char payload[300];
    int port = RIG_FIRST_PORT + (int)draw(stream, 5);
    snprintf(payload, sizeof payload,
             "{\"host\":\"10.0.0.1\",\"port\":%d,\"uris\":[\"%s\"],\"app\":%d,\"index\":%d,"
             "\"private_instance_id\":\"i%d\",\"epoch\":%d}",
             port, draw(stream, 2) == 0 ? "one.test" : "two.test", (int)draw(stream, 2), (int)draw(stream, 3),
             (int)draw(stream, 6), (int)draw(stream, 4));
    rig_publish(rig, draw(stream, 3) > 0 ? "router.register" : "router.unregister", payload);
}

static void trouble_a_conn(struct rig *rig, struct random_stream *stream)
{
    struct rig_conn *conn = any_conn(rig, stream, draw(stream, 2) == 0);
    if (conn == NULL)
        return;
    switch (draw(stream, 4)) {
    case 0:
        rig_end(rig, conn);
        break;
    case 1:
        rig_cut(rig, conn, draw(stream, 2) == 0 ? IO_RESET : IO_OK);
        break;
    case 2:
        conn->holds = true;
        break;
    default:
        rig_release(rig, conn);
        break;
    }
}

static bool is_on_the_bus(struct rig *rig)
{
    return strstr(rig_bus_said(rig), "SUB router.unregister ") != NULL;
}

static void change_the_world(struct rig *rig, struct random_stream *stream)
{
    switch (draw(stream, 4)) {
    case 0:
        rig->segment = draw(stream, 3) == 0 ? 1 + draw(stream, 20) : 0;
        break;
    case 1:
        rig->ports[draw(stream, 5)] = (enum rig_port)draw(stream, 3);
        break;
    case 2:
        if (rig->bus_is_down)
            rig->bus_is_down = false;
        else if (is_on_the_bus(rig) && draw(stream, 4) == 0)
            rig_lose_bus(rig);
        break;
    default:
        rig_pass(rig, draw(stream, 4) == 0 ? draw(stream, 70) * NS_PER_S : draw(stream, 50) * NS_PER_MS);
        break;
    }
    if (!rig->bus_is_down)
        rig_pass(rig, 3 * NS_PER_MS);
}

static void act(struct rig *rig, struct random_stream *stream)
{
    uint64_t what = draw(stream, 100);
    if (what < 10) {
        if (router_session_count(rig->machine) < MAX_CLIENTS)
            rig_client(rig);
    } else if (what < 45) {
        speak(rig, stream, true);
    } else if (what < 75) {
        speak(rig, stream, false);
    } else if (what < 83) {
        if (is_on_the_bus(rig))
            change_routes(rig, stream);
    } else if (what < 91) {
        trouble_a_conn(rig, stream);
    } else {
        change_the_world(rig, stream);
    }
}

static void expect_service(struct rig *rig)
{
    rig->segment = 0;
    rig->bus_is_down = false;
    memset(rig->ports, 0, sizeof rig->ports);
    for (size_t i = 1; i < RIG_CONNS; i++)
        rig_release(rig, &rig->conns[i]);
    rig_pass(rig, 2000 * NS_PER_S); /* Longer than the longest deadline: that of a quiet tunnel. */
    assert_true(is_on_the_bus(rig));
    rig_register(rig, "last.test", 20);
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "last.test");
    rig_answer(rig, rig_backend(rig, 20), "still here");
    rig_expect_contains(client, "still here");
    rig_end(rig, client);
    assert_int_equal(router_session_count(rig->machine), 0);
    rig_stop(rig);
    assert_true(rig->has_exited);
    assert_int_equal(rig->exit_status, 0);
}

static void the_router_survives_everybody(void **state)
{
    (void)state;
    for (uint64_t run = 0; run < RUNS; run++) {
        struct random_stream stream = random_numbered(1, "chaos", run);
        struct rig *rig = rig_new();
        rig_register(rig, "one.test", 1);
        rig_register(rig, "two.test", 2);
        for (int i = 0; i < ACTIONS; i++)
            act(rig, &stream);
        expect_service(rig);
        rig_free(rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_router_survives_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
