#include "tests/core/cloud_controller/town_inside.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/components.h"

#include <string.h>

/* ---- Events ---- */

struct town_event *town_push(struct town_controller *controller, enum event_kind kind)
{
    struct town_event *queued = memory_new(sizeof *queued);
    queued->event.kind = kind;
    *controller->end = queued;
    controller->end = &queued->next;
    return queued;
}

void town_push_done(struct town_controller *controller, uint64_t op, enum io_status status, uint64_t number,
                    const char *data)
{
    struct town_event *queued = town_push(controller, EVENT_DONE);
    text_add_string(&queued->data, data);
    queued->event.done.op.id = op;
    queued->event.done.status = status;
    queued->event.done.number = number;
}

/* ---- Effects ---- */

static void on_listen(struct town_controller *controller, const struct effect *effect)
{
    size_t place = (size_t)(controller - controller->town->controllers);
    uint16_t port = (uint16_t)(9000 + 100 * place + controller->listeners++);
    if (controller->api_listener == 0) { /* The API listens first, the monitor after it. */
        controller->api_listener = effect->listen.listener.id;
        controller->port = port;
    }
    town_push_done(controller, effect->op.id, IO_OK, port, "");
}

static void carry_out(struct town_controller *controller, struct effect *effect)
{
    if (town_carry_out_stream(controller, effect) || town_carry_out_journal(controller, effect) ||
        town_carry_out_blob(controller, effect))
        return;
    switch ((int)effect->kind) {
    case EFFECT_LISTEN:
        on_listen(controller, effect);
        break;
    case EFFECT_DEADLINE:
        controller->deadline_ns = effect->deadline.at_ns;
        break;
    case EFFECT_FINISH:
    case EFFECT_UNLISTEN:
    case EFFECT_LOG:
    case EFFECT_EXIT:
        break;
    default:
        assert_unreachable();
    }
}

/* ---- Steps ---- */

static void point_to_data(struct town_event *queued)
{
    struct io_bytes bytes = {(const uint8_t *)text_string(&queued->data), queued->data.size};
    if (queued->event.kind == EVENT_DONE)
        queued->event.done.data = bytes;
    if (queued->event.kind == EVENT_JOURNAL_ENTRY)
        queued->event.journal_entry.data = bytes;
    if (queued->event.kind == EVENT_JOURNAL_SNAPSHOT)
        queued->event.journal_entry.data = bytes;
}

static void step(struct town_controller *controller, struct event *event)
{
    event->now_ns = controller->town->now_ns;
    event->wall_ns = (int64_t)controller->town->now_ns + INT64_C(1700000000) * (int64_t)NS_PER_S;
    machine_step(controller->machine, event, controller->effects);
    for (size_t i = 0; i < effects_count(controller->effects); i++)
        carry_out(controller, effects_at(controller->effects, i));
    effects_reset(controller->effects);
    if (machine_has_exited(controller->machine))
        controller->has_exited = true;
}

static void free_event(struct town_event *queued)
{
    if (queued->event.kind == EVENT_BYTES)
        buffer_unref(queued->event.bytes.slice.buffer);
    text_free(&queued->data);
    memory_free(queued);
}

static bool bring_one(struct town_controller *controller)
{
    struct town_event *queued = controller->first;
    if (controller->machine == NULL || controller->has_exited || queued == NULL)
        return false;
    controller->first = queued->next;
    if (controller->first == NULL)
        controller->end = &controller->first;
    point_to_data(queued);
    step(controller, &queued->event);
    free_event(queued);
    return true;
}

void town_settle(struct town *town)
{
    bool again = true;
    while (again) {
        again = false;
        for (size_t i = 0; i < town->controller_count; i++)
            again = bring_one(&town->controllers[i]) || again;
    }
}

static struct town_controller *earliest(struct town *town)
{
    struct town_controller *found = NULL;
    for (size_t i = 0; i < town->controller_count; i++) {
        struct town_controller *controller = &town->controllers[i];
        if (controller->machine != NULL && !controller->has_exited &&
            (found == NULL || controller->deadline_ns < found->deadline_ns))
            found = controller;
    }
    return found;
}

