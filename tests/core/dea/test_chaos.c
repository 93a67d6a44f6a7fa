/* Random stories: whatever is ordered, broken and restarted in whatever order, the books stay right, and in peace
 * everything comes to rest. */
#include "tests/core/dea/stage.h"

#include "core/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { STORIES = 200, MOVES = 250, INDICES = 6 };

static struct random_stream dice;

static uint64_t roll(uint64_t bound)
{
    return random_below(&dice, bound);
}

/* ---- What must always hold ---- */

static bool runs(const struct stage *stage, const char *name)
{
    for (size_t i = 0; i < STAGE_WORKLOADS; i++)
        if (strcmp(stage->workloads[i].name, name) == 0)
            return stage->workloads[i].exists && stage->workloads[i].runs;
    return false;
}

static void check_books(const struct stage *stage)
{
    struct dea_view dea;
    dea_view(stage->machine, &dea);
    uint64_t reserved_mb = 0;
    uint16_t ports[STAGE_WORKLOADS];
    size_t port_count = 0;
    struct dea_instance_view live[STAGE_WORKLOADS];
    size_t live_count = 0;
    struct dea_instance_view view;
    const void *at = NULL;
    while (dea_view_next(stage->machine, &at, &view)) {
        bool is_running = strcmp(view.phase, "RUNNING") == 0;
        assert_true(is_running == view.is_registered || stage->has_exited);
        if (is_running)
            assert_true(runs(stage, view.instance));
        if (view.holds_memory) {
            reserved_mb += view.memory_mb;
            for (size_t i = 0; i < port_count; i++)
                assert_int_not_equal(ports[i], view.port);
            ports[port_count++] = view.port;
        }
        if (strcmp(view.state, "STARTING") != 0 && !is_running)
            continue;
        for (size_t i = 0; i < live_count; i++)
            assert_false(live[i].index == view.index && live[i].epoch == view.epoch);
        live[live_count++] = view;
    }
    assert_int_equal(reserved_mb, dea.reserved_mb);
    assert_true(reserved_mb <= dea.max_mb);
}

/* ---- What may happen ---- */

static struct workload *pick_running(struct stage *stage)
{
    size_t count = stage_running(stage);
    if (count == 0)
        return NULL;
    size_t skip = (size_t)roll(count);
    struct workload *workload = stage->workloads;
    while (!workload->exists || !workload->runs || skip-- > 0)
        workload++;
    return workload;
}

static void tell_stop(struct stage *stage, int epoch)
{
    char payload[128];
    size_t form = (size_t)roll(4);
    if (form == 0)
        snprintf(payload, sizeof payload, "{\"droplet\":7}");
    else if (form == 1)
        snprintf(payload, sizeof payload, "{\"droplet\":7,\"indices\":[%d]}", (int)roll(INDICES));
    else if (form == 2)
        snprintf(payload, sizeof payload, "{\"droplet\":7,\"indices\":[%d],\"epoch\":%d}", (int)roll(INDICES), epoch);
    else
        snprintf(payload, sizeof payload, "{\"droplet\":7,\"indices\":[%d],\"states\":[\"CRASHED\"]}",
                 (int)roll(INDICES));
    stage_tell(stage, "dea.stop", NULL, payload);
}

static void begin_next_life(struct stage *stage)
{
    for (size_t i = 0; i < STAGE_WORKLOADS; i++)
        if (stage->workloads[i].exists && roll(5) == 0)
            stage->workloads[i].runs = false; /* It died while nobody watched. */
    stage_begin_life(stage);
}

static void upset_the_host(struct stage *stage)
{
    struct workload *workload = pick_running(stage);
    switch (roll(6)) {
    case 0:
        stage->launches_fail = roll(4) == 0;
        break;
    case 1:
        stage->droplet_is_here = false;
        break;
    case 2:
        stage->workloads_listen = roll(4) > 0;
        break;
    case 3:
        if (workload != NULL)
            workload->ignores_sigterm = true;
        break;
    case 4:
        if (workload != NULL)
            workload->memory_bytes = 100 << 20;
        break;
    default:
        stage->served_digest = roll(4) == 0 ? NULL : STAGE_DIGEST;
    }
}

