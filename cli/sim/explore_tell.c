#include "cli/sim/explore_tell.h"

#include "core/base/duration.h"
#include "sim/result.h"

#include <stdio.h>

static const uint64_t first_line_ns = 10 * NS_PER_S, most_pause_ns = 600 * NS_PER_S;

static void add_failure(struct text *text, const Cupola__ExploreFailure *failure)
{
    text_addf(text, "  %llu x %s\n      cupola sim run %s --seed %llu\n", (unsigned long long)failure->count,
              failure->example, failure->file, (unsigned long long)failure->seed);
}

static void add_progress(const struct explore_teller *teller, uint64_t elapsed_ns, struct text *text)
{
    const Cupola__ExploreState *totals = &teller->state->totals;
    uint64_t milliseconds = elapsed_ns / NS_PER_MS + 1, runs = totals->runs - teller->runs_before;
    text_addf(text, "%llu runs, %llu/s, ", (unsigned long long)totals->runs,
              (unsigned long long)(runs * 1000 / milliseconds));
    result_print_ratio(text, totals->virtual_ns - teller->virtual_before_ns, elapsed_ns);
    text_addf(text, " real time, coverage %llu", (unsigned long long)teller->coverage->bucket_count);
    if (coverage_has_edges())
        text_addf(text, " + %llu edges", (unsigned long long)teller->coverage->edge_count);
    text_addf(text, " (last news %llu runs ago), %llu failed in %zu ways",
              (unsigned long long)(totals->runs - totals->runs_at_last_news), (unsigned long long)totals->failed,
              totals->n_failures);
}

void explore_tell_progress(struct explore_teller *teller, uint64_t elapsed_ns)
{
    const Cupola__ExploreState *totals = &teller->state->totals;
    if (teller->is_quiet)
        return;
    const char *wipe = teller->is_terminal ? "\r\033[K" : "";
    struct text text = {0};
    for (; teller->failures_told < totals->n_failures; teller->failures_told++) {
        text_addf(&text, "%sa new way to fail:\n", wipe);
        add_failure(&text, totals->failures[teller->failures_told]);
    }
    if (teller->is_terminal || elapsed_ns >= (teller->next_line_ns == 0 ? first_line_ns : teller->next_line_ns)) {
        uint64_t pause_ns = elapsed_ns < most_pause_ns ? elapsed_ns : most_pause_ns;
        teller->next_line_ns = elapsed_ns + (pause_ns < first_line_ns ? first_line_ns : pause_ns);
        text_add_string(&text, wipe);
        add_progress(teller, elapsed_ns, &text);
        text_add_string(&text, teller->is_terminal ? "" : "\n");
    }
    fputs(text_string(&text), stderr);
    text_free(&text);
}

static void add_marks(const struct explore_teller *teller, struct text *text)
{
    for (size_t i = 0; i < teller->state->totals.n_marks; i++) {
        const Cupola__MarkSummary *mark = teller->state->totals.marks[i];
        if (mark->reached == 0 || !teller->is_quiet)
            text_addf(text, "  %s: %s (in %llu of %llu runs)\n", mark->reached == 0 ? "never" : "sometimes", mark->name,
                      (unsigned long long)mark->reached, (unsigned long long)mark->runs);
    }
}

void explore_tell_end(struct explore_teller *teller, uint64_t elapsed_ns, const char *why_ended)
{
    const Cupola__ExploreState *totals = &teller->state->totals;
    if (!teller->is_quiet && teller->is_terminal)
        fputs("\r\033[K", stderr);
    struct text text = {0};
    if (!teller->is_quiet)
        coverage_print(teller->coverage, false, &text);
    for (size_t i = 0; i < totals->n_failures; i++)
        add_failure(&text, totals->failures[i]);
    add_marks(teller, &text);
    text_addf(&text, "%s  %llu runs (%llu branches), %llu failed in %zu ways, coverage %llu",
              totals->failed == 0 ? "PASSED" : "FAILED", (unsigned long long)totals->runs,
              (unsigned long long)totals->branched, (unsigned long long)totals->failed, totals->n_failures,
              (unsigned long long)teller->coverage->bucket_count);
    if (coverage_has_edges())
        text_addf(&text, " + %llu edges", (unsigned long long)teller->coverage->edge_count);
    text_add_string(&text, ", ");
    result_print_ratio(&text, totals->virtual_ns - teller->virtual_before_ns, elapsed_ns);
    if (teller->is_twice)
        text_addf(&text, " real time, the last %llu runs played twice; %s; %s\n",
                  (unsigned long long)(totals->runs - teller->runs_before), why_ended, teller->state->folder);
    else
        text_addf(&text, " real time; %s; %s\n", why_ended, teller->state->folder);
    fputs(text_string(&text), stdout);
    text_free(&text);
}
