/* The story of a run as a stranger needs it: what broke, what followed from it, whether the cloud healed, what was
 * violated. */
#include "core/base/duration.h"
#include "sim/clients/load.h"
#include "sim/report/report.h"
#include "sim/report/words.h"

#include <string.h>

enum { MOST_CHAPTERS = 30 };

static void add_moment(struct text *html, uint64_t at_ns, const char *who)
{
    text_addf(html, "<button class=\"at\" data-at=\"%llu\" data-who=\"", (unsigned long long)(at_ns / 1000));
    report_escape(html, who);
    text_addf(html, "\"><time>%llu.%03llu s</time></button> ", (unsigned long long)(at_ns / NS_PER_S),
              (unsigned long long)(at_ns / NS_PER_MS % 1000));
}

static void add_span(struct text *html, uint64_t duration_ns)
{
    uint64_t ms = duration_ns / NS_PER_MS;
    if (ms < 1)
        text_add_string(html, "less than 1 ms");
    else if (ms < 1000)
        text_addf(html, "%llu ms", (unsigned long long)ms);
    else if (ms < 60000)
        text_addf(html, "%llu.%llu s", (unsigned long long)(ms / 1000), (unsigned long long)(ms / 100 % 10));
    else
        result_print_value(html, "ns", duration_ns);
}

void report_delay(struct text *html, uint64_t duration_ns)
{
    if (duration_ns < NS_PER_MS) {
        text_add_string(html, "at once");
        return;
    }
    text_add_string(html, "after ");
    add_span(html, duration_ns);
}

/* ---- Whether it healed ---- */

struct healing {
    bool was_hurt;
    uint64_t hurt_ns, healed_ns; /* UINT64_MAX: not healed before `to_ns`. */
    const char *why;             /* The last reason before it healed, or of now. */
    const char *first_why;
};

/* What happened to the soundness of the cloud from `from_ns` on, and before `to_ns`. */
static struct healing find_healing(const struct recording *recording, uint64_t from_ns, uint64_t to_ns)
{
    struct healing healing = {.healed_ns = UINT64_MAX, .why = "", .first_why = ""};
    for (size_t i = 0; i < recording->health_count; i++) {
        const struct recorded_health *health = &recording->health[i];
        bool is_last = i + 1 == recording->health_count;
        uint64_t until_ns = is_last ? UINT64_MAX : recording->health[i + 1].at_ns;
        if (until_ns <= from_ns || health->at_ns >= to_ns)
            continue;
        if (health->is_sound && healing.was_hurt) {
            healing.healed_ns = health->at_ns;
            return healing;
        }
        if (health->is_sound)
            continue;
        healing.why = recording_text(recording, health->why);
        if (!healing.was_hurt) {
            healing.was_hurt = true;
            healing.hurt_ns = health->at_ns < from_ns ? from_ns : health->at_ns;
            healing.first_why = healing.why;
        }
    }
    return healing;
}

static uint64_t failed_requests(const struct cloud *cloud, uint64_t from_ns, uint64_t to_ns)
{
    uint64_t failed = 0;
    for (size_t load = 0; load < cloud_load_count(cloud); load++) {
        for (size_t second = (size_t)(from_ns / NS_PER_S);
             second < cloud_load_window_count(cloud, load) && second * NS_PER_S < to_ns; second++) {
            struct load_counts counts = cloud_load_window(cloud, load, second);
            failed += load_counts_failed(&counts);
        }
    }
    return failed;
}

