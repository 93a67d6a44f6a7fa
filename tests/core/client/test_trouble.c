/* Commands while the wire, the router or the controller fail in the middle of them. */
#include "tests/core/client/errand.h"

#define NO_ROUTE                                                                                                       \
    "HTTP/1.1 404 Not Found\r\nX-Cf-RouterError: unknown_route\r\nContent-Length: 42\r\n\r\n"                          \
    "VCAP ROUTER: 404 - DESTINATION NOT FOUND\r\n"
#define BAD_GATEWAY "HTTP/1.1 502 Bad Gateway\r\nX-Cf-RouterError: endpoint_failure\r\nContent-Length: 2\r\n\r\nno"
#define BUSY_DATABASE                                                                                                  \
    "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 60\r\n\r\n"                                                 \
    "{\"code\":101,\"description\":\"Error talking with the database\"}"

static void expect_result(const struct errand *errand, const char *part)
{
    expect_contains(text_string(&errand->result), part);
}

static size_t count_requests(const struct errand *errand, const char *begins)
{
    size_t count = 0;
    for (const char *line = text_string(&errand->requests); *line != '\0'; line = strchr(line, '\n') + 1)
        count += strncmp(line, begins, strlen(begins)) == 0;
    return count;
}

static int push(struct errand *errand)
{
    Cupola__ClientConfig config = errand_push();
    return errand_run(errand, &config);
}

static void nobody_listens_for_a_while(void **state)
{
    struct errand *errand = *state;
    errand_break(errand, WIRE_REFUSES, "", 5);
    assert_int_equal(push(errand), 0);
    expect_contains(text_string(&errand->logs),
                    "looking for the app: 127.0.0.1:8080: connection refused; trying again");
    assert_in_range(errand->took_ms, 1000, 10000); /* 100, 200, 400, 800, 1600, and a part of each is left to chance. */
}

static void a_router_that_does_not_know_the_controller_yet_is_asked_again(void **state)
{
    struct errand *errand = *state;
    errand->says = NO_ROUTE;
    errand_break(errand, WIRE_ANSWERS, "GET /apps/shop", 3);
    assert_int_equal(push(errand), 0);
    assert_int_equal(count_requests(errand, "POST /apps 302"), 1);
}

static void a_router_that_never_learns_of_it_is_told_to_the_user(void **state)
{
    struct errand *errand = *state;
    Cupola__ClientConfig config = errand_push();
    config.has_timeout_ms = true;
    config.timeout_ms = 20000;
    errand->says = NO_ROUTE;
    errand_break(errand, WIRE_ANSWERS, "GET /apps/shop", 1000);
    assert_int_equal(errand_run(errand, &config), 1);
    expect_result(errand, "looking for the app: gave up after 20 s: the router at 127.0.0.1:8080 knows no cloud "
                          "controller named api.cupola.test");
    assert_in_range(errand->took_ms, 19900, 20100);
    assert_in_range(count_requests(errand, "GET"), 10, 30); /* Not in a hurry. */
    expect_contains(text_string(&errand->last_inspection), "{\"command\":\"push\",\"step\":\"looking for the app\"");
}

/* Whatever request of a push is lost, and however: the app runs in the end, and only one was made. */
static void a_push_survives_the_loss_of_any_answer(void **state)
{
    static const char *const requests[] = {"GET /apps/shop ", "POST /apps ", "POST /apps/shop/application",
                                           "PUT /apps/shop "};
    static const enum wire_fault faults[] = {WIRE_LOSES_ANSWER, WIRE_KILLS, WIRE_SWALLOWS};
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        for (size_t j = 0; j < sizeof faults / sizeof faults[0]; j++) {
            struct errand *errand = *state;
            errand_break(errand, faults[j], requests[i], 1);
            assert_int_equal(push(errand), 0);
            assert_int_equal(errand->fault_times, 0);
            assert_string_equal(errand_look(errand).state, "STARTED");
            errand_end(state);
            errand_begin(state);
        }
    }
}

/* Random stories: whatever goes wrong a few times, each command does what it says, once. */
static void any_few_faults_change_nothing_of_the_outcome(void **state)
{
    for (uint64_t seed = 1; seed <= 25; seed++) {
        struct errand *errand = *state;
        errand->chaos = random_numbered(seed, "test.faults", 0);
        errand->chaos_left = 5;
        if (push(errand) != 0)
            fail_msg("seed %d: %s\n%s", (int)seed, text_string(&errand->result), text_string(&errand->requests));
        assert_string_equal(errand_look(errand).state, "STARTED");
        errand->chaos_left = 5;
        assert_int_equal(errand_run_on(errand, "restart", "shop"), 0);
        assert_string_equal(errand_look(errand).version + 40, "-2");
        errand->chaos_left = 5;
        assert_int_equal(errand_run_on(errand, "stop", "shop"), 0);
        assert_string_equal(errand_look(errand).state, "STOPPED");
        errand->chaos_left = 5;
        assert_int_equal(errand_run_on(errand, "delete", "shop"), 0);
        errand->chaos_left = 0;
        assert_int_equal(errand_run_on(errand, "apps", NULL), 0);
        assert_string_equal(text_string(&errand->result), "[]");
        errand_end(state);
        errand_begin(state);
    }
}

