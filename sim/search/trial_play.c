/* A trial, played on a cloud: the same calls in the same order as the scenario that trial_write_lua writes. */
#include "core/base/duration.h"
#include "sim/checks/check.h"
#include "sim/clients/operator.h"
#include "sim/search/trial.h"

/* Whether the run goes on; if a wait was in vain, says so as lua/cloud.lua does. */
static bool goes_on(struct cloud *cloud, enum cloud_result result, const char *bound, struct text *ret_failure)
{
    if (result == CLOUD_TIMED_OUT)
        text_addf(ret_failure, "waited %s in vain: %s", bound, cloud_explanation(cloud));
    return result == CLOUD_OK;
}

static void act(struct cloud *cloud, const struct trial_action *action)
{
    struct fault_spec spec = action->fault;
    spec.target = action->target;
    spec.peer = action->peer[0] == 0 ? NULL : action->peer;
    switch (action->act) {
    case TRIAL_FAULT:
        fault_begin(cloud, &spec);
        break;
    case TRIAL_SCALE:
        operator_scale(cloud, action->target, action->instances);
        break;
    case TRIAL_RESTART: {
        Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
        config.command = (char *)(uintptr_t) "restart";
        config.app = (char *)(uintptr_t)action->target;
        operator_run(cloud, &config, NULL);
        break;
    }
    }
}

static bool act_all(struct cloud *cloud, const struct trial_play *play, struct text *ret_failure)
{
    struct trial *trial = play->trial;
    uint64_t from_ns = cloud_now_ns(cloud);
    for (size_t i = 0; i < trial->action_count; i++) {
        if (play->boundary != NULL)
            play->boundary(trial, cloud, i, play->context);
        if (i >= trial->action_count)
            break;
        uint64_t wait_ns = from_ns + trial->actions[i].at_ns - cloud_now_ns(cloud);
        if (!goes_on(cloud, cloud_run_for(cloud, wait_ns), "", ret_failure))
            return false;
        act(cloud, &trial->actions[i]);
    }
    return true;
}

bool trial_player(struct cloud *cloud, void *context, struct text *ret_failure)
{
    const struct trial_play *play = context;
    static const struct {
        cloud_predicate *predicate;
        uint64_t bound_s;
        const char *bound; /* As lua/units.lua shows it. */
    } ends[] = {{operators_idle, 600, "10m"},    {all_components_up, 60, "1m"}, {all_wanted_run, 400, "6.666m"},
                {nothing_else_runs, 90, "1.5m"}, {routes_are_right, 180, "3m"}, {converged, 60, "1m"}};
    if (!goes_on(cloud, cloud_wait_until(cloud, converged, NULL, 60 * NS_PER_S, NULL), "1m", ret_failure) ||
        !act_all(cloud, play, ret_failure) ||
        !goes_on(cloud, cloud_run_for(cloud, play->trial->storm_ms / 3 * NS_PER_MS), "", ret_failure))
        return false;
    faults_end_all(cloud);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        enum cloud_result result = cloud_wait_until(cloud, ends[i].predicate, NULL, ends[i].bound_s * NS_PER_S, NULL);
        if (!goes_on(cloud, result, ends[i].bound, ret_failure))
            return false;
    }
    /* Disks that were slow work off what they owe, so that nothing is under way at the end. */
    return goes_on(cloud, cloud_run_for(cloud, play->trial->storm_ms * NS_PER_MS), "", ret_failure);
}