static void add_healing(struct text *html, const struct cloud *cloud, const struct recording *recording,
                        uint64_t from_ns, uint64_t to_ns, uint64_t ending_ns)
{
    struct healing healing = find_healing(recording, from_ns, to_ns);
    text_add_string(html, "<p>");
    if (!healing.was_hurt) {
        text_add_string(html, "<span class=\"good\">The cloud stayed sound</span>: what ran and what was routed was "
                              "what was wanted, at every look. ");
    } else {
        text_add_string(html, "The cloud was not sound ");
        report_delay(html, healing.hurt_ns - from_ns);
        text_add_string(html, ": ");
        report_told(html, recording, healing.first_why);
        if (healing.healed_ns != UINT64_MAX) {
            text_add_string(html, ". <span class=\"good\">Sound again after ");
            add_span(html, healing.healed_ns - from_ns);
            text_add_string(html, "</span>. ");
        } else if (to_ns < ending_ns) {
            text_add_string(html, ". It had not healed when the next thing broke. ");
        } else {
            text_add_string(html, ". <span class=\"bad\">It never healed</span>");
            bool is_other = strcmp(healing.why, healing.first_why) != 0;
            text_add_string(html, is_other ? "; at the end: " : "");
            report_told(html, recording, is_other ? healing.why : "");
            text_add_string(html, ". ");
        }
    }
    uint64_t failed = failed_requests(cloud, from_ns, to_ns);
    if (cloud_load_count(cloud) > 0)
        text_addf(html,
                  failed == 0   ? "No request failed."
                  : failed == 1 ? "<span class=\"bad\">One request failed.</span>"
                                : "<span class=\"bad\">%llu requests failed.</span>",
                  (unsigned long long)failed);
    text_add_string(html, "</p>");
}

/* ---- The chapters ---- */

static void add_beginning(struct text *html, struct cloud *cloud, uint64_t to_ns)
{
    text_add_string(html, "<li class=\"good-at\"><p>");
    add_moment(html, 0, "");
    text_add_string(html, "<span class=\"what\">The cloud starts</span>: ");
    for (enum component_role role = 0; role < ROLE_COUNT; role++) {
        static const char *const many[ROLE_COUNT] = {"bus servers",     "routers", "controllers",
                                                     "health managers", "DEAs",    "service gateways"};
        static const char *const one[ROLE_COUNT] = {"bus server",     "router", "controller",
                                                    "health manager", "DEA",    "service gateway"};
        size_t count = cloud_component_count(cloud, role);
        if (count == 0 && role == ROLE_GATEWAY)
            continue;
        text_addf(html, "%s%zu %s", role == 0 ? "" : ", ", count, count == 1 ? one[role] : many[role]);
    }
    text_add_string(html, ". ");
    const struct story_line *line;
    bool has_told = false;
    for (size_t i = 0; (line = cloud_story(cloud, i)) != NULL; i++) {
        size_t size = strlen(line->text);
        if (line->kind != STORY_OPERATOR || line->at_ns > to_ns || size < 8 ||
            strcmp(line->text + size - 8, " is done") != 0)
            continue;
        if (strncmp(line->text, "register", 8) == 0 || strncmp(line->text, "login", 5) == 0)
            continue;
        text_add_string(html, has_told ? ", " : "Operators: ");
        struct text words = {0};
        text_add(&words, line->text, size - 8);
        report_escape(html, text_string(&words));
        text_free(&words);
        has_told = true;
    }
    text_add_string(html, has_told ? ". " : "");
    text_add_string(html, "</p></li>");
}

static void add_chapter(struct text *html, struct cloud *cloud, const struct recording *recording,
                        const struct disruption *disruption, uint64_t next_ns, uint64_t ending_ns)
{
    text_add_string(html, "<li class=\"fault-at\"><p>");
    add_moment(html, disruption->at_ns, disruption->who);
    text_add_string(html, "<span class=\"what fault\">");
    report_escape(html, disruption->words);
    text_add_string(html, ".</span>");
    if (disruption->ended_ns == UINT64_MAX) {
        text_add_string(html, " <span class=\"soft\">It lasted to the end.</span>");
    } else if (disruption->ended_ns > disruption->at_ns) {
        text_add_string(html, " <span class=\"soft\">Over after ");
        add_span(html, disruption->ended_ns - disruption->at_ns);
        text_add_string(html, ".</span>");
    }
    text_add_string(html, "</p>");
    if (next_ns > disruption->at_ns) {
        report_consequences(html, cloud, recording, disruption->at_ns, next_ns, next_ns == ending_ns);
        add_healing(html, cloud, recording, disruption->at_ns, next_ns, ending_ns);
    }
    text_add_string(html, "</li>\n");
}