static void a_created_app_whose_answer_was_lost_is_found_again(void **state)
{
    struct errand *errand = *state;
    errand_break(errand, WIRE_KILLS, "POST /apps ", 1);
    assert_int_equal(push(errand), 0);
    assert_int_equal(count_requests(errand, "POST /apps lost"), 1);
    assert_int_equal(count_requests(errand, "POST /apps 302"), 0);
    assert_int_equal(count_requests(errand, "PUT /apps/shop"), 1); /* Only the start: all else is as wanted. */
}

static void a_start_whose_answer_was_lost_is_not_repeated(void **state)
{
    struct errand *errand = *state;
    errand_break(errand, WIRE_LOSES_ANSWER, "PUT /apps/shop ", 1);
    assert_int_equal(push(errand), 0);
    assert_int_equal(count_requests(errand, "PUT"), 1);
    assert_string_equal(errand_look(errand).version + 40, "-1");
}

static void a_gateway_that_fails_says_nothing_about_what_was_done(void **state)
{
    struct errand *errand = *state;
    assert_int_equal(push(errand), 0);
    errand->says = BAD_GATEWAY;
    errand_break(errand, WIRE_ANSWERS, "PUT /apps/shop", 2);
    assert_int_equal(errand_run_on(errand, "stop", "shop"), 0);
    assert_int_equal(count_requests(errand, "GET"), 4); /* Before each attempt, and at the end. */
    assert_string_equal(errand_look(errand).state, "STOPPED");
}

static void a_journal_that_fails_is_tried_again(void **state)
{
    struct errand *errand = *state;
    errand->says = BUSY_DATABASE;
    errand_break(errand, WIRE_ANSWERS, "POST /apps/shop/application", 2);
    assert_int_equal(push(errand), 0);
    assert_int_equal(count_requests(errand, "POST /apps/shop/application 200"), 1);
}

static void who_loses_the_race_reads_again(void **state)
{
    struct errand *errand = *state;
    assert_int_equal(push(errand), 0);
    errand_break(errand, WIRE_MEDDLES, "PUT /apps/shop", 3);
    assert_int_equal(errand_run_on(errand, "stop", "shop"), 0);
    assert_int_equal(count_requests(errand, "PUT /apps/shop 400"), 3);
    expect_result(errand, "\"state\":\"STOPPED\"");
    expect_result(errand, "\"env\":[\"MEDDLED=0\"]"); /* What the other one wrote is still there. */
}

static void who_loses_every_race_gives_up(void **state)
{
    struct errand *errand = *state;
    assert_int_equal(push(errand), 0);
    errand_break(errand, WIRE_MEDDLES, "PUT /apps/shop", 100);
    assert_int_equal(errand_run_on(errand, "stop", "shop"), 1);
    assert_int_equal(count_requests(errand, "PUT /apps/shop 400"), 6);
    expect_result(errand, "Optimistic locking failure (102); somebody else changes the app all the time");
}

static void a_lost_delete_is_a_delete(void **state)
{
    struct errand *errand = *state;
    assert_int_equal(push(errand), 0);
    errand_break(errand, WIRE_KILLS, "DELETE", 1);
    assert_int_equal(errand_run_on(errand, "delete", "shop"), 0);
    assert_int_equal(count_requests(errand, "DELETE /apps/shop 404"), 1);
}

static void a_lost_registration_is_proved_by_the_password(void **state)
{
    struct errand *errand = *state;
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.command = (char *)(uintptr_t) "register";
    config.email = (char *)(uintptr_t) "eve@example.org";
    config.password = (char *)(uintptr_t) "secret";
    errand_break(errand, WIRE_LOSES_ANSWER, "POST /users ", 1);
    assert_int_equal(errand_run(errand, &config), 0);
    expect_result(errand, "{\"token\":");
    assert_int_equal(errand_run(errand, &config), 0); /* The same command again. */
    expect_result(errand, "{\"token\":");
    config.password = (char *)(uintptr_t) "another";
    assert_int_equal(errand_run(errand, &config), 1);
    expect_result(errand, "there is such a user already (100)");
    config.email = (char *)(uintptr_t) "nobody";
    assert_int_equal(errand_run(errand, &config), 1);
    expect_result(errand, "not an e-mail address (100)");
}

