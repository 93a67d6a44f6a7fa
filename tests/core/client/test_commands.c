/* Each command against a cloud controller in good health: what it asks, what it changes, what it says. */
#include "tests/core/client/errand.h"

#include "core/base/memory.h"

static void expect_requests(const struct errand *errand, const char *expected)
{
    struct text heads = {0};
    for (const char *line = text_string(&errand->requests); *line != '\0'; line = strchr(line, '\n') + 1)
        if (*line != ' ')
            text_add(&heads, line, (size_t)(strchr(line, '\n') - line) + 1);
    assert_string_equal(text_string(&heads), expected);
    text_free(&heads);
}

static void expect_result(const struct errand *errand, const char *part)
{
    expect_contains(text_string(&errand->result), part);
}

static void push(struct errand *errand)
{
    Cupola__ClientConfig config = errand_push();
    assert_int_equal(errand_run(errand, &config), 0);
}

/* Whatever is started comes up. */
static void let_run(struct errand *errand)
{
    for (int i = 0; i < 5; i++) {
        char found[100];
        snprintf(found, sizeof found, "{\"dea\":\"dea1\",\"droplet\":1,\"index\":%d,\"state\":\"RUNNING\"}", i);
        town_answer_also(&errand->town, "dea.find.droplet", found);
    }
}

static void a_new_app_is_created_uploaded_started_and_waited_for(void **state)
{
    struct errand *errand = *state;
    push(errand);
    expect_requests(errand, "GET /apps/shop 404\n"
                            "POST /apps 302\n"
                            "POST /apps/shop/application 200\n"
                            "GET /apps/shop 200\n"
                            "PUT /apps/shop 200\n"
                            "GET /apps/shop 200\n");
    assert_string_equal(errand_look(errand).state, "STARTED");
    expect_result(errand, "\"runningInstances\":2");
    expect_result(errand, "\"uris\":[\"shop.cupola.test\"],\"instances\":2");
    expect_contains(text_string(&errand->logs), "shop: uploading 12 bytes\n");
    assert_int_equal(town_request(&errand->town, errand->token, "GET", "/apps/shop/application", ""), 200);
    assert_string_equal(town_body(&errand->town), "zipped files");
}

static void the_new_bits_of_an_app_that_runs_take_over_step_by_step(void **state)
{
    struct errand *errand = *state;
    push(errand);
    let_run(errand);
    Cupola__ClientConfig config = errand_push();
    config.memory_mb = 128;
    town_forget(&errand->town);
    assert_int_equal(errand_run(errand, &config), 0);
    assert_null(strstr(text_string(&errand->requests), "\"state\":\"STOPPED\""));
    expect_contains(text_string(&errand->requests), "\"memory\":128");
    expect_contains(text_string(&errand->requests), "PUT /apps/shop/update 204\n");
    expect_contains(text_string(&errand->requests), "GET /apps/shop/update 200\n");
    expect_contains(text_string(&errand->logs), "shop: 1 of 2 instances are of the new version\n");
    assert_int_equal(town_heard(&errand->town, "dea.dea1.start", ""), 3);
}

static void a_push_of_what_is_there_already_starts_nothing(void **state)
{
    struct errand *errand = *state;
    push(errand);
    town_forget(&errand->town);
    push(errand);
    assert_null(strstr(text_string(&errand->requests), "/update"));
    assert_int_equal(town_heard(&errand->town, "dea.dea1.start", ""), 0);
}

static void events_revisions_and_settings_are_shown_and_one_can_go_back(void **state)
{
    struct errand *errand = *state;
    push(errand);
    let_run(errand);
    assert_int_equal(errand_run_on(errand, "rollback", "shop"), 1);
    expect_result(errand, "there is no such revision to go back to");
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.command = (char *)(uintptr_t) "scale";
    config.app = (char *)(uintptr_t) "shop";
    config.has_memory_mb = true;
    config.memory_mb = 96;
    assert_int_equal(errand_run(errand, &config), 0);
    assert_int_equal(errand_run_on(errand, "revisions", "shop"), 0);
    expect_result(errand, "{\"current\":2,");
    errand_break(errand, WIRE_LOSES_ANSWER, "POST /cupola/v1/apps/shop/rollback", 1);
    assert_int_equal(errand_run_on(errand, "rollback", "shop"), 0);
    expect_result(errand, "\"memory\":64");
    assert_int_equal(errand_run_on(errand, "events", "shop"), 0);
    expect_result(errand, "\"kind\":\"rollback\"");
    config.command = (char *)(uintptr_t) "settings";
    config.settings = (char *)(uintptr_t) "{\"canary\":3}";
    assert_int_equal(errand_run(errand, &config), 0);
    assert_int_equal(errand_run_on(errand, "settings", "shop"), 0);
    expect_result(errand, "{\"canary\":3}");
    assert_int_equal(errand_run_on(errand, "cancel", "shop"), 1);
    expect_result(errand, "there is no update to cancel");
}

