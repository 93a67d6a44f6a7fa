/* What clients notice, and do not notice, when instances misbehave. */
#include "tests/core/router/rig.h"

#include "core/base/memory.h"

static int set_up(void **state)
{
    struct rig *rig = rig_new();
    rig_register(rig, "one.test", 1);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    rig_free(*state);
    return 0;
}

static void a_request_finds_the_one_instance_that_lives(void **state)
{
    struct rig *rig = *state;
    for (int n = 2; n < 12; n++) {
        rig_register(rig, "one.test", n);
        rig->ports[n] = PORT_REFUSES;
    }
    struct rig_conn *client = rig_client(rig);
    for (int i = 0; i < 20; i++) {
        rig_send(rig, client, "POST / HTTP/1.1\r\nHost: one.test\r\nContent-Length: 4\r\n\r\nbody");
        rig_expect_contains(rig_backend(rig, 1), "\r\n\r\nbody");
        rig_answer(rig, rig_backend(rig, 1), "x");
    }
    rig_expect_lacks(client, "HTTP/1.1 5");
}

static void a_dead_host_costs_one_time_out_and_is_set_aside(void **state)
{
    struct rig *rig = *state;
    rig_register(rig, "one.test", 2);
    rig->ports[2] = PORT_SWALLOWS;
    struct rig_conn *client = rig_client(rig);
    int time_outs = 0;
    for (int i = 0; i < 40; i++) {
        rig_get(rig, client, "one.test");
        if (rig_backend(rig, 2) != NULL && rig_backend(rig, 2)->connecting) {
            rig_pass(rig, NS_PER_S);
            time_outs++;
        }
        rig_answer(rig, rig_backend(rig, 1), "x");
        rig_pass(rig, 10 * NS_PER_MS);
    }
    assert_int_equal(time_outs, 1);
    rig_expect_lacks(client, "HTTP/1.1 5");
}

static void an_instance_that_is_back_gets_requests_again(void **state)
{
    struct rig *rig = *state;
    rig_register(rig, "one.test", 2);
    rig->ports[2] = PORT_REFUSES;
    struct rig_conn *client = rig_client(rig);
    for (int i = 0; i < 20; i++) {
        rig_get(rig, client, "one.test");
        rig_answer(rig, rig_backend(rig, 1), "x");
    }
    assert_int_equal(rig->connects[2], 1);
    rig->ports[2] = PORT_LISTENS;
    rig_pass(rig, 1100 * NS_PER_MS);
    while (rig_backend(rig, 2) == NULL) {
        rig_get(rig, client, "one.test");
        rig_answer(rig, rig_backend(rig, 2) != NULL ? rig_backend(rig, 2) : rig_backend(rig, 1), "x");
    }
    assert_int_equal(rig->connects[2], 2);
}

static void when_all_instances_refuse_the_client_is_told(void **state)
{
    struct rig *rig = *state;
    rig_register(rig, "one.test", 2);
    rig->ports[1] = rig->ports[2] = PORT_REFUSES;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    rig_expect_start(client, "HTTP/1.1 502 Bad Gateway\r\nX-Cf-RouterError: endpoint_failure\r\n");
    assert_true(client->is_open);
    rig->ports[1] = PORT_LISTENS; /* Though both are set aside, they are better than nothing. */
    rig_forget(client);
    rig_get(rig, client, "one.test");
    rig_answer(rig, rig_backend(rig, 1), "back");
    rig_expect_contains(client, "back");
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)) != NULL; text++)
        count++;
    return count;
}

static void failures_are_told_once_and_the_pause_doubles_with_each_probe(void **state)
{
    struct rig *rig = *state;
    rig->ports[1] = PORT_REFUSES;
    struct rig_conn *client = rig_client(rig);
    for (int i = 0; i < 50; i++)
        rig_get(rig, client, "one.test");
    assert_int_equal(count_of(text_string(&rig->log), "set aside for 1000 ms"), 1);
    assert_int_equal(count_of(text_string(&rig->log), "set aside"), 1);
    rig_pass(rig, 1100 * NS_PER_MS);
    for (int i = 0; i < 50; i++)
        rig_get(rig, client, "one.test");
    assert_int_equal(count_of(text_string(&rig->log), "set aside for 2000 ms"), 1);
    assert_int_equal(count_of(text_string(&rig->log), "set aside"), 2);
    rig->ports[1] = PORT_LISTENS;
    rig_get(rig, client, "one.test");
    rig_answer(rig, rig_backend(rig, 1), "well again");
    rig_cut(rig, rig_backend(rig, 1), IO_RESET);
    rig->ports[1] = PORT_REFUSES;
    rig_get(rig, client, "one.test");
    assert_int_equal(count_of(text_string(&rig->log), "set aside for 1000 ms"), 2);
}