static void a_staging_that_fails_is_told_with_its_log(void **state)
{
    struct errand *errand = *state;
    errand->town.staging_fails = true;
    errand->town.staging_log = "no server.js";
    assert_int_equal(push(errand), 1);
    expect_result(errand, "Staging failed: 'no server.js' (310); `cupola logs shop` shows the staging log");
    assert_int_equal(errand_run_on(errand, "logs", "shop"), 0);
    expect_result(errand, "\"path\":\"logs/staging.log\",\"content\":\"no server.js\"");
}

static void instances_that_do_not_come_are_explained(void **state)
{
    struct errand *errand = *state;
    Cupola__ClientConfig config = errand_push();
    config.has_timeout_ms = true;
    config.timeout_ms = 15000;
    errand->healthy = 0;
    town_answer(&errand->town, "healthmanager.status", "{\"instances\":[{\"instance\":\"i5\",\"since\":9}]}");
    assert_int_equal(errand_run(errand, &config), 1);
    expect_result(errand, "shop is not up after 15 s: 0 of 2 instances run, 1 have crashed");
    expect_result(errand, "`cupola logs shop` shows what it says");
    expect_contains(text_string(&errand->logs), "shop: 1 instances have crashed");
}

static void an_app_that_keeps_crashing_is_not_waited_for(void **state)
{
    struct errand *errand = *state;
    errand->healthy = 0;
    town_answer(&errand->town, "healthmanager.status",
                "{\"instances\":[{\"instance\":\"i5\",\"since\":9}],\"indices\":[{\"index\":0,\"since\":7},"
                "{\"index\":1,\"since\":7}]}");
    assert_int_equal(push(errand), 1);
    expect_result(errand, "shop keeps crashing: `cupola logs shop` shows what it says");
    assert_in_range(errand->took_ms, 1000, 10000);
}

static void a_silent_health_manager_is_named(void **state)
{
    struct errand *errand = *state;
    Cupola__ClientConfig config = errand_push();
    config.has_timeout_ms = true;
    config.timeout_ms = 10000;
    errand->healthy = -1;
    assert_int_equal(errand_run(errand, &config), 1);
    expect_result(errand, "the health manager does not tell how many instances run");
}

static void a_mistyped_target_is_not_waited_for_long(void **state)
{
    struct errand *errand = *state;
    errand->says = NO_ROUTE;
    errand_break(errand, WIRE_ANSWERS, "GET /info", 1000);
    assert_int_equal(errand_run_on(errand, "info", NULL), 1);
    expect_result(errand, "gave up after 10 s: the router at 127.0.0.1:8080 knows no cloud controller named");
}

static void whoever_is_no_controller_is_recognised(void **state)
{
    struct errand *errand = *state;
    errand->says = "HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\n ";
    errand_break(errand, WIRE_ANSWERS, "GET /info", 1);
    assert_int_equal(errand_run_on(errand, "info", NULL), 1);
    expect_result(errand, "127.0.0.1:8080 answered 404; is it a cloud controller? Check the target");
    errand->says = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>";
    errand_break(errand, WIRE_ANSWERS, "GET /info", 1);
    assert_int_equal(errand_run_on(errand, "info", NULL), 1);
    expect_result(errand, "the answer makes no sense");
    errand->says = "SSH-2.0-OpenSSH_9.2\r\n\r\n";
    errand_break(errand, WIRE_ANSWERS, "GET /info", 1);
    assert_int_equal(errand_run_on(errand, "info", NULL), 1);
    expect_result(errand, "is it a cloud controller, or the router before one? Check the target");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, errand_begin, errand_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(nobody_listens_for_a_while),
        STORY(a_router_that_does_not_know_the_controller_yet_is_asked_again),
        STORY(a_router_that_never_learns_of_it_is_told_to_the_user),
        STORY(a_push_survives_the_loss_of_any_answer),
        STORY(any_few_faults_change_nothing_of_the_outcome),
        STORY(a_created_app_whose_answer_was_lost_is_found_again),
        STORY(a_start_whose_answer_was_lost_is_not_repeated),
        STORY(a_gateway_that_fails_says_nothing_about_what_was_done),
        STORY(a_journal_that_fails_is_tried_again),
        STORY(who_loses_the_race_reads_again),
        STORY(who_loses_every_race_gives_up),
        STORY(a_lost_delete_is_a_delete),
        STORY(a_lost_registration_is_proved_by_the_password),
        STORY(a_staging_that_fails_is_told_with_its_log),
        STORY(instances_that_do_not_come_are_explained),
        STORY(an_app_that_keeps_crashing_is_not_waited_for),
        STORY(a_silent_health_manager_is_named),
        STORY(a_mistyped_target_is_not_waited_for_long),
        STORY(whoever_is_no_controller_is_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