static void a_new_version_that_crashes_fails_the_push_and_the_old_one_stays(void **state)
{
    struct errand *errand = *state;
    push(errand);
    char *before = memory_copy_text(errand_look(errand).version);
    errand->crashes_new_versions = true;
    assert_int_equal(errand_run_on(errand, "update", "shop"), 1);
    expect_result(errand, "the new version of shop did not hold, and the one before runs again: instance 2");
    assert_string_equal(errand_look(errand).version, before);
    memory_free(before);
}

/* Nothing of the new version is heard of: the controller gives it up after two minutes, and a push waits for that. */
static void a_push_waits_for_as_long_as_the_update_takes(void **state)
{
    struct errand *errand = *state;
    push(errand);
    Cupola__ClientConfig config = errand_push();
    config.memory_mb = 128;
    assert_int_equal(errand_run(errand, &config), 1);
    expect_result(errand, "the new version of shop did not hold, and the one before runs again: ");
    assert_in_range(errand->took_ms, 120000, 150000);
    config.has_timeout_ms = true;
    config.timeout_ms = 30000;
    config.memory_mb = 96;
    assert_int_equal(errand_run(errand, &config), 1);
    expect_result(errand, "the update of shop is still under way after 30 s: `cupola events shop` tells");
}

static void an_update_that_somebody_ends_says_so(void **state)
{
    struct errand *errand = *state;
    push(errand);
    errand_break(errand, WIRE_MEDDLES, "GET /apps/shop/update", 1);
    errand->cancels_update = true;
    assert_int_equal(errand_run_on(errand, "update", "shop"), 1);
    expect_result(errand, "the update of shop was cancelled by ada@example.org, and the version before runs again");
}

static void an_update_that_was_carried_out_is_not_asked_for_twice(void **state)
{
    struct errand *errand = *state;
    push(errand);
    let_run(errand);
    errand_break(errand, WIRE_LOSES_ANSWER, "PUT /apps/shop/update", 1);
    assert_int_equal(errand_run_on(errand, "update", "shop"), 0);
    assert_string_equal(errand_look(errand).version + 40, "-2");
    assert_int_equal(errand_run_on(errand, "stop", "shop"), 0);
    assert_int_equal(errand_run_on(errand, "update", "shop"), 1);
    expect_result(errand, "shop is stopped: `cupola start shop` brings it up");
}

static void a_push_without_start_ends_after_the_upload(void **state)
{
    struct errand *errand = *state;
    Cupola__ClientConfig config = errand_push();
    config.has_no_start = config.no_start = true;
    assert_int_equal(errand_run(errand, &config), 0);
    assert_string_equal(text_string(&errand->result), "{\"name\":\"shop\",\"uploaded\":true}");
    assert_string_equal(errand_look(errand).state, "STOPPED");
}

static void a_user_registers_logs_in_and_changes_the_password(void **state)
{
    struct errand *errand = *state;
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.command = (char *)(uintptr_t) "register";
    config.email = (char *)(uintptr_t) "eve@example.org";
    config.password = (char *)(uintptr_t) "long and \"quoted\"";
    assert_int_equal(errand_run(errand, &config), 0);
    expect_requests(errand, "POST /users 204\nPOST /users/eve%40example.org/tokens 200\n");
    expect_result(errand, "{\"token\":\"");
    char *token =
        memory_copy_bytes(text_string(&errand->result) + 10, strcspn(text_string(&errand->result) + 10, "\""));
    config.command = (char *)(uintptr_t) "passwd";
    config.new_password = (char *)(uintptr_t) "other";
    config.token = token;
    assert_int_equal(errand_run(errand, &config), 0);
    config.command = (char *)(uintptr_t) "login";
    assert_int_equal(errand_run(errand, &config), 1);
    expect_result(errand, "Operation not permitted (200); check the e-mail address and the password");
    config.password = (char *)(uintptr_t) "other";
    assert_int_equal(errand_run(errand, &config), 0);
    expect_result(errand, "{\"token\":\"");
    memory_free(token);
}

