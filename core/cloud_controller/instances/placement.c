#include "core/cloud_controller/instances/placement.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/cloud_controller/instances/dea_messages.h"
#include "core/cloud_controller/instances/offers.h"
#include "core/cloud_controller/state/runs.h"

#include <stdio.h>
#include <string.h>

enum {
    MOST_OF_A_QUESTION = 4096, /* Instances that one question asks for. */
    MOST_DOUBLINGS = 4,        /* Of the time in which an answer must come. */
    MOST_PATIENCE = 4,         /* Times discover_timeout_ms. */
    LATEST_ANSWER = 6,         /* Likewise: nobody waits for it by then, but it is of use. */
    REFUSALS_AT_ONCE = 3,      /* Then a pause before the next question. */
};

enum placement_state {
    PLACEMENT_QUEUED = 1,
    PLACEMENT_ASKING,
    PLACEMENT_STARTING,
    PLACEMENT_PAUSED,
    PLACEMENT_REORDERING,
};

#define BIT(state) (1u << PLACEMENT_##state)

/* The diagram in placement.h. A newer order of the same index begins anew from everywhere (QUEUED). */
static const unsigned allowed_moves[] = {
    [PLACEMENT_QUEUED] = BIT(ASKING),
    [PLACEMENT_ASKING] = BIT(STARTING) | BIT(PAUSED) | BIT(QUEUED),
    [PLACEMENT_STARTING] = BIT(QUEUED) | BIT(PAUSED) | BIT(REORDERING),
    [PLACEMENT_PAUSED] = BIT(QUEUED) | BIT(ASKING),
    [PLACEMENT_REORDERING] = BIT(QUEUED),
};

struct placement_key {
    int64_t app_id;
    int64_t index;
};

struct placement {
    struct placement_key key;
    struct controller *controller;
    enum placement_state state;
    uint64_t epoch;
    uint32_t attempts;
    uint32_t refusals;
    uint32_t silences;        /* Orders that nobody answered, in a row. */
    struct bus_request start; /* STARTING: the order, until it is answered. */
    bool is_refused;
    struct timer retry; /* PAUSED, REORDERING. */
    char dea[OFFER_DEA_SIZE];
    char reason[160];
    struct placement *next; /* QUEUED: in the queue. ASKING: of the same question. */
    UT_hash_handle hh;
};

/* One question to the DEAs, for some indices of one app. */
struct question {
    struct controller *controller;
    struct question *next;
    struct placement *placements;
    size_t count;
    struct bus_request request;
    struct timer window;
    struct offers offers;
    uint64_t asked_ns;
    uint64_t round_trip_ns; /* Of the first answer. */
    int64_t app_id;
    bool is_late; /* Nobody waits for answers any more. */
};

