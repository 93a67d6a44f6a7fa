#include "core/cloud_controller/instances/retell.h"

#include "core/base/duration.h"
#include "core/cloud_controller/instances/dea_messages.h"

enum { LAST_ENTRIES = 256 }; /* Before a start: what may have been on its way when the last controller died. */
static const uint64_t delay_ns = 2 * NS_PER_S;

static void on_timer(struct timer *timer)
{
    struct controller *controller = container_of(timer, struct controller, retell.timer);
    struct retell *retell = &controller->retell;
    retell->is_due = false;
    if (controller->is_stopping)
        return;
    for (const struct app *app = controller->state.apps; app != NULL; app = app->hh.next)
        if (app->value->run_live && app->uris_sequence > retell->told_sequence)
            cc_dea_update(controller, app);
    retell->told_sequence = controller->state.head_sequence;
}

static void say_later(struct controller *controller)
{
    if (controller->retell.is_due)
        return;
    controller->retell.is_due = true;
    timer_set(&controller->machine, &controller->retell.timer, delay_ns, on_timer);
}

void cc_retell_open(struct controller *controller)
{
    uint64_t head = controller->state.head_sequence;
    controller->retell.told_sequence = head > LAST_ENTRIES ? head - LAST_ENTRIES : 0;
    say_later(controller);
}

void cc_retell_note(struct controller *controller, const struct difference *difference)
{
    if (controller->journal.is_caught_up && difference->uris_changed && !difference->deleted)
        say_later(controller);
}
