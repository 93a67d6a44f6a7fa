/* The page of one run: the verdict and the story in words first, then what one can look at. */
#include "core/base/duration.h"
#include "sim/clients/load.h"
#include "sim/report/report.h"
#include "sim/report/words.h"

static void add_time(struct text *html, uint64_t at_ns)
{
    text_addf(html, "<time>%llu.%03llu s</time> ", (unsigned long long)(at_ns / NS_PER_S),
              (unsigned long long)(at_ns / NS_PER_MS % 1000));
}

static void add_fact(struct text *html, const char *label, const struct text *value)
{
    text_add_string(html, "<li><b>");
    report_escape(html, text_string(value));
    text_addf(html, "</b><span>%s</span></li>", label);
}

static void add_facts(struct text *html, const Cupola__RunResult *result)
{
    struct text value = {0};
    text_add_string(html, "<ul class=\"facts\">");
    text_addf(&value, "%llu", (unsigned long long)result->seed);
    add_fact(html, "seed", &value);
    text_clear(&value);
    result_print_value(&value, "ns", result->virtual_ns);
    add_fact(html, "simulated time", &value);
    text_clear(&value);
    result_print_ratio(&value, result->virtual_ns, result->real_ns);
    add_fact(html, "faster than real time", &value);
    text_clear(&value);
    text_addf(&value, "%llu", (unsigned long long)result->steps);
    add_fact(html, "steps of components", &value);
    text_clear(&value);
    text_add_string(&value, result->hash);
    add_fact(html, "trace hash", &value);
    text_add_string(html, "</ul>");
    text_free(&value);
}

static void add_measurements(struct text *html, const Cupola__RunResult *result)
{
    if (result->n_measurements == 0)
        return;
    text_add_string(html, "<h2>Measured</h2><div class=\"scroll\"><table><tr><th>What</th><th class=\"n\">Value</th>"
                          "<th class=\"n\">At</th></tr>");
    for (size_t i = 0; i < result->n_measurements; i++) {
        const Cupola__Measurement *measurement = result->measurements[i];
        text_add_string(html, "<tr><td>");
        report_escape(html, measurement->name);
        text_add_string(html, "</td><td class=\"n\">");
        struct text value = {0};
        result_print_value(&value, measurement->unit, measurement->value);
        report_escape(html, text_string(&value));
        text_free(&value);
        text_add_string(html, "</td><td class=\"n\">");
        add_time(html, measurement->at_ns);
        text_add_string(html, "</td></tr>");
    }
    text_add_string(html, "</table></div>");
}

/* Without a script the page still tells all that was said. */
static void add_whole_story(struct text *html, struct cloud *cloud)
{
    text_add_string(html, "<div class=\"no-script\"><h2>Everything that was said</h2><div class=\"scroll\"><table>");
    const struct story_line *line;
    for (size_t i = 0; (line = cloud_story(cloud, i)) != NULL; i++) {
        if (line->kind == STORY_LOG && line->level < LOG_WARNING)
            continue;
        text_addf(html, "<tr><td>%s</td><td>", story_kind_name(line->kind));
        add_time(html, line->at_ns);
        text_add_string(html, "<b>");
        report_escape(html, line->who);
        text_add_string(html, "</b> ");
        report_escape(html, line->text);
        text_add_string(html, "</td></tr>\n");
    }
    text_add_string(html, "</table></div></div>");
}

