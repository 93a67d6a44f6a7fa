/* The routing table, as messages of the bus make it. */
#include "tests/core/router/rig.h"

#include <stdio.h>

static int set_up(void **state)
{
    *state = rig_new();
    return 0;
}

static int tear_down(void **state)
{
    rig_free(*state);
    return 0;
}

/* "host>instance ..." of every pair in the table. */
static void expect_routes(struct rig *rig, const char *expected)
{
    static char found[2000];
    struct route_cursor cursor = {0};
    struct route_view view;
    size_t size = 0;
    found[0] = 0;
    while (router_next_route(rig->machine, &cursor, &view))
        size += (size_t)snprintf(found + size, sizeof found - size, "%s%s>%s", size > 0 ? " " : "", view.host,
                                 view.instance[0] != 0 ? view.instance : view.endpoint_host);
    assert_string_equal(found, expected);
}

static void publish(struct rig *rig, const char *subject, int port, const char *uris, const char *more)
{
    char payload[500];
    snprintf(payload, sizeof payload, "{\"dea\":\"d\",\"host\":\"10.0.0.1\",\"port\":%d,\"uris\":[%s]%s}", port, uris,
             more);
    rig_publish(rig, subject, payload);
}

static void the_router_asks_everyone_to_register(void **state)
{
    struct rig *rig = *state;
    const char *said = rig_bus_said(rig);
    const char *subscribed = strstr(said, "SUB router.register ");
    const char *asked = strstr(said, "PUB router.start ");
    assert_true(subscribed != NULL && asked > subscribed);
    assert_non_null(strstr(asked, "\"version\":0.98"));
    assert_non_null(strstr(asked, "\"wants_table\":true"));
    assert_null(strstr(asked + 1, "PUB router.start "));
}

static int times_asked(struct rig *rig)
{
    int count = 0;
    for (const char *at = rig_bus_said(rig); (at = strstr(at, "PUB router.start ")) != NULL; at++)
        count++;
    return count;
}

static void it_asks_again_only_while_it_knows_somebody_of_2011(void **state)
{
    struct rig *rig = *state;
    rig_pass(rig, 240 * NS_PER_S);
    assert_int_equal(times_asked(rig), 1);
    rig_pass(rig, 90 * NS_PER_S);
    assert_int_equal(times_asked(rig), 2); /* One in ten periods, should there be somebody. */
    publish(rig, "router.register", 39039, "\"hello.vcap.me\"", "");
    rig_pass(rig, 60 * NS_PER_S);
    assert_int_equal(times_asked(rig), 4);
    publish(rig, "router.unregister", 39039, "\"hello.vcap.me\"", "");
    publish(rig, "router.register", 39039, "\"hello.vcap.me\"", ",\"life\":\"l\",\"sequence\":1");
    rig_pass(rig, 60 * NS_PER_S);
    assert_int_equal(times_asked(rig), 4);
}

static void v1_registrations_come_and_go(void **state)
{
    struct rig *rig = *state;
    publish(rig, "router.register", 39039, "\"hello.vcap.me\",\"Alias.vcap.me\"", ",\"tags\":{\"runtime\":\"ruby\"}");
    expect_routes(rig, "hello.vcap.me>10.0.0.1 alias.vcap.me>10.0.0.1");
    assert_int_equal(router_route_count(rig->machine), 2);
    publish(rig, "router.unregister", 39039, "\"ALIAS.vcap.me\"", "");
    expect_routes(rig, "hello.vcap.me>10.0.0.1");
    publish(rig, "router.unregister", 39040, "\"hello.vcap.me\"", "");
    expect_routes(rig, "hello.vcap.me>10.0.0.1");
    publish(rig, "router.unregister", 39039, "\"hello.vcap.me\"", "");
    expect_routes(rig, "");
}

