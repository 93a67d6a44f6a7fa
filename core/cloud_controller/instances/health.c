#include "core/cloud_controller/instances/health.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/cloud_controller/instances/known.h"

#include <string.h>

/* After a question that nobody answered the next ones are not even asked for a moment. */
static const uint64_t silence_ns = NS_PER_S;
/* What it said before that is told for so long, with its age. */
static const uint64_t memory_ns = 10 * NS_PER_S;

static bool on_answer(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_end(struct bus_request *request, bool timed_out);

static void on_soon(struct timer *timer);

static const struct bus_request_handlers handlers = {.on_answer = on_answer, .on_end = on_end};

struct question {
    Cupola__DropletVersion *droplets;
    Cupola__DropletVersion **places;
    char (*versions)[VERSION_CAPACITY];
    size_t count;
};

static bool is_asked_for(const struct app *app, const char *owner, const char *name)
{
    return app->value->started && strcmp(app->value->owner, owner) == 0 &&
           (name == NULL || strcmp(app->value->name, name) == 0);
}

static void question_add(struct question *question, const struct app *app)
{
    Cupola__DropletVersion *droplet = &question->droplets[question->count];
    cupola__droplet_version__init(droplet);
    cc_app_version(app->value, question->versions[question->count]);
    droplet->has_droplet = true;
    droplet->droplet = app->id;
    droplet->version = question->versions[question->count];
    question->places[question->count++] = droplet;
}

static void question_build(struct question *question, const struct state *state, const char *owner, const char *name)
{
    const struct user *user = cc_state_find_user(state, owner);
    size_t most = user == NULL ? 0 : user->app_count;
    question->droplets = memory_new(most * sizeof *question->droplets);
    question->places = memory_new(most * sizeof *question->places);
    question->versions = memory_new(most * sizeof *question->versions);
    for (const struct app *app = cc_lists_first_of(state, owner); app != NULL; app = app->links.newer)
        if (is_asked_for(app, owner, name))
            question_add(question, app);
}

void cc_health_ask(struct controller *controller, struct health_query *query, const char *owner, const char *name,
                   void (*done)(struct health_query *query))
{
    query->controller = controller;
    query->done = done;
    query->asked_at_ns = controller->machine.now_ns;
    struct question question = {0};
    question_build(&question, &controller->state, owner, name);
    bool asks = question.count > 0 && controller->machine.now_ns >= controller->health_silent_until_ns;
    if (asks) {
        Cupola__HealthRequest message = CUPOLA__HEALTH_REQUEST__INIT;
        message.droplets = question.places;
        message.n_droplets = question.count;
        bus_request_start(&controller->bus, &query->request, "healthmanager.health", &message.base,
                          &cupola__health_reply__descriptor, (uint32_t)question.count,
                          controller->config->health_timeout_ms * NS_PER_MS, &handlers);
        query->owner = owner;
        query->name = name;
        timer_set(&controller->machine, &query->soon, KNOWN_SOON_NS, on_soon);
    }
    query->is_silent = question.count > 0 && !asks;
    memory_free(question.droplets);
    memory_free(question.places);
    memory_free(question.versions);
    if (!asks)
        done(query);
}

/* An answer about another version than the current one says nothing. */
static bool on_answer(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct health_query *query = container_of(request, struct health_query, request);
    const Cupola__HealthReply *reply = (const Cupola__HealthReply *)parsed;
    struct app *app = cc_state_find_app(&query->controller->state, reply->droplet);
    if (app != NULL && reply->has_healthy && cc_app_has_version(app->value, reply->version)) {
        app->healthy = reply->healthy < 0 ? 0 : reply->healthy;
        app->healthy_at_ns = query->controller->machine.now_ns;
    }
    return true;
}

static void finish(struct health_query *query, bool was_silent)
{
    struct controller *controller = query->controller;
    timer_cancel(&controller->machine, &query->soon);
    query->is_silent = was_silent;
    if (was_silent)
        controller->health_silent_until_ns = controller->machine.now_ns + silence_ns;
    query->done(query);
}

static void on_end(struct bus_request *request, bool timed_out)
{
    finish(container_of(request, struct health_query, request), timed_out && request->answers == 0);
}

/* Of that very state of the app. */
static bool is_remembered(const struct controller *controller, const struct app *app)
{
    return app->healthy >= 0 && app->healthy_at_ns >= app->seen_at_ns &&
           controller->machine.now_ns - app->healthy_at_ns < memory_ns;
}

/* No answer at all by now, but all was told a moment ago. */
static void on_soon(struct timer *timer)
{
    struct health_query *query = container_of(timer, struct health_query, soon);
    const struct controller *controller = query->controller;
    if (query->request.answers > 0)
        return;
    for (const struct app *app = controller->state.apps; app != NULL; app = app->hh.next)
        if (is_asked_for(app, query->owner, query->name) && !is_remembered(controller, app))
            return;
    bus_request_cancel(&query->request);
    finish(query, true);
}

int32_t cc_health_of(const struct health_query *query, const struct app *app)
{
    uint64_t oldest_ns = query->asked_at_ns > silence_ns ? query->asked_at_ns - silence_ns : 0;
    bool is_new = app->healthy >= 0 && app->healthy_at_ns >= oldest_ns;
    if (!is_new && !(query->is_silent && is_remembered(query->controller, app)))
        return -1;
    /* The extra instances of an update run, too. */
    return app->healthy > app->value->instances ? app->value->instances : app->healthy;
}

int64_t cc_health_age_s(const struct health_query *query, const struct app *app)
{
    uint64_t age_ns = query->controller->machine.now_ns - app->healthy_at_ns;
    return query->is_silent && app->healthy >= 0 && age_ns >= silence_ns ? (int64_t)(age_ns / NS_PER_S) : -1;
}
