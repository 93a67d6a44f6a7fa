/* How a measurement is distributed over the runs of a campaign. */
#include "sim/report/report.h"

enum { WIDTH = 480, HEIGHT = 150, LEFT = 6, BASE = 118 };

/* The middle of the place of a value, on the scale of the bars. */
static uint64_t x_of(const Cupola__MeasurementSummary *summary, uint64_t value)
{
    uint64_t range = result_bin_width(summary->least, summary->most) * summary->n_bins;
    uint64_t way = value - summary->least;
    while (range > UINT64_C(1) << 50) { /* No product may overflow. */
        range >>= 1;
        way >>= 1;
    }
    return LEFT + (2 * way + 1) * (WIDTH - 2 * LEFT) / (2 * range);
}

static void add_value(struct text *html, const Cupola__MeasurementSummary *summary, uint64_t value)
{
    result_print_value(html, summary->unit, value);
}

static void add_bars(struct text *html, const Cupola__MeasurementSummary *summary)
{
    uint64_t highest = 1;
    for (size_t i = 0; i < summary->n_bins; i++)
        highest = summary->bins[i] > highest ? summary->bins[i] : highest;
    uint64_t room = BASE - 14, width = summary->n_bins == 0 ? 1 : (WIDTH - 2 * LEFT) / summary->n_bins;
    for (size_t i = 0; i < summary->n_bins; i++) {
        uint64_t height = summary->bins[i] * room / highest;
        if (summary->bins[i] == 0)
            continue;
        height = height < 2 ? 2 : height; /* A single slow run must be seen. */
        text_addf(html,
                  "<rect x=\"%llu\" y=\"%llu\" width=\"%llu\" height=\"%llu\" fill=\"var(--blue)\"><title>%llu "
                  "values</title></rect>",
                  (unsigned long long)(LEFT + i * (WIDTH - 2 * LEFT) / summary->n_bins),
                  (unsigned long long)(BASE - height), (unsigned long long)(width > 2 ? width - 1 : width),
                  (unsigned long long)height, (unsigned long long)summary->bins[i]);
    }
}

/* The percentile as a line; as a band, between which values the true one lies with 95% confidence. */
static void add_percentile(struct text *html, const Cupola__MeasurementSummary *summary, const char *name,
                           const uint64_t values[3], const char *color)
{
    uint64_t low = x_of(summary, values[0]), at = x_of(summary, values[1]), high = x_of(summary, values[2]);
    text_addf(html,
              "<rect x=\"%llu\" y=\"8\" width=\"%llu\" height=\"%d\" fill=\"var(--%s)\" opacity=\".22\"/>"
              "<line x1=\"%llu\" x2=\"%llu\" y1=\"8\" y2=\"%d\" stroke=\"var(--%s)\" stroke-width=\"2\"/>",
              (unsigned long long)low, (unsigned long long)(high - low < 2 ? 2 : high - low), BASE - 8, color,
              (unsigned long long)at, (unsigned long long)at, BASE, color);
    const char *anchor = at > 3 * WIDTH / 4 ? "end" : at < WIDTH / 8 ? "start" : "middle";
    text_addf(html, "<text x=\"%llu\" y=\"%d\" font-size=\"12\" text-anchor=\"%s\" fill=\"var(--%s)\">%s ",
              (unsigned long long)at, HEIGHT - (name[1] == '5' ? 16 : 2), anchor, color, name);
    add_value(html, summary, values[1]);
    text_add_string(html, "</text>");
}

static void add_interval(struct text *html, const Cupola__MeasurementSummary *summary, const char *name,
                         const uint64_t values[3])
{
    text_addf(html, "<li><b>");
    add_value(html, summary, values[1]);
    text_addf(html, "</b><span>%s; with 95%% confidence ", name);
    add_value(html, summary, values[0]);
    text_add_string(html, " to ");
    add_value(html, summary, values[2]);
    text_add_string(html, "</span></li>");
}

void report_distribution(struct text *html, const Cupola__MeasurementSummary *summary)
{
    const uint64_t p50[3] = {summary->p50_low, summary->p50, summary->p50_high};
    const uint64_t p99[3] = {summary->p99_low, summary->p99, summary->p99_high};
    text_add_string(html, "<section><h3>");
    report_escape(html, summary->name);
    text_add_string(html, "</h3>");
    if (summary->least == summary->most) {
        text_addf(html, "<p>Always <b>");
        add_value(html, summary, summary->least);
        text_addf(html, "</b> <span class=\"soft\">in %llu runs.</span></p></section>\n",
                  (unsigned long long)summary->count);
        return;
    }
    text_addf(html, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Distribution of ", WIDTH, HEIGHT);
    report_escape(html, summary->name);
    text_add_string(html, "\">");
    add_bars(html, summary);
    text_addf(html, "<line x1=\"0\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"var(--soft)\"/>", WIDTH, BASE, BASE);
    add_percentile(html, summary, "p50", p50, "good");
    add_percentile(html, summary, "p99", p99, "fault");
    text_add_string(html, "</svg><ul class=\"facts\">");
    add_interval(html, summary, "p50", p50);
    add_interval(html, summary, "p99", p99);
    text_add_string(html, "</ul><p class=\"soft\">");
    text_addf(html, "%llu values from ", (unsigned long long)summary->count);
    add_value(html, summary, summary->least);
    text_add_string(html, " to ");
    add_value(html, summary, summary->most);
    text_add_string(html, "; p90 ");
    add_value(html, summary, summary->p90);
    text_add_string(html, ".</p></section>\n");
}
