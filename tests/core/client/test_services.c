/* Commands about services while answers get lost and routers repeat requests. */
#include "tests/core/client/errand.h"

#include "core/base/memory.h"

#define ANSWER(size, body) "HTTP/1.1 200 OK\r\nContent-Length: " #size "\r\n\r\n" body
#define MADE ANSWER(46, "{\"service_id\":\"s1\",\"data\":{},\"credentials\":{}}")
#define DONE ANSWER(2, "{}")
#define NOT_FOUND                                                                                                      \
    "HTTP/1.1 404 Not Found\r\nContent-Length: 49\r\n\r\n{\"code\":500,\"description\":\"Service not found...\"}"

static void offer(struct errand *errand, const char *label)
{
    static const char headers[] = "X-VCAP-Service-Token: shared\r\nContent-Type: application/json\r\n";
    char body[200];
    snprintf(body, sizeof body, "{\"label\":\"%s\",\"url\":\"http://10.0.0.5:7000\",\"plans\":[\"free\"]}", label);
    struct town_controller *controller = &errand->town.controllers[0];
    assert_int_equal(town_finish(controller, town_begin(controller, "POST", "/services/v1/offerings", headers, body)),
                     200);
}

static int begin(void **state)
{
    static Cupola__ServiceConfig services[2];
    static Cupola__ServiceConfig *list[] = {&services[0], &services[1]};
    static const char *const names[] = {"redis", "mysql"};
    assert_int_equal(errand_begin(state), 0);
    struct errand *errand = *state;
    for (size_t i = 0; i < 2; i++) {
        cupola__service_config__init(&services[i]);
        services[i].name = (char *)(uintptr_t)names[i];
        services[i].token = (char *)(uintptr_t) "shared";
    }
    town_kill(&errand->town.controllers[0]);
    errand->town.config.builtin_services = list;
    errand->town.config.n_builtin_services = 2;
    town_revive(&errand->town.controllers[0]);
    offer(errand, "redis-2.2");
    offer(errand, "mysql-5.1");
    errand->town.viewer_answer = MADE;
    return 0;
}

static int run(struct errand *errand, const char *command, const char *vendor)
{
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.command = (char *)(uintptr_t)command;
    config.vendor = (char *)(uintptr_t)vendor;
    config.service = (char *)(uintptr_t) "cache";
    return errand_run(errand, &config);
}

static bool was_asked(const struct errand *errand, const char *line)
{
    return strstr(text_string(&errand->requests), line) != NULL;
}

static void a_service_whose_answer_was_lost_is_made_once(void **state)
{
    struct errand *errand = *state;
    errand_break(errand, WIRE_LOSES_ANSWER, "POST /services ", 1);
    assert_int_equal(run(errand, "create-service", "redis"), 0);
    assert_true(was_asked(errand, "POST /services lost\n"));
    assert_true(was_asked(errand, "POST /services 400\n"));
    assert_true(was_asked(errand, "GET /services/cache 200\n"));
    assert_int_equal(run(errand, "create-service", "redis"), 1); /* Nothing was lost this time: it is a mistake. */
}

static void somebody_elses_service_is_not_taken_for_the_one_that_was_lost(void **state)
{
    struct errand *errand = *state;
    assert_int_equal(run(errand, "create-service", "mysql"), 0);
    errand_break(errand, WIRE_LOSES_ANSWER, "POST /services ", 1);
    assert_int_equal(run(errand, "create-service", "redis"), 1);
    expect_contains(text_string(&errand->result), "there is a service named cache already, which is of another kind");
}

static void a_delete_that_a_router_has_repeated_is_a_delete(void **state)
{
    struct errand *errand = *state;
    assert_int_equal(run(errand, "create-service", "redis"), 0);
    errand->says = NOT_FOUND;
    errand_break(errand, WIRE_ANSWERS, "DELETE /services/cache", 1);
    assert_int_equal(run(errand, "delete-service", NULL), 0);
    errand->town.viewer_answer = DONE;
    assert_int_equal(run(errand, "delete-service", NULL), 0);
    assert_int_equal(run(errand, "delete-service", NULL), 1);
    expect_contains(text_string(&errand->result), "looking for the service: Service not found (500)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_service_whose_answer_was_lost_is_made_once, begin, errand_end),
        cmocka_unit_test_setup_teardown(somebody_elses_service_is_not_taken_for_the_one_that_was_lost, begin,
                                        errand_end),
        cmocka_unit_test_setup_teardown(a_delete_that_a_router_has_repeated_is_a_delete, begin, errand_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
