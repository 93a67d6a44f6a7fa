/* The page of a campaign: how many runs held, in which ways others failed, and the distributions of what was measured.
 */
#include "sim/report/report.h"

static void add_number_fact(struct text *html, const char *label, uint64_t value)
{
    text_addf(html, "<li><b>%llu</b><span>%s</span></li>", (unsigned long long)value, label);
}

/* "99.85% passed": never 100% unless all did. */
static void add_pass_rate(struct text *html, const Cupola__CampaignResult *result)
{
    uint64_t passed = result->runs - result->failed;
    uint64_t rate = result->runs == 0 ? 0 : passed * 10000 / result->runs;
    text_addf(html, "<li><b>%llu.%02llu%%</b><span>passed</span></li>", (unsigned long long)(rate / 100),
              (unsigned long long)(rate % 100));
}

static void add_facts(struct text *html, const Cupola__CampaignResult *result)
{
    text_add_string(html, "<ul class=\"facts\">");
    add_pass_rate(html, result);
    add_number_fact(html, "runs", result->runs);
    add_number_fact(html, "failed", result->failed);
    text_addf(html, "<li><b>%llu..%llu</b><span>seeds</span></li>", (unsigned long long)result->first_seed,
              (unsigned long long)result->last_seed);
    text_add_string(html, "<li><b>");
    result_print_ratio(html, result->virtual_ns, result->real_ns);
    text_addf(html, "</b><span>faster than real time</span></li><li><b>%s</b><span>hash of all runs</span></li></ul>",
              result->hash);
}

static void add_failures(struct text *html, const Cupola__CampaignResult *result)
{
    if (result->n_failures == 0)
        return;
    text_add_string(html, "<h2>Ways to fail</h2><div class=\"scroll\"><table><tr><th class=\"n\">Runs</th><th>What</th>"
                          "<th>Run it again</th></tr>");
    for (size_t i = 0; i < result->n_failures; i++) {
        const Cupola__FailureSignature *failure = result->failures[i];
        text_addf(html, "<tr><td class=\"n\">%llu</td><td>", (unsigned long long)failure->count);
        report_escape(html, failure->example);
        text_add_string(html, "</td><td><code>cupola sim run ");
        report_escape(html, result->scenario);
        text_addf(html, " --seed %llu", (unsigned long long)failure->first_seed);
        report_escape(html, result->options == NULL ? "" : result->options);
        text_add_string(html, "</code></td></tr>");
    }
    text_add_string(html, "</table></div>");
}

static void add_marks(struct text *html, const Cupola__CampaignResult *result)
{
    if (result->n_marks == 0)
        return;
    text_add_string(html,
                    "<h2>What must happen sometimes</h2><div class=\"scroll\"><table><tr><th class=\"n\">Runs</th>"
                    "<th>What</th></tr>");
    for (size_t i = 0; i < result->n_marks; i++) {
        const Cupola__MarkSummary *mark = result->marks[i];
        text_addf(html, "<tr><td class=\"n\">%llu of %llu</td><td>", (unsigned long long)mark->reached,
                  (unsigned long long)mark->runs);
        report_escape(html, mark->name);
        text_add_string(html, mark->reached > 0 ? "</td></tr>" : " <b class=\"bad\">never</b></td></tr>");
    }
    text_add_string(html, "</table></div>");
}

static void add_measurements(struct text *html, const Cupola__CampaignResult *result)
{
    if (result->n_measurements == 0)
        return;
    text_add_string(html,
                    "<h2>Measured</h2><p class=\"soft\">Bars: runs; green: the median, orange: the value that one "
                    "run in a hundred exceeds; shaded: what chance leaves open about them.</p>"
                    "<div class=\"dist\">");
    for (size_t i = 0; i < result->n_measurements; i++)
        report_distribution(html, result->measurements[i]);
    text_add_string(html, "</div>");
}

void report_campaign_html(const Cupola__CampaignResult *result, struct text *ret_html)
{
    const char *title = result->title == NULL ? result->scenario : result->title;
    report_begin_page(ret_html, title);
    report_verdict(ret_html, result->failed == 0 && result_is_complete(result) &&
                                 result_count_unreached(result->n_marks, result->marks) == 0);
    text_add_string(ret_html, "<h1>");
    report_escape(ret_html, title);
    text_add_string(ret_html, "</h1>");
    if (!result_is_complete(result))
        text_add_string(ret_html, "<p class=\"fault\">It was interrupted: this is what it had found until then.</p>");
    add_facts(ret_html, result);
    add_failures(ret_html, result);
    add_marks(ret_html, result);
    add_measurements(ret_html, result);
    report_end_page(ret_html);
}
