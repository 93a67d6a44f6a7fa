/* What followed from something that broke, as a person would tell it. */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "sim/report/report.h"
#include "sim/report/words.h"
#include "sim/search/signature.h"

#include <string.h>

/* Of many the first are told, and of the last chapter also the last. */
enum { MOST_LINES = 9, LAST_LINES = 5, MOST_KINDS = 60 };

/* Lines that are alike but for numbers and names are told once, with how many there were. */
struct told_line {
    const struct story_line *line;
    char *likeness;
    size_t count;
};

static bool begins_with(const char *text, const char *words)
{
    return strncmp(text, words, strlen(words)) == 0;
}

static bool ends_with(const char *text, const char *words)
{
    size_t size = strlen(text), end = strlen(words);
    return size >= end && strcmp(text + size - end, words) == 0;
}

/* What the health manager decides, what goes wrong, who dies and comes, what operators and the scenario do. Of the last
 * chapter, which has the cause in it, everything that was logged. */
static bool is_consequence(const struct story_line *line, bool is_last)
{
    switch (line->kind) {
    case STORY_LOG:
        return !begins_with(line->who, "operator") &&
               (is_last || line->level >= LOG_WARNING || begins_with(line->who, "health_manager"));
    case STORY_COMPONENT:
        return !begins_with(line->who, "operator");
    case STORY_OPERATOR: /* That it is done needs no line, that it failed does. */
        return !ends_with(line->text, " is done") && !begins_with(line->text, "login");
    case STORY_SCENARIO: /* Signals are told as what broke. */
        return !begins_with(line->text, "desired, actual and routed") && !begins_with(line->text, "signal ");
    case STORY_FAULT:
    case STORY_CHECK:
        return false;
    }
    return false;
}

static bool is_told(const struct story_line *line, uint64_t from_ns, uint64_t to_ns, bool is_last)
{
    bool is_own_end = line->at_ns == from_ns && line->kind == STORY_COMPONENT && !begins_with(line->text, "starts");
    return line->at_ns >= from_ns && line->at_ns < to_ns && is_consequence(line, is_last) && !is_own_end;
}

static size_t gather_lines(struct cloud *cloud, uint64_t from_ns, uint64_t to_ns, bool is_last, struct told_line *told,
                           size_t *ret_more)
{
    const struct story_line *line;
    size_t count = 0;
    *ret_more = 0;
    for (size_t i = 0; (line = cloud_story(cloud, i)) != NULL; i++) {
        if (!is_told(line, from_ns, to_ns, is_last))
            continue;
        char *likeness = signature_of(line->text);
        size_t at = 0;
        while (at < count && strcmp(told[at].likeness, likeness) != 0)
            at++;
        if (at < count || count == MOST_KINDS) {
            *(at < count ? &told[at].count : ret_more) += 1;
            memory_free(likeness);
        } else {
            told[count++] = (struct told_line){.line = line, .likeness = likeness, .count = 1};
        }
    }
    return count;
}

static void add_line(struct text *html, const struct recording *recording, const struct told_line *told,
                     uint64_t from_ns)
{
    const struct story_line *line = told->line;
    text_add_string(html, "<li><span class=\"soft\">");
    report_delay(html, line->at_ns - from_ns);
    text_add_string(html, "</span> <b>");
    report_escape(html, line->kind == STORY_OPERATOR ? "an operator:" : line->kind == STORY_SCENARIO ? "" : line->who);
    text_add_string(html, "</b> ");
    report_told(html, recording, line->text);
    if (told->count > 1)
        text_addf(html, " <span class=\"soft\">(and %zu more like it)</span>", told->count - 1);
    text_add_string(html, "</li>");
}

void report_consequences(struct text *html, struct cloud *cloud, const struct recording *recording, uint64_t from_ns,
                         uint64_t to_ns, bool is_last)
{
    struct told_line told[MOST_KINDS];
    size_t more = 0, count = gather_lines(cloud, from_ns, to_ns, is_last, told, &more);
    size_t tail = is_last && count > MOST_LINES ? LAST_LINES : 0;
    size_t head = count > MOST_LINES ? MOST_LINES - tail : count;
    if (count == 0)
        return;
    text_add_string(html, "<ul>");
    for (size_t i = 0; i < head; i++)
        add_line(html, recording, &told[i], from_ns);
    for (size_t i = head; i < count - tail; i++)
        more += told[i].count;
    if (more > 0)
        text_addf(html, "<li class=\"soft\">%zu more lines are in the log below</li>", more);
    for (size_t i = count - tail; i < count; i++)
        add_line(html, recording, &told[i], from_ns);
    for (size_t i = 0; i < count; i++)
        memory_free(told[i].likeness);
    text_add_string(html, "</ul>");
}
