/* Commands in instances: POST /cupola/v1/apps/NAME/exec notes the command in the journal, asks who runs the instance to
 * prepare it, and answers with an address that is good once, for half a minute; GET of that with an Upgrade joins the
 * client and the DEA. The address is signed: whichever controller is asked knows where to connect. */
#include "core/cloud_controller/rest/rest.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/cloud_controller/blobs/downloads.h"
#include "core/machine/relay.h"
#include "core/wire/exec_frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WORDS = 256, MOST_BYTES = 32768, MOST_SIDE = 65535, MAX_HOST_SIZE = 255 };
static const uint64_t connect_timeout_ns = 10 * NS_PER_S;
static const uint64_t idle_ns = 3600 * NS_PER_S; /* The DEA ends silence sooner. */

struct order_call {
    struct call call;
    struct change change;
    struct refusal refusal;
    struct bus_request request;
    Cupola__RestExec *body;
    int64_t app_id;
    bool is_answered;
    struct text path; /* Of the session. */
};

/* A session that passes through us; it outlives its call. */
struct exec_tunnel {
    struct controller *controller;
    struct call *call; /* Until it is joined; NULL afterwards. */
    struct conn dea;
    struct conn client;
    struct relay relay;
    struct timer deadline;
    bool is_joined;
    char *ticket;
    struct exec_tunnel *previous, *next;
};

static void handle_order(struct call *call);
static void release_order(struct call *call);
static void handle_session(struct call *call);

static const struct route routes[] = {
    {"POST", "/cupola/v1/apps/:/exec", ACCESS_USER, sizeof(struct order_call), handle_order, release_order, NULL, NULL},
    {"GET", "/cupola/v1/exec/:/:", ACCESS_ANYBODY, sizeof(struct call), handle_session, NULL, NULL, NULL},
};
const struct route_table cc_exec_routes = {routes, sizeof routes / sizeof routes[0]};

static void release_order(struct call *call)
{
    struct order_call *order = container_of(call, struct order_call, call);
    cupola__rest_exec__free_unpacked(order->body, NULL);
    text_free(&order->path);
}

/* ---- The order ---- */

static const char *find_fault(const Cupola__RestExec *body)
{
    size_t bytes = 0;
    for (size_t i = 0; i < body->n_command; i++)
        bytes += strlen(body->command[i]) + 1;
    if (body->n_command == 0 || body->command[0][0] == '\0')
        return "command: name a program";
    if (body->n_command > MOST_WORDS || bytes > MOST_BYTES)
        return "command: too long";
    if (body->rows < 0 || body->rows > MOST_SIDE || body->columns < 0 || body->columns > MOST_SIDE)
        return "rows, columns: no size of a terminal";
    if (!body->has_index && body->instance == NULL)
        return "index: name the instance";
    return NULL;
}

static void add_note(const struct order_call *order, struct text *note)
{
    const Cupola__RestExec *body = order->body;
    if (body->instance != NULL)
        text_addf(note, "in instance %.32s:", body->instance);
    else
        text_addf(note, "in instance %d:", body->index);
    for (size_t i = 0; i < body->n_command; i++)
        text_addf(note, " %s", body->command[i]);
    text_make_printable(note);
}

static bool prepare_note(struct change *change)
{
    struct order_call *order = container_of(change, struct order_call, change);
    const struct app *app = cc_state_find_app(&change->controller->state, order->app_id);
    if (app == NULL || !app->value->started) {
        cc_refusal_set(&order->refusal, app == NULL ? ERROR_APP_NOT_FOUND : ERROR_APP_STOPPED, NULL, NULL);
        return false;
    }
    struct text text = {0};
    add_note(order, &text);
    Cupola__AppNote note = CUPOLA__APP_NOTE__INIT;
    note.has_app = true;
    note.app = order->app_id;
    note.text = (char *)(uintptr_t)text_string(&text);
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_APP_NOTED;
    entry.app_noted = &note;
    cc_change_write(change, &entry, order->call.email);
    text_free(&text);
    return true;
}

