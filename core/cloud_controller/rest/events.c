/* GET /cupola/v1/apps/NAME/events, /revisions: what has happened, and what one may go back to. With follow=1 events go
 * on to come, one a line, those that are kept first. */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/memory.h"
#include "core/cloud_controller/rest/followers.h"
#include "core/cloud_controller/state/events.h"
#include "core/cloud_controller/state/runs.h"

struct events_call {
    struct follower follower; /* First. */
    uint64_t told;            /* The number of the last one. */
};

static void handle_events(struct call *call);
static bool pump(struct follower *follower);
static void handle_revisions(struct call *call);

static const struct route routes[] = {
    {"GET", "/cupola/v1/apps/:/events", ACCESS_USER, sizeof(struct events_call), handle_events, NULL, NULL, NULL},
    {"GET", "/cupola/v1/apps/:/revisions", ACCESS_USER, sizeof(struct call), handle_revisions, NULL, NULL, NULL},
};
const struct route_table cc_event_routes = {routes, sizeof routes / sizeof routes[0]};

static char *lend(const char *text)
{
    return *text == '\0' ? NULL : (char *)(uintptr_t)text;
}

static void fill(const struct app_event *event, Cupola__RestEvent *place)
{
    cupola__rest_event__init(place);
    place->key = (char *)(uintptr_t)event->key;
    place->has_at = true;
    place->at = event->at_s;
    place->kind = (char *)(uintptr_t)event->kind;
    place->actor = lend(event->actor);
    place->has_index = event->index >= 0;
    place->index = event->index;
    place->instance = lend(event->instance);
    place->text = lend(event->text);
}

/* The oldest first. */
static void handle_events(struct call *call)
{
    const struct app *app = cc_call_find_app(call, call->arguments[0]);
    if (app == NULL)
        return;
    if (cc_call_follows(call)) {
        cc_follow(call, app->id, "application/x-ndjson; charset=utf-8", pump);
        return;
    }
    Cupola__RestEvent events[MAX_EVENTS_OF_APP];
    Cupola__RestEvent *places[MAX_EVENTS_OF_APP];
    Cupola__RestEvents answer = CUPOLA__REST_EVENTS__INIT;
    answer.events = places;
    const struct app_event *event = cc_events_of(call->controller, app->id);
    for (; event != NULL; event = event->newer_of_app) {
        fill(event, &events[answer.n_events]);
        places[answer.n_events] = &events[answer.n_events];
        answer.n_events++;
    }
    cc_call_answer(call, 200, &answer.base);
}

/* Ends with the app, or when whoever asked may not see it any more. */
static bool pump(struct follower *follower)
{
    struct events_call *request = container_of(follower, struct events_call, follower);
    const struct controller *controller = follower->call.controller;
    const struct app *app = cc_state_find_app(&controller->state, follower->app_id);
    if (app == NULL || !cc_state_may_see(app, follower->call.email))
        return false;
    if (request->told == cc_events_newest(controller))
        return true;
    struct text lines = {0};
    const struct app_event *event = cc_events_of(controller, app->id);
    for (; event != NULL; event = event->newer_of_app) {
        if (event->number <= request->told)
            continue;
        Cupola__RestEvent place;
        fill(event, &place);
        json_write(&lines, &place.base);
        text_add_char(&lines, '\n');
    }
    request->told = cc_events_newest(controller);
    if (lines.size > 0)
        cc_follower_tell(follower, (struct io_bytes){(const uint8_t *)text_string(&lines), lines.size});
    text_free(&lines);
    return true;
}

static void handle_revisions(struct call *call)
{
    const struct app *app = cc_call_find_app(call, call->arguments[0]);
    if (app == NULL)
        return;
    const Cupola__JournalApp *value = app->value;
    Cupola__RestRevision revisions[MAX_REVISIONS];
    Cupola__RestRevision *places[MAX_REVISIONS];
    Cupola__RestRevisions answer = CUPOLA__REST_REVISIONS__INIT;
    answer.revisions = places;
    answer.has_current = value->revision > 0;
    answer.current = value->revision;
    for (size_t i = 0; i < value->n_revisions && i < MAX_REVISIONS; i++) {
        const Cupola__JournalRun *run = value->revisions[i];
        Cupola__RestRevision *place = &revisions[answer.n_revisions];
        cupola__rest_revision__init(place);
        place->has_revision = place->has_at = place->has_memory = true;
        place->revision = run->revision;
        place->at = run->at_s;
        place->memory = run->memory_mb;
        place->droplet = run->droplet_sha1;
        place->command = run->command;
        place->framework = run->framework;
        place->reason = run->reason;
        place->has_variables = true;
        place->variables = (int32_t)run->n_env;
        places[answer.n_revisions++] = place;
    }
    cc_call_answer(call, 200, &answer.base);
}
