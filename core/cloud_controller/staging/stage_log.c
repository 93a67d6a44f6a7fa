#include "core/cloud_controller/staging/stage_log.h"

#include "core/base/memory.h"
#include "core/cloud_controller/rest/followers.h"

#include <stdio.h>
#include <string.h>

enum { LOGS_MOST = 128, LOG_BYTES_MOST = 65536, PIECE_MOST = 32768 };

const struct stage_log *cc_stage_log_find(const struct controller *controller, int64_t app_id)
{
    for (const struct stage_log *log = controller->stage_logs; log != NULL; log = log->next)
        if (log->app_id == app_id)
            return log;
    return NULL;
}

static void free_log(struct stage_log *log)
{
    text_free(&log->text);
    memory_free(log);
}

/* The app's log, as the first; those beyond the limit are forgotten. */
static struct stage_log *take_log(struct controller *controller, int64_t app_id)
{
    struct stage_log **place = &controller->stage_logs;
    size_t count = 0;
    while (*place != NULL && (*place)->app_id != app_id && ++count < LOGS_MOST)
        place = &(*place)->next;
    struct stage_log *log = *place;
    if (log != NULL)
        *place = log->next;
    if (log != NULL && log->app_id != app_id) {
        free_log(log);
        log = NULL;
    }
    if (log == NULL) {
        log = memory_new(sizeof *log);
        log->app_id = app_id;
    }
    log->next = controller->stage_logs;
    controller->stage_logs = log;
    return log;
}

static void keep(struct controller *controller, const struct app *app, const char *text, size_t size)
{
    struct stage_log *log = take_log(controller, app->id);
    if (strcmp(log->package_sha1, app->value->package_sha1) != 0) { /* Other bits: another log. */
        snprintf(log->package_sha1, sizeof log->package_sha1, "%s", app->value->package_sha1);
        text_clear(&log->text);
        log->left_out = 0;
    }
    text_add(&log->text, text, size);
    if (log->text.size > LOG_BYTES_MOST) {
        size_t surplus = log->text.size - LOG_BYTES_MOST / 2; /* Half of it, so that not every word moves it all. */
        text_consume(&log->text, surplus);
        log->left_out += surplus;
    }
    cc_followers_wake(controller, app->id);
}

/* Only of the bits that the app has now; another package's staging may be on its last legs somewhere. */
static const struct app *find_staged(const struct controller *controller, int64_t app_id, const char *package_sha1)
{
    const struct app *app = cc_state_find_app(&controller->state, app_id);
    bool is_same = app != NULL && package_sha1 != NULL && app->value->package_sha1 != NULL &&
                   strlen(package_sha1) == 40 && strcmp(app->value->package_sha1, package_sha1) == 0;
    return is_same ? app : NULL;
}

void cc_stage_log_say(struct controller *controller, int64_t app_id, const char *package_sha1, struct io_bytes bytes)
{
    const struct app *app = find_staged(controller, app_id, package_sha1);
    for (size_t told = 0; app != NULL && told < bytes.size;) {
        size_t size = bytes.size - told > PIECE_MOST ? PIECE_MOST : bytes.size - told;
        struct text text = {0};
        text_add(&text, bytes.data + told, size);
        text_make_printable(&text);
        keep(controller, app, text_string(&text), text.size);
        Cupola__StagingOutput output = CUPOLA__STAGING_OUTPUT__INIT;
        output.has_droplet = true;
        output.droplet = app_id;
        output.package_sha1 = (char *)(uintptr_t)package_sha1;
        output.text = (char *)(uintptr_t)text_string(&text);
        output.controller = (char *)(uintptr_t)controller_address(controller);
        bus_publish_message(&controller->bus, "cloudcontroller.staging", NULL, &output.base);
        text_free(&text);
        told += size;
    }
}

void cc_on_staging_output(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct controller *controller = container_of(bus, struct controller, bus);
    const Cupola__StagingOutput *output = (const Cupola__StagingOutput *)parsed;
    const struct app *app = find_staged(controller, output->droplet, output->package_sha1);
    bool is_ours = output->controller != NULL && strcmp(output->controller, controller_address(controller)) == 0;
    if (app == NULL || output->text == NULL || is_ours)
        return;
    size_t size = strlen(output->text);
    keep(controller, app, output->text, size > PIECE_MOST ? PIECE_MOST : size);
}

void cc_stage_logs_destroy(struct controller *controller)
{
    while (controller->stage_logs != NULL) {
        struct stage_log *log = controller->stage_logs;
        controller->stage_logs = log->next;
        free_log(log);
    }
}
