/* What the router shows on its monitoring port: read by the formats' own rules, not as texts that we wrote ourselves.
 */
#include "tests/core/router/rig.h"

#include "core/base/memory.h"
#include "core/wire/json/scan.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static int set_up(void **state)
{
    static Cupola__MonitorConfig monitor = CUPOLA__MONITOR_CONFIG__INIT;
    static char user[] = "u", password[] = "p";
    monitor.user = user;
    monitor.password = password;
    struct rig *rig = rig_prepare();
    rig->config.monitor = &monitor;
    rig_start(rig);
    rig_pass(rig, 2 * NS_PER_S);
    rig_register(rig, "one.test", 1);
    rig_register(rig, "one.test", 2);
    rig_register(rig, "two.test", 3);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    rig_free(*state);
    return 0;
}

/* One answered request, one failed over from an instance that refuses, one for nobody. */
static void make_traffic(struct rig *rig)
{
    struct rig_conn *client = rig_client(rig);
    rig->ports[1] = PORT_REFUSES;
    for (int i = 0; i < 8; i++) {
        rig_get(rig, client, "one.test");
        rig_answer(rig, rig_backend(rig, 2), "x");
    }
    rig_get(rig, client, "none.test");
}

/* The body of the answer to a GET. Lent until the next one. */
static const char *get(struct rig *rig, const char *path, int status, const char *type)
{
    static struct rig_conn *client;
    char request[300], start[64];
    client = rig_monitor_client(rig);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: m\r\nAuthorization: Basic dTpw\r\n\r\n", path);
    rig_send(rig, client, request);
    snprintf(start, sizeof start, "HTTP/1.1 %d ", status);
    rig_expect_start(client, start);
    rig_expect_contains(client, type);
    const char *body = strstr(rig_sent(client), "\r\n\r\n");
    assert_non_null(body);
    return body + 4;
}

/* Every scalar of a JSON text as a line "/member/0/member=value"; of an object or array also "/path#=length". */
struct flat {
    struct text lines;
    char path[300];
    size_t path_size[JSON_SCAN_DEPTH + 1];
    unsigned count[JSON_SCAN_DEPTH + 1];
    bool is_array[JSON_SCAN_DEPTH + 1];
};

static void name_item(struct flat *flat, size_t depth, const char *name, size_t size)
{
    size_t before = flat->path_size[depth];
    snprintf(flat->path + before, sizeof flat->path - before, "/%.*s", (int)size, name);
    flat->count[depth]++;
}

/* An element has its number for a name. */
static void begin_value(struct flat *flat, size_t depth)
{
    char number[16];
    if (!flat->is_array[depth])
        return;
    snprintf(number, sizeof number, "%u", flat->count[depth]);
    name_item(flat, depth, number, strlen(number));
}

static void open_container(struct flat *flat, size_t depth, bool is_array)
{
    flat->path_size[depth] = strlen(flat->path);
    flat->count[depth] = 0;
    flat->is_array[depth] = is_array;
}

static void close_container(struct flat *flat, size_t depth)
{
    flat->path[flat->path_size[depth]] = 0;
    text_addf(&flat->lines, "%s#=%u\n", flat->path, flat->count[depth]);
}

static void add_scalar(struct flat *flat, const struct json_token *token)
{
    text_addf(&flat->lines, "%s=", flat->path);
    if (token->kind == JSON_BOOLEAN)
        text_add_string(&flat->lines, token->boolean ? "true" : "false");
    else
        text_add(&flat->lines, token->bytes, token->size);
    text_add_char(&flat->lines, '\n');
}