static void ask_late(struct controller *controller);
static bool on_answer(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_answered(struct bus_request *request, bool timed_out);
static bool on_reply(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_replied(struct bus_request *request, bool timed_out);
static void on_window_over(struct timer *timer);
static void on_retry(struct timer *timer);

static const struct bus_request_handlers question_handlers = {.on_answer = on_answer, .on_end = on_answered};
static const struct bus_request_handlers start_handlers = {.on_answer = on_reply, .on_end = on_replied};

/* ---- Placements ---- */

static struct placement *find(const struct controller *controller, int64_t app_id, int32_t index)
{
    struct placement_key key = {app_id, index};
    struct placement *placement = NULL;
    HASH_FIND(hh, controller->placements, &key, sizeof key, placement);
    return placement;
}

static void move(struct placement *placement, enum placement_state next)
{
    assert_that((allowed_moves[placement->state] & (1u << next)) != 0);
    placement->state = next;
}

static void enqueue(struct placement *placement)
{
    struct controller *controller = placement->controller;
    placement->next = NULL;
    if (controller->last_queued != NULL)
        controller->last_queued->next = placement;
    else
        controller->first_queued = placement;
    controller->last_queued = placement;
    ask_late(controller);
}

static struct placement *dequeue(struct controller *controller)
{
    struct placement *placement = controller->first_queued;
    if (placement == NULL)
        return NULL;
    controller->first_queued = placement->next;
    if (controller->first_queued == NULL)
        controller->last_queued = NULL;
    placement->next = NULL;
    return placement;
}

void cc_placement_start(struct controller *controller, const struct app *app, int32_t index)
{
    assert_that(index >= 0 && (size_t)index < app->index_count);
    struct placement *placement = find(controller, app->id, index);
    if (placement == NULL) {
        placement = memory_new(sizeof *placement);
        placement->key = (struct placement_key){app->id, index};
        placement->controller = controller;
        placement->state = PLACEMENT_QUEUED;
        HASH_ADD(hh, controller->placements, key, sizeof placement->key, placement);
        enqueue(placement);
    } else if (placement->state == PLACEMENT_STARTING || placement->state == PLACEMENT_REORDERING) {
        bus_request_cancel(&placement->start);
        timer_cancel(&controller->machine, &placement->retry);
        move(placement, PLACEMENT_QUEUED);
        enqueue(placement);
    }
    placement->epoch = app->indices[index].epoch; /* Those still looking: for the newer order from now on. */
}

bool cc_placement_is_pending(const struct controller *controller, int64_t app_id, int32_t index)
{
    return find(controller, app_id, index) != NULL;
}

const char *cc_placement_reason(const struct controller *controller, int64_t app_id, int32_t index)
{
    const struct placement *placement = find(controller, app_id, index);
    if (placement == NULL)
        return NULL;
    return placement->reason[0] == '\0' ? "looking for a DEA" : placement->reason;
}

size_t cc_placement_count(const struct controller *controller)
{
    return HASH_COUNT(controller->placements);
}

/* It must be in no queue and in no question. */
static void free_placement(struct placement *placement)
{
    bus_request_cancel(&placement->start);
    timer_cancel(&placement->controller->machine, &placement->retry);
    HASH_DELETE(hh, placement->controller->placements, placement);
    memory_free(placement);
}

/* The app, if the order still stands. */
static struct app *find_ordered_app(const struct placement *placement)
{
    struct app *app = cc_state_find_app(&placement->controller->state, placement->key.app_id);
    if (app == NULL || placement->key.index >= (int64_t)app->index_count ||
        app->indices[placement->key.index].epoch != placement->epoch)
        return NULL;
    return app;
}

static void pause_placement(struct placement *placement)
{
    struct controller *controller = placement->controller;
    move(placement, PLACEMENT_PAUSED);
    timer_set(&controller->machine, &placement->retry, controller->config->start_retry_ms * NS_PER_MS, on_retry);
}

static void order_anew(struct placement *placement)
{
    struct controller *controller = placement->controller;
    timer_set(&controller->machine, &placement->retry, controller->config->start_retry_ms * NS_PER_MS, on_retry);
    cc_order_anew(controller, placement->key.app_id, (int32_t)placement->key.index, placement->epoch);
}

static void on_retry(struct timer *timer)
{
    struct placement *placement = container_of(timer, struct placement, retry);
    if (find_ordered_app(placement) == NULL) {
        free_placement(placement);
    } else if (placement->state == PLACEMENT_REORDERING) { /* The journal did not take it. */
        order_anew(placement);
    } else {
        move(placement, PLACEMENT_QUEUED);
        enqueue(placement);
    }
}

void cc_placement_review(struct controller *controller, int64_t app_id, int32_t index)
{
    struct placement *placement = find(controller, app_id, index);
    if (placement != NULL && placement->state == PLACEMENT_REORDERING && find_ordered_app(placement) == NULL)
        free_placement(placement);
}

/* ---- Questions ---- */

/* A bus on which answers were slow lately gets more time. */
static uint64_t question_patience_ns(const struct controller *controller)
{
    uint64_t least_ns = controller->config->discover_timeout_ms * NS_PER_MS;
    uint64_t patience_ns = 2 * controller->round_trip_ns;
    if (patience_ns <= least_ns)
        return least_ns;
    return patience_ns < MOST_PATIENCE * least_ns ? patience_ns : MOST_PATIENCE * least_ns;
}

static void send_question(struct question *question, const struct app *app)
{
    struct controller *controller = question->controller;
    Cupola__JournalRun run = cc_run_of_index(app->value, (int32_t)question->placements->key.index);
    Cupola__DeaLimits limits;
    cc_dea_fill_limits(&run, &limits);
    Cupola__DeaDiscover discover = CUPOLA__DEA_DISCOVER__INIT;
    discover.has_droplet = true;
    discover.droplet = app->id;
    discover.limits = &limits;
    discover.name = app->value->name;
    discover.runtime = run.runtime;
    discover.sha = run.droplet_sha1;
    discover.has_count = question->count > 1;
    discover.count = (int32_t)question->count;
    question->asked_ns = controller->machine.now_ns;
    controller->discovers++;
    bus_request_start(&controller->bus, &question->request, "dea.discover", &discover.base,
                      &cupola__dea_hello__descriptor, question->count == 1 ? 1 : 0,
                      LATEST_ANSWER * controller->config->discover_timeout_ms * NS_PER_MS, &question_handlers);
    timer_set(&controller->machine, &question->window, question_patience_ns(controller), on_window_over);
}

/* While an update is under way, indices of one app can have different needs. */
static bool go_together(const struct app *app, const struct placement *one, const struct placement *other)
{
    if (other->key.app_id != one->key.app_id || find_ordered_app(other) == NULL)
        return false;
    struct layout layout;
    cc_app_layout(app->value, &layout);
    return cc_layout_version(&layout, (int32_t)one->key.index) == cc_layout_version(&layout, (int32_t)other->key.index);
}

/* Takes those that are queued for the same run as the first one. Those without an order drop out wherever they are met.
 */
static struct question *gather(struct controller *controller)
{
    struct placement *first = dequeue(controller);
    const struct app *app = find_ordered_app(first);
    if (app == NULL) {
        free_placement(first);
        return NULL;
    }
    struct question *question = memory_new(sizeof *question);
    question->controller = controller;
    question->app_id = app->id;
    struct placement **end = &question->placements;
    for (struct placement *at = first; at != NULL; at = dequeue(controller)) {
        move(at, PLACEMENT_ASKING);
        *end = at;
        end = &at->next;
        question->count++;
        const struct placement *following = controller->first_queued;
        if (following == NULL || mutation_is(CC_ASKS_ONE_BY_ONE) || question->count >= MOST_OF_A_QUESTION ||
            !go_together(app, first, following))
            break;
    }
    question->next = controller->questions;
    controller->questions = question;
    return question;
}

static void ask(struct late_work *work)
{
    struct controller *controller = container_of(work, struct controller, asking);
    while (controller->first_queued != NULL && controller->discovers < controller->config->max_discovers) {
        struct question *question = gather(controller);
        if (question != NULL)
            send_question(question, find_ordered_app(question->placements));
    }
}

/* At the end of the step, when all that it has ordered is known. */
static void ask_late(struct controller *controller)
{
    machine_run_late(&controller->machine, &controller->asking, ask);
}

static bool on_answer(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct question *question = container_of(request, struct question, request);
    struct controller *controller = question->controller;
    const Cupola__DeaHello *hello = (const Cupola__DeaHello *)parsed;
    struct dea_offer offer;
    if (!cc_offer_of_hello(hello, random_draw(&controller->chances), &offer))
        return true;
    cc_offers_add(&question->offers, &offer);
    bool is_first = question->round_trip_ns == 0;
    if (is_first)
        question->round_trip_ns = controller->round_trip_ns = controller->machine.now_ns - question->asked_ns;
    if (question->count == 1 || controller->config->offer_window_ms == 0)
        return false;
    if (is_first)
        timer_set(&controller->machine, &question->window, controller->config->offer_window_ms * NS_PER_MS,
                  on_window_over);
    return true;
}

/* ---- Starts ---- */

/* Where the bus is slow, which the question has shown, answers come late, and are answers all the same. */
static uint64_t patience_ns(const struct placement *placement, uint64_t round_trip_ns)
{
    uint32_t doublings = placement->silences < MOST_DOUBLINGS ? placement->silences : MOST_DOUBLINGS;
    uint64_t least_ns = ((uint64_t)placement->controller->config->start_reply_ms << doublings) * NS_PER_MS;
    return least_ns + 2 * round_trip_ns;
}

static void send_start(struct placement *placement, struct app *app, bool replies, uint64_t round_trip_ns)
{
    struct controller *controller = placement->controller;
    int32_t index = (int32_t)placement->key.index;
    app->indices[index].ordered_at_ns = controller->machine.now_ns; /* In flight from now. */
    controller->starts_sent++;
    if (!replies || mutation_is(CC_AWAITS_NO_START_REPLY)) {
        cc_dea_start(controller, placement->dea, app, index, placement->epoch, NULL, 0, NULL);
        free_placement(placement);
        return;
    }
    move(placement, PLACEMENT_STARTING);
    placement->is_refused = false;
    cc_dea_start(controller, placement->dea, app, index, placement->epoch, &placement->start,
                 patience_ns(placement, round_trip_ns), &start_handlers);
}

static void stay_unplaced(struct placement *placement)
{
    struct controller *controller = placement->controller;
    snprintf(placement->reason, sizeof placement->reason, "no DEA offers a place: memory or runtime is missing");
    if (placement->attempts++ == 0)
        machine_log(&controller->machine, LOG_WARNING, "no DEA offers a place for app %lld, index %lld; trying on",
                    (long long)placement->key.app_id, (long long)placement->key.index);
    pause_placement(placement);
}

static void free_question(struct question *question)
{
    struct controller *controller = question->controller;
    struct question **place = &controller->questions;
    while (*place != question)
        place = &(*place)->next;
    *place = question->next;
    timer_cancel(&controller->machine, &question->window);
    cc_offers_free(&question->offers);
    memory_free(question);
}

/* Gives each of its placements a place, as far as there are offers. */
static void settle(struct question *question)
{
    struct placement *following;
    bool some_are_placed = false;
    for (struct placement *placement = question->placements; placement != NULL; placement = following) {
        following = placement->next;
        placement->next = NULL;
        struct app *app = find_ordered_app(placement);
        struct dea_offer offer;
        if (app == NULL) {
            free_placement(placement);
        } else if (cc_offers_take(&question->offers, &offer)) {
            memcpy(placement->dea, offer.dea, sizeof placement->dea);
            some_are_placed = true;
            send_start(placement, app, offer.replies, question->round_trip_ns);
        } else if (some_are_placed) { /* There may be room for more: DEAs of v1 take one at a time. */
            move(placement, PLACEMENT_QUEUED);
            enqueue(placement);
        } else {
            stay_unplaced(placement);
        }
    }
    question->placements = NULL;
}

/* Its answers came late: those who pause since then can have the places all the same. */
static void recall_paused(struct question *question)
{
    struct placement *placement, *next;
    HASH_ITER (hh, question->controller->placements, placement, next) {
        if (placement->key.app_id != question->app_id || placement->state != PLACEMENT_PAUSED)
            continue;
        timer_cancel(&placement->controller->machine, &placement->retry);
        move(placement, PLACEMENT_ASKING);
        placement->next = question->placements;
        question->placements = placement;
    }
}

static void on_answered(struct bus_request *request, bool timed_out)
{
    struct question *question = container_of(request, struct question, request);
    struct controller *controller = question->controller;
    if (!question->is_late) {
        assert_that(controller->discovers > 0);
        controller->discovers--;
    } else if (!timed_out) {
        recall_paused(question);
    }
    settle(question);
    free_question(question);
    ask_late(controller);
}

/* Nobody has answered in time, or enough have. */
static void on_window_over(struct timer *timer)
{
    struct question *question = container_of(timer, struct question, window);
    struct controller *controller = question->controller;
    if (question->round_trip_ns != 0) {
        bus_request_cancel(&question->request);
        on_answered(&question->request, false);
        return;
    }
    assert_that(controller->discovers > 0);
    controller->discovers--;
    question->is_late = true;
    settle(question);
    ask_late(controller);
}

static bool on_reply(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct placement *placement = container_of(request, struct placement, start);
    const Cupola__DeaStartReply *reply = (const Cupola__DeaStartReply *)parsed;
    placement->is_refused = !reply->accepted;
    if (placement->is_refused)
        snprintf(placement->reason, sizeof placement->reason, "a DEA refused: %.100s",
                 reply->reason == NULL ? "no reason given" : reply->reason);
    return false;
}

static void on_replied(struct bus_request *request, bool timed_out)
{
    struct placement *placement = container_of(request, struct placement, start);
    struct controller *controller = placement->controller;
    struct app *app = find_ordered_app(placement);
    if (app == NULL || (!timed_out && !placement->is_refused)) {
        free_placement(placement);
        return;
    }
    app->indices[placement->key.index].ordered_at_ns = 0; /* Nothing is in flight. */
    machine_log(&controller->machine, LOG_WARNING, "start of app %lld, index %lld at %s: %s", (long long)app->id,
                (long long)placement->key.index, placement->dea, timed_out ? "no answer" : placement->reason);
    if (timed_out) {
        placement->silences++;
        snprintf(placement->reason, sizeof placement->reason, "a DEA did not answer; ordered anew");
        move(placement, PLACEMENT_REORDERING);
        order_anew(placement);
    } else if (++placement->refusals % (REFUSALS_AT_ONCE + 1) == 0) {
        pause_placement(placement);
    } else {
        move(placement, PLACEMENT_QUEUED);
        enqueue(placement);
    }
}

void cc_placement_destroy(struct controller *controller)
{
    while (controller->questions != NULL) {
        bus_request_cancel(&controller->questions->request);
        free_question(controller->questions);
    }
    struct placement *placement, *next;
    HASH_ITER (hh, controller->placements, placement, next)
        free_placement(placement);
}
