/* What was violated: the promise in words, what was seen, and the step of the scenario. */
#include "core/base/memory.h"
#include "sim/checks/check.h"
#include "sim/report/report.h"
#include "sim/report/words.h"

#include <stdlib.h>
#include <string.h>

enum { LINES_BEFORE = 4, LINES_AFTER = 3 };

/* Of "scenarios/x.lua:27: words" the words, and the line; otherwise all, and 0. */
static const char *split_place(const char *failure, unsigned long *ret_line)
{
    const char *place = strstr(failure, ".lua:"), *space = strchr(failure, ' ');
    *ret_line = 0;
    if (place == NULL || (space != NULL && space < place))
        return failure;
    char *end = NULL;
    unsigned long line = strtoul(place + 5, &end, 10);
    if (end == place + 5 || strncmp(end, ": ", 2) != 0)
        return failure;
    *ret_line = line;
    return end + 2;
}

const char *report_failure_words(const char *failure)
{
    unsigned long line;
    return split_place(failure, &line);
}

/* "never_misrouted: ..." -> what that promises. */
static const char *promise_of(const char *failure)
{
    char name[64] = "";
    size_t size = strcspn(failure, ":");
    if (size < sizeof name)
        memcpy(name, failure, size);
    enum always_check check = always_check_find(name);
    return check == 0 ? NULL : always_check_promise(check);
}

/* What is expected is told as it should be; what was waited for, why it had not come. */
static const char *how_it_failed(const char *words)
{
    if (strncmp(words, "expected: ", 10) == 0)
        return "At this step the scenario expects what follows, and it was not so:";
    if (strncmp(words, "waited ", 7) == 0)
        return "At this step the scenario waits for something to become so, within a bound. It did not:";
    return NULL;
}

static void add_step(struct text *html, const char *source, unsigned long line)
{
    text_add_string(html, "<pre class=\"step\" aria-label=\"The step of the scenario\">");
    unsigned long number = 1;
    for (const char *at = source; *at != 0; number++) {
        size_t size = strcspn(at, "\n");
        if (number + LINES_BEFORE >= line && number <= line + LINES_AFTER) {
            char *words = memory_copy_text(at);
            words[size] = 0;
            text_addf(html, number == line ? "<mark>%4lu  " : "%4lu  ", number);
            report_escape(html, words);
            text_add_string(html, number == line ? "</mark>\n" : "\n");
            memory_free(words);
        }
        at += size + (at[size] != 0);
    }
    text_add_string(html, "</pre>");
}

void report_violation(struct text *html, const Cupola__RunResult *result, const char *source)
{
    unsigned long line = 0;
    const char *words = split_place(result->failure, &line), *promise = promise_of(result->failure);
    const char *how = promise != NULL ? promise : how_it_failed(words);
    size_t first = strcspn(words, "\r\n");
    struct text shown = {0};
    text_add_string(html, "<blockquote><b>What was violated</b>");
    if (how != NULL) {
        text_add_string(html, promise == NULL ? "" : "The promise: ");
        report_escape(html, how);
        text_add_string(html, "<br>");
    }
    text_add(&shown, words, first);
    text_add_string(html, "<strong>");
    report_escape(html, text_string(&shown));
    text_add_string(html, "</strong>");
    if (strlen(words + first) > 3) { /* More than a quote behind the line's end. */
        text_add_string(html, "<pre>");
        for (const char *at = words + first + strspn(words + first, "\r\n"); *at != 0; at++) {
            char letter[2] = {*at, 0};
            report_escape(html, *at == '\r' ? "" : letter);
        }
        text_add_string(html, "</pre>");
    }
    if (line > 0 && source != NULL)
        add_step(html, source, line);
    text_add_string(html, "</blockquote>");
    text_free(&shown);
}