static void malformed_messages_do_no_harm(void **state)
{
    static const char *const payloads[] = {
        "",
        "null",
        "[]",
        "{",
        "{}",
        "{\"host\":\"10.0.0.1\",\"port\":1}",
        "{\"host\":\"10.0.0.1\",\"port\":1,\"uris\":\"a.test\"}",
        "{\"host\":\"10.0.0.1\",\"port\":1,\"uris\":[null]}",
        "{\"host\":\"10.0.0.1\",\"port\":1,\"uris\":[]}",
        "{\"host\":\"10.0.0.1\",\"port\":0,\"uris\":[\"a.test\"]}",
        "{\"host\":\"10.0.0.1\",\"port\":65536,\"uris\":[\"a.test\"]}",
        "{\"host\":\"10.0.0.1\",\"port\":\"80\",\"uris\":[\"a.test\"]}",
        "{\"host\":\"10.0.0.1\",\"port\":-1,\"uris\":[\"a.test\"]}",
        "{\"port\":80,\"uris\":[\"a.test\"]}",
        "{\"host\":\"\",\"port\":80,\"uris\":[\"a.test\"]}",
        "{\"host\":\"a b\",\"port\":80,\"uris\":[\"a.test\"]}",
        "{\"host\":\"10.0.0.1\",\"port\":80,\"uris\":[\"\",\"a/b\",\"a b\",\"\\r\\n\",\":80\"]}",
    };
    struct rig *rig = *state;
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        rig_publish(rig, "router.register", payloads[i]);
        rig_publish(rig, "router.unregister", payloads[i]);
        expect_routes(rig, "");
    }
    publish(rig, "router.register", 1, "null,\"a b\",\"good.test\"", "");
    publish(rig, "router.register", 1, "\"a b\",\"good.test\"", ",\"tags\":{\"x\":{}}");
    publish(rig, "router.register", 1, "\"a b\",\"good.test\"", ",\"unknown\":[1,{\"x\":null}]");
    expect_routes(rig, "good.test>10.0.0.1");
}

static void routes_that_nobody_refreshes_are_pruned(void **state)
{
    struct rig *rig = *state;
    rig_register(rig, "old.test", 1);
    rig_register(rig, "fresh.test", 2);
    for (int i = 0; i < 5; i++) {
        rig_pass(rig, 30 * NS_PER_S);
        rig_register(rig, "fresh.test", 2);
    }
    expect_routes(rig, "fresh.test>i2");
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "old.test");
    rig_expect_start(client, "HTTP/1.1 503 "); /* Known, but nobody is there. */
    for (int i = 0; i < 6; i++) {
        rig_pass(rig, 30 * NS_PER_S);
        rig_register(rig, "fresh.test", 2);
    }
    client = rig_client(rig);
    rig_get(rig, client, "old.test");
    rig_expect_start(client, "HTTP/1.1 404 ");
}

static void nothing_is_pruned_while_the_bus_is_away(void **state)
{
    struct rig *rig = *state;
    rig_register(rig, "one.test", 1);
    rig_lose_bus(rig);
    rig_pass(rig, 600 * NS_PER_S);
    expect_routes(rig, "one.test>i1");
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    rig_answer(rig, rig_backend(rig, 1), "still here");
    rig_expect_contains(client, "still here");
    rig->bus_is_down = false;
    rig_pass(rig, 100 * NS_PER_S); /* Back, and the clocks begin anew. */
    expect_routes(rig, "one.test>i1");
    rig_pass(rig, 60 * NS_PER_S);
    expect_routes(rig, "");
}

static void a_port_that_is_used_again_never_serves_the_former_app(void **state)
{
    struct rig *rig = *state;
    publish(rig, "router.register", 40001, "\"a.test\",\"alias.test\"",
            ",\"app\":1,\"index\":0,\"private_instance_id\":\"i1\",\"epoch\":5");
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "a.test");
    rig_answer(rig, rig_backend(rig, 1), "from a");
    publish(rig, "router.register", 40001, "\"b.test\"",
            ",\"app\":2,\"index\":0,\"private_instance_id\":\"i2\",\"epoch\":3");
    expect_routes(rig, "b.test>i2");
    assert_null(rig_backend(rig, 1)); /* The idle connection belonged to the former owner. */
    rig_forget(client);
    rig_get(rig, client, "alias.test");
    rig_expect_start(client, "HTTP/1.1 503 ");
    publish(rig, "router.unregister", 40001, "\"b.test\"", ",\"private_instance_id\":\"i1\"");
    expect_routes(rig, "b.test>i2"); /* The goodbye of the former owner came late. */
}

static void a_request_under_way_outlives_its_route(void **state)
{
    struct rig *rig = *state;
    rig_register(rig, "a.test", 1);
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "a.test");
    publish(rig, "router.register", 40001, "\"b.test\"", ",\"app\":2,\"private_instance_id\":\"other\"");
    rig_answer(rig, rig_backend(rig, 1), "just in time");
    rig_expect_contains(client, "just in time");
    assert_int_equal(rig_open_backends(rig), 0);
}

static void v1_owners_of_a_port_are_told_apart_by_app_and_dea(void **state)
{
    struct rig *rig = *state;
    publish(rig, "router.register", 40001, "\"a.test\"", ",\"app\":1");
    publish(rig, "router.register", 40001, "\"b.test\"", ",\"app\":1");
    expect_routes(rig, "a.test>10.0.0.1 b.test>10.0.0.1");
    publish(rig, "router.register", 40001, "\"c.test\"", ",\"app\":2");
    expect_routes(rig, "c.test>10.0.0.1");
}

