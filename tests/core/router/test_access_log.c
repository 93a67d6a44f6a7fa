/* The access log, read by a pattern of gorouter's line: its fields in its order. */
#include "tests/core/router/rig.h"

#include "core/base/memory.h"

#include <regex.h>
#include <stdio.h>

static int set_up(void **state)
{
    struct rig *rig = rig_prepare();
    rig->config.has_access_log = true;
    rig->config.access_log = true;
    rig_start(rig);
    rig_pass(rig, 2 * NS_PER_S);
    rig_register(rig, "one.test", 1);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    rig_free(*state);
    return 0;
}

/* In the order of the line. */
enum field {
    FIELD_HOST = 1,
    FIELD_START,
    FIELD_REQUEST,
    FIELD_STATUS,
    FIELD_RECEIVED,
    FIELD_SENT,
    FIELD_REFERER,
    FIELD_AGENT,
    FIELD_CLIENT,
    FIELD_BACKEND,
    FIELD_FORWARDED_FOR,
    FIELD_FORWARDED_PROTO,
    FIELD_REQUEST_ID,
    FIELD_RESPONSE_TIME,
    FIELD_GOROUTER_TIME,
    FIELD_APP,
    FIELD_INDEX,
    FIELD_INSTANCE,
    FIELD_ATTEMPTS,
    FIELD_ERROR,
    FIELD_COUNT,
};

#define QUOTED "\"([^\"]*)\""
#define SECONDS "([0-9]+\\.[0-9]{6})"
static const char pattern[] =
    "^([^ ]+) - \\[([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z)\\] " QUOTED
    " ([0-9]{3}) ([0-9]+) ([0-9]+) " QUOTED " " QUOTED " " QUOTED " " QUOTED " x_forwarded_for:" QUOTED
    " x_forwarded_proto:" QUOTED " vcap_request_id:\"([0-9a-f-]+)\" response_time:" SECONDS " gorouter_time:" SECONDS
    " app_id:" QUOTED " app_index:" QUOTED " instance_id:" QUOTED " failed_attempts:([0-9]+) x_cf_routererror:" QUOTED
    "$";

struct line {
    char field[FIELD_COUNT][300];
};

/* The last line of the log that is one of a request. */
static struct line last_line(struct rig *rig)
{
    struct line line = {0};
    regex_t regex;
    regmatch_t matches[FIELD_COUNT];
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NEWLINE), 0);
    const char *text = text_string(&rig->log), *found = NULL;
    regmatch_t whole[FIELD_COUNT];
    for (; regexec(&regex, text, FIELD_COUNT, whole, 0) == 0; text += whole[0].rm_eo) {
        found = text;
        memcpy(matches, whole, sizeof matches);
    }
    if (found == NULL)
        fail_msg("no line of a request in:\n%s", text_string(&rig->log));
    for (size_t i = 1; i < FIELD_COUNT; i++)
        snprintf(line.field[i], sizeof line.field[i], "%.*s", (int)(matches[i].rm_eo - matches[i].rm_so),
                 found + matches[i].rm_so);
    regfree(&regex);
    return line;
}

static void expect(const struct line *line, enum field field, const char *value)
{
    assert_string_equal(line->field[field], value);
}

