/* A run in words: what broke, in which order, and what each of it led to. */
#ifndef CUPOLA_SIM_REPORT_WORDS_H
#define CUPOLA_SIM_REPORT_WORDS_H

#include "sim/faults/fault.h"
#include "sim/report/recording.h"
#include "sim/result.pb-c.h"

/* "The host of dea-1 lost power": a fault as a sentence without its end. Appended. */
void report_fault_words(const struct fault_spec *spec, struct text *ret_text);

/* Something that broke: a fault, or a component that was killed by the scenario. */
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
/* All that broke before the cloud was stopped, in order. Those of one moment that differ in the name only are one. */
void disruptions_gather(struct cloud *cloud, uint64_t ending_ns, struct disruptions *ret_disruptions);
void disruptions_free(struct disruptions *disruptions);

/* The story as HTML: for each disruption what followed, and the end of it. */
void report_story_html(struct text *html, struct cloud *cloud, const struct recording *recording,
                       const Cupola__RunResult *result);

#endif