/* "/cupola/v1/exec/10.0.0.7:24345/TICKET?until=...&code=..." */
static bool on_offer(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct order_call *order = container_of(request, struct order_call, request);
    const Cupola__DeaExecOffer *offer = (const Cupola__DeaExecOffer *)parsed;
    if (offer->refusal != NULL) {
        cc_refusal_set(&order->refusal, ERROR_EXEC, offer->refusal, NULL);
        return true;
    }
    if (offer->ip == NULL || offer->ticket == NULL || offer->port <= 0 || offer->port > UINT16_MAX)
        return true;
    text_addf(&order->path, "/cupola/v1/exec/%.255s:%d/%.64s", offer->ip, offer->port, offer->ticket);
    char *path = memory_copy_text(text_string(&order->path));
    cc_download_sign(order->call.controller, path, &order->path);
    memory_free(path);
    return true;
}

static void on_offer_end(struct bus_request *request, bool timed_out)
{
    (void)timed_out;
    struct order_call *order = container_of(request, struct order_call, request);
    char name[40];
    if (order->path.size > 0) {
        Cupola__RestExecSession session = CUPOLA__REST_EXEC_SESSION__INIT;
        session.path = (char *)(uintptr_t)text_string(&order->path);
        cc_call_answer(&order->call, 201, &session.base);
    } else if (order->refusal.error != ERROR_NONE) {
        cc_call_refuse(&order->call, &order->refusal);
    } else {
        if (order->body->instance != NULL)
            snprintf(name, sizeof name, "%s", order->body->instance);
        else
            snprintf(name, sizeof name, "%d", order->body->index);
        cc_call_fail(&order->call, ERROR_NO_INSTANCE, name, NULL);
    }
}

static void on_noted(struct change *change, enum change_outcome outcome)
{
    static const struct bus_request_handlers handlers = {.on_answer = on_offer, .on_end = on_offer_end};
    struct order_call *order = container_of(change, struct order_call, change);
    struct controller *controller = change->controller;
    if (outcome != CHANGE_DURABLE) {
        cc_call_fail_change(&order->call, outcome, &order->refusal);
        return;
    }
    Cupola__DeaExec asked = CUPOLA__DEA_EXEC__INIT;
    asked.has_droplet = asked.has_rows = asked.has_columns = true;
    asked.droplet = order->app_id;
    asked.has_index = order->body->has_index && order->body->instance == NULL;
    asked.index = order->body->index;
    asked.instance = order->body->instance;
    asked.command = order->body->command;
    asked.n_command = order->body->n_command;
    asked.rows = (uint32_t)order->body->rows;
    asked.columns = (uint32_t)order->body->columns;
    bus_request_start(&controller->bus, &order->request, "dea.exec", &asked.base, &cupola__dea_exec_offer__descriptor,
                      1, controller->config->find_timeout_ms * NS_PER_MS, &handlers);
}

static void handle_order(struct call *call)
{
    struct order_call *order = container_of(call, struct order_call, call);
    if (!cc_call_read_strictly(call, &cupola__rest_exec__descriptor, &order->body))
        return;
    const char *fault = find_fault(order->body);
    const struct app *app = fault == NULL ? cc_call_find_app(call, call->arguments[0]) : NULL;
    if (fault != NULL) {
        cc_call_fail(call, ERROR_BAD_REQUEST_AT, fault, NULL);
    } else if (app != NULL && !app->value->started) {
        cc_call_fail(call, ERROR_APP_STOPPED, NULL, NULL);
    } else if (app != NULL) {
        order->app_id = app->id;
        order->change.prepare = prepare_note;
        order->change.done = on_noted;
        order->change.controller = call->controller;
        if (mutation_is(CC_NOTES_NO_COMMANDS))
            on_noted(&order->change, CHANGE_DURABLE);
        else
            cc_journal_submit(call->controller, &order->change);
    }
}

/* ---- The session ---- */

static void free_tunnel(struct exec_tunnel *tunnel)
{
    struct controller *controller = tunnel->controller;
    if (tunnel->previous != NULL)
        tunnel->previous->next = tunnel->next;
    else
        controller->exec_tunnels = tunnel->next;
    if (tunnel->next != NULL)
        tunnel->next->previous = tunnel->previous;
    controller->exec_tunnel_count--;
    timer_cancel(&controller->machine, &tunnel->deadline);
    memory_free(tunnel->ticket);
    memory_free(tunnel);
}

void cc_exec_end_all(struct controller *controller)
{
    for (struct exec_tunnel *tunnel = controller->exec_tunnels; tunnel != NULL; tunnel = tunnel->next) {
        if (tunnel->is_joined)
            relay_close(&tunnel->relay);
        else
            conn_abort(&tunnel->dea);
    }
}