static void the_newest_epoch_of_an_index_is_the_routable_one(void **state)
{
    struct rig *rig = *state;
    publish(rig, "router.register", 40001, "\"a.test\"",
            ",\"app\":1,\"index\":0,\"private_instance_id\":\"old\",\"epoch\":5");
    publish(rig, "router.register", 40002, "\"a.test\"",
            ",\"app\":1,\"index\":1,\"private_instance_id\":\"sibling\",\"epoch\":4");
    publish(rig, "router.register", 40003, "\"a.test\"",
            ",\"app\":1,\"index\":0,\"private_instance_id\":\"new\",\"epoch\":6");
    expect_routes(rig, "a.test>sibling a.test>new");
    publish(rig, "router.register", 40001, "\"a.test\"",
            ",\"app\":1,\"index\":0,\"private_instance_id\":\"old\",\"epoch\":5");
    expect_routes(rig, "a.test>sibling a.test>new");
    publish(rig, "router.unregister", 40003, "\"a.test\"", ",\"private_instance_id\":\"new\"");
    publish(rig, "router.register", 40001, "\"a.test\"",
            ",\"app\":1,\"index\":0,\"private_instance_id\":\"old\",\"epoch\":5");
    expect_routes(rig, "a.test>sibling"); /* Not even when the newer one has gone. */
    publish(rig, "router.register", 40001, "\"a.test\"",
            ",\"app\":1,\"index\":0,\"private_instance_id\":\"old\",\"epoch\":7");
    expect_routes(rig, "a.test>sibling a.test>old");
}

static void of_one_order_a_dea_has_one_instance(void **state)
{
    struct rig *rig = *state;
    publish(rig, "router.register", 40001, "\"a.test\"",
            ",\"app\":1,\"index\":0,\"private_instance_id\":\"ended\",\"epoch\":5");
    rig_publish(rig, "router.register",
                "{\"dea\":\"d\",\"host\":\"10.0.0.2\",\"port\":40001,\"uris\":[\"a.test\"],\"app\":1,\"index\":0,"
                "\"private_instance_id\":\"again\",\"epoch\":5}");
    expect_routes(rig, "a.test>again");
    rig_publish(rig, "router.register",
                "{\"dea\":\"e\",\"host\":\"10.0.0.3\",\"port\":40001,\"uris\":[\"a.test\"],\"app\":1,\"index\":0,"
                "\"private_instance_id\":\"foreign\",\"epoch\":5}");
    expect_routes(rig, "a.test>again a.test>foreign"); /* Which of them is right is not for a router to say. */
}

static void the_table_is_bounded(void **state)
{
    struct rig *rig = rig_prepare();
    (void)state;
    rig->config.has_max_routes = true;
    rig->config.max_routes = 3;
    rig_start(rig);
    publish(rig, "router.register", 40001, "\"a\",\"b\",\"c\",\"d\",\"e\"", "");
    expect_routes(rig, "a>10.0.0.1 b>10.0.0.1 c>10.0.0.1");
    publish(rig, "router.unregister", 40001, "\"a\"", "");
    publish(rig, "router.register", 40001, "\"d\",\"e\"", "");
    expect_routes(rig, "b>10.0.0.1 c>10.0.0.1 d>10.0.0.1");
    rig_free(rig);
}

static void a_restarted_router_answers_no_wrong_404(void **state)
{
    struct rig *rig = rig_prepare();
    (void)state;
    rig_start(rig);
    struct rig_conn *early = rig_client(rig), *lost = rig_client(rig);
    rig_get(rig, early, "one.test");
    rig_get(rig, lost, "nowhere.test");
    rig_pass(rig, 100 * NS_PER_MS);
    rig_register(rig, "one.test", 1);
    rig_pass(rig, 30 * NS_PER_MS);
    rig_answer(rig, rig_backend(rig, 1), "in time");
    rig_expect_contains(early, "in time");
    assert_string_equal(rig_sent(lost), "");
    rig_pass(rig, NS_PER_S);
    rig_expect_start(lost, "HTTP/1.1 404 ");
    rig_free(rig);
}

static void without_a_bus_a_new_router_knows_nothing_and_says_so(void **state)
{
    struct rig *rig = rig_prepare();
    (void)state;
    rig->bus_is_down = true;
    rig_start(rig);
    rig_pass(rig, 10 * NS_PER_S);
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "one.test");
    rig_pass(rig, 2 * NS_PER_S);
    rig_expect_start(client, "HTTP/1.1 503 ");
    rig_expect_contains(client, "X-Cf-RouterError: settling\r\n");
    rig_free(rig);
}

