/* What a report tells of a run: words for every fault, messages out of segments, and a run that does not notice it. */
#include "sim/report/export.h"
#include "sim/report/report.h"
#include "sim/report/words.h"
#include "sim/scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void every_fault_has_words(void **state)
{
    (void)state;
    for (int kind = 1; kind < FAULT_KIND_END; kind++) {
        struct fault_spec spec = {.kind = (enum fault_kind)kind, .target = "host:dea-7", .amount = 1000};
        struct text words = {0};
        report_fault_words(&spec, &words);
        size_t size = strlen(fault_kind_name(spec.kind));
        if (strncmp(text_string(&words), fault_kind_name(spec.kind), size) == 0)
            fail_msg("%s has no words in sim/report/words.c", fault_kind_name(spec.kind));
        bool names_target = strstr(text_string(&words), "host of dea-7") != NULL;
        assert_true(names_target || fault_kind_family(spec.kind) == FAULT_FAMILY_STORE);
        assert_true(text_string(&words)[0] >= 'A' && text_string(&words)[0] <= 'Z');
        text_free(&words);
    }
}

static void a_fault_tells_how_long_and_how_much(void **state)
{
    (void)state;
    struct fault_spec spec = {
        .kind = FAULT_LOSS, .target = "zone:1", .amount = 25000, .duration_ns = UINT64_C(20000000000)};
    struct text words = {0};
    report_fault_words(&spec, &words);
    assert_string_equal(text_string(&words), "The network of zone 1 lost packets (2.50%), for 20.000 s");
    text_free(&words);
}

/* The words of all messages of a segment, one behind the other. */
static void say(const char *segment, struct text *words)
{
    struct io_bytes bytes = {(const uint8_t *)segment, strlen(segment)};
    struct segment_message message;
    enum said_kind kind;
    while ((kind = segment_take_message(&bytes, &message)) != SAID_NOTHING) {
        if (kind == SAID_MESSAGE)
            text_addf(words, "[%s|%.*s]", message.words, (int)message.payload_size, message.payload);
        else
            text_add_string(words, kind == SAID_PING ? "[ping]" : "[more]");
    }
}

static void assert_said(const char *segment, const char *expected)
{
    struct text words = {0};
    say(segment, &words);
    assert_string_equal(text_string(&words), expected);
    text_free(&words);
}

static void messages_are_taken_out_of_segments(void **state)
{
    (void)state;
    assert_said("PUB a.b 5\r\nhello\r\nPING\r\nMSG c 3 inbox 2\r\n{}\r\n", "[publish a.b|hello][ping][deliver c|{}]");
    assert_said("SUB dea.* 7\r\nCONNECT {\"a\":1}\r\n", "[subscribe dea.*|][connect|]");
    assert_said("PUB a.b 50\r\nhel", "[publish a.b|hel]");
    assert_said("lo\r\n", "[more]");
    assert_said("no line end", "[more]");
    assert_said("GET /apps HTTP/1.1\r\nHost: api.cupola.test\r\n\r\n", "[GET api.cupola.test/apps|]");
    assert_said("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", "[404 Not Found|{}]");
    assert_said("PUB a 99999999999999999999\r\nx", "[publish a|x]");
    assert_said("", "");
}

static const char source[] =
    "local cupola = require 'cupola'\n"
    "return cupola.scenario { title = '</script><b>\"&', cloud = { deas = 2, restart_delay = '100ms' },\n"
    "  apps = { shop = { instances = 2 } }, load = { { host = 'shop.cupola.test', rate = 20 } },\n"
    "  run = function(cloud)\n"
    "    cloud:wait_until(cupola.converged, '60s')\n"
    "    cloud:tell('</script>')\n"
    "    cloud.deas[1]:kill()\n"
    "    cloud:fault('pause', { target = 'dea-1', duration = '2s' })\n"
    "    cloud:wait('3s')\n"
    "    cloud:wait_until(cupola.converged, '60s')\n"
    "  end }\n";

static uint64_t play(bool is_recorded, struct text *ret_html, struct text *ret_perfetto, struct text *ret_shiviz)
{
    struct scenario_options options = {.seed = 3, .story_limit = 1000};
    struct text error = {0};
    struct scenario *scenario = scenario_open("test.lua", source, strlen(source), &options, &error);
    assert_non_null(scenario);
    struct recording recording = {0};
    if (is_recorded)
        recording_start(&recording, scenario_cloud(scenario));
    bool passed = scenario_run(scenario);
    assert_true(passed);
    if (is_recorded) {
        recording_stop(&recording);
        Cupola__RunResult *result = result_of_run(scenario, "test.lua", passed, 1);
        report_run_html(scenario_cloud(scenario), &recording, result, source, ret_html);
        export_perfetto(&recording, ret_perfetto);
        export_shiviz(&recording, ret_shiviz);
        cupola__run_result__free_unpacked(result, NULL);
        recording_free(&recording);
    }
    uint64_t hash = cloud_hash(scenario_cloud(scenario));
    scenario_close(scenario);
    return hash;
}

static size_t count(const char *text, const char *word)
{
    size_t found = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += strlen(word))
        found++;
    return found;
}

static void a_run_does_not_notice_that_it_is_recorded(void **state)
{
    (void)state;
    struct text html = {0}, perfetto = {0}, shiviz = {0};
    assert_int_equal(play(false, NULL, NULL, NULL), play(true, &html, &perfetto, &shiviz));
    text_free(&html);
    text_free(&perfetto);
    text_free(&shiviz);
}

static void the_story_names_what_broke_and_nothing_breaks_the_page(void **state)
{
    (void)state;
    struct text html = {0}, perfetto = {0}, shiviz = {0};
    play(true, &html, &perfetto, &shiviz);
    const char *page = text_string(&html);
    const char *killed = strstr(page, "dea-0 was killed."), *paused = strstr(page, "dea-1 stood still");
    assert_true(killed != NULL && paused != NULL);
    assert_non_null(strstr(page, "Over after 2.0 s."));
    assert_int_equal(count(page, "<script"), 2); /* The data and the viewer; none out of the scenario's texts. */
    assert_int_equal(count(page, "</script>"), 2);
    assert_null(strstr(page, " src=")); /* Nothing is asked of a network. */
    assert_null(strstr(page, " href="));
    assert_null(strstr(page, "@import"));
    assert_non_null(strstr(page, "\"deliver dea.heartbeat\""));
    assert_true(count(text_string(&perfetto), "\"ph\":\"s\"") > 50);
    assert_int_equal(count(text_string(&perfetto), "\"ph\":\"s\""), count(text_string(&perfetto), "\"ph\":\"f\""));
    assert_true(count(text_string(&shiviz), " from bus-0: deliver ") > 20);
    text_free(&html);
    text_free(&perfetto);
    text_free(&shiviz);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_has_words),
        cmocka_unit_test(a_fault_tells_how_long_and_how_much),
        cmocka_unit_test(messages_are_taken_out_of_segments),
        cmocka_unit_test(a_run_does_not_notice_that_it_is_recorded),
        cmocka_unit_test(the_story_names_what_broke_and_nothing_breaks_the_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