/* Free ->lines. */
static struct flat read_json(const char *text)
{
    struct flat flat = {.lines = {0}};
    struct json_scanner scanner = {.bytes = {(const uint8_t *)text, strlen(text)}};
    enum json_item item;
    text_add_char(&flat.lines, '\n');
    while ((item = json_scan(&scanner)) > JSON_ITEM_END) {
        size_t depth = item == JSON_ITEM_OPEN ? scanner.depth - 1 : scanner.depth;
        if (item == JSON_ITEM_OPEN || item == JSON_ITEM_VALUE)
            begin_value(&flat, depth);
        if (item == JSON_ITEM_KEY)
            name_item(&flat, depth, scanner.token.bytes, scanner.token.size);
        else if (item == JSON_ITEM_OPEN)
            open_container(&flat, depth + 1, scanner.token.kind == JSON_ARRAY);
        else if (item == JSON_ITEM_CLOSE)
            close_container(&flat, depth + 1);
        else
            add_scalar(&flat, &scanner.token);
    }
    if (item == JSON_ITEM_BROKEN)
        fail_msg("%s at %zu of %s", scanner.problem, scanner.at, text);
    json_scan_release(&scanner);
    return flat;
}

static const char *find(const struct flat *flat, const char *path)
{
    char line[200];
    snprintf(line, sizeof line, "\n%s=", path);
    const char *found = strstr(text_string(&flat->lines), line);
    if (found == NULL)
        fail_msg("there is no %s in:%s", path, text_string(&flat->lines));
    return found + strlen(line);
}

static bool is(const struct flat *flat, const char *path, const char *value)
{
    const char *found = find(flat, path);
    return strncmp(found, value, strlen(value)) == 0 && found[strlen(value)] == '\n';
}

static void expect(const struct flat *flat, const char *path, const char *value)
{
    if (!is(flat, path, value))
        fail_msg("%s is not %s in:%s", path, value, text_string(&flat->lines));
}

static void only_those_with_the_password_are_told(void **state)
{
    struct rig *rig = *state;
    static const char *const paths[] = {"/varz", "/routes", "/metrics"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct rig_conn *client = rig_monitor_client(rig);
        char request[300];
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: m\r\n\r\n", paths[i]);
        rig_send(rig, client, request);
        rig_expect_start(client, "HTTP/1.1 401 ");
        rig_expect_lacks(client, "one.test");
    }
}

static void varz_has_the_fields_that_collectors_of_2011_read(void **state)
{
    struct rig *rig = *state;
    make_traffic(rig);
    struct flat json = read_json(get(rig, "/varz", 200, "application/json"));
    expect(&json, "/type", "Router");
    expect(&json, "/requests", "9");
    expect(&json, "/bad_requests", "1");
    expect(&json, "/responses_2xx", "8");
    expect(&json, "/urls", "2");
    expect(&json, "/droplets", "3");
    expect(&json, "/retries", "1");
    expect(&json, "/latency/samples", "8");
    static const char *const names[] = {"/responses_3xx",    "/responses_4xx", "/responses_5xx", "/responses_xxx",
                                        "/requests_per_sec", "/uuid",          "/host",          "/start",
                                        "/uptime",           "/credentials#",  "/tags#",         "/top_app_requests#"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        find(&json, names[i]);
    text_free(&json.lines);
}

static void varz_counts_by_the_tags_of_what_answered(void **state)
{
    struct rig *rig = *state;
    rig_publish(rig, "router.register",
                "{\"host\":\"10.0.0.1\",\"port\":40004,\"uris\":[\"tagged.test\"],\"app\":4,\"dea\":\"d\",\"index\":0,"
                "\"tags\":{\"framework\":\"node\",\"runtime\":\"node\"}}");
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "tagged.test");
    rig_answer(rig, rig_backend(rig, 4), "x");
    struct flat json = read_json(get(rig, "/varz", 200, "application/json"));
    expect(&json, "/tags#", "2");
    expect(&json, "/tags/framework/node/requests", "1");
    expect(&json, "/tags/runtime/node/responses_2xx", "1");
    expect(&json, "/tags/runtime/node/responses_5xx", "0");
    text_free(&json.lines);
}

