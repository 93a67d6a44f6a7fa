#include "core/dea/healing/standing.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/dea/dea.h"

enum {
    FREE_RESTARTS = 3,   /* In a row, without a pause. */
    HAND_OVER_MS = 5000, /* One that can heal and pings so long after a crash has taken it up. */
    LOOK_MS = 200,       /* Between looks at what is undecided. */
    NO_ROOM_MS = 1000,   /* Until the next try where there was none; doubles where a start was tried in vain, */
    MOST_NO_ROOM_MS = 30000,
    STEADY_MS = 180000, /* Who ran for so long begins to count anew. */
};

static void on_look(struct timer *timer)
{
    dea_standing_review(container_of(timer, struct dea, standing.timer));
}

static void look_at(struct dea *dea, uint64_t at_ns)
{
    struct timer *timer = &dea->standing.timer;
    if (!timer_is_set(timer) || timer->at_ns > at_ns)
        timer_set_at(&dea->machine, timer, at_ns, on_look);
}

static bool is_in_force(const struct dea *dea)
{
    uint64_t patience_ns = dea->config->standing_order_ms * NS_PER_MS;
    uint64_t now_ns = dea->machine.now_ns;
    if (patience_ns == 0 || dea->phase != DEA_OPEN || mutation_is(DEA_WAITS_FOR_ORDERS))
        return false;
    bool is_unheard = !dea->bus.is_connected && now_ns - dea->standing.bus_lost_ns >= patience_ns;
    bool is_alone = dea->standing.was_pinged && now_ns - dea->lease.healer_ns >= patience_ns;
    return is_unheard || is_alone;
}

/* ---- One that has crashed ---- */

static uint64_t pause_ns(const struct dea *dea, uint32_t crashes)
{
    if (crashes < FREE_RESTARTS)
        return 0;
    uint64_t pause_ms = dea->config->standing_delay_ms;
    for (uint32_t i = FREE_RESTARTS; i < crashes && pause_ms < dea->config->standing_delay_most_ms; i++)
        pause_ms *= 2;
    return (pause_ms < dea->config->standing_delay_most_ms ? pause_ms : dea->config->standing_delay_most_ms) *
           NS_PER_MS;
}

void dea_standing_note_crash(struct instance *instance)
{
    struct dea *dea = instance->dea;
    uint64_t now_ns = dea->machine.now_ns;
    assert_that(instance->state == INSTANCE_CRASHED);
    if (dea->phase != DEA_OPEN || instance->is_surrendered)
        return;
    if (instance->ready_ns != 0 && now_ns - instance->ready_ns >= STEADY_MS * NS_PER_MS)
        instance->crashes = 0;
    instance->crashed_ns = now_ns;
    instance->heal_ns = now_ns + pause_ns(dea, instance->crashes);
    look_at(dea, is_in_force(dea) ? now_ns : now_ns + LOOK_MS * NS_PER_MS);
}

void dea_standing_note_failure(const struct instance *failed)
{
    struct dea *dea = failed->dea;
    struct instance *crashed = NULL, *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        bool is_same = instance->state == INSTANCE_CRASHED && instance->droplet == failed->droplet &&
                       instance->index == failed->index && instance->epoch == failed->epoch;
        if (is_same && instance->crashes + 1 == failed->crashes)
            crashed = instance;
    }
    if (crashed == NULL || dea->phase != DEA_OPEN)
        return;
    uint64_t pause_ms = NO_ROOM_MS;
    for (uint32_t i = 0; i < crashed->heal_failures && pause_ms < MOST_NO_ROOM_MS; i++)
        pause_ms *= 2;
    crashed->heal_failures++;
    crashed->crashed_ns = dea->machine.now_ns;
    crashed->heal_ns = dea->machine.now_ns + (pause_ms < MOST_NO_ROOM_MS ? pause_ms : MOST_NO_ROOM_MS) * NS_PER_MS;
    look_at(dea, dea->machine.now_ns + LOOK_MS * NS_PER_MS);
}

/* Somebody has taken its place, or it is not wanted any more. */
static bool is_settled(struct dea *dea, const struct instance *crashed)
{
    if (dea_fences_forbid(&dea->fences, crashed->order))
        return true;
    const struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        bool is_same =
            instance != crashed && instance->droplet == crashed->droplet && instance->index == crashed->index;
        if (is_same && (instance->epoch > crashed->epoch || dea_instance_is_live(instance)))
            return true;
    }
    return false;
}

static bool is_theirs(const struct dea *dea, const struct instance *crashed)
{
    if (!dea->bus.is_connected)
        return false;
    return !dea->standing.was_pinged || dea->lease.healer_ns >= crashed->crashed_ns + HAND_OVER_MS * NS_PER_MS;
}

static void let_go(struct instance *crashed)
{
    crashed->heal_ns = 0;
    crashed->is_exit_untold = false;
    dea_saved_write(crashed->dea);
}

/* The bus is back, and with it those who heal. */
static void tell(struct instance *crashed)
{
    dea_heartbeat_publish_exit(crashed, "CRASHED", crashed->crash_detail);
    crashed->is_exit_untold = false;
    dea_saved_write(crashed->dea);
}

static void heal(struct instance *crashed)
{
    struct dea *dea = crashed->dea;
    struct instance *instance = dea_start_again(crashed);
    if (instance == NULL) {
        crashed->heal_ns = dea->machine.now_ns + NO_ROOM_MS * NS_PER_MS;
        return;
    }
    machine_log(&dea->machine, LOG_WARNING, "%s-%d started again under the standing order, after %u crashes",
                crashed->order->name, crashed->index, crashed->crashes + 1);
    crashed->heal_ns = 0;
    crashed->is_exit_untold = false;
    dea_saved_write(dea);
}

/* ---- All ---- */

void dea_standing_review(struct dea *dea)
{
    uint64_t now_ns = dea->machine.now_ns;
    bool in_force = is_in_force(dea);
    struct instance *instance, *next;
    timer_cancel(&dea->machine, &dea->standing.timer);
    if (dea->phase != DEA_OPEN)
        return;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (instance->state != INSTANCE_CRASHED || instance->heal_ns == 0)
            continue;
        if (!in_force && dea->bus.is_connected && instance->is_exit_untold)
            tell(instance);
        if (is_settled(dea, instance) || (!in_force && is_theirs(dea, instance)))
            let_go(instance);
        else if (in_force && instance->exit_seen && now_ns >= instance->heal_ns)
            heal(instance);
        if (instance->heal_ns != 0)
            look_at(dea, in_force && instance->heal_ns > now_ns ? instance->heal_ns : now_ns + LOOK_MS * NS_PER_MS);
    }
}

void dea_standing_on_bus_lost(struct dea *dea)
{
    dea->standing.bus_lost_ns = dea->machine.now_ns;
}

void dea_standing_on_ping(struct dea *dea)
{
    if (dea->standing.was_pinged)
        return;
    dea->standing.was_pinged = true;
    dea_saved_write(dea);
}

bool dea_standing_holds_back_exit(const struct dea *dea)
{
    return !dea->bus.is_connected && dea->phase == DEA_OPEN && dea->config->standing_order_ms > 0 &&
           !mutation_is(DEA_WAITS_FOR_ORDERS);
}