static void add_viewer(struct text *html, const struct recording *recording)
{
    text_add_string(
        html,
        "<div class=\"needs-script\" id=\"look\"><h2>Look</h2>"
        "<p class=\"soft\">A lane for each component; arrows are messages, orange is a fault, the strip on top is "
        "green while what is wanted runs and is routed. Drag to move, click for a moment, Ctrl and the wheel to zoom. "
        "By "
        "keyboard, on the timeline: arrows, + and &minus;, Home, End, 0 for all, n and p for the next and previous "
        "event; in the lists: up, down, Enter.</p><div class=\"bar\">"
        "<input type=\"search\" id=\"search\" aria-label=\"Search messages\" "
        "placeholder=\"Search messages: dea.heartbeat, droplet|start, dea-1 →\">"
        "<label><input type=\"checkbox\" id=\"show-bus\"><span class=\"key k-bus\"></span>bus</label>"
        "<label><input type=\"checkbox\" id=\"show-rest\"><span class=\"key k-rest\"></span>REST</label>"
        "<label><input type=\"checkbox\" id=\"show-request\"><span class=\"key k-request\"></span>requests</label>"
        "<button id=\"zoom-in\" aria-label=\"Zoom in\">+</button><button id=\"zoom-out\" aria-label=\"Zoom "
        "out\">&minus;</button><button id=\"zoom-all\">All</button><button id=\"previous\">&lsaquo; "
        "Event</button><button id=\"next\">Event &rsaquo;</button></div>"
        "<div class=\"lanes\"><canvas id=\"timeline\" tabindex=\"0\" role=\"application\" aria-label=\"Timeline of all "
        "components; what is at the cursor is told below\"></canvas></div>"
        "<input type=\"range\" id=\"cursor\" min=\"0\" max=\"10000\" aria-label=\"Moment\">"
        "<p id=\"moment\" aria-live=\"polite\"></p>"
        "<div class=\"panes\"><div><section class=\"pane\"><header><h3>Messages</h3> <span class=\"soft\" "
        "id=\"message-count\"></span></header><div tabindex=\"-1\"><table><tbody "
        "id=\"messages\"></tbody></table></div></section>"
        "<section class=\"pane\" style=\"margin-top:1rem\"><header><h3>Log</h3> <span class=\"soft\" "
        "id=\"log-count\"></span><label class=\"soft\"><input type=\"checkbox\" id=\"only-lane\"> only of the chosen "
        "one</label></header><div tabindex=\"-1\"><table><tbody id=\"log\"></tbody></table></div></section></div>"
        "<section class=\"pane\"><header><h3>State of</h3><select id=\"component\" "
        "aria-label=\"Component\"></select></header><div id=\"state\" style=\"max-height:54rem\"></div></section></div>"
        "</div>\n<script type=\"application/json\" id=\"data\">");
    report_data_json(html, recording);
    text_add_string(html, "</script>\n");
    report_add_viewer(html);
}

static void add_head(struct text *html, const Cupola__RunResult *result, const char *source)
{
    report_verdict(html, result->passed);
    text_add_string(html, "<h1>");
    report_escape(html, result->title);
    text_add_string(html, "</h1>");
    if (!result->passed)
        report_violation(html, result, source);
    text_add_string(html, "<p>Run it again: <code>cupola sim run ");
    report_escape(html, result->scenario);
    text_addf(html, " --seed %llu", (unsigned long long)result->seed);
    report_escape(html, result->options == NULL ? "" : result->options);
    text_add_string(html, "</code></p>");
    if (result->options != NULL && result->options[0] != 0)
        text_add_string(html, "<p class=\"fault\">This run was made to fail: a bug was planted, or the settings that "
                              "the scenario names were laid over its cloud.</p>");
}

void report_run_html(struct cloud *cloud, const struct recording *recording, const Cupola__RunResult *result,
                     const char *source, struct text *ret_html)
{
    report_begin_page(ret_html, result->title);
    text_add_string(ret_html, "<div class=\"words\">");
    add_head(ret_html, result, source);
    report_story_html(ret_html, cloud, recording, result);
    text_add_string(ret_html, "</div>");
    add_viewer(ret_html, recording);
    for (size_t i = 0; i < cloud_load_count(cloud); i++)
        report_load_chart(ret_html, cloud, i);
    add_measurements(ret_html, result);
    text_add_string(ret_html, "<h2>The run</h2>");
    add_facts(ret_html, result);
    add_whole_story(ret_html, cloud);
    report_end_page(ret_html);
}