static void an_admin_lists_makes_and_deletes_users(void **state)
{
    struct errand *errand = *state;
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    char *admin = town_token(&errand->town, "admin@example.org");
    config.token = admin;
    config.email = (char *)(uintptr_t) "eve@example.org";
    config.password = (char *)(uintptr_t) "secret";
    config.command = (char *)(uintptr_t) "add-user";
    assert_int_equal(errand_run(errand, &config), 0);
    expect_requests(errand, "POST /users 204\n"); /* Nobody logs in. */
    expect_result(errand, "{\"email\":\"eve@example.org\"}");
    assert_int_equal(errand_run(errand, &config), 0); /* With the same password it is the same user. */
    config.password = (char *)(uintptr_t) "other";
    assert_int_equal(errand_run(errand, &config), 1);
    expect_result(errand, "there is such a user already");
    config.command = (char *)(uintptr_t) "users";
    assert_int_equal(errand_run(errand, &config), 0);
    expect_result(errand, "{\"email\":\"eve@example.org\",\"admin\":false,\"apps\":[]}");
    config.command = (char *)(uintptr_t) "delete-user";
    errand_break(errand, WIRE_LOSES_ANSWER, "DELETE /users/eve%40example.org", 1);
    assert_int_equal(errand_run(errand, &config), 0);
    assert_int_equal(errand_run(errand, &config), 1);
    expect_result(errand, "User not found (201)");
    memory_free(admin);
}

static void more_or_fewer_instances_are_added_once_whatever_gets_lost(void **state)
{
    struct errand *errand = *state;
    push(errand);
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.command = (char *)(uintptr_t) "scale";
    config.app = (char *)(uintptr_t) "shop";
    config.has_instances_by = true;
    config.instances_by = 2;
    errand->healthy = 4;
    errand_break(errand, WIRE_LOSES_ANSWER, "PUT /apps/shop", 1);
    assert_int_equal(errand_run(errand, &config), 0);
    expect_result(errand, "\"instances\":4");
    config.instances_by = -9;
    errand->healthy = 0;
    assert_int_equal(errand_run(errand, &config), 0);
    expect_result(errand, "\"instances\":0");
}

static void what_is_asked_for_is_passed_on_as_it_is(void **state)
{
    struct errand *errand = *state;
    assert_int_equal(errand_run_on(errand, "apps", NULL), 0);
    assert_string_equal(text_string(&errand->result), "[]");
    push(errand);
    assert_int_equal(errand_run_on(errand, "apps", NULL), 0);
    expect_result(errand, "[{\"name\":\"shop\"");
    assert_int_equal(errand_run_on(errand, "app", "shop"), 0);
    expect_result(errand, "{\"name\":\"shop\"");
    assert_int_equal(errand_run_on(errand, "info", NULL), 0);
    expect_result(errand, "\"user\":\"ada@example.org\"");
    expect_result(errand, "\"health\":{\"freshness\":\"no health manager answers\"");
    assert_int_equal(errand_run_on(errand, "instances", "shop"), 0);
    expect_result(errand, "{\"instances\":[{\"index\":0,\"state\":\"DOWN\"");
    assert_int_equal(errand_run_on(errand, "stats", "shop"), 0);
    expect_result(errand, "{\"0\":{\"state\":\"DOWN\"");
    assert_int_equal(errand_run_on(errand, "crashes", "shop"), 0);
    assert_string_equal(text_string(&errand->result), "{\"crashes\":[]}");
}

