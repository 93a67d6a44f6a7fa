/* The page of an exploration: ways to fail, and which fault met which state of which component. */
#include "sim/report/report.h"

#include "core/base/duration.h"
#include "sim/faults/fault.h"

#include <string.h>

#define DAY_NS (UINT64_C(86400) * NS_PER_S)

static void add_fact(struct text *html, uint64_t value, const char *label)
{
    text_addf(html, "<li><b>%llu</b><span>%s</span></li>", (unsigned long long)value, label);
}

static void add_failures(struct text *html, const Cupola__ExploreState *totals)
{
    if (totals->n_failures == 0)
        return;
    text_add_string(html, "<h2>Ways to fail</h2><div class=\"scroll\"><table><tr><th class=\"n\">Runs</th><th>What</th>"
                          "<th>Run it again, make it small</th></tr>");
    for (size_t i = 0; i < totals->n_failures; i++) {
        const Cupola__ExploreFailure *failure = totals->failures[i];
        text_addf(html, "<tr><td class=\"n\">%llu</td><td>", (unsigned long long)failure->count);
        report_escape(html, failure->example);
        for (int command = 0; command < 2; command++) {
            text_addf(html, "%s<code>cupola sim %s ", command == 0 ? "</td><td>" : "<br>",
                      command == 0 ? "run" : "shrink");
            report_escape(html, failure->file);
            text_addf(html, " --seed %llu</code>", (unsigned long long)failure->seed);
        }
        text_add_string(html, "</td></tr>");
    }
    text_add_string(html, "</table></div>");
}

static void add_cell(struct text *html, const struct coverage *coverage, enum fault_kind kind, enum component_role role,
                     size_t *met, size_t *cells)
{
    const char *name;
    text_add_string(html, "<td class=\"cell\">");
    for (size_t state = 0; coverage_can_meet(kind, role) && (name = coverage_state_name(role, state)) != NULL;
         state++) {
        uint32_t count = coverage->met[kind][role][state];
        *met += count > 0;
        ++*cells;
        text_addf(html,
                  count > 0 ? "<span class=\"met\" title=\"met %u times\">" : "<span class=\"no\" title=\"never\">",
                  count);
        text_addf(html, "%s%s</span>", count > 0 ? "" : "&#8709; ", name); /* Not by color alone. */
    }
    text_add_string(html, "</td>");
}

static void add_coverage(struct text *html, const struct coverage *coverage)
{
    size_t met = 0, cells = 0;
    text_add_string(
        html, "<h2>Which fault met which state</h2><div class=\"scroll\"><table class=\"met-what\"><tr><th>Fault</th>");
    for (int role = 0; role < ROLE_COUNT && coverage_state_name((enum component_role)role, 0) != NULL; role++)
        text_addf(html, "<th>%s</th>", component_role_name((enum component_role)role));
    text_add_string(html, "</tr>");
    for (int kind = 1; kind < FAULT_KIND_END; kind++) {
        text_addf(html, "<tr><th>%s</th>", fault_kind_name((enum fault_kind)kind));
        if (fault_kind_lies((enum fault_kind)kind))
            text_addf(html, "<td class=\"soft\" colspan=\"%d\">%s</td>", ROLE_COUNT, coverage_not_drawn);
        for (int role = 0; role < ROLE_COUNT && !fault_kind_lies((enum fault_kind)kind) &&
                           coverage_state_name((enum component_role)role, 0) != NULL;
             role++)
            add_cell(html, coverage, (enum fault_kind)kind, (enum component_role)role, &met, &cells);
        text_add_string(html, "</tr>\n");
    }
    text_addf(html,
              "</table></div><p>%zu of %zu cells were met; what was never met is framed and marked "
              "&#8709;.</p>",
              met, cells);
}

void report_exploration_html(const Cupola__ExploreState *totals, const struct coverage *coverage, struct text *ret_html)
{
    bool is_drawn = totals->target == NULL || totals->target[0] == 0 || strcmp(totals->target, "cloud") == 0;
    struct text title = {0};
    text_addf(&title, "Exploration of %s", is_drawn ? "drawn clouds" : totals->target);
    report_begin_page(ret_html, text_string(&title));
    report_verdict(ret_html, totals->failed == 0);
    text_add_string(ret_html, "<h1>");
    report_escape(ret_html, text_string(&title));
    text_add_string(ret_html, "</h1><ul class=\"facts\">");
    text_free(&title);
    add_fact(ret_html, totals->runs, "runs");
    add_fact(ret_html, totals->failed, "failed");
    add_fact(ret_html, totals->n_failures, "ways to fail");
    add_fact(ret_html, totals->branched, "branches from new moments");
    add_fact(ret_html, coverage->bucket_count, "moments that differ");
    add_fact(ret_html, totals->runs - totals->runs_at_last_news, "runs since the last new one");
    text_add_string(ret_html, "<li><b>");
    if (totals->virtual_ns >= 2 * DAY_NS)
        text_addf(ret_html, "%llu days", (unsigned long long)(totals->virtual_ns / DAY_NS));
    else
        result_print_value(ret_html, "ns", totals->virtual_ns);
    text_add_string(ret_html, "</b><span>simulated</span></li></ul>");
    add_failures(ret_html, totals);
    add_coverage(ret_html, coverage);
    report_end_page(ret_html);
}