static void an_instance_that_accepts_and_closes_is_set_aside_too(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    for (int i = 0; i < 10; i++) {
        rig_send(rig, client, "POST / HTTP/1.1\r\nHost: one.test\r\n\r\n");
        rig_end(rig, rig_backend(rig, 1));
    }
    assert_int_equal(count_of(text_string(&rig->log), "set aside"), 1);
    assert_int_equal(count_of(rig_sent(client), "HTTP/1.1 502 "), 10);
}

static void an_idle_connection_that_dies_with_the_request_is_replaced(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    rig_answer(rig, rig_backend(rig, 1), "x");
    rig_pass(rig, 2 * NS_PER_S); /* Long enough that the instance may just be closing it. */
    rig_get(rig, client, "one.test");
    rig_cut(rig, rig_backend(rig, 1), IO_RESET);
    assert_int_equal(rig->connects[1], 2);
    rig_answer(rig, rig_backend(rig, 1), "second life");
    rig_expect_contains(client, "second life");
}

static void an_idle_connection_that_ends_is_forgotten(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    rig_answer(rig, rig_backend(rig, 1), "x");
    rig_end(rig, rig_backend(rig, 1));
    assert_int_equal(rig_open_backends(rig), 0);
    rig_get(rig, client, "one.test");
    rig_answer(rig, rig_backend(rig, 1), "y");
    rig_expect_contains(client, "y");
}

static void a_request_that_may_have_had_effects_is_not_repeated(void **state)
{
    struct rig *rig = *state;
    rig_register(rig, "one.test", 2);
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "POST / HTTP/1.1\r\nHost: one.test\r\nContent-Length: 2\r\n\r\nhi");
    rig_cut(rig, rig_backend(rig, 1) != NULL ? rig_backend(rig, 1) : rig_backend(rig, 2), IO_RESET);
    rig_expect_start(client, "HTTP/1.1 502 ");
    assert_int_equal(rig->connects[1] + rig->connects[2], 1);
}

static void a_request_whose_body_is_on_its_way_is_not_repeated(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "PUT / HTTP/1.1\r\nHost: one.test\r\nContent-Length: 9\r\n\r\none");
    rig_send(rig, client, "two");
    rig_cut(rig, rig_backend(rig, 1), IO_RESET);
    rig_expect_start(client, "HTTP/1.1 502 ");
    assert_int_equal(rig->connects[1], 1);
}

static void a_silent_instance_is_given_up(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    rig_pass(rig, 59 * NS_PER_S);
    assert_string_equal(rig_sent(client), "");
    rig_pass(rig, 2 * NS_PER_S);
    rig_expect_start(client, "HTTP/1.1 504 Gateway Timeout\r\nX-Cf-RouterError: endpoint_timeout\r\n");
    assert_true(client->is_open);
    assert_int_equal(rig_open_backends(rig), 0);
}

static void malformed_responses_become_502(void **state)
{
    static const char *const responses[] = {
        "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    };
    struct rig *rig = *state;
    for (size_t i = 0; i < sizeof responses / sizeof responses[0]; i++) {
        struct rig_conn *client = rig_client(rig);
        rig_get(rig, client, "one.test");
        rig_send(rig, rig_backend(rig, 1), responses[i]);
        rig_expect_start(client, "HTTP/1.1 502 Bad Gateway\r\nX-Cf-RouterError: bad_response\r\n");
        assert_int_equal(rig_open_backends(rig), 0);
        rig_end(rig, client);
    }
}

static void bytes_behind_a_response_are_never_the_next_response(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    rig_send(rig, rig_backend(rig, 1),
             "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
    assert_int_equal(rig_open_backends(rig), 0);
    rig_get(rig, client, "one.test");
    rig_answer(rig, rig_backend(rig, 1), "true");
    rig_expect_contains(client, "true");
    rig_expect_lacks(client, "forged");
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STORY(a_request_finds_the_one_instance_that_lives),
        STORY(a_dead_host_costs_one_time_out_and_is_set_aside),
        STORY(an_instance_that_is_back_gets_requests_again),
        STORY(when_all_instances_refuse_the_client_is_told),
        STORY(failures_are_told_once_and_the_pause_doubles_with_each_probe),
        STORY(an_instance_that_accepts_and_closes_is_set_aside_too),
        STORY(an_idle_connection_that_dies_with_the_request_is_replaced),
        STORY(an_idle_connection_that_ends_is_forgotten),
        STORY(a_request_that_may_have_had_effects_is_not_repeated),
        STORY(a_request_whose_body_is_on_its_way_is_not_repeated),
        STORY(a_silent_instance_is_given_up),
        STORY(malformed_responses_become_502),
        STORY(bytes_behind_a_response_are_never_the_next_response),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
