#include "core/cloud_controller/collector.h"

#include "core/base/assert.h"
#include "core/base/duration.h"

static const uint64_t sweep_interval_ns = 10 * NS_PER_S;

static void on_sweep(struct timer *timer);
static void on_deleted(struct op *op, const struct op_result *result);

void cc_collector_open(struct controller *controller)
{
    timer_set(&controller->machine, &controller->collector.timer, sweep_interval_ns, on_sweep);
}

void cc_collector_stop(struct controller *controller)
{
    timer_cancel(&controller->machine, &controller->collector.timer);
}

void cc_collector_hold(struct controller *controller)
{
    controller->collector.holds++;
}

void cc_collector_release(struct controller *controller)
{
    assert_that(controller->collector.holds > 0);
    controller->collector.holds--;
}

/* One after the other: there is no hurry. */
static void delete_next(struct controller *controller)
{
    struct collector *collector = &controller->collector;
    struct blob_ref *ref = controller->state.refs.first;
    uint64_t keep_ns = controller->config->blob_keep_ms * NS_PER_MS;
    bool is_due = ref != NULL && controller->machine.now_ns - ref->given_up_ns >= keep_ns;
    if (!is_due || collector->holds > 0 || controller->is_stopping) {
        cc_collector_open(controller);
        return;
    }
    op_blob_delete(&controller->machine, &collector->op, ref->digest, on_deleted);
    cc_refs_forget(&controller->state.refs, ref);
    collector->deleted++;
}

static void on_sweep(struct timer *timer)
{
    delete_next(container_of(timer, struct controller, collector.timer));
}

static void on_deleted(struct op *op, const struct op_result *result)
{
    struct controller *controller = container_of(op, struct controller, collector.op);
    if (result->status == IO_CANCELLED || controller->is_stopping)
        return;
    delete_next(controller);
}
