#include "core/dea/instances/instance.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/dea/dea.h"
#include "core/wire/message.h"

#include <string.h>

/* v1's limits for orders that name none. */
enum { DEFAULT_MEMORY_MB = 512, DEFAULT_DISK_MB = 256, DEFAULT_DESCRIPTORS = 1024 };

#define BIT(state) (1u << INSTANCE_##state)

/* The diagram in instance.h: where each state may go. */
static const unsigned allowed_moves[] = {
    [INSTANCE_FETCHING] = BIT(LAUNCHING) | BIT(GONE),
    [INSTANCE_LAUNCHING] = BIT(PROBING) | BIT(FETCHING) | BIT(STOPPING) | BIT(REMOVING),
    [INSTANCE_PROBING] = BIT(RUNNING) | BIT(UNREADY) | BIT(STOPPING) | BIT(CRASHED),
    [INSTANCE_RUNNING] = BIT(UNREADY) | BIT(STOPPING) | BIT(CRASHED),
    [INSTANCE_UNREADY] = BIT(RUNNING) | BIT(STOPPING) | BIT(CRASHED),
    [INSTANCE_STOPPING] = BIT(REMOVING),
    [INSTANCE_CRASHED] = BIT(REMOVING),
    [INSTANCE_REMOVING] = BIT(GONE),
    [INSTANCE_GONE] = 0,
};
static const unsigned first_states = BIT(FETCHING) | BIT(PROBING) | BIT(STOPPING) | BIT(CRASHED);

/* ---- Life ---- */

static Cupola__DeaStart *copy_with_limits(const Cupola__DeaStart *order)
{
    Cupola__DeaLimits limits = CUPOLA__DEA_LIMITS__INIT;
    if (order->limits != NULL)
        limits = *order->limits;
    if (!limits.has_mem || limits.mem <= 0)
        limits.mem = DEFAULT_MEMORY_MB;
    if (!limits.has_disk || limits.disk <= 0)
        limits.disk = DEFAULT_DISK_MB;
    if (!limits.has_fds || limits.fds <= 0)
        limits.fds = DEFAULT_DESCRIPTORS;
    limits.has_mem = limits.has_disk = limits.has_fds = true;
    Cupola__DeaStart filled = *order;
    filled.limits = &limits;
    return message_copy(&filled.base);
}

struct instance *dea_instance_new(struct dea *dea, const char *id, const Cupola__DeaStart *order, uint16_t port,
                                  enum instance_state first)
{
    assert_that((first_states & (1u << first)) != 0);
    assert_that(strlen(id) == INSTANCE_ID_SIZE - 1);
    assert_that(dea_instance_find(dea, id) == NULL);
    struct instance *instance = memory_new(sizeof *instance);
    instance->dea = dea;
    memcpy(instance->id, id, INSTANCE_ID_SIZE);
    instance->state = first;
    instance->state_timestamp_s = machine_wall_seconds(&dea->machine);
    instance->order = copy_with_limits(order);
    dea->singleton.has_any = dea->singleton.has_any || order->singleton;
    instance->droplet = order->droplet;
    instance->index = order->index;
    instance->epoch = order->epoch;
    instance->port = port;
    instance->memory_mb = (uint32_t)instance->order->limits->mem;
    HASH_ADD(hh, dea->instances, id, INSTANCE_ID_SIZE - 1, instance);
    if (first == INSTANCE_CRASHED) {
        dea->crashed_count++;
        return instance;
    }
    instance->holds_resources = true;
    dea->held_count++;
    dea->reserved_mb += instance->memory_mb;
    dea_usage_begin(dea);
    return instance;
}

void dea_instance_release_resources(struct instance *instance)
{
    if (!instance->holds_resources)
        return;
    struct dea *dea = instance->dea;
    assert_that(dea->held_count > 0);
    assert_that(dea->reserved_mb >= instance->memory_mb);
    instance->holds_resources = false;
    dea->held_count--;
    dea->reserved_mb -= instance->memory_mb;
    dea_ports_release(&dea->ports, instance->port, dea->machine.now_ns + dea->config->port_quarantine_ms * NS_PER_MS);
}

static void cancel_timers(struct instance *instance)
{
    timer_cancel(&instance->dea->machine, &instance->timer);
    timer_cancel(&instance->dea->machine, &instance->probe_timer);
}

static void free_instance(struct instance *instance)
{
    HASH_DELETE(hh, instance->dea->instances, instance);
    cupola__dea_start__free_unpacked(instance->order, NULL);
    memory_free(instance);
}

void dea_instances_destroy(struct dea *dea)
{
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        op_forget(&instance->op);
        cancel_timers(instance);
        timer_cancel(&dea->machine, &instance->startup.timer);
        timer_cancel(&dea->machine, &instance->liveness.timer);
        timer_cancel(&dea->machine, &instance->liveness.checkup.timer);
        timer_cancel(&dea->machine, &instance->readiness.timer);
        timer_cancel(&dea->machine, &instance->readiness.checkup.timer);
        free_instance(instance);
    }
}

/* What the states promise, looked at on every move. */
static void assert_invariants(const struct instance *instance)
{
    const struct dea *dea = instance->dea;
    if (dea_instance_is_live(instance))
        assert_that(instance->holds_resources);
    if (instance->is_registered)
        assert_that(instance->state == INSTANCE_RUNNING);
    if (dea_instance_is_up(instance)) {
        assert_that(!instance->exit_seen);
        assert_that(!op_is_pending(&instance->op));
    }
    if (instance->state == INSTANCE_GONE)
        assert_that(!instance->holds_resources);
    assert_that(dea->held_count + dea->crashed_count <= 2 * HASH_COUNT(dea->instances));
}