static void scaling_waits_until_the_new_instances_run(void **state)
{
    struct errand *errand = *state;
    push(errand);
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.command = (char *)(uintptr_t) "scale";
    config.app = (char *)(uintptr_t) "shop";
    config.has_instances = true;
    config.instances = 4;
    errand->healthy = 0;
    errand->healthy_step = 1;
    assert_int_equal(errand_run(errand, &config), 0);
    expect_contains(text_string(&errand->logs), "shop: 3 of 4 instances run\n");
    expect_contains(text_string(&errand->logs), "shop: 4 of 4 instances run\n");
    assert_null(strstr(text_string(&errand->requests), "STOPPED"));
    errand->healthy_step = 0;
    errand->healthy = 4;
    assert_int_equal(errand_run(errand, &config), 0); /* There is nothing left to do. */
    expect_requests(errand, "GET /apps/shop 200\nGET /apps/shop 200\n");
}

static void more_memory_takes_a_new_run(void **state)
{
    struct errand *errand = *state;
    push(errand);
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.command = (char *)(uintptr_t) "scale";
    config.app = (char *)(uintptr_t) "shop";
    config.has_memory_mb = true;
    config.memory_mb = 96;
    let_run(errand);
    town_forget(&errand->town);
    assert_int_equal(errand_run(errand, &config), 0);
    assert_int_equal(town_heard(&errand->town, "dea.dea1.start", "-2\""), 3); /* One of them is a stand-in. */
    assert_string_equal(errand_look(errand).state, "STARTED");
}

static void start_stop_and_restart_do_what_they_say(void **state)
{
    struct errand *errand = *state;
    push(errand);
    assert_int_equal(errand_run_on(errand, "stop", "shop"), 0);
    expect_result(errand, "\"state\":\"STOPPED\"");
    assert_int_equal(errand_run_on(errand, "stop", "shop"), 0); /* Again: nothing to do. */
    expect_requests(errand, "GET /apps/shop 200\n");
    assert_int_equal(errand_run_on(errand, "start", "shop"), 0);
    assert_string_equal(errand_look(errand).version + 40, "-2");
    assert_int_equal(errand_run_on(errand, "restart", "shop"), 0);
    assert_string_equal(errand_look(errand).version + 40, "-3");
}

static void uris_are_mapped_once_and_unmapped_however_they_are_written(void **state)
{
    struct errand *errand = *state;
    push(errand);
    char *uris[] = {(char *)(uintptr_t) "other.cupola.test", (char *)(uintptr_t) "SHOP.cupola.test"};
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.command = (char *)(uintptr_t) "map";
    config.app = (char *)(uintptr_t) "shop";
    config.uris = uris;
    config.n_uris = 2;
    assert_int_equal(errand_run(errand, &config), 0);
    expect_result(errand, "\"uris\":[\"other.cupola.test\",\"shop.cupola.test\"]");
    config.command = (char *)(uintptr_t) "unmap";
    uris[0] = (char *)(uintptr_t) "https://shop.cupola.test/";
    config.n_uris = 1;
    assert_int_equal(errand_run(errand, &config), 0);
    expect_result(errand, "\"uris\":[\"other.cupola.test\"]");
}

static void variables_are_replaced_and_removed_by_name(void **state)
{
    struct errand *errand = *state;
    push(errand);
    char *env[] = {(char *)(uintptr_t) "A=1", (char *)(uintptr_t) "AB=2", (char *)(uintptr_t) "A=3"};
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    let_run(errand);
    config.command = (char *)(uintptr_t) "env-add";
    config.app = (char *)(uintptr_t) "shop";
    config.env = env;
    config.n_env = 3;
    assert_int_equal(errand_run(errand, &config), 0);
    expect_result(errand, "\"env\":[\"A=3\",\"AB=2\"]");
    assert_string_equal(errand_look(errand).version + 40, "-2");
    config.command = (char *)(uintptr_t) "env-del";
    env[0] = (char *)(uintptr_t) "A";
    config.n_env = 1;
    config.has_no_start = config.no_start = true;
    assert_int_equal(errand_run(errand, &config), 0);
    expect_result(errand, "\"env\":[\"AB=2\"]");
    assert_string_equal(errand_look(errand).version + 40, "-2"); /* No restart was wanted. */
}

