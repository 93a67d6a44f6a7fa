/* The steps of a run as text: what `cupola sim bisect` compares. */
#include "cli/sim/sim.h"

#include "core/trace/encode.h"
#include "core/trace/trace.h"
#include "drivers/sim/process/process.h"

static void add_hash(struct sim_steps *steps)
{
    text_addf(&steps->text, "%llu %016llx\n", (unsigned long long)cloud_step_count(steps->cloud),
              (unsigned long long)cloud_hash(steps->cloud));
}

void sim_print_step(const struct cloud *cloud, const struct process *process, const struct event *event,
                    struct effects *effects, struct text *text)
{
    uint64_t now_ns = cloud_now_ns(cloud);
    Cupola__TraceEvent event_message;
    struct trace_event_parts event_parts;
    trace_fill_event(&event_message, &event_parts, event);
    text_addf(text, "step %llu at %llu.%09llu s, %s: ", (unsigned long long)cloud_step_count(cloud),
              (unsigned long long)(now_ns / 1000000000), (unsigned long long)(now_ns % 1000000000), process->name);
    trace_print_event(text, &event_message);
    for (size_t i = 0; i < effects_count(effects); i++) {
        Cupola__TraceEffect effect_message;
        struct trace_effect_parts effect_parts;
        trace_fill_effect(&effect_message, &effect_parts, effects_at(effects, i));
        text_add_string(text, "\n    ");
        trace_print_effect(text, &effect_message);
    }
    /* What the words cut short is in the hash. */
    text_addf(text, "\n    hash %016llx\n", (unsigned long long)cloud_hash(cloud));
}

static void on_step(void *context, const struct process *process, const struct event *event, struct effects *effects)
{
    struct sim_steps *steps = context;
    uint64_t number = cloud_step_count(steps->cloud);
    if (steps->last == 0 && number % SIM_CHECKPOINT == 0)
        add_hash(steps);
    else if (steps->last > 0 && number >= steps->first && number <= steps->last)
        sim_print_step(steps->cloud, process, event, effects, &steps->text);
}

void sim_watch_steps(struct sim_steps *steps, struct cloud *cloud)
{
    steps->cloud = cloud;
    cloud_observe_steps(cloud, on_step, steps);
}

void sim_end_steps(struct sim_steps *steps)
{
    if (steps->last == 0)
        add_hash(steps);
}
