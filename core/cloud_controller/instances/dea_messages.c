#include "core/cloud_controller/instances/dea_messages.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/cloud_controller/blobs/downloads.h"
#include "core/cloud_controller/services/bindings.h"
#include "core/cloud_controller/state/runs.h"

/* Apps that one DEA may ask for at once. */
enum { MOST_ASKED = 4096 };

void cc_dea_stop(struct controller *controller, const Cupola__DeaStop *stop)
{
    bus_publish_message(&controller->bus, "dea.stop", NULL, &stop->base);
}

static void fill_update(const struct app *app, Cupola__DeaUpdate *ret_update)
{
    cupola__dea_update__init(ret_update);
    ret_update->has_droplet = ret_update->has_sequence = true;
    ret_update->droplet = app->id;
    ret_update->sequence = (int64_t)app->changed_sequence;
    ret_update->uris = app->value->uris;
    ret_update->n_uris = app->value->n_uris;
}

void cc_dea_update(struct controller *controller, const struct app *app)
{
    Cupola__DeaUpdate update;
    fill_update(app, &update);
    bus_publish_message(&controller->bus, "dea.update", NULL, &update.base);
}

/* A DEA that was away asks for what it may have missed. */
void cc_on_uris_request(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    struct controller *controller = container_of(bus, struct controller, bus);
    const Cupola__UrisRequest *request = (const Cupola__UrisRequest *)parsed;
    if (!controller->journal.is_caught_up || controller->is_stopping || request->n_droplets > MOST_ASKED)
        return;
    Cupola__DeaUpdate *updates = memory_new(request->n_droplets * sizeof *updates);
    Cupola__DeaUpdate **places = memory_new(request->n_droplets * sizeof *places);
    Cupola__UrisReply reply = CUPOLA__URIS_REPLY__INIT;
    reply.apps = places;
    for (size_t i = 0; i < request->n_droplets; i++) {
        const struct app *app = cc_state_find_app(&controller->state, request->droplets[i]);
        if (app == NULL)
            continue;
        fill_update(app, &updates[reply.n_apps]);
        places[reply.n_apps] = &updates[reply.n_apps];
        reply.n_apps++;
    }
    bus_answer(bus, message, &reply.base);
    memory_free(places);
    memory_free(updates);
}

/* What a user has set beside v1's description of an app. */
static void fill_settings(Cupola__DeaStart *start, const Cupola__JournalSettings *settings)
{
    if (settings == NULL)
        return;
    start->health = settings->health;
    start->has_singleton = settings->has_singleton;
    start->singleton = settings->singleton;
    start->has_grace_ms = settings->has_grace_ms;
    start->grace_ms = settings->grace_ms;
    start->balance = settings->balance;
    start->balance_header = settings->balance_header;
    start->protocol = settings->protocol;
}

void cc_dea_fill_limits(const Cupola__JournalRun *run, Cupola__DeaLimits *ret_limits)
{
    cupola__dea_limits__init(ret_limits);
    ret_limits->has_mem = ret_limits->has_disk = ret_limits->has_fds = true;
    ret_limits->mem = run->memory_mb;
    ret_limits->disk = run->disk_mb;
    ret_limits->fds = run->descriptors;
}

void cc_dea_start(struct controller *controller, const char *dea, const struct app *app, int32_t index, uint64_t epoch,
                  struct bus_request *request, uint64_t timeout_ns, const struct bus_request_handlers *handlers)
{
    const Cupola__JournalApp *value = app->value;
    assert_that(value->run_live);
    Cupola__JournalRun run = cc_run_of_index(value, index);
    Cupola__DeaLimits limits;
    cc_dea_fill_limits(&run, &limits);
    struct layout layout;
    cc_app_layout(value, &layout);
    const char *version = cc_layout_version(&layout, index);
    assert_that(version != NULL);
    struct text file = {0}, uri = {0}, subject = {0};
    text_addf(&file, "/staged_droplets/%lld/%s", (long long)app->id, run.droplet_sha1);
    text_addf(&uri, "http://%s:%u%s", controller_host(controller), controller->server.port, text_string(&file));
    cc_download_sign(controller, text_string(&file), &uri);
    text_addf(&subject, "dea.%s.start", dea);

    Cupola__DeaStart start = CUPOLA__DEA_START__INIT;
    start.has_droplet = start.has_index = start.has_epoch = true;
    start.droplet = app->id;
    start.name = value->name;
    start.uris = value->uris;
    start.n_uris = value->n_uris;
    start.runtime = run.runtime;
    start.framework = run.framework;
    start.sha1 = run.droplet_sha1;
    start.executablefile = (char *)(uintptr_t)text_string(&file);
    start.executableuri = (char *)(uintptr_t)text_string(&uri);
    start.version = (char *)(uintptr_t)version;
    start.limits = &limits;
    start.env = run.env;
    start.n_env = run.n_env;
    start.users = (char **)(uintptr_t)&value->owner;
    start.n_users = 1;
    start.index = index;
    start.epoch = (int64_t)epoch;
    fill_settings(&start, value->settings);
    cc_bindings_fill(&controller->state, value, &start);
    if (request == NULL)
        bus_publish_message(&controller->bus, text_string(&subject), NULL, &start.base);
    else
        bus_request_start(&controller->bus, request, text_string(&subject), &start.base,
                          &cupola__dea_start_reply__descriptor, 1, timeout_ns, handlers);
    cc_bindings_free(&start);
    text_free(&file);
    text_free(&uri);
    text_free(&subject);
}
