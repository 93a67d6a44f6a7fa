/* What controllers order: POST and DELETE below /gateway/v1/configurations. */
#include "core/base/duration.h"
#include "core/wire/json.h"
#include "drivers/sim/gateway/state.h"

#include <stdio.h>
#include <string.h>

enum {
    STATUS_OK = 200,
    STATUS_BAD_REQUEST = 400,
    STATUS_UNAUTHORIZED = 401,
    STATUS_NOT_FOUND = 404,
    STATUS_FAILED = 500,
};

/* ---- Answers ---- */

static void answer_error(struct http_exchange *exchange, int status)
{
    static const struct {
        int status, code;
        const char *description;
    } errors[] = {
        {STATUS_BAD_REQUEST, 30000, "Invalid Content-Type"},
        {STATUS_UNAUTHORIZED, 30100, "Not authorized"},
        {STATUS_NOT_FOUND, 30300, "Not found"},
        {STATUS_FAILED, 30500, "Internal Error"},
    };
    size_t i = 0;
    while (errors[i].status != status)
        i++;
    struct text body = {0};
    text_addf(&body, "{\"code\":%d,\"description\":\"%s\"}", errors[i].code, errors[i].description);
    http_answer_text(exchange, status, "application/json", &body);
}

static void answer(const struct gateway_job *job)
{
    struct text body = {0};
    if (job->status != STATUS_OK) {
        answer_error(job->exchange, job->status);
        return;
    }
    if (job->makes)
        text_addf(&body,
                  "{\"service_id\":\"%s\",\"%s\":{\"plan\":\"free\"},\"credentials\":{\"hostname\":\"%s\",\"port\":%u,"
                  "\"password\":\"%s\"}}",
                  job->made, job->is_of_binding ? "configuration" : "data", job->gateway->config->host,
                  job->gateway->config->port, job->made);
    else
        text_add_string(&body, "{}");
    http_answer_text(job->exchange, STATUS_OK, "application/json", &body);
}

static void end_job(struct gateway_job *job)
{
    struct gateway_job **place = &job->gateway->jobs;
    while (*place != job)
        place = &(*place)->next;
    *place = job->next;
    if (job->exchange != NULL)
        answer(job);
    memory_free(job);
}

void gateway_jobs_saved(struct sim_gateway *gateway)
{
    struct gateway_job *next;
    for (struct gateway_job *job = gateway->jobs; job != NULL; job = next) {
        next = job->next;
        if (job->saving > 0 && job->saving <= gateway->saved_changes && (!job->is_mute || job->exchange == NULL))
            end_job(job);
    }
}

void gateway_jobs_free(struct sim_gateway *gateway)
{
    while (gateway->jobs != NULL) {
        struct gateway_job *job = gateway->jobs;
        gateway->jobs = job->next;
        timer_cancel(&gateway->machine, &job->think);
        memory_free(job);
    }
}

/* ---- Carrying out ---- */

static bool happens(struct sim_gateway *gateway, uint32_t permille)
{
    return permille > 0 && random_below(&gateway->luck, 1000) < permille;
}

/* What it knows of is what it can do something about. */
static struct thing *find_known(const struct sim_gateway *gateway, const char *id, const char *service)
{
    struct thing *thing = gateway_find(gateway, id);
    return thing != NULL && thing->is_known && strcmp(thing->service, service) == 0 ? thing : NULL;
}

/* Returns the status of the answer; what there is has changed if it is 200. */
static int make(struct gateway_job *job)
{
    struct sim_gateway *gateway = job->gateway;
    if (job->is_of_binding && find_known(gateway, job->service, "") == NULL)
        return STATUS_NOT_FOUND;
    snprintf(job->made, sizeof job->made, "%s", gateway_add(gateway, job->service)->id);
    if (happens(gateway, gateway->config->makes_twice_permille))
        gateway_add(gateway, job->service);
    return STATUS_OK;
}

