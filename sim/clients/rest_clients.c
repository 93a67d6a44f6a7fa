#include "sim/clients/rest_clients.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/cloud_controller/view.h"
#include "sim/checks/check.h"
#include "sim/checks/linearizability.h"
#include "sim/cloud_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { API_PORT = 9022, ANSWER_BYTES_MOST = 65536, FIRST_VARIABLE = 1000, INSTANCES_MOST = 3 };

struct rest_client {
    struct rest_group *group;
    struct socket *socket; /* NULL between two calls. */
    struct text request, answer;
    struct wake wake; /* The next call, or the end of our patience with this one. */
    size_t call;      /* Of the history. */
};

struct rest_group {
    struct rest_group *next;
    struct cloud *cloud;
    struct rest_client *clients;
    size_t client_count;
    struct random_stream random;
    uint64_t pause_ns, timeout_ns;
    bool deletes;
    size_t planned;
    struct app_state first;
    struct app_call calls[HISTORY_CALLS_MOST];
    bool is_nothing[HISTORY_CALLS_MOST]; /* It told nothing and did nothing. */
    size_t call_count, open_count;
    bool is_judged;
    char app[];
};

/* ---- One call ---- */

static enum app_call_kind draw_kind(struct rest_group *group)
{
    if (group->deletes && group->call_count + 4 == group->planned)
        return CALL_DELETE;
    uint64_t dice = random_below(&group->random, 10);
    return dice < 5 ? CALL_READ : dice < 8 ? CALL_UPDATE_ENV : CALL_SCALE;
}

static void write_request(const struct rest_group *group, const struct app_call *call, struct text *ret_request)
{
    static const char *const methods[] = {
        [CALL_READ] = "GET", [CALL_SCALE] = "PUT", [CALL_UPDATE_ENV] = "PUT", [CALL_DELETE] = "DELETE"};
    char body[64] = "";
    if (call->kind == CALL_SCALE)
        snprintf(body, sizeof body, "{\"instances\":%d}", call->state.instances);
    else if (call->kind == CALL_UPDATE_ENV)
        snprintf(body, sizeof body, "{\"env\":[\"V=%d\"]}", call->state.variable);
    text_clear(ret_request);
    text_addf(ret_request, "%s /apps/%s HTTP/1.1\r\nHost: api.cupola.test\r\nAuthorization: %s\r\n",
              methods[call->kind], group->app, group->cloud->token == NULL ? "" : group->cloud->token);
    text_addf(ret_request, "Content-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
              strlen(body), body);
}

/* False: the field is not there. */
static bool number_after(const char *answer, const char *name, int32_t *ret_number)
{
    const char *at = strstr(answer, name);
    if (at == NULL)
        return false;
    *ret_number = (int32_t)strtol(at + strlen(name), NULL, 10);
    return true;
}

static bool read_state(const char *answer, struct app_state *ret_state)
{
    *ret_state = (struct app_state){.exists = true};
    if (!number_after(answer, "\"V=", &ret_state->variable))
        ret_state->variable = 0;
    return number_after(answer, "\"instances\":", &ret_state->instances);
}

/* The whole answer is there, or nothing more will come. */
static void judge_answer(struct rest_group *group, size_t index, const char *answer)
{
    struct app_call *call = &group->calls[index];
    int status = 0;
    call->outcome = CALL_UNKNOWN;
    call->ended_ns = group->cloud->world->now_ns;
    bool is_told = sscanf(answer, "HTTP/1.1 %d", &status) == 1;
    bool is_refused = is_told && status >= 400 && status < 500 && status != 404;
    bool is_read = call->kind == CALL_READ;
    if (is_told && status == 404)
        call->outcome = CALL_NO_APP;
    else if (is_told && status == 200 && !is_read)
        call->outcome = CALL_DONE;
    else if (is_told && status == 200 && strstr(answer, "\"stale\":true") == NULL && read_state(answer, &call->state))
        call->outcome = CALL_DONE;
    group->is_nothing[index] = is_refused || (is_read && call->outcome == CALL_UNKNOWN);
}

static void end_call(struct rest_client *client)
{
    struct rest_group *group = client->group;
    client->socket = NULL;
    judge_answer(group, client->call, text_string(&client->answer));
    group->open_count--;
    group->cloud->world->change_count++;
    uint64_t pause_ns = random_below(&group->random, 2 * group->pause_ns + 1);
    world_cancel(group->cloud->world, &client->wake);
    world_wake_in(group->cloud->world, &client->wake, pause_ns);
}

static bool is_whole(const struct text *answer)
{
    const char *body = strstr(text_string(answer), "\r\n\r\n");
    const char *length = strstr(text_string(answer), "Content-Length: ");
    return body != NULL && length != NULL &&
           strlen(body + 4) >= (size_t)strtoul(length + strlen("Content-Length: "), NULL, 10);
}

/* ---- The connection ---- */

static void on_connected(struct socket *socket)
{
    struct rest_client *client = socket->owner;
    socket_write(socket, slice_copy(text_string(&client->request), client->request.size));
    socket_read(socket, ANSWER_BYTES_MOST);
}

static void on_bytes(struct socket *socket, struct slice lent)
{
    struct rest_client *client = socket->owner;
    text_add(&client->answer, slice_data(lent), lent.size);
    if (!is_whole(&client->answer) && client->answer.size < ANSWER_BYTES_MOST) {
        socket_read(socket, ANSWER_BYTES_MOST);
        return;
    }
    socket_drop(socket);
    end_call(client);
}

