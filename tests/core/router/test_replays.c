/* Requests that were delivered and lost: which are sent once more, and what that may cost. */
#include "tests/core/router/rig.h"

#include "core/base/memory.h"

#include <stdio.h>

enum { INSTANCES = 5 };

static int set_up(void **state)
{
    struct rig *rig = rig_new();
    for (int n = 1; n <= INSTANCES; n++)
        rig_register(rig, "one.test", n);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    rig_free(*state);
    return 0;
}

/* The instance that has the request now; 0: none. */
static int holder(struct rig *rig)
{
    for (int n = 1; n <= INSTANCES; n++) {
        if (rig_backend(rig, n) != NULL && strstr(rig_sent(rig_backend(rig, n)), "GET / ") != NULL)
            return n;
    }
    return 0;
}

/* It ends under the request, and refuses from now on. */
static int end_holder(struct rig *rig)
{
    int n = holder(rig);
    assert_int_not_equal(n, 0);
    rig->ports[n] = PORT_REFUSES;
    rig_cut(rig, rig_backend(rig, n), IO_RESET);
    return n;
}

static void tell_ended(struct rig *rig, int n, const char *was_ended)
{
    char payload[300];
    snprintf(
        payload, sizeof payload,
        "{\"dea\":\"d\",\"host\":\"10.0.0.1\",\"port\":%d,\"uris\":[\"one.test\"],\"private_instance_id\":\"i%d\",%s}",
        RIG_FIRST_PORT + n, n, was_ended);
    rig_publish(rig, "router.unregister", payload);
}

static void a_poison_request_ends_two_instances_at_most(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    end_holder(rig);
    end_holder(rig);
    assert_int_equal(holder(rig), 0);
    rig_expect_start(client, "");
    rig_pass(rig, 2 * NS_PER_S);
    assert_int_equal(holder(rig), 0);
    rig_expect_start(client, "HTTP/1.1 502 ");
    assert_true(client->is_open);
}

/* A DEA that says only that they are gone says nothing of the reason. */
static void ends_of_unknown_reason_excuse_nobody(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    int first = end_holder(rig);
    int second = end_holder(rig);
    tell_ended(rig, first, "\"was_ended\":false");
    tell_ended(rig, second, "\"was_ended\":false");
    rig_pass(rig, 2 * NS_PER_S);
    rig_expect_start(client, "HTTP/1.1 502 ");
    assert_int_equal(holder(rig), 0);
}

static void a_request_whose_instances_were_ended_finds_the_one_that_lives(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    for (int i = 1; i < INSTANCES; i++) {
        int ended = end_holder(rig);
        tell_ended(rig, ended, "\"was_ended\":true"); /* The word comes when the request is under way again, or held. */
        rig_pass(rig, 50 * NS_PER_MS);
    }
    rig_answer(rig, rig_backend(rig, holder(rig)), "alive");
    rig_expect_start(client, "HTTP/1.1 200 ");
    rig_expect_contains(client, "alive");
}

/* The word was lost: the DEA is asked what it ended, and says so with its table. */
static void an_end_that_nobody_told_of_is_asked_for(void **state)
{
    struct rig *rig = *state;
    for (int n = 1; n <= INSTANCES; n++) {
        char payload[300];
        snprintf(payload, sizeof payload,
                 "{\"dea\":\"d\",\"host\":\"10.0.0.1\",\"port\":%d,\"uris\":[\"one.test\"],"
                 "\"private_instance_id\":\"i%d\",\"life\":\"l\",\"sequence\":%d}",
                 RIG_FIRST_PORT + n, n, n);
        rig_publish(rig, "router.register", payload);
    }
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    int first = end_holder(rig);
    end_holder(rig);
    assert_int_equal(holder(rig), 0);
    char inbox[64] = {0};
    const char *asked = strstr(rig_bus_said(rig), "PUB dea.d.routes ");
    assert_non_null(asked);
    assert_int_equal(sscanf(asked, "PUB dea.d.routes %63s", inbox), 1);
    char payload[300];
    int third = first % INSTANCES + 1;
    while (rig->ports[third] == PORT_REFUSES)
        third = third % INSTANCES + 1;
    snprintf(payload, sizeof payload,
             "{\"dea\":\"d\",\"life\":\"l\",\"sequence\":5,\"ended\":[\"i%d\"],\"routes\":[{\"host\":\"10.0.0.1\","
             "\"port\":%d,"
             "\"uris\":[\"one.test\"],\"private_instance_id\":\"i%d\"}]}",
             first, RIG_FIRST_PORT + third, third);
    rig_publish(rig, inbox, payload);
    rig_pass(rig, 50 * NS_PER_MS);
    assert_int_equal(holder(rig), third);
}

