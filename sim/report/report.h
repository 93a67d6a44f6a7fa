/* Reports of runs and campaigns: one self-contained HTML page each, JUnit and TAP for continuous integration. */
#ifndef CUPOLA_SIM_REPORT_REPORT_H
#define CUPOLA_SIM_REPORT_REPORT_H

#include "sim/report/recording.h"
#include "sim/result.h"
#include "sim/search/coverage.h"

/* Tells the story in words first, then lets a person look. The recording is of the whole run, and stopped. `source` is
 * the scenario's text, to show where it failed, or NULL. */
void report_run_html(struct cloud *cloud, const struct recording *recording, const Cupola__RunResult *result,
                     const char *source, struct text *ret_html);
void report_campaign_html(const Cupola__CampaignResult *result, struct text *ret_html);
/* What an exploration has found so far, and which fault met which state of which component. */
void report_exploration_html(const Cupola__ExploreState *totals, const struct coverage *coverage,
                             struct text *ret_html);

/* One test case a run; a campaign is one test suite with a case for each failure signature and one for the whole. */
void report_junit_of_run(const Cupola__RunResult *result, struct text *ret_xml);
void report_junit_of_campaign(const Cupola__CampaignResult *result, struct text *ret_xml);

/* The same as the Test Anything Protocol. */
void report_tap_of_run(const Cupola__RunResult *result, struct text *ret_tap);
void report_tap_of_campaign(const Cupola__CampaignResult *result, struct text *ret_tap);

/* ---- For the files of this module ---- */

/* Appends text with what HTML and XML reserve escaped. */
void report_escape(struct text *ret_text, const char *text);
/* The page up to and with <body><main>, and its end. */
void report_begin_page(struct text *html, const char *title);
void report_end_page(struct text *html);
/* The script that reads the page's data, and the data. */
void report_add_viewer(struct text *html);
/* A measurement's values as bars, with p50 and p99 and what chance leaves open about them. */
void report_distribution(struct text *html, const Cupola__MeasurementSummary *summary);
void report_data_json(struct text *html, const struct recording *recording);
/* Green or red, with words: never color alone. */
void report_verdict(struct text *html, bool passed);
/* A chart of what the clients of one load saw, second by second, with the faults above it. */
void report_load_chart(struct text *html, struct cloud *cloud, size_t load);

#endif
