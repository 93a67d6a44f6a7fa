#include "core/dea/access/exec.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/dea/dea.h"
#include "core/machine/relay.h"
#include "core/wire/exec_frame.h"

#include <string.h>

enum { TICKET_SIZE = 33, TICKET_S = 30, CONNECT_S = 10, MOST_WORDS = 256 };

static const char prefix[] = "/exec/";

enum exec_state { EXEC_OFFERED = 1, EXEC_PREPARING, EXEC_CONNECTING, EXEC_JOINED, EXEC_ENDING };

struct dea_exec {
    struct dea *dea;
    enum exec_state state;
    char ticket[TICKET_SIZE];
    char instance[INSTANCE_ID_SIZE];
    char **argv;
    uint16_t rows, columns;
    struct http_exchange *exchange; /* PREPARING, CONNECTING: whose connection it will be. */
    struct op op;
    struct text secret;  /* For the process beside the command. */
    struct conn command; /* To that process. */
    struct conn client;
    struct relay relay;
    struct timer timer;
    struct dea_exec *previous, *next;
};

/* ---- The life of a session ---- */

static void free_argv(char **argv)
{
    for (char **word = argv; word != NULL && *word != NULL; word++)
        memory_free(*word);
    memory_free(argv);
}

static void free_exec(struct dea_exec *exec)
{
    struct dea_execs *execs = &exec->dea->execs;
    if (exec->previous != NULL)
        exec->previous->next = exec->next;
    else
        execs->first = exec->next;
    if (exec->next != NULL)
        exec->next->previous = exec->previous;
    execs->count--;
    op_forget(&exec->op);
    timer_cancel(&exec->dea->machine, &exec->timer);
    text_free(&exec->secret);
    free_argv(exec->argv);
    memory_free(exec);
}

void dea_exec_destroy(struct dea *dea)
{
    while (dea->execs.first != NULL)
        free_exec(dea->execs.first);
}

/* Whoever still waits for the first word hears why. */
static void end_exec(struct dea_exec *exec, const char *why)
{
    enum exec_state state = exec->state;
    struct http_exchange *exchange = exec->exchange;
    exec->state = EXEC_ENDING;
    exec->exchange = NULL;
    if (exchange != NULL) {
        exchange->user = NULL;
        http_answer_string(exchange, 503, "text/plain", why);
    }
    if (state == EXEC_OFFERED || state == EXEC_PREPARING)
        free_exec(exec);
    else if (state == EXEC_CONNECTING)
        conn_abort(&exec->command);
    else if (state == EXEC_JOINED)
        relay_close(&exec->relay);
}

void dea_exec_end_of(const struct instance *instance)
{
    struct dea_exec *next;
    for (struct dea_exec *exec = instance->dea->execs.first; exec != NULL; exec = next) {
        next = exec->next; /* Ending one frees no other. */
        if (strcmp(exec->instance, instance->id) == 0)
            end_exec(exec, "The instance has ended.\n");
    }
}

void dea_exec_end_all(struct dea *dea)
{
    struct dea_exec *next;
    for (struct dea_exec *exec = dea->execs.first; exec != NULL; exec = next) {
        next = exec->next;
        end_exec(exec, "The DEA ends.\n");
    }
}

static void on_late(struct timer *timer)
{
    end_exec(container_of(timer, struct dea_exec, timer), "The command could not be prepared in time.\n");
}

/* ---- The offer ---- */

static struct instance *find_instance(struct dea *dea, const Cupola__DeaExec *asked)
{
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        bool is_meant = asked->instance != NULL ? strcmp(asked->instance, instance->id) == 0
                                                : asked->has_index && asked->index == instance->index;
        if (is_meant && asked->droplet == instance->droplet && dea_instance_has_process(instance))
            return instance;
    }
    return NULL;
}

static struct dea_exec *new_exec(struct dea *dea, const struct instance *instance, const Cupola__DeaExec *asked)
{
    struct dea_execs *execs = &dea->execs;
    struct dea_exec *exec = memory_new(sizeof *exec);
    if (!execs->has_tickets)
        execs->tickets = random_named(dea->machine.seed, "dea.exec_tickets");
    execs->has_tickets = true;
    exec->dea = dea;
    exec->state = EXEC_OFFERED;
    random_hex(&execs->tickets, exec->ticket, (TICKET_SIZE - 1) / 2);
    memcpy(exec->instance, instance->id, INSTANCE_ID_SIZE);
    exec->rows = (uint16_t)asked->rows;
    exec->columns = (uint16_t)asked->columns;
    exec->argv = memory_new((asked->n_command + 1) * sizeof *exec->argv);
    for (size_t i = 0; i < asked->n_command; i++)
        exec->argv[i] = memory_copy_text(asked->command[i]);
    exec->next = execs->first;
    if (exec->next != NULL)
        exec->next->previous = exec;
    execs->first = exec;
    execs->count++;
    if (!mutation_is(DEA_KEEPS_TICKETS))
        timer_set(&dea->machine, &exec->timer, TICKET_S * NS_PER_S, on_late);
    return exec;
}