void town_pass_ms(struct town *town, uint64_t ms)
{
    uint64_t until_ns = town->now_ns + ms * NS_PER_MS;
    town_settle(town);
    for (;;) {
        struct town_controller *controller = earliest(town);
        if (controller == NULL || controller->deadline_ns > until_ns)
            break;
        if (controller->deadline_ns > town->now_ns)
            town->now_ns = controller->deadline_ns;
        controller->deadline_ns = NEVER_NS;
        struct event event = {.kind = EVENT_DEADLINE};
        step(controller, &event);
        town_settle(town);
    }
    town->now_ns = until_ns;
}

/* ---- Controllers ---- */

void town_revive(struct town_controller *controller)
{
    struct town *town = controller->town;
    assert_that(controller->machine == NULL);
    controller->machine = machine_create(&cloud_controller_class);
    controller->deadline_ns = NEVER_NS;
    size_t size = cupola__cloud_controller_config__get_packed_size(&town->config);
    uint8_t *packed = memory_new(size);
    cupola__cloud_controller_config__pack(&town->config, packed);
    struct event event = {.kind = EVENT_START};
    event.start.config = (struct io_bytes){packed, size};
    event.start.seed[0] = 7;
    event.start.seed[1] = ++town->lives;
    step(controller, &event);
    memory_free(packed);
    town_settle(town);
}

struct town_controller *town_add_controller(struct town *town)
{
    assert_that(town->controller_count < TOWN_CONTROLLERS);
    struct town_controller *controller = &town->controllers[town->controller_count++];
    *controller = (struct town_controller){.town = town, .effects = effects_new()};
    controller->end = &controller->first;
    town_revive(controller);
    return controller;
}

void town_kill(struct town_controller *controller)
{
    machine_destroy(controller->machine);
    while (controller->first != NULL) {
        struct town_event *queued = controller->first;
        controller->first = queued->next;
        free_event(queued);
    }
    controller->end = &controller->first;
    for (size_t i = 0; i < TOWN_CONNS; i++)
        town_free_conn(&controller->conns[i]);
    memset(controller->subscriptions, 0, sizeof controller->subscriptions);
    text_free(&controller->held_entry);
    effects_reset(controller->effects);
    controller->machine = NULL;
    controller->follows = controller->has_exited = false;
    controller->delivered = 0;
    controller->listeners = controller->api_listener = 0;
    controller->held_op = 0;
    memset(controller->held_stages, 0, sizeof controller->held_stages);
}

void town_stop(struct town_controller *controller)
{
    struct event event = {.kind = EVENT_STOP};
    step(controller, &event);
    town_settle(controller->town);
}

void town_open(struct town *town)
{
    static char *admins[] = {(char *)(uintptr_t) "admin@example.org"};
    static Cupola__UserConfig user;
    static Cupola__UserConfig *users[] = {&user};
    *town = (struct town){.now_ns = 1000 * NS_PER_S, .staging_log = "no", .viewer_answer = ""};
    static Cupola__Endpoint bus_server = CUPOLA__ENDPOINT__INIT;
    static Cupola__Endpoint *servers[] = {&bus_server};
    static Cupola__BusConfig bus = CUPOLA__BUS_CONFIG__INIT;
    bus_server.has_port = true;
    bus_server.port = 4222;
    bus.servers = servers;
    bus.n_servers = 1;
    cupola__user_config__init(&user);
    user.email = admins[0];
    user.password = (char *)(uintptr_t) "secret";
    cupola__cloud_controller_config__init(&town->config);
    town->config.bus = &bus;
    town->config.token_key = (char *)(uintptr_t) "key";
    town->config.admins = admins;
    town->config.n_admins = 1;
    town->config.has_stage_on_deas = true;
    town->config.stage_on_deas = false; /* test_stage_order.c has DEAs that stage. */
    town->config.has_offer_window_ms = true;
    town->config.offer_window_ms = 0; /* Time passes only where a test says so. */
    town->config.bootstrap_users = users;
    town->config.n_bootstrap_users = 1;
    town_add_controller(town);
}

void town_close(struct town *town)
{
    for (size_t i = 0; i < town->controller_count; i++) {
        if (town->controllers[i].machine != NULL)
            town_kill(&town->controllers[i]);
        effects_free(town->controllers[i].effects);
    }
    for (size_t i = 0; i < town->entry_count; i++)
        text_free(&town->entries[i]);
    memory_free(town->entries);
    text_free(&town->snapshot);
    for (size_t i = 0; i < TOWN_BLOBS; i++)
        text_free(&town->blobs[i].bytes);
    town_forget_answers(town);
    text_free(&town->said);
    text_free(&town->viewer_request);
    text_free(&town->response);
}