void cc_exec_destroy(struct controller *controller)
{
    while (controller->exec_tunnels != NULL)
        free_tunnel(controller->exec_tunnels);
}

static void on_relay_end(struct relay *relay)
{
    free_tunnel(container_of(relay, struct exec_tunnel, relay));
}

static void on_connected(struct conn *conn);
static void on_closed(struct conn *conn, enum io_status status);

/* Neither is read before they are joined. */
static void on_no_bytes(struct conn *conn, struct slice lent)
{
    (void)conn;
    (void)lent;
}

static void on_no_end(struct conn *conn)
{
    (void)conn;
}

static const struct conn_handlers dea_handlers = {
    .on_connected = on_connected,
    .on_bytes = on_no_bytes,
    .on_end = on_no_end,
    .on_closed = on_closed,
};

/* The request goes on as it is meant for the DEA, whose answer goes back as it is. */
static void on_connected(struct conn *conn)
{
    struct exec_tunnel *tunnel = container_of(conn, struct exec_tunnel, dea);
    struct text early = {0}, head = {0};
    struct call *call = tunnel->call;
    tunnel->call = NULL;
    if (call == NULL || !cc_call_take_over(call, &tunnel->client, &dea_handlers, &early)) {
        conn_abort(conn);
        return;
    }
    timer_cancel(&tunnel->controller->machine, &tunnel->deadline);
    text_addf(&head, "GET /exec/%s HTTP/1.1\r\nHost: dea\r\nConnection: Upgrade\r\nUpgrade: " EXEC_PROTOCOL "\r\n\r\n",
              tunnel->ticket);
    text_add(&head, text_string(&early), early.size);
    text_free(&early);
    conn_write_text(conn, &head);
    tunnel->is_joined = true;
    relay_begin(&tunnel->relay, &tunnel->client, conn, idle_ns, on_relay_end);
}

static void on_closed(struct conn *conn, enum io_status status)
{
    struct exec_tunnel *tunnel = container_of(conn, struct exec_tunnel, dea);
    if (tunnel->call != NULL)
        cc_call_fail(tunnel->call, ERROR_EXEC, io_status_name(status), NULL);
    free_tunnel(tunnel);
}

static void on_late(struct timer *timer)
{
    conn_abort(&container_of(timer, struct exec_tunnel, deadline)->dea);
}

/* "10.0.0.7:24345" */
static bool split_address(const char *address, char ret_host[MAX_HOST_SIZE + 1], uint16_t *ret_port)
{
    const char *colon = strrchr(address, ':');
    long port = colon == NULL ? 0 : strtol(colon + 1, NULL, 10);
    if (port <= 0 || port > UINT16_MAX || colon - address > MAX_HOST_SIZE)
        return false;
    memcpy(ret_host, address, (size_t)(colon - address));
    ret_host[colon - address] = '\0';
    *ret_port = (uint16_t)port;
    return true;
}

static void handle_session(struct call *call)
{
    struct controller *controller = call->controller;
    char host[MAX_HOST_SIZE + 1];
    uint16_t port = 0;
    if (!cc_download_check(controller, call->exchange->path, call->exchange->head.query) ||
        !split_address(call->arguments[0], host, &port)) {
        cc_call_fail(call, ERROR_FORBIDDEN, NULL, NULL);
    } else if (!call->exchange->head.upgrade) {
        cc_call_fail(call, ERROR_BAD_REQUEST_AT, "this address wants an Upgrade to " EXEC_PROTOCOL, NULL);
    } else if (controller->exec_tunnel_count >= controller->config->exec_sessions) {
        cc_call_fail(call, ERROR_EXEC, "too many commands pass through this controller", NULL);
    } else {
        struct exec_tunnel *tunnel = memory_new(sizeof *tunnel);
        tunnel->controller = controller;
        tunnel->call = call;
        tunnel->ticket = memory_copy_text(call->arguments[1]);
        tunnel->next = controller->exec_tunnels;
        if (tunnel->next != NULL)
            tunnel->next->previous = tunnel;
        controller->exec_tunnels = tunnel;
        controller->exec_tunnel_count++;
        timer_set(&controller->machine, &tunnel->deadline, connect_timeout_ns, on_late);
        conn_connect(&controller->machine, &tunnel->dea, &dea_handlers, host, port);
    }
}
