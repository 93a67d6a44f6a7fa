#include "core/cloud_controller/rest/followers.h"

#include "core/base/assert.h"
#include "core/base/duration.h"

enum { FOLLOWERS_MOST = 512 };
static const uint64_t tick_ns = 100 * NS_PER_MS;
static const uint64_t silence_ns = 15 * NS_PER_S;
static const uint64_t life_ns = 1800 * NS_PER_S;

static void on_tick(struct timer *timer);

static void leave(struct follower *follower)
{
    struct controller *controller = follower->call.controller;
    struct follower **place = &controller->followers;
    while (*place != follower)
        place = &(*place)->next;
    *place = follower->next;
    controller->follower_count--;
    if (controller->followers == NULL)
        timer_cancel(&controller->machine, &controller->follower_tick);
}

static void stop(struct call *call)
{
    leave(container_of(call, struct follower, call));
    cc_call_stream_end(call);
}

void cc_follower_tell(struct follower *follower, struct io_bytes bytes)
{
    follower->told_at_ns = follower->call.controller->machine.now_ns;
    cc_call_stream_add(&follower->call, bytes);
}

static bool has_room(const struct follower *follower)
{
    return cc_call_stream_unsent(&follower->call) < FOLLOWER_UNSENT_MOST;
}

/* The follower may be gone afterwards. */
static void pump(struct follower *follower)
{
    uint64_t now_ns = follower->call.controller->machine.now_ns;
    bool goes_on = now_ns < follower->until_ns;
    if (has_room(follower))
        goes_on = follower->pump(follower) && goes_on;
    if (!goes_on)
        stop(&follower->call);
    else if (now_ns - follower->told_at_ns >= silence_ns)
        cc_follower_tell(follower, (struct io_bytes){(const uint8_t *)"\n", 1});
}

bool cc_follow(struct call *call, int64_t app_id, const char *content_type, bool (*pump_it)(struct follower *follower))
{
    struct controller *controller = call->controller;
    struct follower *follower = container_of(call, struct follower, call);
    if (controller->follower_count >= FOLLOWERS_MOST || controller->is_stopping) {
        cc_call_fail(call, ERROR_TOO_OFTEN, NULL, NULL);
        return false;
    }
    follower->app_id = app_id;
    follower->pump = pump_it;
    follower->told_at_ns = controller->machine.now_ns;
    follower->until_ns = controller->machine.now_ns + life_ns;
    follower->next = controller->followers;
    controller->followers = follower;
    controller->follower_count++;
    if (!timer_is_set(&controller->follower_tick))
        timer_set(&controller->machine, &controller->follower_tick, tick_ns, on_tick);
    cc_call_stream_begin(call, content_type, stop);
    pump(follower);
    return true;
}

void cc_followers_wake(struct controller *controller, int64_t app_id)
{
    struct follower *next;
    for (struct follower *follower = controller->followers; follower != NULL; follower = next) {
        next = follower->next;
        if (follower->app_id == app_id)
            pump(follower);
    }
}

static void on_tick(struct timer *timer)
{
    struct controller *controller = container_of(timer, struct controller, follower_tick);
    struct follower *next;
    for (struct follower *follower = controller->followers; follower != NULL; follower = next) {
        next = follower->next;
        pump(follower);
    }
    if (controller->followers != NULL)
        timer_set(&controller->machine, &controller->follower_tick, tick_ns, on_tick);
}
