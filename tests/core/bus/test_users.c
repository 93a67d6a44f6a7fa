/* Who may connect to the bus, and what each may say and hear. */
#include "core/bus/server/users.h"
#include "core/components.h"
#include "tests/core/bus/lone_bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { MAX_USERS = 8 };

static Cupola__BusUser users[MAX_USERS];
static Cupola__BusUser *user_list[MAX_USERS];

static int prepare(void **state)
{
    prepare_bus(state);
    config.users = user_list;
    return 0;
}

static Cupola__BusUser *add_user(const char *name)
{
    Cupola__BusUser *user = &users[config.n_users];
    cupola__bus_user__init(user);
    user->user = (char *)name;
    user->password = "secret";
    user_list[config.n_users++] = user;
    return user;
}

static void given_a_bus_of_components(void)
{
    static const char *const names[] = {"router", "dea", "cloud_controller", "health_manager"};
    for (size_t i = 0; i < 4; i++)
        add_user(names[i])->profile = (char *)names[i];
    add_user("operator");
    given_a_bus();
}

static struct end *try_as(const char *credentials)
{
    struct end *end = net_dial(&lone_net, "bus", 4222);
    end_skip(end);
    char connect[600];
    snprintf(connect, sizeof connect, "CONNECT {\"verbose\":false,\"pedantic\":false,%s}\r\nPING\r\n", credentials);
    end_send(end, connect);
    return end;
}

static struct end *given(const char *name)
{
    char credentials[100];
    snprintf(credentials, sizeof credentials, "\"user\":\"%s\",\"pass\":\"secret\"", name);
    struct end *end = try_as(credentials);
    end_expect(end, "PONG\r\n");
    return end;
}

static uint64_t counter(const char *name)
{
    struct text json = {0};
    char key[64];
    snprintf(key, sizeof key, "\"%s\":", name);
    bus_server_class.inspect(bus->machine, &json);
    const char *at = strstr(text_string(&json), key);
    assert_non_null(at);
    unsigned long long value = 0;
    assert_int_equal(sscanf(at + strlen(key), "%llu", &value), 1);
    text_free(&json);
    return value;
}

static void expect_denied(struct end *end, const char *sent, const char *act, const char *subject)
{
    char answer[200];
    snprintf(answer, sizeof answer, "-ERR 'Permissions Violation for %s \"%s\"'\r\n", act, subject);
    end_send(end, sent);
    end_expect(end, answer);
    assert_false(end_is_closed(end));
}

/* Nothing and nobody that has no credentials of the bus: above all, no workload of an app. */
static void who_cannot_name_himself_cannot_speak(void **state)
{
    (void)state;
    given_a_bus_of_components();
    static const char *const attempts[] = {"\"lang\":\"c\"", "\"user\":\"dea\"", "\"user\":\"dea\",\"pass\":\"wrong\"",
                                           "\"user\":\"nobody\",\"pass\":\"secret\"", "\"auth_token\":\"secret\""};
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        struct end *end = try_as(attempts[i]);
        end_expect(end, "-ERR 'Authorization Violation'\r\n");
        assert_true(end_is_closed(end));
    }
    struct end *silent = net_dial(&lone_net, "bus", 4222);
    end_skip(silent);
    end_send(silent, "PUB dea.stop 2\r\n{}\r\n");
    end_expect(silent, "-ERR 'Authorization Violation'\r\n");
    assert_int_equal(counter("auth_failures"), 6);
    assert_int_equal(counter("in_msgs"), 0);
}

static void a_dea_cannot_order_a_start_and_only_a_health_manager_complains(void **state)
{
    (void)state;
    given_a_bus_of_components();
    struct end *dea = given("dea");
    struct end *router = given("router");
    struct end *controller = given("cloud_controller");
    struct end *health = given("health_manager");
    struct end *operator= given("operator");
    end_send(operator, "SUB > 1\r\n");
    expect_denied(dea, "PUB dea.x.start 2\r\n{}\r\n", "Publish to", "dea.x.start");
    expect_denied(dea, "PUB dea.stop 2\r\n{}\r\n", "Publish to", "dea.stop");
    struct end *others[] = {dea, router, controller};
    for (size_t i = 0; i < 3; i++)
        expect_denied(others[i], "PUB cloudcontrollers.hm.requests 2\r\n{}\r\n", "Publish to",
                      "cloudcontrollers.hm.requests");
    expect_denied(router, "PUB router.register 2\r\n{}\r\n", "Publish to", "router.register");
    expect_denied(health, "PUB dea.x.start 2\r\n{}\r\n", "Publish to", "dea.x.start");
    expect_denied(controller, "PUB dea.heartbeat 2\r\n{}\r\n", "Publish to", "dea.heartbeat");
    expect_denied(dea, "PUB vcap.component.discover a 0\r\n\r\n", "Publish to", "vcap.component.discover");
    end_expect(operator, "");
    assert_int_equal(counter("permission_violations"), 9);
}