static void instances_are_chosen_evenly(void **state)
{
    struct rig *rig = *state;
    int counts[5] = {0};
    for (int n = 1; n < 5; n++)
        rig_register(rig, "one.test", n);
    struct rig_conn *client = rig_client(rig);
    for (int i = 0; i < 400; i++) {
        rig_get(rig, client, "one.test");
        for (int n = 1; n < 5; n++) {
            struct rig_conn *backend = rig_backend(rig, n);
            if (backend == NULL || strlen(rig_sent(backend)) == 0)
                continue;
            counts[n]++;
            rig_forget(backend);
            rig_answer(rig, backend, "x");
        }
    }
    for (int n = 1; n < 5; n++)
        assert_in_range(counts[n], 70, 130);
}

/* ---- Numbers of changes ---- */

static void publish_numbered(struct rig *rig, const char *subject, const char *life, int sequence)
{
    char payload[300];
    snprintf(payload, sizeof payload,
             "{\"dea\":\"d\",\"host\":\"10.0.0.1\",\"port\":%d,\"uris\":[\"u%d\"],\"private_instance_id\":\"i%d\","
             "\"life\":\"%s\",\"sequence\":%d}",
             RIG_FIRST_PORT + sequence, sequence, sequence, life, sequence);
    rig_publish(rig, subject, payload);
}

static size_t count_said(struct rig *rig, const char *words)
{
    size_t count = 0;
    for (const char *at = rig_bus_said(rig); (at = strstr(at, words)) != NULL; at++)
        count++;
    return count;
}

static size_t tables_asked_for(struct rig *rig)
{
    return count_said(rig, "PUB dea.d.routes ");
}

static void a_lost_message_is_noticed_by_the_next_one(void **state)
{
    struct rig *rig = *state;
    publish_numbered(rig, "router.register", "a", 1);
    publish_numbered(rig, "router.register", "a", 2);
    publish_numbered(rig, "router.register", "a", 2); /* Told again. */
    publish_numbered(rig, "router.unregister", "a", 3);
    assert_int_equal(tables_asked_for(rig), 0);
    publish_numbered(rig, "router.register", "a", 5);
    assert_int_equal(tables_asked_for(rig), 1);
    publish_numbered(rig, "router.register", "a", 7); /* The answer is not here yet; it may be older than this. */
    assert_int_equal(tables_asked_for(rig), 1);
    rig_pass(rig, 2100 * NS_PER_MS);
    assert_int_equal(tables_asked_for(rig), 2);
}

static void a_new_life_of_an_agent_begins_with_one(void **state)
{
    struct rig *rig = *state;
    publish_numbered(rig, "router.register", "a", 1);
    publish_numbered(rig, "router.register", "b", 1);
    publish_numbered(rig, "router.unregister", "b", 2);
    assert_int_equal(tables_asked_for(rig), 0);
    publish_numbered(rig, "router.unregister", "c", 2);
    assert_int_equal(tables_asked_for(rig), 1);
}

/* Servers that were cut off from each other have met again: who says so is INFO. */
static void news_of_the_bus_make_the_router_ask_everybody(void **state)
{
    struct rig *rig = *state;
    size_t before = count_said(rig, "PUB router.start ");
    rig_bus_says(rig, "INFO {\"server_id\":\"rig\",\"max_payload\":1048576,\"connect_urls\":[\"10.0.0.9:4222\"]}\r\n");
    rig_pass(rig, 500 * NS_PER_MS);
    assert_int_equal(count_said(rig, "PUB router.start "), before + 1);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STORY(the_router_asks_everyone_to_register),
        STORY(it_asks_again_only_while_it_knows_somebody_of_2011),
        STORY(v1_registrations_come_and_go),
        STORY(malformed_messages_do_no_harm),
        STORY(routes_that_nobody_refreshes_are_pruned),
        STORY(nothing_is_pruned_while_the_bus_is_away),
        STORY(a_port_that_is_used_again_never_serves_the_former_app),
        STORY(a_request_under_way_outlives_its_route),
        STORY(v1_owners_of_a_port_are_told_apart_by_app_and_dea),
        STORY(the_newest_epoch_of_an_index_is_the_routable_one),
        STORY(of_one_order_a_dea_has_one_instance),
        cmocka_unit_test(the_table_is_bounded),
        cmocka_unit_test(a_restarted_router_answers_no_wrong_404),
        cmocka_unit_test(without_a_bus_a_new_router_knows_nothing_and_says_so),
        STORY(instances_are_chosen_evenly),
        STORY(a_lost_message_is_noticed_by_the_next_one),
        STORY(a_new_life_of_an_agent_begins_with_one),
        STORY(news_of_the_bus_make_the_router_ask_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