static void a_line_has_gorouters_fields_in_gorouters_order(void **state)
{
    struct rig *rig = *state;
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client,
             "POST /buy?x=1 HTTP/1.1\r\nHost: one.test\r\nReferer: http://a.test/\r\nUser-Agent: curl/8 (x)\r\n"
             "Content-Length: 4\r\n\r\nbody");
    rig_pass(rig, 250 * NS_PER_MS);
    rig_answer(rig, rig_backend(rig, 1), "hello");
    struct line line = last_line(rig);
    expect(&line, FIELD_HOST, "one.test");
    expect(&line, FIELD_REQUEST, "POST /buy?x=1 HTTP/1.1");
    expect(&line, FIELD_STATUS, "200");
    expect(&line, FIELD_RECEIVED, "4");
    expect(&line, FIELD_SENT, "5");
    expect(&line, FIELD_REFERER, "http://a.test/");
    expect(&line, FIELD_AGENT, "curl/8 (x)");
    assert_int_equal(strncmp(line.field[FIELD_CLIENT], "192.0.2.1", 9), 0);
    expect(&line, FIELD_BACKEND, "10.0.0.1:40001");
    expect(&line, FIELD_FORWARDED_FOR, "-");
    expect(&line, FIELD_FORWARDED_PROTO, "-");
    expect(&line, FIELD_RESPONSE_TIME, "0.250000");
    expect(&line, FIELD_GOROUTER_TIME, "0.000000");
    expect(&line, FIELD_APP, "1");
    expect(&line, FIELD_INDEX, "0");
    expect(&line, FIELD_INSTANCE, "i1");
    expect(&line, FIELD_ATTEMPTS, "0");
    expect(&line, FIELD_ERROR, "-");
}

static void the_request_id_is_the_one_that_the_instance_gets(void **state)
{
    struct rig *rig = *state;
    rig_get(rig, rig_client(rig), "one.test");
    char id[40];
    const char *told = strstr(rig_sent(rig_backend(rig, 1)), "X-Vcap-Request-Id: ");
    assert_non_null(told);
    assert_int_equal(sscanf(told, "X-Vcap-Request-Id: %39[^\r]", id), 1);
    rig_answer(rig, rig_backend(rig, 1), "x");
    struct line line = last_line(rig);
    expect(&line, FIELD_REQUEST_ID, id);
}

static void what_a_client_says_forges_no_line(void **state)
{
    struct rig *rig = *state;
    rig_send(rig, rig_client(rig),
             "GET /\" HTTP/1.1\r\nHost: one.test\r\nUser-Agent: \" 200 0 \"\\\tx\r\nX-Forwarded-For: \"a\"\r\n\r\n");
    rig_answer(rig, rig_backend(rig, 1), "x");
    struct line line = last_line(rig);
    expect(&line, FIELD_REQUEST, "GET /\\x22 HTTP/1.1");
    expect(&line, FIELD_AGENT, "\\x22 200 0 \\x22\\x5c\\x09x");
    expect(&line, FIELD_FORWARDED_FOR, "\\x22a\\x22");
}

static void errors_of_the_router_have_their_name_and_no_backend(void **state)
{
    struct rig *rig = *state;
    rig_get(rig, rig_client(rig), "none.test");
    struct line line = last_line(rig);
    expect(&line, FIELD_STATUS, "404");
    expect(&line, FIELD_BACKEND, "-");
    expect(&line, FIELD_APP, "-");
    expect(&line, FIELD_ATTEMPTS, "0");
    expect(&line, FIELD_ERROR, "unknown_route");
}

static void attempts_that_failed_are_counted(void **state)
{
    struct rig *rig = *state;
    for (int n = 2; n <= 4; n++)
        rig_register(rig, "one.test", n);
    for (int n = 1; n <= 4; n++)
        rig->ports[n] = PORT_REFUSES;
    rig_get(rig, rig_client(rig), "one.test");
    struct line line = last_line(rig);
    expect(&line, FIELD_STATUS, "502");
    expect(&line, FIELD_ATTEMPTS, "4");
    expect(&line, FIELD_ERROR, "endpoint_failure");
}

static void nothing_is_logged_unless_it_is_wanted(void **state)
{
    rig_free(*state);
    struct rig *rig = *state = rig_new();
    rig_register(rig, "one.test", 1);
    rig_get(rig, rig_client(rig), "one.test");
    rig_answer(rig, rig_backend(rig, 1), "x");
    assert_null(strstr(text_string(&rig->log), "GET /"));
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STORY(a_line_has_gorouters_fields_in_gorouters_order),
        STORY(the_request_id_is_the_one_that_the_instance_gets),
        STORY(what_a_client_says_forges_no_line),
        STORY(errors_of_the_router_have_their_name_and_no_backend),
        STORY(attempts_that_failed_are_counted),
        STORY(nothing_is_logged_unless_it_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
