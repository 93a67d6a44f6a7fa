/* What gateways have made and nobody has: it is deleted there, however long that takes. */
#include "core/cloud_controller/services/gateway.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/proto/config.pb-c.h"
#include "core/wire/json.h"

#include <string.h>

enum { STATUS_OK = 200, STATUS_NOT_FOUND = 404 };
static const uint64_t delete_timeout_ns = 30 * NS_PER_S;

/* On its way into the journal.
 *
 *   SUBMITTED --durable, or recorded in another way--> gone
 *       ^ `--the journal does not answer--> WAITING
 *       '------------------------------------'
 */
struct leaving {
    struct change change;
    struct timer again;
    char *label, *service_id, *handle, *configuration, *credentials;
    struct leaving *next;
};

static void on_sweep(struct timer *timer);
static void on_deleted(struct http_call *call, enum io_status status);
static bool prepare_gone(struct change *change);
static void on_gone(struct change *change, enum change_outcome outcome);

static const struct http_call_handlers delete_handlers = {.on_done = on_deleted};

/* ---- Into the journal ---- */

static bool same_text(const char *one, const char *other)
{
    return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

struct search {
    const struct leaving *leaving;
    bool is_found;
};

static void compare(void *context, const struct made_thing *thing)
{
    struct search *search = context;
    const struct leaving *leaving = search->leaving;
    search->is_found = search->is_found ||
                       (same_text(thing->label, leaving->label) && same_text(thing->service_id, leaving->service_id) &&
                        same_text(thing->handle, leaving->handle));
}

/* The change that would have recorded it may be durable although the journal did not say so. If it is not, then it
 * never will be: this entry takes the place that it was meant for. */
static bool prepare_leaving(struct change *change)
{
    struct leaving *leaving = container_of(change, struct leaving, change);
    struct search search = {.leaving = leaving};
    cc_services_each_made(&change->controller->state, compare, &search);
    if (search.is_found)
        return false;
    Cupola__JournalLeftover value = CUPOLA__JOURNAL_LEFTOVER__INIT;
    value.label = leaving->label;
    value.service_id = leaving->service_id;
    value.handle = leaving->handle;
    value.configuration = leaving->configuration;
    value.credentials = leaving->credentials;
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_LEFTOVER_PUT;
    entry.leftover_put = &value;
    cc_change_write(change, &entry, NULL);
    return true;
}

static void free_leaving(struct leaving *leaving)
{
    memory_free(leaving->label);
    memory_free(leaving->service_id);
    memory_free(leaving->handle);
    memory_free(leaving->configuration);
    memory_free(leaving->credentials);
    memory_free(leaving);
}

static void on_left(struct change *change, enum change_outcome outcome);

static void submit(struct controller *controller, struct leaving *leaving)
{
    leaving->change =
        (struct change){.controller = controller, .prepare = prepare_leaving, .done = on_left, .is_internal = true};
    cc_journal_submit(controller, &leaving->change);
}

static void on_again(struct timer *timer)
{
    struct leaving *leaving = container_of(timer, struct leaving, again);
    submit(leaving->change.controller, leaving);
}

static void on_left(struct change *change, enum change_outcome outcome)
{
    struct leaving *leaving = container_of(change, struct leaving, change);
    struct controller *controller = change->controller;
    if (outcome == CHANGE_LOST && !controller->is_stopping) {
        timer_set(&controller->machine, &leaving->again, controller->config->leftover_retry_ms * NS_PER_MS, on_again);
        return;
    }
    struct leaving **place = &controller->gateway.leavings;
    while (*place != leaving)
        place = &(*place)->next;
    *place = leaving->next;
    free_leaving(leaving);
    if (outcome == CHANGE_DURABLE)
        cc_gateway_clean_up(controller);
}

void cc_gateway_leave(struct controller *controller, const struct made_thing *thing)
{
    struct leaving *leaving = memory_new(sizeof *leaving);
    leaving->label = memory_copy_text(thing->label);
    leaving->service_id = memory_copy_text(thing->service_id);
    leaving->handle = memory_copy_text(thing->handle);
    leaving->configuration = memory_copy_text(thing->configuration);
    leaving->credentials = memory_copy_text(thing->credentials);
    leaving->next = controller->gateway.leavings;
    controller->gateway.leavings = leaving;
    submit(controller, leaving);
}

/* ---- Out of the gateway ---- */

static struct leftover *find_leftover(const struct controller *controller, int64_t id)
{
    struct leftover *leftover = controller->state.services.leftovers;
    while (leftover != NULL && leftover->value->id != id)
        leftover = leftover->next;
    return leftover;
}

/* A service goes after its bindings. */
static bool is_first_of_service(const struct controller *controller, const struct leftover *leftover)
{
    const struct leftover *other = controller->state.services.leftovers;
    for (; other != leftover; other = other->next)
        if (strcmp(other->value->label, leftover->value->label) == 0 &&
            strcmp(other->value->service_id, leftover->value->service_id) == 0)
            return false;
    return true;
}

static void write_deletion(const Cupola__JournalLeftover *value, struct text *path, struct text *body)
{
    text_add_string(path, "/gateway/v1/configurations/");
    uri_encode(path, value->service_id);
    text_add_string(body, "{\"service_id\":");
    json_write_string(body, value->service_id);
    if (value->handle != NULL) {
        text_add_string(path, "/handles/");
        uri_encode(path, value->handle);
        text_add_string(body, ",\"handle_id\":");
        json_write_string(body, value->handle);
        text_add_string(body, ",\"binding_options\":{}");
    }
    text_add_char(body, '}');
}

static bool try_leftover(struct controller *controller, struct leftover *leftover)
{
    struct gateway_cleaner *cleaner = &controller->gateway;
    leftover->retry_ns = controller->machine.now_ns + controller->config->leftover_retry_ms * NS_PER_MS;
    cleaner->leftover_id = leftover->value->id;
    struct text path = {0}, body = {0};
    write_deletion(leftover->value, &path, &body);
    bool is_begun = cc_gateway_call(controller, &cleaner->call, leftover->value->label, "DELETE", &path,
                                    text_string(&body), delete_timeout_ns, &delete_handlers);
    text_free(&path);
    text_free(&body);
    return is_begun;
}

void cc_gateway_clean_up(struct controller *controller)
{
    struct gateway_cleaner *cleaner = &controller->gateway;
    if (controller->is_stopping || cleaner->is_busy || !controller->journal.is_caught_up)
        return;
    uint64_t now_ns = controller->machine.now_ns;
    for (struct leftover *leftover = controller->state.services.leftovers; leftover != NULL;
         leftover = leftover->next) {
        if (leftover->retry_ns > now_ns || !is_first_of_service(controller, leftover))
            continue;
        cleaner->is_busy = try_leftover(controller, leftover);
        if (cleaner->is_busy)
            break;
    }
    timer_set(&controller->machine, &cleaner->timer, controller->config->leftover_retry_ms * NS_PER_MS, on_sweep);
}

static void on_sweep(struct timer *timer)
{
    cc_gateway_clean_up(container_of(timer, struct controller, gateway.timer));
}

/* "I know of no such thing" may mean that it is gone, or that the gateway was started anew and knows nothing yet. */
static bool is_believed(const struct controller *controller, struct leftover *leftover)
{
    uint64_t now_ns = controller->machine.now_ns;
    if (mutation_is(CC_BELIEVES_THE_FORGETFUL))
        return true;
    if (leftover->unknown_since_ns == 0)
        leftover->unknown_since_ns = now_ns;
    return now_ns - leftover->unknown_since_ns >= controller->config->leftover_doubt_ms * NS_PER_MS;
}

static void on_deleted(struct http_call *call, enum io_status status)
{
    struct gateway_cleaner *cleaner = container_of(call, struct gateway_cleaner, call);
    struct controller *controller = container_of(cleaner, struct controller, gateway);
    struct leftover *leftover = find_leftover(controller, cleaner->leftover_id);
    int answer = status == IO_OK ? call->status : 0;
    if (leftover != NULL &&
        (answer == STATUS_OK || (answer == STATUS_NOT_FOUND && is_believed(controller, leftover)))) {
        cleaner->change = (struct change){.prepare = prepare_gone, .done = on_gone, .is_internal = true};
        cc_journal_submit(controller, &cleaner->change);
        return;
    }
    cleaner->is_busy = false;
    cc_gateway_clean_up(controller);
}

static bool prepare_gone(struct change *change)
{
    struct controller *controller = change->controller;
    if (find_leftover(controller, controller->gateway.leftover_id) == NULL)
        return false;
    Cupola__LeftoverGone gone = CUPOLA__LEFTOVER_GONE__INIT;
    gone.has_id = true;
    gone.id = controller->gateway.leftover_id;
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_LEFTOVER_GONE;
    entry.leftover_gone = &gone;
    cc_change_write(change, &entry, NULL);
    return true;
}

static void on_gone(struct change *change, enum change_outcome outcome)
{
    (void)outcome;
    change->controller->gateway.is_busy = false;
    cc_gateway_clean_up(change->controller);
}

/* ---- Life ---- */

void cc_leftovers_stop(struct controller *controller)
{
    timer_cancel(&controller->machine, &controller->gateway.timer);
    for (struct leaving *leaving = controller->gateway.leavings; leaving != NULL; leaving = leaving->next)
        timer_cancel(&controller->machine, &leaving->again);
}

void cc_leftovers_destroy(struct controller *controller)
{
    http_call_release(&controller->gateway.call);
    while (controller->gateway.leavings != NULL) {
        struct leaving *leaving = controller->gateway.leavings;
        controller->gateway.leavings = leaving->next;
        free_leaving(leaving);
    }
}