void dea_instance_move(struct instance *instance, enum instance_state next)
{
    struct dea *dea = instance->dea;
    assert_that((allowed_moves[instance->state] & (1u << next)) != 0);
    assert_that(!instance->is_registered); /* Unregister first. */
    if (instance->state == INSTANCE_CRASHED) {
        assert_that(dea->crashed_count > 0);
        dea->crashed_count--;
    }
    cancel_timers(instance);
    bool is_still_up = dea_instance_is_up(instance);
    instance->state = next;
    is_still_up = is_still_up && dea_instance_is_up(instance);
    if (!is_still_up)
        instance->state_timestamp_s = machine_wall_seconds(&dea->machine);
    if (!dea_instance_has_process(instance))
        dea_exec_end_of(instance);
    if (next == INSTANCE_CRASHED)
        dea->crashed_count++;
    if (dea_instance_is_up(instance) && !is_still_up)
        instance->ready_ns = dea->machine.now_ns;
    if (next == INSTANCE_GONE)
        dea_instance_release_resources(instance);
    assert_invariants(instance);
}

/* The conn cannot be let go before its last word, so the struct may outlive its state by a step or two. */
void dea_instance_bury(struct instance *instance)
{
    if (instance->state != INSTANCE_GONE || instance->probe.state != CONN_CLOSED ||
        !dea_checkup_is_idle(&instance->startup) || !dea_checkup_is_idle(&instance->liveness.checkup) ||
        !dea_checkup_is_idle(&instance->readiness.checkup))
        return;
    assert_that(!op_is_pending(&instance->op));
    assert_that(!instance->holds_resources);
    struct dea *dea = instance->dea;
    free_instance(instance);
    dea_evacuation_check_end(dea);
}

struct instance *dea_instance_find(struct dea *dea, const char *id)
{
    struct instance *instance = NULL;
    HASH_FIND(hh, dea->instances, id, strlen(id), instance);
    return instance;
}

void dea_instance_set_uris(struct instance *instance, char *const *uris, size_t count)
{
    Cupola__DeaStart *order = instance->order;
    Cupola__DeaStart changed = *order;
    changed.n_uris = count;
    changed.uris = (char **)uris;
    instance->order = message_copy(&changed.base);
    cupola__dea_start__free_unpacked(order, NULL);
    instance->uris_changed = true;
}

/* ---- Questions ---- */

const char *dea_instance_state_text(const struct instance *instance)
{
    switch (instance->state) {
    case INSTANCE_FETCHING:
    case INSTANCE_LAUNCHING:
    case INSTANCE_PROBING:
        return "STARTING";
    case INSTANCE_RUNNING:
    case INSTANCE_UNREADY:
        return "RUNNING";
    case INSTANCE_CRASHED:
        return "CRASHED";
    case INSTANCE_STOPPING:
    case INSTANCE_REMOVING:
    case INSTANCE_GONE:
        return NULL;
    }
    assert_unreachable();
}

const char *dea_instance_state_name(enum instance_state state)
{
    switch (state) {
    case INSTANCE_FETCHING:
        return "FETCHING";
    case INSTANCE_LAUNCHING:
        return "LAUNCHING";
    case INSTANCE_PROBING:
        return "PROBING";
    case INSTANCE_RUNNING:
        return "RUNNING";
    case INSTANCE_UNREADY:
        return "UNREADY";
    case INSTANCE_STOPPING:
        return "STOPPING";
    case INSTANCE_CRASHED:
        return "CRASHED";
    case INSTANCE_REMOVING:
        return "REMOVING";
    case INSTANCE_GONE:
        return "GONE";
    }
    assert_unreachable();
}

bool dea_instance_has_process(const struct instance *instance)
{
    return instance->state == INSTANCE_PROBING || dea_instance_is_up(instance);
}

bool dea_instance_is_up(const struct instance *instance)
{
    return instance->state == INSTANCE_RUNNING || instance->state == INSTANCE_UNREADY;
}

bool dea_instance_is_live(const struct instance *instance)
{
    return instance->state == INSTANCE_FETCHING || instance->state == INSTANCE_LAUNCHING ||
           instance->state == INSTANCE_PROBING || dea_instance_is_up(instance);
}

static bool is_listed(const char *text, char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return count == 0;
}

static bool is_index_listed(int32_t index, const int32_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == index)
            return true;
    return count == 0;
}

bool dea_instance_matches(const struct instance *instance, const struct instance_filter *filter)
{
    const char *state = dea_instance_state_text(instance);
    if (state == NULL || instance->droplet != filter->droplet)
        return false;
    if (filter->version != NULL && strcmp(filter->version, instance->order->version) != 0)
        return false;
    if (filter->epoch != 0 && instance->epoch > filter->epoch && !mutation_is(DEA_FORGETS_EPOCHS))
        return false;
    if (instance->index >= 0 && (size_t)instance->index < filter->wanted_count && instance->epoch != 0 &&
        instance->epoch == filter->wanted_epochs[instance->index])
        return false;
    return is_listed(instance->id, filter->instances, filter->instance_count) &&
           is_index_listed(instance->index, filter->indices, filter->index_count) &&
           is_listed(state, filter->states, filter->state_count);
}