void dea_exec_on_asked(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    struct dea *dea = dea_of_bus(client);
    const Cupola__DeaExec *asked = (const Cupola__DeaExec *)parsed;
    struct instance *instance = find_instance(dea, asked);
    if (instance == NULL || message->reply == NULL || dea->phase == DEA_LEAVING)
        return;
    Cupola__DeaExecOffer offer = CUPOLA__DEA_EXEC_OFFER__INIT;
    offer.dea = dea->monitor.uuid;
    if (asked->n_command == 0 || asked->n_command > MOST_WORDS) {
        offer.refusal = (char *)(uintptr_t) "the command has no word, or too many";
    } else if (dea->execs.count >= dea->config->exec_sessions) {
        offer.refusal = (char *)(uintptr_t) "too many commands run on that host already";
    } else {
        offer.ip = (char *)(uintptr_t)dea->host;
        offer.has_port = true;
        offer.port = dea->files.server.port;
        offer.ticket = new_exec(dea, instance, asked)->ticket;
    }
    bus_answer(client, message, &offer.base);
}

/* ---- The session ---- */

static void on_relay_end(struct relay *relay)
{
    free_exec(container_of(relay, struct dea_exec, relay));
}

static void on_command_connected(struct conn *conn);
static void on_command_closed(struct conn *conn, enum io_status status);

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

static const struct conn_handlers command_handlers = {
    .on_connected = on_command_connected,
    .on_bytes = on_no_bytes,
    .on_end = on_no_end,
    .on_closed = on_command_closed,
};

static void on_command_connected(struct conn *conn)
{
    struct dea_exec *exec = container_of(conn, struct dea_exec, command);
    struct machine *machine = &exec->dea->machine;
    struct text early = {0};
    if (exec->state == EXEC_ENDING)
        return;
    if (!http_exchange_can_be_taken(exec->exchange)) {
        end_exec(exec, "Whoever wants the command has ended.\n");
        return;
    }
    timer_cancel(machine, &exec->timer);
    exec->exchange->user = NULL;
    http_exchange_take_over(exec->exchange, &exec->client, &command_handlers, &early);
    exec->exchange = NULL;
    conn_write_string(&exec->client, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                                     "Upgrade: " EXEC_PROTOCOL "\r\n\r\n");
    text_add_char(&exec->secret, '\n');
    conn_write_text(conn, &exec->secret);
    if (early.size > 0)
        conn_write_text(conn, &early);
    text_free(&early);
    exec->state = EXEC_JOINED;
    relay_begin(&exec->relay, &exec->client, conn, exec->dea->config->exec_idle_ms * NS_PER_MS, on_relay_end);
}

static void on_command_closed(struct conn *conn, enum io_status status)
{
    (void)status;
    struct dea_exec *exec = container_of(conn, struct dea_exec, command);
    if (exec->state != EXEC_ENDING)
        end_exec(exec, "The process beside the command has gone.\n");
    free_exec(exec);
}

static void on_prepared(struct op *op, const struct op_result *result)
{
    struct dea_exec *exec = container_of(op, struct dea_exec, op);
    struct text why = {0};
    if (result->status == IO_OK) {
        text_add(&exec->secret, result->data.data, result->data.size);
        exec->state = EXEC_CONNECTING;
        conn_connect(&exec->dea->machine, &exec->command, &command_handlers, "127.0.0.1", (uint16_t)result->number);
        return;
    }
    if (result->data.size > 0)
        text_add(&why, result->data.data, result->data.size);
    else
        text_addf(&why, "the instance could not be entered (%s)", io_status_name(result->status));
    text_add_char(&why, '\n');
    end_exec(exec, text_string(&why));
    text_free(&why);
}

static struct dea_exec *find_offered(const struct dea *dea, const char *ticket)
{
    struct dea_exec *exec = dea->execs.first;
    while (exec != NULL && (exec->state != EXEC_OFFERED || strcmp(exec->ticket, ticket) != 0))
        exec = exec->next;
    return exec;
}

bool dea_exec_on_request(struct http_exchange *exchange)
{
    struct dea *dea = container_of(exchange->server, struct dea, files.server);
    if (strncmp(exchange->path, prefix, sizeof prefix - 1) != 0)
        return false;
    struct dea_exec *exec = find_offered(dea, exchange->path + sizeof prefix - 1);
    const char *protocol = http_exchange_header(exchange, "Upgrade");
    if (exec == NULL) {
        http_answer_string(exchange, 404, "text/plain", "No such ticket, or not any more\n");
    } else if (!exchange->head.upgrade || protocol == NULL || strcmp(protocol, EXEC_PROTOCOL) != 0) {
        http_answer_string(exchange, 426, "text/plain", "Upgrade: " EXEC_PROTOCOL "\n");
    } else {
        exec->state = EXEC_PREPARING;
        exec->exchange = exchange;
        exchange->user = exec;
        timer_set(&dea->machine, &exec->timer, CONNECT_S * NS_PER_S, on_late);
        op_workload_exec(&dea->machine, &exec->op, exec->instance, (const char *const *)(uintptr_t)exec->argv,
                         exec->rows, exec->columns, on_prepared);
    }
    return true;
}

bool dea_exec_on_aborted(struct http_exchange *exchange)
{
    struct dea *dea = container_of(exchange->server, struct dea, files.server);
    struct dea_exec *exec = dea->execs.first;
    while (exec != NULL && exec->exchange != exchange)
        exec = exec->next;
    if (exec == NULL)
        return false;
    exec->exchange = NULL;
    end_exec(exec, "");
    return true;
}