/* What lay before it and what was still going on, for that is where a reader begins to look. */
static void add_suspects(struct text *html, const struct disruptions *disruptions, uint64_t ending_ns)
{
    if (disruptions->count == 0)
        return;
    const struct disruption *last = &disruptions->all[disruptions->count - 1];
    size_t lasting = 0;
    text_add_string(html, "<p>The last thing that broke before it, ");
    add_span(html, ending_ns - last->at_ns);
    text_add_string(html, " earlier: ");
    report_escape(html, last->words);
    text_add_string(html, ".</p>");
    for (size_t i = 0; i + 1 < disruptions->count; i++) {
        if (disruptions->all[i].ended_ns != UINT64_MAX)
            continue;
        text_add_string(html, lasting++ == 0 ? "<p>Still broken then: " : "; ");
        const char *all = disruptions->all[i].words, *more = strchr(all, ';');
        struct text words = {0};
        text_add(&words, all, more == NULL ? strlen(all) : (size_t)(more - all));
        text_add_string(&words, more == NULL ? "" : ", and what is like it");
        report_escape(html, text_string(&words));
        text_free(&words);
    }
    text_add_string(html, lasting == 0 ? "" : ".</p>");
}

static void add_end(struct text *html, const struct recording *recording, const Cupola__RunResult *result,
                    const struct disruptions *disruptions, uint64_t ending_ns)
{
    text_addf(html, "<li class=\"%s\"><p>", result->passed ? "good-at" : "bad-at");
    add_moment(html, ending_ns, "");
    if (result->passed) {
        text_add_string(html, "<span class=\"what good\">Everything that was promised has held.</span></p></li>");
        return;
    }
    text_add_string(html, "<span class=\"what bad\">Violated: ");
    struct text words = {0};
    const char *failure = report_failure_words(result->failure);
    text_add(&words, failure, strcspn(failure, "\r\n"));
    report_told(html, recording, text_string(&words));
    text_free(&words);
    text_add_string(html, "</span></p>");
    struct healing healing = find_healing(
        recording, disruptions->count == 0 ? 0 : disruptions->all[disruptions->count - 1].at_ns, UINT64_MAX);
    if (healing.was_hurt && healing.healed_ns == UINT64_MAX) {
        text_add_string(html, "<p>From ");
        add_moment(html, healing.hurt_ns, "");
        text_add_string(html, "to the end the cloud was not sound: ");
        report_told(html, recording, healing.why);
        text_add_string(html, ".</p>");
    }
    add_suspects(html, disruptions, ending_ns);
    if (disruptions->count == 0)
        text_add_string(html, "<p>Nothing had been broken: the cause lies in the components, in the scenario's own "
                              "steps or in its cloud.</p>");
    text_add_string(html, "</li>");
}

void report_story_html(struct text *html, struct cloud *cloud, const struct recording *recording,
                       const Cupola__RunResult *result)
{
    struct disruptions disruptions = {0};
    uint64_t ending_ns = recording->ending_ns;
    disruptions_gather(cloud, ending_ns, &disruptions);
    text_add_string(html, "<h2>What happened</h2><ol class=\"story\">");
    add_beginning(html, cloud, disruptions.count == 0 ? ending_ns : disruptions.all[0].at_ns);
    for (size_t i = 0; i < disruptions.count; i++) {
        bool is_left_out =
            disruptions.count > MOST_CHAPTERS && i >= MOST_CHAPTERS / 2 && i < disruptions.count - MOST_CHAPTERS / 2;
        if (is_left_out && i == MOST_CHAPTERS / 2)
            text_addf(html, "<li class=\"soft\">%zu more things broke; the timeline shows them.</li>",
                      disruptions.count - MOST_CHAPTERS);
        if (!is_left_out)
            add_chapter(html, cloud, recording, &disruptions.all[i],
                        i + 1 < disruptions.count ? disruptions.all[i + 1].at_ns : ending_ns, ending_ns);
    }
    add_end(html, recording, result, &disruptions, ending_ns);
    text_add_string(html, "</ol>");
    disruptions_free(&disruptions);
}
