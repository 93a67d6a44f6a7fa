/* The Test Anything Protocol, version 13: a line a test, and a block of YAML behind those that failed. */
#include "sim/report/report.h"

/* One line without what would end or change it. */
static void add_words(struct text *tap, const char *words)
{
    for (; words != NULL && *words != 0; words++) {
        if (*words == '#' || *words == '\\')
            text_add_char(tap, '\\');
        text_add_char(tap, *words == '\n' || *words == '\r' ? ' ' : *words);
    }
}

static void add_quoted(struct text *tap, const char *words)
{
    text_add_char(tap, '"');
    for (; words != NULL && *words != 0; words++) {
        if (*words == '"' || *words == '\\')
            text_add_char(tap, '\\');
        text_add_char(tap, *words == '\n' || *words == '\r' ? ' ' : *words);
    }
    text_add_char(tap, '"');
}

static void add_failure(struct text *tap, size_t number, const char *name, const char *message, const char *file,
                        uint64_t seed, const char *options)
{
    text_addf(tap, "not ok %zu - ", number);
    add_words(tap, name);
    text_add_string(tap, "\n  ---\n  message: ");
    add_quoted(tap, message);
    text_add_string(tap, "\n  reproduce: ");
    struct text command = {0};
    text_addf(&command, "cupola sim run %s --seed %llu%s", file, (unsigned long long)seed,
              options == NULL ? "" : options);
    add_quoted(tap, text_string(&command));
    text_free(&command);
    text_add_string(tap, "\n  ...\n");
}

static void add_success(struct text *tap, const char *title)
{
    text_add_string(tap, "ok 1 - ");
    add_words(tap, title == NULL ? "no run" : title);
    text_add_char(tap, '\n');
}

void report_tap_of_run(const Cupola__RunResult *result, struct text *ret_tap)
{
    text_add_string(ret_tap, "TAP version 13\n1..1\n");
    if (result->passed)
        add_success(ret_tap, result->title);
    else
        add_failure(ret_tap, 1, result->title, result->failure, result->scenario, result->seed, result->options);
}

void report_tap_of_campaign(const Cupola__CampaignResult *result, struct text *ret_tap)
{
    size_t number = result->n_failures > 0 ? result->n_failures : 1;
    bool is_complete = result_is_complete(result);
    text_addf(ret_tap, "TAP version 13\n1..%zu\n", number + result->n_marks + !is_complete);
    if (result->n_failures == 0)
        add_success(ret_tap, result->title);
    for (size_t i = 0; i < result->n_failures; i++) {
        const Cupola__FailureSignature *failure = result->failures[i];
        add_failure(ret_tap, i + 1, failure->text, failure->example, result->scenario, failure->first_seed,
                    result->options);
    }
    for (size_t i = 0; i < result->n_marks; i++) {
        const Cupola__MarkSummary *mark = result->marks[i];
        text_addf(ret_tap, "%s %zu - sometimes: ", mark->reached > 0 ? "ok" : "not ok", ++number);
        add_words(ret_tap, mark->name);
        text_add_char(ret_tap, '\n');
    }
    if (!is_complete)
        text_addf(ret_tap, "not ok %zu - every seed is played: interrupted after %llu of %llu runs\n", ++number,
                  (unsigned long long)result->runs, (unsigned long long)(result->last_seed - result->first_seed + 1));
    text_addf(ret_tap, "# %llu runs, %llu failed\n", (unsigned long long)result->runs,
              (unsigned long long)result->failed);
}
