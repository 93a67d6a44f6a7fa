/* GET /apps/NAME/instances/ID/files/PATH: asks who has the instance, and passes on what its file viewer answers.
 *
 * ID is an index or an instance id; the latter finds crashed instances too. The log of a staging that failed is ours:
 * no instance ever had it.
 */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/duration.h"
#include "core/http/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_INDEX_DIGITS = 10, INSTANCE_ID_DIGITS = 32, MAX_CREDENTIAL_SIZE = 128, MAX_HOST_SIZE = 255 };
static const uint64_t fetch_timeout_ns = 30 * NS_PER_S;

struct file_call {
    struct call call;
    struct bus_request request;
    struct http_call fetch;
    bool is_found;
};

static void handle(struct call *call);
static void release(struct call *call);
static bool on_found(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_find_end(struct bus_request *request, bool timed_out);
static void on_fetched(struct http_call *fetch, enum io_status status);

static const struct route routes[] = {
    {"GET", "/apps/:/instances/:/files/*", ACCESS_USER, sizeof(struct file_call), handle, release, NULL, NULL},
};
const struct route_table cc_file_routes = {routes, sizeof routes / sizeof routes[0]};

static const struct bus_request_handlers find_handlers = {.on_answer = on_found, .on_end = on_find_end};
static const struct http_call_handlers fetch_handlers = {.on_done = on_fetched};

static void release(struct call *call)
{
    http_call_release(&container_of(call, struct file_call, call)->fetch);
}

/* ---- Which instance ---- */

static bool consists_of(const char *text, const char *characters, size_t least, size_t most)
{
    size_t size = strlen(text);
    return size >= least && size <= most && strspn(text, characters) == size;
}

static void find_instance(struct file_call *request, const struct app *app, int32_t index, const char *instance)
{
    char *states[] = {(char *)(uintptr_t) "STARTING", (char *)(uintptr_t) "RUNNING"};
    Cupola__DeaFindDroplet find = CUPOLA__DEA_FIND_DROPLET__INIT;
    find.has_droplet = true;
    find.droplet = app->id;
    if (instance != NULL) {
        find.instances = (char **)(uintptr_t)&instance;
        find.n_instances = 1;
    } else {
        find.indices = &index;
        find.n_indices = 1;
        find.states = states;
        find.n_states = 2;
    }
    struct controller *controller = request->call.controller;
    bus_request_start(&controller->bus, &request->request, "dea.find.droplet", &find.base,
                      &cupola__dea_found__descriptor, 1, controller->config->find_timeout_ms * NS_PER_MS,
                      &find_handlers);
}

static void handle(struct call *call)
{
    struct file_call *request = container_of(call, struct file_call, call);
    const char *id = call->arguments[1];
    const struct app *app = cc_call_find_app(call, call->arguments[0]);
    if (app == NULL)
        return;
    if (strcmp(call->rest, "logs/staging.log") == 0 && app->value->staging_log != NULL) {
        const char *log = app->value->staging_log;
        cc_call_answer_text(call, 200, (struct io_bytes){(const uint8_t *)log, strlen(log)});
        return;
    }
    bool is_index = consists_of(id, "0123456789", 1, MAX_INDEX_DIGITS);
    long long index = is_index ? strtoll(id, NULL, 10) : 0;
    if (!app->value->started)
        cc_call_fail(call, ERROR_APP_STOPPED, NULL, NULL);
    else if (is_index && index >= app->value->instances)
        cc_call_fail(call, ERROR_NO_INSTANCE, id, NULL);
    else if (is_index)
        find_instance(request, app, (int32_t)index, NULL);
    else if (consists_of(id, "0123456789abcdef", INSTANCE_ID_DIGITS, INSTANCE_ID_DIGITS))
        find_instance(request, app, 0, id);
    else
        cc_call_fail(call, ERROR_NO_INSTANCE, id, NULL);
}

/* ---- Its file ---- */

struct viewer {
    char host[MAX_HOST_SIZE + 1];
    uint16_t port;
    const char *path; /* Points into the URI. */
};

/* "http://10.0.0.7:24345/droplets/" */
static bool parse_viewer(const char *uri, struct viewer *ret_viewer)
{
    static const char scheme[] = "http://";
    if (strncmp(uri, scheme, sizeof scheme - 1) != 0)
        return false;
    uri += sizeof scheme - 1;
    size_t host = strcspn(uri, ":/");
    if (host == 0 || host > MAX_HOST_SIZE || uri[host] != ':')
        return false;
    memcpy(ret_viewer->host, uri, host);
    ret_viewer->host[host] = '\0';
    char *end = NULL;
    unsigned long port = strtoul(uri + host + 1, &end, 10);
    if (port == 0 || port > UINT16_MAX || *end != '/')
        return false;
    ret_viewer->port = (uint16_t)port;
    ret_viewer->path = end;
    return true;
}

static void add_authorization(struct text *headers, const Cupola__DeaFound *found)
{
    if (found->n_credentials != 2)
        return;
    char user[MAX_CREDENTIAL_SIZE + 1], password[MAX_CREDENTIAL_SIZE + 1];
    snprintf(user, sizeof user, "%s", found->credentials[0]);
    snprintf(password, sizeof password, "%s", found->credentials[1]);
    text_add_string(headers, "Authorization: ");
    http_write_basic(headers, user, password);
    text_add_string(headers, "\r\n");
}

static bool on_found(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct file_call *call = container_of(request, struct file_call, request);
    const Cupola__DeaFound *found = (const Cupola__DeaFound *)parsed;
    struct viewer viewer;
    if (found->file_uri == NULL || found->staged == NULL || !parse_viewer(found->file_uri, &viewer))
        return true;
    struct text target = {0}, headers = {0};
    text_add_string(&target, viewer.path);
    uri_encode(&target, found->staged);
    text_add_char(&target, '/');
    uri_encode_path(&target, call->call.rest);
    add_authorization(&headers, found);
    struct http_request fetch = {
        .host = viewer.host,
        .port = viewer.port,
        .method = "GET",
        .target = text_string(&target),
        .headers = text_string(&headers),
        .timeout_ns = fetch_timeout_ns,
        .max_body_bytes = call->call.controller->config->max_file_bytes,
    };
    call->is_found = true;
    http_call_start(&call->call.controller->machine, &call->fetch, &fetch, &fetch_handlers);
    text_free(&target);
    text_free(&headers);
    return false;
}

static void on_find_end(struct bus_request *request, bool timed_out)
{
    (void)timed_out;
    struct file_call *call = container_of(request, struct file_call, request);
    if (!call->is_found)
        cc_call_fail(&call->call, ERROR_FILE, call->call.rest, NULL);
}

/* The viewer's own status reaches the client where v1's clients know it: 403 and 404 with their texts. */
static void on_fetched(struct http_call *fetch, enum io_status status)
{
    struct file_call *call = container_of(fetch, struct file_call, fetch);
    bool is_passed_on = status == IO_OK && (fetch->status == 200 || fetch->status == 403 || fetch->status == 404);
    if (!is_passed_on) {
        cc_call_fail(&call->call, ERROR_FILE, call->call.rest, NULL);
        return;
    }
    struct io_bytes body = {(const uint8_t *)text_string(&fetch->body), fetch->body.size};
    cc_call_answer_text(&call->call, fetch->status, body);
}