static void a_deleted_app_is_gone(void **state)
{
    struct errand *errand = *state;
    push(errand);
    assert_int_equal(errand_run_on(errand, "delete", "shop"), 0);
    assert_int_equal(errand_run_on(errand, "delete", "shop"), 1);
    expect_result(errand, "Application not found (301); `cupola apps` lists the apps that you have\",\"code\":301");
}

static void files_and_logs_come_from_the_instances(void **state)
{
    struct errand *errand = *state;
    push(errand);
    errand->town.viewer_answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
    town_answer(&errand->town, "dea.find.droplet",
                "{\"dea\":\"dea1\",\"droplet\":1,\"index\":0,\"file_uri\":\"http://10.0.0.1:24345/droplets/\","
                "\"credentials\":[\"user\",\"pass\"],\"staged\":\"shop-0-abc\"}");
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.command = (char *)(uintptr_t) "files";
    config.app = (char *)(uintptr_t) "shop";
    config.path = (char *)(uintptr_t) "/app/a b.txt";
    assert_int_equal(errand_run(errand, &config), 0);
    assert_string_equal(text_string(&errand->result), "{\"path\":\"/app/a b.txt\",\"content\":\"hello\\n\"}");
    expect_requests(errand, "GET /apps/shop/instances/0/files/app/a%20b.txt 200\n");
    config.command = (char *)(uintptr_t) "logs";
    config.has_index = true;
    config.index = 1;
    assert_int_equal(errand_run(errand, &config), 0);
    expect_result(errand, "{\"instance\":\"1\",\"path\":\"logs/stderr.log\",\"content\":\"hello\\n\"}");
    errand->town.viewer_answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno";
    config.command = (char *)(uintptr_t) "files";
    assert_int_equal(errand_run(errand, &config), 1);
    expect_result(errand, "'/app/a b.txt' does not exist: `cupola files shop` lists what there is");
    config.command = (char *)(uintptr_t) "logs";
    assert_int_equal(errand_run(errand, &config), 0);
    assert_string_equal(text_string(&errand->result), "{\"app\":\"shop\",\"logs\":[]}");
}

static void what_is_missing_is_said_before_anybody_is_asked(void **state)
{
    struct errand *errand = *state;
    assert_int_equal(errand_run_on(errand, "map", "shop"), 1);
    expect_result(errand, "{\"error\":\"map: name at least one URI, like shop.example.com\"}");
    assert_int_equal(errand_run_on(errand, "stop", NULL), 1);
    expect_result(errand, "name the app");
    assert_int_equal(errand_run_on(errand, "dance", NULL), 1);
    expect_result(errand, "there is no command 'dance'");
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.command = (char *)(uintptr_t) "apps";
    config.token = (char *)(uintptr_t) "a\r\nHost: b";
    assert_int_equal(errand_run(errand, &config), 1);
    expect_result(errand, "control characters");
    expect_requests(errand, "");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, errand_begin, errand_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_new_app_is_created_uploaded_started_and_waited_for),
        STORY(the_new_bits_of_an_app_that_runs_take_over_step_by_step),
        STORY(a_push_of_what_is_there_already_starts_nothing),
        STORY(events_revisions_and_settings_are_shown_and_one_can_go_back),
        STORY(a_new_version_that_crashes_fails_the_push_and_the_old_one_stays),
        STORY(a_push_waits_for_as_long_as_the_update_takes),
        STORY(an_update_that_somebody_ends_says_so),
        STORY(an_update_that_was_carried_out_is_not_asked_for_twice),
        STORY(a_push_without_start_ends_after_the_upload),
        STORY(a_user_registers_logs_in_and_changes_the_password),
        STORY(an_admin_lists_makes_and_deletes_users),
        STORY(more_or_fewer_instances_are_added_once_whatever_gets_lost),
        STORY(what_is_asked_for_is_passed_on_as_it_is),
        STORY(scaling_waits_until_the_new_instances_run),
        STORY(more_memory_takes_a_new_run),
        STORY(start_stop_and_restart_do_what_they_say),
        STORY(uris_are_mapped_once_and_unmapped_however_they_are_written),
        STORY(variables_are_replaced_and_removed_by_name),
        STORY(a_deleted_app_is_gone),
        STORY(files_and_logs_come_from_the_instances),
        STORY(what_is_missing_is_said_before_anybody_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
