/* GET /cupola/v1/apps/NAME/events, /revisions: what has happened, and what one may go back to. */
#include "core/cloud_controller/rest.h"

#include "core/base/memory.h"
#include "core/cloud_controller/events.h"
#include "core/cloud_controller/runs.h"

static void handle_events(struct call *call);
static void handle_revisions(struct call *call);

static const struct route routes[] = {
    {"GET", "/cupola/v1/apps/:/events", ACCESS_USER, sizeof(struct call), handle_events, NULL, NULL, NULL},
    {"GET", "/cupola/v1/apps/:/revisions", ACCESS_USER, sizeof(struct call), handle_revisions, NULL, NULL, NULL},
};
const struct route_table cc_event_routes = {routes, sizeof routes / sizeof routes[0]};

static char *lend(const char *text)
{
    return *text == '\0' ? NULL : (char *)(uintptr_t)text;
}

/* The oldest first. */
static void handle_events(struct call *call)
{
    const struct app *app = cc_call_find_app(call, call->arguments[0]);
    if (app == NULL)
        return;
    Cupola__RestEvent events[MAX_EVENTS_OF_APP];
    Cupola__RestEvent *places[MAX_EVENTS_OF_APP];
    Cupola__RestEvents answer = CUPOLA__REST_EVENTS__INIT;
    answer.events = places;
    const struct app_event *event = cc_events_of(call->controller, app->id);
    for (; event != NULL; event = event->newer_of_app) {
        Cupola__RestEvent *place = &events[answer.n_events];
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
        places[answer.n_events++] = place;
    }
    cc_call_answer(call, 200, &answer.base);
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
