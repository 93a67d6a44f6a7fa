/* JUnit's XML, as continuous integration systems read it: suites, cases, failures. */
#include "sim/report/report.h"

static void begin_suite(struct text *xml, const char *name, uint64_t tests, uint64_t failures, uint64_t real_ns)
{
    text_add_string(xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"");
    report_escape(xml, name);
    text_addf(xml, "\" tests=\"%llu\" failures=\"%llu\" errors=\"0\" time=\"%llu.%03llu\">\n",
              (unsigned long long)tests, (unsigned long long)failures, (unsigned long long)(real_ns / 1000000000),
              (unsigned long long)(real_ns / 1000000 % 1000));
}

static void add_case(struct text *xml, const char *file, const char *name, const char *failure, uint64_t seed,
                     const char *options)
{
    text_add_string(xml, "<testcase classname=\"");
    report_escape(xml, file);
    text_add_string(xml, "\" name=\"");
    report_escape(xml, name);
    if (failure == NULL) {
        text_add_string(xml, "\"/>\n");
        return;
    }
    text_add_string(xml, "\"><failure message=\"");
    report_escape(xml, failure);
    text_add_string(xml, "\">reproduce it with: cupola sim run ");
    report_escape(xml, file);
    text_addf(xml, " --seed %llu", (unsigned long long)seed);
    report_escape(xml, options == NULL ? "" : options);
    text_add_string(xml, "</failure></testcase>\n");
}

void report_junit_of_run(const Cupola__RunResult *result, struct text *ret_xml)
{
    begin_suite(ret_xml, result->scenario, 1, !result->passed, result->real_ns);
    add_case(ret_xml, result->scenario, result->title, result->passed ? NULL : result->failure, result->seed,
             result->options);
    text_add_string(ret_xml, "</testsuite>\n</testsuites>\n");
}

static void add_mark(struct text *xml, const Cupola__CampaignResult *result, const Cupola__MarkSummary *mark)
{
    text_add_string(xml, "<testcase classname=\"");
    report_escape(xml, result->scenario);
    text_add_string(xml, "\" name=\"sometimes: ");
    report_escape(xml, mark->name);
    text_add_string(xml, mark->reached > 0 ? "\"/>\n" : "\"><failure message=\"no run has reached it\"/></testcase>\n");
}

/* What was not played has not passed. */
static void add_interruption(struct text *xml, const Cupola__CampaignResult *result)
{
    text_add_string(xml, "<testcase classname=\"");
    report_escape(xml, result->scenario);
    text_addf(
        xml, "\" name=\"every seed is played\"><failure message=\"interrupted after %llu of %llu runs\"/></testcase>\n",
        (unsigned long long)result->runs, (unsigned long long)(result->last_seed - result->first_seed + 1));
}

void report_junit_of_campaign(const Cupola__CampaignResult *result, struct text *ret_xml)
{
    uint64_t cases = (result->n_failures > 0 ? result->n_failures : 1) + result->n_marks;
    uint64_t failures = result->n_failures + result_count_unreached(result->n_marks, result->marks);
    uint64_t interrupted = !result_is_complete(result);
    begin_suite(ret_xml, result->scenario, cases + interrupted, failures + interrupted, result->real_ns);
    if (result->n_failures == 0)
        add_case(ret_xml, result->scenario, result->title == NULL ? "no run" : result->title, NULL, 0, NULL);
    for (size_t i = 0; i < result->n_failures; i++) {
        const Cupola__FailureSignature *failure = result->failures[i];
        add_case(ret_xml, result->scenario, failure->text, failure->example, failure->first_seed, result->options);
    }
    for (size_t i = 0; i < result->n_marks; i++)
        add_mark(ret_xml, result, result->marks[i]);
    if (interrupted > 0)
        add_interruption(ret_xml, result);
    text_add_string(ret_xml, "</testsuite>\n</testsuites>\n");
}
