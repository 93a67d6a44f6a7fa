/* What the clients of a load saw, second by second: answered, failed; and when faults were there. */
#include "core/base/duration.h"
#include "sim/clients/load.h"
#include "sim/faults/fault.h"
#include "sim/report/report.h"

enum { WIDTH = 960, HEIGHT = 160, LEFT = 48, TOP = 24, BOTTOM = 24 };

/* Where a second lies on the chart. */
static uint64_t x_of(uint64_t at_ns, uint64_t end_ns)
{
    uint64_t at = at_ns > end_ns ? end_ns : at_ns;
    return LEFT + (end_ns == 0 ? 0 : at / 1000 * (WIDTH - LEFT) / (end_ns / 1000 + 1));
}

static uint64_t highest_rate(const struct cloud *cloud, size_t load)
{
    uint64_t highest = 1;
    for (size_t second = 0; second < cloud_load_window_count(cloud, load); second++) {
        struct load_counts counts = cloud_load_window(cloud, load, second);
        uint64_t all = counts.ok + load_counts_failed(&counts);
        highest = all > highest ? all : highest;
    }
    return highest;
}

static void add_faults(struct text *html, struct cloud *cloud, uint64_t end_ns)
{
    for (size_t i = 0; i < cloud_fault_count(cloud); i++) {
        const struct fault *fault = cloud_fault(cloud, i);
        if (fault_state(fault) == FAULT_PLANNED)
            continue;
        uint64_t from = x_of(fault_began_ns(fault), end_ns), to = x_of(fault_ended_ns(fault), end_ns);
        text_addf(
            html,
            "<rect x=\"%llu\" y=\"%d\" width=\"%llu\" height=\"%d\" fill=\"var(--fault)\" opacity=\".25\"><title>",
            (unsigned long long)from, TOP, (unsigned long long)(to - from < 3 ? 3 : to - from), HEIGHT - TOP - BOTTOM);
        struct text words = {0};
        fault_describe(fault_spec_of(fault), &words);
        report_escape(html, text_string(&words));
        text_free(&words);
        text_add_string(html, "</title></rect>");
    }
}

/* One bar a second: what was answered from below, what failed on top of it. */
static void add_bars(struct text *html, struct cloud *cloud, size_t load, uint64_t end_ns)
{
    const uint64_t room = HEIGHT - TOP - BOTTOM, highest = highest_rate(cloud, load);
    for (size_t second = 0; second < cloud_load_window_count(cloud, load); second++) {
        struct load_counts counts = cloud_load_window(cloud, load, second);
        uint64_t failed = load_counts_failed(&counts);
        uint64_t x = x_of(second * NS_PER_S, end_ns), next = x_of((second + 1) * NS_PER_S, end_ns);
        uint64_t width = next - x > 1 ? next - x - (next - x > 3) : 1;
        uint64_t ok_height = counts.ok * room / highest, bad_height = failed * room / highest;
        if (failed > 0 && bad_height < 3)
            bad_height = 3;
        text_addf(html, "<rect x=\"%llu\" y=\"%llu\" width=\"%llu\" height=\"%llu\" fill=\"var(--blue)\"/>",
                  (unsigned long long)x, (unsigned long long)(HEIGHT - BOTTOM - ok_height), (unsigned long long)width,
                  (unsigned long long)ok_height);
        if (failed > 0)
            text_addf(html, "<rect x=\"%llu\" y=\"%llu\" width=\"%llu\" height=\"%llu\" fill=\"var(--bad)\"/>",
                      (unsigned long long)x, (unsigned long long)(HEIGHT - BOTTOM - ok_height - bad_height),
                      (unsigned long long)width, (unsigned long long)bad_height);
    }
}

void report_load_chart(struct text *html, struct cloud *cloud, size_t load)
{
    uint64_t end_ns = cloud_now_ns(cloud);
    struct load_counts counts = cloud_load_counts(cloud, load);
    text_add_string(html, "<h2>Requests to ");
    report_escape(html, cloud_load_host(cloud, load));
    text_addf(html, "</h2><p>%llu sent, %llu answered, <span class=\"%s\">%llu failed</span>. ",
              (unsigned long long)counts.sent, (unsigned long long)counts.ok,
              load_counts_failed(&counts) > 0 ? "bad" : "good", (unsigned long long)load_counts_failed(&counts));
    text_add_string(html,
                    "<span class=\"soft\">Blue: answered in that second; red: failed; shaded: a fault.</span></p>");
    text_addf(html,
              "<div class=\"scroll\"><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Requests a second over "
              "simulated time\">",
              WIDTH, HEIGHT);
    add_faults(html, cloud, end_ns);
    add_bars(html, cloud, load, end_ns);
    text_addf(
        html,
        "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"var(--soft)\"/>"
        "<g fill=\"var(--soft)\" font-size=\"12\"><text x=\"0\" y=\"%d\">%llu/s</text>"
        "<text x=\"%d\" y=\"%d\">0 s</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\">%llu s</text></g></svg></div>",
        LEFT, HEIGHT - BOTTOM, WIDTH, HEIGHT - BOTTOM, TOP + 6, (unsigned long long)highest_rate(cloud, load), LEFT,
        HEIGHT - 6, WIDTH, HEIGHT - 6, (unsigned long long)(end_ns / NS_PER_S));
}