static void routes_lists_every_endpoint_and_who_is_behind_it(void **state)
{
    struct rig *rig = *state;
    make_traffic(rig);
    struct flat json = read_json(get(rig, "/routes", 200, "application/json"));
    expect(&json, "#", "2");
    expect(&json, "/one.test#", "2");
    bool is_first = is(&json, "/one.test/0/address", "10.0.0.1:40001"); /* That one refuses. */
    const char *first = is_first ? "/one.test/0" : "/one.test/1", *second = is_first ? "/one.test/1" : "/one.test/0";
    static const char *const members[][3] = {{"address", "10.0.0.1:40001", "10.0.0.1:40002"},
                                             {"instance", "i1", "i2"},
                                             {"dea", "d", "d"},
                                             {"app", "1", "2"},
                                             {"index", "0", "0"},
                                             {"epoch", "1", "1"},
                                             {"active", "0", "0"},
                                             {"quarantined", "true", "false"}};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%s", first, members[i][0]);
        expect(&json, path, members[i][1]);
        snprintf(path, sizeof path, "%s/%s", second, members[i][0]);
        expect(&json, path, members[i][2]);
    }
    text_free(&json.lines);
    json = read_json(get(rig, "/routes?host=two.test", 200, "application/json"));
    expect(&json, "#", "1");
    expect(&json, "/two.test#", "1");
    text_free(&json.lines);
    json = read_json(get(rig, "/routes?host=none.test", 200, "application/json"));
    expect(&json, "#", "0");
    text_free(&json.lines);
}

/* ---- /metrics: a parser of the text format 0.0.4 of Prometheus, as strict as its linter ---- */

enum { MOST_METRICS = 64, NAME_SIZE = 96 };

struct metrics {
    char family[MOST_METRICS][NAME_SIZE];
    bool is_counter[MOST_METRICS];
    bool has_sample[MOST_METRICS];
    size_t count;
};

static size_t name_size(const char *text)
{
    size_t size = 0;
    while (isalnum((unsigned char)text[size]) || text[size] == '_' || text[size] == ':')
        size++;
    assert_true(size > 0 && size < NAME_SIZE && !isdigit((unsigned char)text[0]));
    return size;
}

static bool ends_with(const char *name, const char *end)
{
    size_t size = strlen(name), end_size = strlen(end);
    return size > end_size && strcmp(name + size - end_size, end) == 0;
}

/* "# HELP name text", then "# TYPE name kind", both before any sample and only once. */
static void read_comment(struct metrics *metrics, const char *line, bool is_type)
{
    const char *name = line + 7;
    size_t size = name_size(name);
    assert_int_equal(name[size], ' ');
    const char *rest = name + size + 1;
    if (!is_type) {
        assert_in_range(metrics->count, 0, MOST_METRICS - 1);
        for (size_t i = 0; i < metrics->count; i++)
            assert_false(strlen(metrics->family[i]) == size && strncmp(metrics->family[i], name, size) == 0);
        memcpy(metrics->family[metrics->count++], name, size);
        assert_true(strlen(rest) > 3);
        return;
    }
    const char *family = metrics->family[metrics->count - 1];
    assert_true(strlen(family) == size && strncmp(family, name, size) == 0);
    bool is_counter = strcmp(rest, "counter") == 0;
    assert_true(is_counter || strcmp(rest, "gauge") == 0);
    metrics->is_counter[metrics->count - 1] = is_counter;
    assert_true(is_counter == ends_with(family, "_total"));
    assert_false(ends_with(family, "_sum") || ends_with(family, "_count") || ends_with(family, "_bucket"));
}

