/* The comparison of what should be with what is: when to look at what, and what silence says.
 *
 * A full pass is linear in the number of instances and touches no memory but theirs. First it lets time pass for all of
 * them, then it asks for what is missing: if there are not enough starts for all, apps with nothing running come first,
 * then those of which the larger share is missing.
 */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/health_manager/health_manager.h"

#include <stdlib.h>

/* A DEA tells of its survivors before it says that it is back, but not long before. */
static const uint64_t recovery_ns = NS_PER_S;
/* Full passes for lost hosts are at least so far apart. */
static const uint64_t pass_pause_ns = 20 * NS_PER_MS;

static bool may_judge(const struct health_manager *hm)
{
    if (mutation_is(HM_WAITS_FOR_ALL) && hm->leases.counts[LEASE_FRESH] < hm_deas_known(hm))
        return false;
    return hm->desired.is_known && hm->bus.is_connected && !hm->is_stopping;
}

static void tell_of_brakes(struct health_manager *hm)
{
    struct brake *brake = &hm->brake;
    bool is_news = (brake->is_slow && !brake->told_slow) || (brake->is_scarce && !brake->told_scarce) ||
                   (brake->holds_stops && !brake->told_holding);
    struct text reasons = {0};
    hm_brake_add_reasons(brake, &reasons);
    if (is_news)
        machine_log(&hm->machine, LOG_WARNING, "healing is held back: %s", text_string(&reasons));
    text_free(&reasons);
    brake->told_slow = brake->is_slow;
    brake->told_scarce = brake->is_scarce;
    brake->told_holding = brake->holds_stops;
}

static void look_at_rest(struct health_manager *hm, struct app *app)
{
    if (app->stray_count > 0)
        hm_surplus_look(hm, app);
    if (app->crash_count > 0 && hm->machine.now_ns > hm->times.droplet_lost_ns)
        hm_app_forget_crashes_before(app, hm->machine.now_ns - hm->times.droplet_lost_ns);
}

/* While starts are scarce, what happens to one app must not overtake those that wait. */
void hm_analyse_app(struct health_manager *hm, struct app *app)
{
    hm_note_awake(hm);
    if (!may_judge(hm))
        return;
    size_t due = hm_missing_age(hm, app);
    if (due > 0 && (!hm->brake.is_scarce || due == app->instance_count))
        hm_missing_ask(hm, app);
    look_at_rest(hm, app);
}

/* ---- The full pass ---- */

struct urgent_app {
    struct app *app;
    uint32_t missing_ppm;
    bool is_dead;
};

struct urgent_apps {
    struct urgent_app *items;
    size_t count;
    size_t capacity;
    size_t due; /* Indices. */
};

static void note_urgent(struct urgent_apps *urgent, struct app *app, size_t due)
{
    urgent->items = memory_room(urgent->items, urgent->count, &urgent->capacity, sizeof *urgent->items);
    urgent->items[urgent->count++] = (struct urgent_app){
        .app = app,
        .missing_ppm = (uint32_t)(due * 1000000 / app->instance_count),
        .is_dead = hm_app_count_state(app, INSTANCE_RUNNING) == 0,
    };
    urgent->due += due;
}

/* A total order: ids differ. */
static int compare_urgent(const void *left, const void *right)
{
    const struct urgent_app *a = left;
    const struct urgent_app *b = right;
    if (a->is_dead != b->is_dead)
        return a->is_dead ? -1 : 1;
    if (a->missing_ppm != b->missing_ppm)
        return a->missing_ppm > b->missing_ppm ? -1 : 1;
    return a->app->id < b->app->id ? -1 : a->app->id > b->app->id;
}

static void ask_in_order(struct health_manager *hm, struct urgent_apps *urgent)
{
    if (urgent->due > hm_brake_starts_left(&hm->brake, hm->machine.now_ns) && !mutation_is(HM_FIRST_COME))
        qsort(urgent->items, urgent->count, sizeof *urgent->items, compare_urgent);
    for (size_t i = 0; i < urgent->count; i++)
        hm_missing_ask(hm, urgent->items[i].app);
    memory_free(urgent->items);
}

