#include "core/cloud_controller/blobs/collector.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/mutation.h"

#include <string.h>

static const uint64_t sweep_interval_ns = 10 * NS_PER_S;

static void on_sweep(struct timer *timer);
static void on_deleted(struct op *op, const struct op_result *result);
static void on_listed(struct op *op, const struct op_result *result);

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
    if (controller->machine.now_ns >= collector->list_ns && collector->holds == 0 && !controller->is_stopping) {
        collector->list_ns = controller->machine.now_ns + keep_ns;
        op_blob_list(&controller->machine, &collector->op, on_listed);
        return;
    }
    if (!is_due || collector->holds > 0 || controller->is_stopping) {
        cc_collector_open(controller);
        return;
    }
    op_blob_delete(&controller->machine, &collector->op, ref->digest, on_deleted);
    cc_refs_forget(&controller->state.refs, ref);
    collector->deleted++;
}

/* What nobody has told us of, as whoever stored it died before it was in the journal, or long ago: it is given up. */
static void give_up_unknown(struct controller *controller, struct io_bytes list)
{
    char digest[41];
    for (size_t at = 0; at + sizeof digest <= list.size; at += sizeof digest) {
        memcpy(digest, list.data + at, sizeof digest - 1);
        digest[sizeof digest - 1] = '\0';
        cc_refs_give_up(&controller->state.refs, digest, controller->machine.now_ns);
    }
}

static void on_listed(struct op *op, const struct op_result *result)
{
    struct controller *controller = container_of(op, struct controller, collector.op);
    if (result->status == IO_CANCELLED || controller->is_stopping)
        return;
    if (result->status == IO_OK && !mutation_is(CC_KEEPS_STRAY_BLOBS))
        give_up_unknown(controller, result->data);
    delete_next(controller);
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