/* name{label="value",...} number */
static void read_sample(struct metrics *metrics, const char *line, const char *wanted, double *ret_value)
{
    size_t size = name_size(line);
    const char *family = metrics->family[metrics->count - 1];
    assert_true(metrics->count > 0 && strlen(family) == size && strncmp(family, line, size) == 0);
    metrics->has_sample[metrics->count - 1] = true;
    const char *at = line + size;
    if (*at == '{') {
        do {
            at++;
            at += name_size(at);
            assert_int_equal(strncmp(at, "=\"", 2), 0);
            at = strchr(at + 2, '"');
            assert_non_null(at);
            at++;
        } while (*at == ',');
        assert_int_equal(*at++, '}');
    }
    assert_int_equal(*at, ' ');
    char *end;
    double value = strtod(at + 1, &end);
    assert_true(end > at + 1 && *end == 0);
    assert_true(value >= 0);
    if (strncmp(line, wanted, strlen(wanted)) == 0 && line[strlen(wanted)] == ' ')
        *ret_value = value;
}

/* The value of the sample that is written like that; fails if there is none. */
static double metric(struct rig *rig, const char *wanted)
{
    struct metrics metrics = {0};
    double value = -1;
    char *text = memory_copy_text(get(rig, "/metrics", 200, "text/plain; version=0.0.4"));
    assert_int_equal(text[strlen(text) - 1], '\n');
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = 0;
        if (strncmp(line, "# HELP ", 7) == 0 || strncmp(line, "# TYPE ", 7) == 0)
            read_comment(&metrics, line, line[2] == 'T');
        else
            read_sample(&metrics, line, wanted, &value);
    }
    for (size_t i = 0; i < metrics.count; i++)
        assert_true(metrics.has_sample[i]);
    memory_free(text);
    if (value < 0)
        fail_msg("there is no %s", wanted);
    return value;
}

static void metrics_are_what_prometheus_reads(void **state)
{
    struct rig *rig = *state;
    make_traffic(rig);
    assert_true(metric(rig, "cupola_router_requests_total") == 9);
    assert_true(metric(rig, "cupola_router_bad_requests_total") == 1);
    assert_true(metric(rig, "cupola_router_responses_total{class=\"2xx\"}") == 8);
    assert_true(metric(rig, "cupola_router_backend_failures_total{class=\"refused\"}") == 1);
    assert_true(metric(rig, "cupola_router_routes") == 2);
    assert_true(metric(rig, "cupola_router_endpoints") == 3);
    assert_true(metric(rig, "cupola_router_client_connections") == 1);
    assert_true(metric(rig, "cupola_router_upgrades_total") == 0);
    assert_true(metric(rig, "cupola_router_ready") == 1);
}

static void an_answer_that_never_comes_is_counted_by_its_name(void **state)
{
    struct rig *rig = *state;
    rig_get(rig, rig_client(rig), "two.test");
    rig_pass(rig, 61 * NS_PER_S);
    assert_true(metric(rig, "cupola_router_backend_failures_total{class=\"silent\"}") == 1);
}

static void counters_only_grow(void **state)
{
    struct rig *rig = *state;
    make_traffic(rig);
    double before = metric(rig, "cupola_router_requests_total");
    make_traffic(rig);
    assert_true(metric(rig, "cupola_router_requests_total") == before + 9);
}

static void healthz_is_well_once_the_table_is_known(void **state)
{
    struct rig *rig = *state;
    assert_string_equal(get(rig, "/healthz", 200, "text/plain"), "ok\n");
    rig_free(rig);
    *state = rig = rig_prepare();
    static Cupola__MonitorConfig monitor = CUPOLA__MONITOR_CONFIG__INIT;
    static char user[] = "u", password[] = "p";
    monitor.user = user;
    monitor.password = password;
    rig->config.monitor = &monitor;
    rig_start(rig);
    get(rig, "/healthz", 503, "not known yet");
    assert_true(metric(rig, "cupola_router_ready") == 0);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STORY(only_those_with_the_password_are_told),
        STORY(varz_has_the_fields_that_collectors_of_2011_read),
        STORY(varz_counts_by_the_tags_of_what_answered),
        STORY(routes_lists_every_endpoint_and_who_is_behind_it),
        STORY(metrics_are_what_prometheus_reads),
        STORY(an_answer_that_never_comes_is_counted_by_its_name),
        STORY(counters_only_grow),
        STORY(healthz_is_well_once_the_table_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