static void upset_the_network(struct stage *stage)
{
    if (roll(2) == 0)
        stage->controller_is_down = roll(4) == 0;
    else if (stage->bus_is_down)
        stage->bus_is_down = false;
    else
        stage_drop_bus(stage);
}

static void move(struct stage *stage, int *epoch)
{
    struct workload *workload = pick_running(stage);
    switch (roll(12)) {
    case 0:
    case 1:
    case 2:
        stage_order(stage, (int)roll(INDICES), ++*epoch);
        break;
    case 3:
        stage_order(stage, (int)roll(INDICES), *epoch - (int)roll(3));
        break;
    case 4:
        tell_stop(stage, *epoch - (int)roll(5));
        break;
    case 5:
        if (workload != NULL)
            stage_end_workload(stage, workload, (int)roll(2) * 9);
        break;
    case 6:
        upset_the_host(stage);
        break;
    case 7:
        upset_the_network(stage);
        break;
    case 8:
        stage_tell(stage, roll(2) == 0 ? "router.start" : "healthmanager.start", NULL, "");
        stage_tell(stage, "dea.update", NULL, "{\"droplet\":7,\"uris\":[\"a.cupola.test\",\"b.cupola.test\"]}");
        stage_tell(stage, "dea.discover", "_INBOX.x", "{\"droplet\":7,\"limits\":{\"mem\":64},\"runtime\":\"node\"}");
        break;
    case 9:
        if (roll(4) == 0)
            stage_evacuate(stage);
        break;
    case 10:
        if (roll(3) == 0) {
            stage_kill(stage);
            begin_next_life(stage);
        } else if (roll(3) == 0) {
            stage_stop(stage);
            begin_next_life(stage);
        }
        break;
    default:
        stage_pass_ms(stage, roll(3) == 0 ? roll(70000) : roll(200));
    }
    if (stage->has_exited) { /* Evacuated. */
        assert_int_equal(stage->exit_status, 0);
        stage_kill(stage);
        begin_next_life(stage);
    }
}

/* ---- Peace ---- */

static void come_to_rest(struct stage *stage)
{
    stage->controller_is_down = stage->bus_is_down = stage->launches_fail = false;
    stage->workloads_listen = true;
    stage->served_digest = STAGE_DIGEST;
    for (size_t i = 0; i < STAGE_WORKLOADS; i++) {
        stage->workloads[i].listens = true;
        stage->workloads[i].memory_bytes = 1 << 20;
    }
    stage_pass_ms(stage, 200000);
    if (stage->has_exited) {
        stage_kill(stage);
        stage_begin_life(stage);
        stage_pass_ms(stage, 200000);
    }
    size_t running = 0;
    struct dea_instance_view view;
    const void *at = NULL;
    while (dea_view_next(stage->machine, &at, &view)) {
        assert_true(strcmp(view.state, "RUNNING") == 0 || strcmp(view.state, "CRASHED") == 0);
        running += strcmp(view.state, "RUNNING") == 0;
    }
    assert_int_equal(running, stage_running(stage)); /* No orphans. */
    stage_forget(stage);
    stage_tell(stage, "router.start", NULL, "");
    stage_pass_ms(stage, 101);
    assert_int_equal(stage_heard(stage, "router.register", ""), running);
}

static void the_books_stay_right_in_any_story(void **state)
{
    (void)state;
    for (uint64_t story = 0; story < STORIES; story++) {
        static struct stage stage;
        dice = random_named(story, "test.chaos");
        stage_prepare(&stage);
        stage_begin_life(&stage);
        int epoch = 10;
        for (int i = 0; i < MOVES; i++) {
            move(&stage, &epoch);
            check_books(&stage);
            stage_forget(&stage);
        }
        come_to_rest(&stage);
        check_books(&stage);
        stage_stop(&stage);
        stage_close(&stage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_books_stay_right_in_any_story)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