static void what_may_have_changed_something_is_not_repeated(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "POST / HTTP/1.1\r\nHost: one.test\r\nContent-Length: 2\r\n\r\nhi");
    for (int n = 1; n <= INSTANCES; n++) {
        if (rig_backend(rig, n) == NULL)
            continue;
        tell_ended(rig, n, "\"was_ended\":true");
        rig_cut(rig, rig_backend(rig, n), IO_RESET);
    }
    rig_expect_start(client, "HTTP/1.1 502 ");
    assert_int_equal(rig_open_backends(rig), 0);
}

static void nothing_is_repeated_where_that_is_not_wanted(void **state)
{
    rig_free(*state);
    struct rig *rig = *state = rig_prepare();
    rig->config.has_replay_crashed = true;
    rig->config.replay_crashed = false;
    rig_start(rig);
    rig_register(rig, "one.test", 1);
    rig_register(rig, "one.test", 2);
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    end_holder(rig);
    rig_expect_start(client, "HTTP/1.1 502 ");
    assert_int_equal(holder(rig), 0);
}

/* The host is gone without a word: its end is seen by nobody, but it accepts no connection either. */
static void a_request_on_a_lost_host_goes_elsewhere_in_two_seconds(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    int lost = holder(rig);
    rig->ports[lost] = PORT_SWALLOWS;
    rig_pass(rig, 1990 * NS_PER_MS);
    assert_int_equal(holder(rig), 0); /* The newest connection there is the one that looks. */
    rig_pass(rig, 20 * NS_PER_MS);
    assert_int_not_equal(holder(rig), lost);
    rig_answer(rig, rig_backend(rig, holder(rig)), "alive");
    rig_expect_contains(client, "alive");
}

/* Its kernel accepts: it thinks. */
static void a_slow_instance_on_a_living_host_is_waited_for(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    int slow = holder(rig);
    struct rig_conn *backend = rig_backend(rig, slow);
    rig_pass(rig, 50 * NS_PER_S);
    assert_int_equal(rig_open_backends(rig), 1);
    assert_in_range(rig->connects[slow], 2, 12);
    rig_answer(rig, backend, "at last");
    rig_expect_contains(client, "at last");
}

/* Nor is it given up because it refuses: one that ends well finishes what it has begun with its port closed. */
static void an_instance_that_closed_its_port_is_waited_for(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    int slow = holder(rig);
    struct rig_conn *backend = rig_backend(rig, slow);
    rig->ports[slow] = PORT_REFUSES;
    rig_pass(rig, 10 * NS_PER_S);
    rig_answer(rig, backend, "the last word");
    rig_expect_contains(client, "the last word");
}

/* The first connection had been idle, and its end says nothing; then the instance itself ends twice. */
static void an_instance_that_closes_twice_is_one_loss(void **state)
{
    struct rig *rig = *state;
    for (int n = 2; n <= INSTANCES; n++)
        tell_ended(rig, n, "\"was_ended\":false");
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    rig_answer(rig, rig_backend(rig, 1), "x");
    rig_forget(client);
    rig_pass(rig, 2 * NS_PER_S);
    rig_get(rig, client, "one.test");
    rig_cut(rig, rig_backend(rig, 1), IO_RESET);
    rig_cut(rig, rig_backend(rig, 1), IO_RESET);
    rig_expect_start(client, "HTTP/1.1 502 ");
    assert_int_equal(rig->connects[1], 2);
}

/* A client that goes away while its request is held takes it along. */
static void a_held_request_ends_with_its_client(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    int first = end_holder(rig);
    end_holder(rig);
    rig_end(rig, client);
    tell_ended(rig, first, "\"was_ended\":true");
    rig_pass(rig, 2 * NS_PER_S);
    assert_int_equal(holder(rig), 0);
    assert_false(client->is_open);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STORY(a_poison_request_ends_two_instances_at_most),
        STORY(ends_of_unknown_reason_excuse_nobody),
        STORY(a_request_whose_instances_were_ended_finds_the_one_that_lives),
        STORY(an_end_that_nobody_told_of_is_asked_for),
        STORY(what_may_have_changed_something_is_not_repeated),
        STORY(nothing_is_repeated_where_that_is_not_wanted),
        STORY(a_request_on_a_lost_host_goes_elsewhere_in_two_seconds),
        STORY(a_slow_instance_on_a_living_host_is_waited_for),
        STORY(an_instance_that_closed_its_port_is_waited_for),
        STORY(an_instance_that_closes_twice_is_one_loss),
        STORY(a_held_request_ends_with_its_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
