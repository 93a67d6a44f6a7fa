/* A run in words: what broke, in which order, and what each of it led to. */
#ifndef CUPOLA_SIM_REPORT_WORDS_H
#define CUPOLA_SIM_REPORT_WORDS_H

#include "sim/faults/fault.h"
#include "sim/report/recording.h"
#include "sim/result.pb-c.h"

/* "The host of dea-1 lost power": a fault as a sentence without its end. Appended. */
void report_fault_words(const struct fault_spec *spec, struct text *ret_text);

/* Something that broke: a fault, or a component or an app's process that the scenario killed. */
struct disruption {
    uint64_t at_ns;
    uint64_t ended_ns; /* As at_ns for what is over at once; UINT64_MAX if it lasted to the end. */
    char *words;
    const char *who; /* A component, to look at first; "" if none. */
};
struct disruptions {
    struct disruption *all;
    size_t count, capacity;
};
/* All that broke before the cloud was stopped, in order. Those of one moment that differ in names and numbers only are
 * one. */
void disruptions_gather(struct cloud *cloud, uint64_t ending_ns, struct disruptions *ret_disruptions);
void disruptions_free(struct disruptions *disruptions);

/* A text of a component with names for addresses and apps' numbers, and long numbers cut; escaped. Appended. */
void report_told(struct text *html, const struct recording *recording, const char *text);
/* "after 40 ms", "after 1.3 s", "at once": as exact as a reader needs it. Appended. */
void report_delay(struct text *html, uint64_t duration_ns);

/* What people would tell of the time between: a list, of what is alike one and how many. `is_last`: nothing broke
 * after it, so that more is told of it, and its end however long it is. */
void report_consequences(struct text *html, struct cloud *cloud, const struct recording *recording, uint64_t from_ns,
                         uint64_t to_ns, bool is_last);

/* A failure that begins with the place in the scenario: behind that. */
const char *report_failure_words(const char *failure);
/* What was violated: the promise in words, and the step of the scenario (`source` is its text, or NULL). */
void report_violation(struct text *html, const Cupola__RunResult *result, const char *source);

/* The story as HTML: for each disruption what followed, and the end of it. */
void report_story_html(struct text *html, struct cloud *cloud, const struct recording *recording,
                       const Cupola__RunResult *result);

#endif