static void analyse_all(struct health_manager *hm)
{
    hm_note_awake(hm);
    hm->counters.analyses++;
    hm->analysed_ns = hm->machine.now_ns;
    if (!may_judge(hm))
        return;
    struct urgent_apps urgent = {.items = NULL};
    struct app *app, *next;
    hm_hosts_look(hm);
    hm_brake_begin_pass(&hm->brake);
    HASH_ITER (hh, hm->apps.apps, app, next) {
        size_t due = hm_missing_age(hm, app);
        if (due > 0)
            note_urgent(&urgent, app, due);
        look_at_rest(hm, app);
        if (!app->is_desired && app->stray_count == 0 && !app->is_dirty)
            hm_app_remove(&hm->apps, app);
    }
    hm_brake_count(&hm->brake);
    ask_in_order(hm, &urgent);
    hm_brake_end_pass(&hm->brake, hm->machine.now_ns);
    tell_of_brakes(hm);
}

static void on_analysis_due(struct timer *timer)
{
    struct health_manager *hm = container_of(timer, struct health_manager, analysis_timer);
    analyse_all(hm);
    timer_set(&hm->machine, timer, hm->times.analysis_ns, on_analysis_due);
}

void hm_analysis_open(struct health_manager *hm)
{
    timer_set(&hm->machine, &hm->analysis_timer, hm->times.analysis_ns, on_analysis_due);
}

/* Hosts are lost together: one pass for all that go within a moment. */
void hm_look_at_lost_hosts(struct health_manager *hm)
{
    uint64_t soon_ns = hm->analysed_ns + pass_pause_ns;
    if (soon_ns < hm->machine.now_ns)
        soon_ns = hm->machine.now_ns;
    timer_set_at(&hm->machine, &hm->analysis_timer, soon_ns, on_analysis_due);
}

/* ---- Silence ---- */

bool hm_is_silence(const struct health_manager *hm, uint64_t since_ns, uint64_t allowed_ns)
{
    uint64_t now_ns = hm->machine.now_ns;
    if (since_ns >= hm->connected_at_ns || mutation_is(HM_ACTS_ON_STALE_NEWS))
        return now_ns - since_ns >= allowed_ns;
    /* What was sent before we could hear counts only when everyone has had the time to say it again. */
    return now_ns - since_ns >= allowed_ns && now_ns - hm->connected_at_ns >= hm->times.droplet_lost_ns;
}

bool hm_is_lost(const struct health_manager *hm, const struct claim *claim, enum instance_cause *ret_cause)
{
    const struct hm_dea *dea = hm_dea_at(hm, claim->dea);
    uint64_t heard_ns = claim->heard_at_ns;
    *ret_cause = CAUSE_SILENT;
    if (dea == NULL)
        return hm_is_silence(hm, heard_ns, hm->times.droplet_lost_ns);
    if (dea->lease.state == LEASE_LOST) {
        *ret_cause = CAUSE_HOST_LOST;
        return true;
    }
    if (claim->beat != dea->complete_beats) {
        *ret_cause = CAUSE_NOT_LISTED;
        return true;
    }
    /* One that holds a lease is asked what it has, should its own word of that be lost or late. */
    bool tells = dea->lease.state != LEASE_NONE && !mutation_is(HM_MISSES_SURVIVORS);
    if (!tells && heard_ns + recovery_ns < dea->restarted_at_ns) {
        *ret_cause = CAUSE_DEA_RESTARTED;
        return true;
    }
    if (dea->vouched_at_ns > heard_ns && !mutation_is(HM_ACTS_ON_STALE_NEWS))
        heard_ns = dea->vouched_at_ns;
    if (mutation_is(HM_TRUSTS_CLOCKS))
        return claim->state_timestamp > machine_wall_seconds(&hm->machine) + 30;
    return hm_is_silence(hm, heard_ns, hm->times.droplet_lost_ns);
}