static int delete (const struct gateway_job *job)
{
    struct sim_gateway *gateway = job->gateway;
    struct thing *thing =
        job->is_of_binding ? find_known(gateway, job->handle, job->service) : find_known(gateway, job->service, "");
    if (thing == NULL)
        return STATUS_NOT_FOUND;
    gateway_remove(gateway, thing);
    return STATUS_OK;
}

static void on_thought(struct timer *timer)
{
    struct gateway_job *job = container_of(timer, struct gateway_job, think);
    struct sim_gateway *gateway = job->gateway;
    bool refuses = happens(gateway, gateway->config->refuses_permille);
    job->status = refuses ? STATUS_FAILED : job->makes ? make(job) : delete (job);
    if (job->status != STATUS_OK) {
        end_job(job);
        return;
    }
    if (happens(gateway, gateway->config->fails_late_permille))
        job->status = STATUS_FAILED;
    job->is_mute = happens(gateway, gateway->config->never_answers_permille);
    job->saving = gateway_save(gateway);
}

/* ---- Requests ---- */

static bool is_permitted(struct http_exchange *exchange, const struct sim_gateway *gateway)
{
    const char *type = http_exchange_header(exchange, "Content-Type");
    const char *token = http_exchange_header(exchange, "X-VCAP-Service-Token");
    bool is_json = type != NULL && strcmp(type, "application/json") == 0;
    bool is_ours = token != NULL && strcmp(token, gateway->config->token) == 0;
    if (!is_json || !is_ours)
        answer_error(exchange, is_json ? STATUS_UNAUTHORIZED : STATUS_BAD_REQUEST);
    return is_json && is_ours;
}

/* /gateway/v1/configurations[/SERVICE[/handles[/HANDLE]]] */
static bool read_path(const char *path, struct gateway_job *job)
{
    static const char root[] = "/gateway/v1/configurations";
    char tail[16] = "";
    if (strncmp(path, root, sizeof root - 1) != 0)
        return false;
    int count = sscanf(path + sizeof root - 1, "/%39[^/]/%15[^/]/%39[^/]", job->service, tail, job->handle);
    job->is_of_binding = strcmp(tail, "handles") == 0;
    return job->makes ? count <= 0 || (count == 2 && job->is_of_binding)
                      : count == 1 || (count == 3 && job->is_of_binding);
}

static void on_request(struct http_exchange *exchange)
{
    struct sim_gateway *gateway = container_of(exchange->server, struct sim_gateway, server);
    struct gateway_job *job = memory_new(sizeof *job);
    job->gateway = gateway;
    job->exchange = exchange;
    job->makes = http_text_equals(exchange->head.method, "POST");
    bool is_order = job->makes || http_text_equals(exchange->head.method, "DELETE");
    bool is_permitted_one = is_permitted(exchange, gateway);
    if (!is_permitted_one || !is_order || !read_path(exchange->path, job)) {
        if (is_permitted_one)
            answer_error(exchange, STATUS_NOT_FOUND);
        memory_free(job);
        return;
    }
    exchange->user = job;
    job->next = gateway->jobs;
    gateway->jobs = job;
    uint64_t least_ms = gateway->config->answer_least_ms, most_ms = gateway->config->answer_most_ms;
    uint64_t delay_ms = random_between(&gateway->luck, least_ms, most_ms < least_ms ? least_ms : most_ms);
    timer_set(&gateway->machine, &job->think, delay_ms * NS_PER_MS, on_thought);
}

/* What was ordered is done all the same. */
static void on_aborted(struct http_exchange *exchange)
{
    struct gateway_job *job = exchange->user;
    job->exchange = NULL;
    if (job->is_mute)
        end_job(job);
}

static void on_listening(struct http_server *server, enum io_status status, uint16_t port)
{
    struct sim_gateway *gateway = container_of(server, struct sim_gateway, server);
    if (status != IO_OK)
        machine_log(&gateway->machine, LOG_ERROR, "port %u cannot be listened on: %s", port, io_status_name(status));
}

const struct http_server_handlers gateway_server_handlers = {
    .on_listening = on_listening,
    .on_request = on_request,
    .on_aborted = on_aborted,
};
