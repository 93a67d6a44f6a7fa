/* The page of one run: verdict, the story in words, measurements, charts, the whole log, the end state. */
#include "core/base/duration.h"
#include "sim/fault.h"
#include "sim/load.h"
#include "sim/report.h"

#include <string.h>

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

/* Lines of the story that a person reads first: what the scenario did, what broke, what the health manager made of it,
 * what was violated. */
static bool is_headline(const struct story_line *line)
{
    bool is_judgement = line->kind == STORY_LOG && strncmp(line->who, "health_manager", 14) == 0;
    return line->kind == STORY_SCENARIO || line->kind == STORY_FAULT || line->kind == STORY_CHECK ||
           line->kind == STORY_OPERATOR || is_judgement;
}

static void add_story_line(struct text *html, const struct story_line *line)
{
    const char *class = line->kind == STORY_FAULT ? "fault" : line->kind == STORY_CHECK ? "bad" : "";
    add_time(html, line->at_ns);
    text_addf(html, "<span class=\"%s\">", class);
    if (line->who[0] != 0 && line->kind != STORY_FAULT) { /* A fault names its target itself. */
        text_add_string(html, "<b>");
        report_escape(html, line->who);
        text_add_string(html, "</b> ");
    }
    report_escape(html, line->text);
    text_add_string(html, "</span>");
}

static void add_headlines(struct text *html, struct cloud *cloud)
{
    text_add_string(html, "<h2>What happened</h2><ol class=\"story\">");
    const struct story_line *line;
    for (size_t i = 0; (line = cloud_story(cloud, i)) != NULL; i++) {
        if (!is_headline(line))
            continue;
        text_add_string(html, "<li>");
        add_story_line(html, line);
        text_add_string(html, "</li>\n");
    }
    text_add_string(html, "</ol>");
}

static void add_measurements(struct text *html, const Cupola__RunResult *result)
{
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

static void add_whole_story(struct text *html, struct cloud *cloud)
{
    text_add_string(html, "<h2>Everything that was said</h2><details><summary>Faults, components, operators and the "
                          "components' own logs, in order</summary><div class=\"scroll\"><table>");
    const struct story_line *line;
    for (size_t i = 0; (line = cloud_story(cloud, i)) != NULL; i++) {
        text_addf(html, "<tr><td>%s</td><td>", story_kind_name(line->kind));
        add_story_line(html, line);
        text_add_string(html, "</td></tr>\n");
    }
    text_add_string(html, "</table></div></details>");
}

static void add_components(struct text *html, struct cloud *cloud)
{
    text_add_string(html, "<h2>Components at the end</h2>");
    for (enum component_role role = 0; role < ROLE_COUNT; role++) {
        for (size_t i = 0; i < cloud_component_count(cloud, role); i++) {
            const struct component *component = cloud_component(cloud, role, i);
            struct text state = {0};
            component_inspect(component, &state);
            text_add_string(html, "<details><summary><b>");
            report_escape(html, component->name);
            text_addf(html, "</b> <span class=\"soft\">on %s, zone %u, %llu steps, hash %016llx</span></summary><pre>",
                      component_address(component), component_zone(component),
                      (unsigned long long)component_step_count(component),
                      (unsigned long long)component_hash(component));
            report_escape(html, text_string(&state));
            text_add_string(html, "</pre></details>\n");
            text_free(&state);
        }
    }
}

void report_run_html(struct scenario *scenario, const Cupola__RunResult *result, struct text *ret_html)
{
    struct cloud *cloud = scenario_cloud(scenario);
    report_begin_page(ret_html, result->title);
    report_verdict(ret_html, result->passed);
    text_add_string(ret_html, "<h1>");
    report_escape(ret_html, result->title);
    text_add_string(ret_html, "</h1>");
    if (!result->passed) {
        text_add_string(ret_html, "<blockquote>");
        report_escape(ret_html, result->failure);
        text_add_string(ret_html, "</blockquote>");
    }
    add_facts(ret_html, result);
    text_add_string(ret_html, "<p>Run it again: <code>cupola sim run ");
    report_escape(ret_html, result->scenario);
    text_addf(ret_html, " --seed %llu</code></p>", (unsigned long long)result->seed);
    add_headlines(ret_html, cloud);
    for (size_t i = 0; i < cloud_load_count(cloud); i++)
        report_load_chart(ret_html, cloud, i);
    add_measurements(ret_html, result);
    add_components(ret_html, cloud);
    add_whole_story(ret_html, cloud);
    report_end_page(ret_html);
}