static void on_end(struct socket *socket)
{
    struct rest_client *client = socket->owner;
    socket_drop(socket);
    end_call(client);
}

static void on_written(struct socket *socket, size_t size)
{
    (void)socket;
    (void)size;
}

static void on_closed(struct socket *socket, enum io_status status)
{
    (void)status;
    end_call(socket->owner);
}

static const struct socket_handlers handlers = {
    .on_connected = on_connected,
    .on_bytes = on_bytes,
    .on_end = on_end,
    .on_written = on_written,
    .on_closed = on_closed,
};

/* ---- Call after call ---- */

static void begin_call(struct rest_client *client)
{
    struct rest_group *group = client->group;
    struct cloud *cloud = group->cloud;
    struct app_call *call = &group->calls[group->call_count];
    client->call = group->call_count;
    *call = (struct app_call){.kind = draw_kind(group), .outcome = CALL_UNKNOWN, .began_ns = cloud->world->now_ns};
    call->state.instances = 1 + (int32_t)random_below(&group->random, INSTANCES_MOST);
    call->state.variable = FIRST_VARIABLE + (int32_t)group->call_count;
    group->call_count++;
    group->open_count++;
    write_request(group, call, &client->request);
    text_clear(&client->answer);
    size_t controller = (size_t)random_below(&group->random, cloud->component_counts[ROLE_CONTROLLER]);
    client->socket = socket_connect(cloud->outside, &handlers, client, NULL, "REST client",
                                    cloud->components[ROLE_CONTROLLER][controller].host->address, API_PORT);
    world_wake_in(cloud->world, &client->wake, group->timeout_ns);
}

static void on_wake(struct wake *wake)
{
    struct rest_client *client = container_of(wake, struct rest_client, wake);
    if (client->socket != NULL) { /* Nobody has answered for so long. */
        socket_drop(client->socket);
        end_call(client);
    } else if (client->group->call_count < client->group->planned && !client->group->cloud->is_finishing) {
        begin_call(client);
    }
}

/* ---- The group ---- */

static struct app_state state_now(struct cloud *cloud, const char *app)
{
    const struct machine *controller = cloud_knowing_controller(cloud);
    struct controller_app_view view;
    bool exists = controller != NULL && controller_view_find_app(controller, app, &view);
    return (struct app_state){.exists = exists, .instances = exists ? view.instances : 0};
}

void rest_clients_open(struct cloud *cloud, const struct rest_plan *plan)
{
    size_t size = strlen(plan->app) + 1, number = 0;
    for (const struct rest_group *other = cloud->rest_groups; other != NULL; other = other->next)
        number++;
    struct rest_group *group = memory_new(sizeof *group + size);
    memcpy(group->app, plan->app, size);
    group->cloud = cloud;
    group->random = random_numbered(cloud->seed, "rest clients", number);
    group->pause_ns = plan->pause_ns;
    group->timeout_ns = plan->timeout_ns;
    group->deletes = plan->deletes;
    group->planned = plan->calls < HISTORY_CALLS_MOST ? plan->calls : HISTORY_CALLS_MOST;
    group->first = state_now(cloud, plan->app);
    group->client_count = plan->clients;
    group->clients = memory_new(plan->clients * sizeof *group->clients);
    group->next = cloud->rest_groups;
    cloud->rest_groups = group;
    for (size_t i = 0; i < group->client_count; i++) {
        struct rest_client *client = &group->clients[i];
        client->group = group;
        client->wake = (struct wake){.happen = on_wake, .key = random_mix(group->random.key, 100 + i)};
        world_wake_in(cloud->world, &client->wake, random_below(&group->random, 2 * group->pause_ns + 1));
    }
}

static bool is_idle(const struct rest_group *group)
{
    return group->call_count == group->planned && group->open_count == 0;
}

bool rest_clients_idle(struct cloud *cloud, void *context, struct text *ret_why)
{
    (void)context;
    for (const struct rest_group *group = cloud->rest_groups; group != NULL; group = group->next) {
        if (is_idle(group))
            continue;
        if (ret_why != NULL)
            text_addf(ret_why, "%zu of %zu calls about %s have begun, %zu are under way", group->call_count,
                      group->planned, group->app, group->open_count);
        return false;
    }
    return true;
}

void rest_clients_look(struct cloud *cloud)
{
    for (struct rest_group *group = cloud->rest_groups; group != NULL; group = group->next) {
        if (group->is_judged || !is_idle(group))
            continue;
        struct app_call calls[HISTORY_CALLS_MOST];
        struct text why = {0};
        size_t count = 0;
        group->is_judged = true;
        for (size_t i = 0; i < group->call_count; i++)
            if (!group->is_nothing[i])
                calls[count++] = group->calls[i];
        if (!history_is_linearizable(calls, count, group->first, &why))
            cloud_violate(cloud, "linearizable_per_app", "app %s: %s", group->app, text_string(&why));
        text_free(&why);
    }
}

void rest_clients_release(struct cloud *cloud)
{
    while (cloud->rest_groups != NULL) {
        struct rest_group *group = cloud->rest_groups;
        cloud->rest_groups = group->next;
        for (size_t i = 0; i < group->client_count; i++) {
            if (group->clients[i].socket != NULL)
                socket_drop(group->clients[i].socket);
            world_cancel(cloud->world, &group->clients[i].wake);
            text_free(&group->clients[i].request);
            text_free(&group->clients[i].answer);
        }
        memory_free(group->clients);
        memory_free(group);
    }
}
