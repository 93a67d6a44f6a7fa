/* The story of a run as a stranger needs it: what broke, what followed from it, whether the cloud healed, what was
 * violated. */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "sim/clients/load.h"
#include "sim/report/report.h"
#include "sim/report/words.h"
#include "sim/search/signature.h"

#include <string.h>

enum { MOST_CHAPTERS = 30, MOST_LINES = 7 };

static void add_moment(struct text *html, uint64_t at_ns, const char *who)
{
    text_addf(html, "<button class=\"at\" data-at=\"%llu\" data-who=\"", (unsigned long long)(at_ns / 1000));
    report_escape(html, who);
    text_addf(html, "\"><time>%llu.%03llu s</time></button> ", (unsigned long long)(at_ns / NS_PER_S),
              (unsigned long long)(at_ns / NS_PER_MS % 1000));
}

static void add_span(struct text *html, uint64_t duration_ns)
{
    result_print_value(html, "ns", duration_ns);
}

/* "after 200 ms", "at once" */
static void add_delay(struct text *html, uint64_t duration_ns)
{
    if (duration_ns < 1000) {
        text_add_string(html, "at once");
        return;
    }
    text_add_string(html, "after ");
    add_span(html, duration_ns);
}

/* ---- What followed ---- */

/* Consequences are what a person would tell: what the health manager decides, what goes wrong, who dies and comes. */
static bool is_consequence(const struct story_line *line)
{
    if (line->kind == STORY_LOG)
        return line->level >= LOG_WARNING || strncmp(line->who, "health_manager", 14) == 0;
    bool is_known = line->kind == STORY_SCENARIO && strncmp(line->text, "desired, actual and routed", 26) == 0;
    return !is_known && (line->kind == STORY_COMPONENT || line->kind == STORY_OPERATOR || line->kind == STORY_SCENARIO);
}

/* Lines that are alike but for numbers and names are told once, with how many there were. */
struct told_line {
    const struct story_line *line;
    char *likeness;
    size_t count;
};

static size_t gather_lines(struct cloud *cloud, uint64_t from_ns, uint64_t to_ns, struct told_line *told,
                           size_t *ret_more)
{
    const struct story_line *line;
    size_t count = 0;
    *ret_more = 0;
    for (size_t i = 0; (line = cloud_story(cloud, i)) != NULL; i++) {
        if (line->at_ns < from_ns || line->at_ns >= to_ns || !is_consequence(line))
            continue;
        bool is_own_end =
            line->at_ns == from_ns && line->kind == STORY_COMPONENT && strncmp(line->text, "starts", 6) != 0;
        if (is_own_end || strncmp(line->who, "operator", 8) == 0)
            continue;
        char *likeness = signature_of(line->text);
        size_t at = 0;
        while (at < count && strcmp(told[at].likeness, likeness) != 0)
            at++;
        if (at < count || count == MOST_LINES) {
            *(at < count ? &told[at].count : ret_more) += 1;
            memory_free(likeness);
        } else {
            told[count++] = (struct told_line){.line = line, .likeness = likeness, .count = 1};
        }
    }
    return count;
}

static void add_consequences(struct text *html, struct cloud *cloud, uint64_t from_ns, uint64_t to_ns)
{
    struct told_line told[MOST_LINES];
    size_t more = 0, count = gather_lines(cloud, from_ns, to_ns, told, &more);
    if (count == 0)
        return;
    text_add_string(html, "<ul>");
    for (size_t i = 0; i < count; i++) {
        const struct story_line *line = told[i].line;
        text_add_string(html, "<li><span class=\"soft\">");
        add_delay(html, line->at_ns - from_ns);
        text_add_string(html, "</span> <b>");
        report_escape(html, line->who);
        text_add_string(html, "</b> ");
        report_escape(html, line->text);
        if (told[i].count > 1)
            text_addf(html, " <span class=\"soft\">(and %zu more like it)</span>", told[i].count - 1);
        text_add_string(html, "</li>");
        memory_free(told[i].likeness);
    }
    if (more > 0)
        text_addf(html, "<li class=\"soft\">%zu more lines are in the log below</li>", more);
    text_add_string(html, "</ul>");
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
        add_delay(html, healing.hurt_ns - from_ns);
        text_add_string(html, ": ");
        report_escape(html, healing.first_why);
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
            report_escape(html, is_other ? healing.why : "");
            text_add_string(html, ". ");
        }
    }
    uint64_t failed = failed_requests(cloud, from_ns, to_ns);
    if (cloud_load_count(cloud) > 0)
        text_addf(html, failed == 0 ? "No request failed." : "<span class=\"bad\">%llu requests failed.</span>",
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
        add_consequences(html, cloud, disruption->at_ns, next_ns);
        add_healing(html, cloud, recording, disruption->at_ns, next_ns, ending_ns);
    }
    text_add_string(html, "</li>\n");
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
    report_escape(html, result->failure);
    text_add_string(html, "</span></p>");
    struct healing healing = find_healing(
        recording, disruptions->count == 0 ? 0 : disruptions->all[disruptions->count - 1].at_ns, UINT64_MAX);
    if (healing.was_hurt && healing.healed_ns == UINT64_MAX) {
        text_add_string(html, "<p>From ");
        add_moment(html, healing.hurt_ns, "");
        text_add_string(html, "to the end the cloud was not sound: ");
        report_escape(html, healing.why);
        text_add_string(html, ".</p>");
    }
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
