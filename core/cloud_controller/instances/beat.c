/* The number of the newest change of an app, told from time to time and as soon as the bus is there: a health manager
 * that knows of an older one asks for what it missed. Deltas can get lost on the bus, or with a controller that dies
 * between a durable change and its word. */
#include "core/base/duration.h"
#include "core/cloud_controller/controller.h"

static void on_beat(struct timer *timer)
{
    cc_beat(container_of(timer, struct controller, beat_timer));
}

void cc_beat(struct controller *controller)
{
    if (controller->is_stopping || !controller->journal.is_caught_up)
        return;
    if (controller->bus.is_connected) {
        Cupola__DropletUpdated beat = CUPOLA__DROPLET_UPDATED__INIT;
        beat.has_sequence = beat.has_is_beat = true;
        beat.sequence = (int64_t)controller->state.app_sequence;
        beat.is_beat = true;
        bus_publish_message(&controller->bus, "droplet.updated", NULL, &beat.base);
    }
    timer_set(&controller->machine, &controller->beat_timer, controller->config->beat_ms * NS_PER_MS, on_beat);
}