static void what_a_component_needs_to_say_passes(void **state)
{
    (void)state;
    given_a_bus_of_components();
    static const struct {
        const char *who, *subject;
    } allowed[] = {
        {"dea", "dea.heartbeat"},
        {"dea", "droplet.exited"},
        {"dea", "router.register"},
        {"dea", "_INBOX.0123456789abcdef0123456789"},
        {"router", "router.start"},
        {"cloud_controller", "dea.x.start"},
        {"cloud_controller", "dea.discover"},
        {"cloud_controller", "droplet.updated"},
        {"health_manager", "cloudcontrollers.hm.requests"},
        {"health_manager", "healthmanager.start"},
        {"health_manager", "dea.x.probe"},
    };
    struct end *operator= given("operator");
    end_send(operator, "SUB > 1\r\n");
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        struct end *end = given(allowed[i].who);
        char line[100];
        char heard[100];
        snprintf(line, sizeof line, "PUB %s 1\r\nx\r\n", allowed[i].subject);
        snprintf(heard, sizeof heard, "MSG %s 1 1\r\nx\r\n", allowed[i].subject);
        for (int twice = 0; twice < 2; twice++) { /* The second time from what was remembered. */
            end_send(end, line);
            end_expect(end, "");
            end_expect(operator, heard);
        }
        end_close(end, IO_OK);
    }
    assert_int_equal(counter("permission_violations"), 0);
}

static void a_reply_subject_cannot_be_used_to_speak_through_others(void **state)
{
    (void)state;
    given_a_bus_of_components();
    struct end *health = given("health_manager");
    expect_denied(health, "PUB cloudcontroller.desired dea.x.start 2\r\n{}\r\n", "Publish to",
                  "cloudcontroller.desired");
    end_send(health, "PUB cloudcontroller.desired _INBOX.a 2\r\n{}\r\n");
    end_expect(health, "");
}

static void nobody_listens_to_the_answers_of_others(void **state)
{
    (void)state;
    given_a_bus_of_components();
    struct end *dea = given("dea");
    expect_denied(dea, "SUB _INBOX.> 1\r\n", "Subscription to", "_INBOX.>");
    expect_denied(dea, "SUB _INBOX.* 1\r\n", "Subscription to", "_INBOX.*");
    expect_denied(dea, "SUB > 1\r\n", "Subscription to", ">");
    expect_denied(dea, "SUB *.> 1\r\n", "Subscription to", "*.>");
    expect_denied(dea, "SUB cloudcontrollers.hm.requests cc 1\r\n", "Subscription to", "cloudcontrollers.hm.requests");
    end_send(dea, "SUB _INBOX.a 1\r\nSUB dea.> 2\r\nSUB dea.*.start 3\r\nPING\r\n");
    end_expect(dea, "PONG\r\n");
}

static void own_rules_can_be_given(void **state)
{
    (void)state;
    Cupola__BusPermission publish = CUPOLA__BUS_PERMISSION__INIT;
    Cupola__BusPermission subscribe = CUPOLA__BUS_PERMISSION__INIT;
    char *may_say[] = {"a.*", "b.>"};
    char *may_not_say[] = {"b.secret.>"};
    char *may_not_hear[] = {"c.*.private"};
    publish.allow = may_say;
    publish.n_allow = 2;
    publish.deny = may_not_say;
    publish.n_deny = 1;
    subscribe.deny = may_not_hear;
    subscribe.n_deny = 1;
    Cupola__BusUser *user = add_user("tool");
    user->publish = &publish;
    user->subscribe = &subscribe;
    given_a_bus();
    struct end *tool = given("tool");
    end_send(tool, "PUB a.x 0\r\n\r\nPUB b.x.y 0\r\n\r\nSUB c.d 1\r\nSUB d.> 2\r\n");
    end_expect(tool, "");
    expect_denied(tool, "PUB a.x.y 0\r\n\r\n", "Publish to", "a.x.y");
    expect_denied(tool, "PUB b.secret.x 0\r\n\r\n", "Publish to", "b.secret.x");
    expect_denied(tool, "SUB c.> 3\r\n", "Subscription to", "c.>");
    expect_denied(tool, "SUB c.d.private 4\r\n", "Subscription to", "c.d.private");
}

