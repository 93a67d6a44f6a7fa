/* A trial as the text of a scenario. */
#include "core/base/duration.h"
#include "core/base/random.h"
#include "sim/search/trial.h"

/* "12.5s", "300ms". */
static void add_duration(struct text *text, uint64_t ns)
{
    uint64_t ms = ns / NS_PER_MS;
    if (ms >= 1000 && ms % 1000 == 0)
        text_addf(text, "\"%llus\"", (unsigned long long)(ms / 1000));
    else if (ms >= 1000 && ms % 100 == 0)
        text_addf(text, "\"%llu.%llus\"", (unsigned long long)(ms / 1000), (unsigned long long)(ms / 100 % 10));
    else
        text_addf(text, "\"%llums\"", (unsigned long long)ms);
}

static void add_fault(struct text *text, const struct trial_action *action)
{
    const struct fault_spec *fault = &action->fault;
    const char *comma = "";
    text_addf(text, "    cloud:fault(\"%s\", {", fault_kind_name(fault->kind));
    if (action->target[0] != 0) {
        text_addf(text, " target = \"%s\"", action->target);
        comma = ",";
    }
    if (fault->share_ppm > 0)
        text_addf(text, ", share = \"%u%%\"", fault->share_ppm / 10000);
    if (action->peer[0] != 0) {
        text_addf(text, "%s peer = \"%s\"", comma, action->peer);
        comma = ",";
    }
    if (fault->one_way) {
        text_addf(text, "%s one_way = true", comma);
        comma = ",";
    }
    if (fault->amount != 0) {
        text_addf(text, "%s amount = %lld", comma, (long long)fault->amount);
        comma = ",";
    }
    if (distribution_median_ns(&fault->delay) > 0) {
        text_addf(text, "%s delay = ", comma);
        add_duration(text, distribution_median_ns(&fault->delay));
        comma = ",";
    }
    if (fault->duration_ns > 0) {
        text_addf(text, "%s duration = ", comma);
        add_duration(text, fault->duration_ns);
    }
    text_add_string(text, " })\n");
}

static void add_action(struct text *text, const struct trial_action *action, uint64_t after_ns)
{
    text_add_string(text, "    cloud:wait(");
    add_duration(text, action->at_ns - after_ns);
    text_add_string(text, ")\n");
    switch (action->act) {
    case TRIAL_FAULT:
        add_fault(text, action);
        break;
    case TRIAL_SCALE:
        text_addf(text, "    cloud:scale(\"%s\", %u)\n", action->target, action->instances);
        break;
    case TRIAL_RESTART:
        text_addf(text, "    cloud:restart(\"%s\")\n", action->target);
        break;
    }
}

void trial_write_lua(const struct trial *trial, struct text *ret_text)
{
    text_add_string(ret_text, "function(cloud)\n    cloud:wait_until(cupola.converged, \"60s\")\n");
    uint64_t at_ns = 0;
    for (size_t i = 0; i < trial->action_count; i++) {
        add_action(ret_text, &trial->actions[i], at_ns);
        at_ns = trial->actions[i].at_ns;
    }
    text_add_string(ret_text, "    cloud:wait(");
    add_duration(ret_text, trial->storm_ms / 3 * NS_PER_MS);
    text_add_string(ret_text, ")\n"
                              "    cloud:mend_everything()\n"
                              "    cloud:wait_until(cupola.operators_idle, \"600s\")\n"
                              "    cloud:wait_until(cupola.all_up, \"60s\")\n"
                              "    cloud:wait_until(cupola.all_wanted_run, \"400s\")\n"
                              "    cloud:wait_until(cupola.nothing_else_runs, \"90s\")\n"
                              "    cloud:wait_until(cupola.routes_are_right, \"180s\")\n"
                              "    cloud:wait_until(cupola.converged, \"60s\")\n"
                              "    cloud:wait(");
    add_duration(ret_text, trial->storm_ms * NS_PER_MS);
    text_add_string(ret_text, ")\n  end");
}

/* Latencies and disks of some other data centre; within what the promises allow. */
static void add_timings(struct text *text, struct random_stream *stream)
{
    text_addf(text, "    link = { latency = cupola.lognormal(\"%lluus\", 0.%llu), loss = 0.00%llu },\n",
              (unsigned long long)random_between(stream, 5, 200) * 10, (unsigned long long)random_between(stream, 1, 9),
              (unsigned long long)random_below(stream, 10));
    text_addf(text, "    disk_sync = cupola.lognormal(\"%lluus\", 0.%llu),\n",
              (unsigned long long)random_between(stream, 2, 100) * 100,
              (unsigned long long)random_between(stream, 1, 9));
}

void trial_write_cloud(uint64_t number, struct text *ret_text)
{
    struct random_stream stream = random_numbered(number, "trial.cloud", 0);
    unsigned zones = (unsigned)random_between(&stream, 1, 3), deas = (unsigned)random_between(&stream, 2, 6);
    text_add_string(ret_text, "local cupola = require \"cupola\"\n\nreturn cupola.scenario {\n");
    text_addf(ret_text, "  title = \"A drawn cloud under drawn faults: number %llu\",\n", (unsigned long long)number);
    text_addf(ret_text, "  cloud = {\n    zones = %u,\n    routers = %u,\n    controllers = %u,\n", zones,
              (unsigned)random_between(&stream, 1, 2), (unsigned)random_between(&stream, 1, 3));
    text_addf(ret_text, "    health_managers = %u,\n    deas = %u,\n", (unsigned)random_between(&stream, 1, 2), deas);
    if (random_below(&stream, 2) == 0)
        text_addf(ret_text, "    bus_servers = %u,\n", (unsigned)random_between(&stream, 2, 3));
    if (random_below(&stream, 2) == 0)
        add_timings(ret_text, &stream);
    text_add_string(ret_text, "  },\n  apps = {\n");
    text_addf(ret_text, "    shop = { instances = %u },\n", (unsigned)random_between(&stream, 1, 6));
    if (random_below(&stream, 2) == 0)
        text_addf(ret_text, "    blog = { instances = %u, singleton = %s },\n", (unsigned)random_between(&stream, 1, 3),
                  random_below(&stream, 2) == 0 ? "true" : "false");
    text_addf(ret_text, "  },\n  load = { { host = \"shop.cupola.test\", rate = %u } },\n",
              (unsigned)random_between(&stream, 1, 40));
    text_add_string(ret_text, "  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, "
                              "cupola.memory_within_limits },\n"
                              "  sometimes = {\n"
                              "    cupola.logged \"this health manager speaks now\",\n"
                              "    cupola.logged \"healing is held back\",\n"
                              "    cupola.logged \"is lost: nobody reaches it\",\n"
                              "    cupola.logged \"under the standing order\",\n"
                              "    cupola.logged \"set aside for\",\n"
                              "    cupola.logged \"slow consumer\",\n"
                              "    cupola.logged \"evacuating\",\n"
                              "    cupola.logged \"the journal did not\",\n"
                              "    cupola.logged \"trying again\",\n"
                              "  },\n\n"
                              "  run = function(cloud)\n  end,\n}\n");
}