static void own_rules_stand_instead_of_a_profile_s(void **state)
{
    (void)state;
    Cupola__BusPermission publish = CUPOLA__BUS_PERMISSION__INIT;
    char *may_say[] = {"dea.>"};
    publish.allow = may_say;
    publish.n_allow = 1;
    Cupola__BusUser *user = add_user("tool");
    user->profile = "dea";
    user->publish = &publish;
    given_a_bus();
    struct end *tool = given("tool");
    end_send(tool, "PUB dea.x.start 0\r\n\r\n");
    end_expect(tool, "");
    expect_denied(tool, "PUB droplet.exited 0\r\n\r\n", "Publish to", "droplet.exited");
    expect_denied(tool, "SUB > 1\r\n", "Subscription to", ">");
}

static void a_token_is_enough(void **state)
{
    (void)state;
    config.token = "t0ken";
    given_a_bus();
    end_expect(try_as("\"auth_token\":\"t0ken\""), "PONG\r\n");
    end_expect(try_as("\"auth_token\":\"t0kem\""), "-ERR 'Authorization Violation'\r\n");
}

/* The public key of RFC 8032, 7.1, test 2, whose message is the one byte "r"; and the signature from there. */
static const char *const key = "UA6UAF6D5BBYSWUSW4FKOTI3P26JZGBMZ4XMJFUMYDGVL4JK6RTAYUDN";
static const char signature[] =
    "kqAJqfDUyrhyDoILX2QlQKKye1QWUD-Ps3YiI-vbadoIWsHkPhWZbkWPNhPQ8R2MOHsurrQwKu6wDSkWErsMAA";

static void an_nkey_is_read_only_when_it_is_whole(void **state)
{
    (void)state;
    uint8_t bytes[NATS_NKEY_SIZE];
    char broken[64];
    assert_true(nats_nkey_read(key, bytes));
    for (size_t i = 0; i < strlen(key); i++) {
        snprintf(broken, sizeof broken, "%s", key);
        broken[i] = broken[i] == 'A' ? 'B' : 'A';
        assert_false(nats_nkey_read(broken, bytes));
    }
    assert_false(nats_nkey_read("", bytes));
    assert_false(nats_nkey_read("UAAA", bytes));
}

static void a_signature_counts_for_its_key_and_nonce_only(void **state)
{
    (void)state;
    uint8_t ours[NATS_NKEY_SIZE];
    char wrong[sizeof signature];
    assert_true(nats_nkey_read(key, ours));
    assert_true(nats_nkey_verify(ours, "r", signature));
    assert_false(nats_nkey_verify(ours, "s", signature));
    assert_false(nats_nkey_verify(ours, "r", ""));
    memcpy(wrong, signature, sizeof wrong);
    wrong[20] = 'A';
    assert_false(nats_nkey_verify(ours, "r", wrong));
    ours[3] ^= 1;
    assert_false(nats_nkey_verify(ours, "r", signature));
}

/* A signature of another nonce, as somebody would send it who listened to an earlier greeting. */
static void an_nkey_needs_the_nonce_of_its_own_greeting(void **state)
{
    (void)state;
    Cupola__BusUser *user = add_user("keyed");
    user->user = NULL;
    user->password = NULL;
    user->nkey = (char *)key;
    given_a_bus();
    struct end *end = net_dial(&lone_net, "bus", 4222);
    net_run(&lone_net);
    assert_non_null(strstr(text_string(&end->incoming), "\"auth_required\":true,\"nonce\":\""));
    end_skip(end);
    char connect[400];
    snprintf(connect, sizeof connect, "CONNECT {\"nkey\":\"%s\",\"sig\":\"%s\"}\r\n", key, signature);
    end_send(end, connect);
    end_expect(end, "-ERR 'Authorization Violation'\r\n");
}

static void a_configuration_that_makes_no_sense_ends_the_start(void **state)
{
    (void)state;
    add_user("a")->profile = "god";
    given_a_bus();
    assert_int_equal(bus->exit_status, 1);
    assert_string_equal(text_string(&bus->log), "bus_server.users[0]: unknown profile\n");
}

#define story(name) cmocka_unit_test_setup_teardown(name, prepare, stop_bus)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(who_cannot_name_himself_cannot_speak),
        story(a_dea_cannot_order_a_start_and_only_a_health_manager_complains),
        story(what_a_component_needs_to_say_passes),
        story(a_reply_subject_cannot_be_used_to_speak_through_others),
        story(nobody_listens_to_the_answers_of_others),
        story(own_rules_can_be_given),
        story(own_rules_stand_instead_of_a_profile_s),
        story(a_token_is_enough),
        cmocka_unit_test(an_nkey_is_read_only_when_it_is_whole),
        cmocka_unit_test(a_signature_counts_for_its_key_and_nonce_only),
        story(an_nkey_needs_the_nonce_of_its_own_greeting),
        story(a_configuration_that_makes_no_sense_ends_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
