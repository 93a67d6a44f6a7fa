#include "tests/drivers/puppet.h"

#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct puppet *puppet_of(struct machine *machine)
{
    return container_of(machine, struct puppet, machine);
}

/* ---- Connections ---- */

static void on_connected(struct conn *conn)
{
    struct puppet_conn *side = container_of(conn, struct puppet_conn, conn);
    side->connected = true;
    if (side->reads_on)
        conn_read(conn);
}

static void on_bytes(struct conn *conn, struct slice bytes)
{
    struct puppet_conn *side = container_of(conn, struct puppet_conn, conn);
    side->received += bytes.size;
    for (size_t i = 0; i < bytes.size; i++)
        side->hash = side->hash * 31 + slice_data(bytes)[i];
    if (side->text.size < 4096)
        text_add(&side->text, slice_data(bytes), bytes.size < 4096 ? bytes.size : 4096);
    if (side->echoes) {
        buffer_ref(bytes.buffer);
        conn_write(conn, bytes);
    }
    if (side->reads_on && (!side->echoes || conn->unsent_bytes < 1000000))
        conn_read(conn);
}

static void on_drained(struct conn *conn)
{
    struct puppet_conn *side = container_of(conn, struct puppet_conn, conn);
    side->drained++;
    if (side->echoes && side->reads_on && !side->ended)
        conn_read(conn);
}

static void on_end(struct conn *conn)
{
    struct puppet_conn *side = container_of(conn, struct puppet_conn, conn);
    side->ended = true;
    if (side->echoes)
        conn_finish(conn);
}

static void on_closed(struct conn *conn, enum io_status status)
{
    struct puppet_conn *side = container_of(conn, struct puppet_conn, conn);
    assert_false(side->closed);
    side->closed = true;
    side->closed_status = status;
}

static const struct conn_handlers handlers = {on_connected, on_bytes, on_end, on_drained, on_closed};

static struct puppet_conn *next_conn(struct puppet *puppet)
{
    assert_true(puppet->conn_count < PUPPET_CONNS);
    struct puppet_conn *side = &puppet->conns[puppet->conn_count++];
    side->puppet = puppet;
    return side;
}

static void on_accepted(struct listener *listener, struct io_conn id, const char *peer)
{
    struct puppet *puppet = container_of(listener, struct puppet, listener);
    assert_non_null(strchr(peer, ':'));
    struct puppet_conn *side = next_conn(puppet);
    side->echoes = puppet->accepted_echo;
    side->reads_on = puppet->accepted_read_on;
    side->connected = true;
    conn_accept(&puppet->machine, &side->conn, &handlers, id);
    if (side->reads_on)
        conn_read(&side->conn);
}

static void on_listening(struct listener *listener, enum io_status status, uint16_t port)
{
    struct puppet *puppet = container_of(listener, struct puppet, listener);
    puppet->listen_status = status;
    puppet->port = port;
}

void puppet_listen(struct puppet *puppet)
{
    puppet->listener.on_accepted = on_accepted;
    puppet->listener.on_listening = on_listening;
    listener_open(&puppet->machine, &puppet->listener, "127.0.0.1", 0);
}

struct puppet_conn *puppet_connect(struct puppet *puppet, uint16_t port)
{
    struct puppet_conn *side = next_conn(puppet);
    side->reads_on = true;
    conn_connect(&puppet->machine, &side->conn, &handlers, "127.0.0.1", port);
    return side;
}

void puppet_note(struct op *op, const struct op_result *result)
{
    struct puppet_op *noted = container_of(op, struct puppet_op, op);
    assert_false(noted->done);
    noted->done = true;
    noted->order = ++puppet_of(op->machine)->done_count;
    noted->status = result->status;
    noted->number = result->number;
    text_add(&noted->data, result->data.data, result->data.size);
}

void puppet_op_reset(struct puppet_op *op)
{
    text_free(&op->data);
    memset(op, 0, sizeof *op);
}

/* ---- The component ---- */

static void start(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved)
{
    (void)configuration;
    text_add(&puppet_of(machine)->saved, saved.data, saved.size);
}

static void stop(struct machine *machine)
{
    machine_exit(machine, 7, (struct io_bytes){(const uint8_t *)"bye", 3});
}

static void evacuate(struct machine *machine)
{
    struct puppet *puppet = puppet_of(machine);
    puppet->task(puppet);
}

static void destroy(struct machine *machine)
{
    struct puppet *puppet = puppet_of(machine);
    for (size_t i = 0; i < puppet->conn_count; i++)
        text_free(&puppet->conns[i].text);
    text_free(&puppet->saved);
    text_free(&puppet->journal);
    text_free(&puppet->workloads);
}

static void inspect(struct machine *machine, struct text *ret_json)
{
    (void)machine;
    text_add_string(ret_json, "{}");
}

static void journal_entry(struct machine *machine, uint64_t sequence, struct io_bytes entry)
{
    text_addf(&puppet_of(machine)->journal, "%llu=%.*s ", (unsigned long long)sequence, (int)entry.size,
              (const char *)entry.data);
}

static void journal_snapshot(struct machine *machine, uint64_t sequence, struct io_bytes snapshot)
{
    text_addf(&puppet_of(machine)->journal, "..%llu=%.*s ", (unsigned long long)sequence, (int)snapshot.size,
              (const char *)snapshot.data);
}

static void workload_found(struct machine *machine, const char *workload, bool running, struct io_bytes note)
{
    text_addf(&puppet_of(machine)->workloads, "found %s %s %.*s\n", workload, running ? "running" : "dead",
              (int)note.size, (const char *)note.data);
}

static void workload_exited(struct machine *machine, const char *workload, int exit_code, int signal,
                            enum workload_breach breach)
{
    static const char *const breaches[] = {"", " out of memory", " out of disk", " out of processes"};
    text_addf(&puppet_of(machine)->workloads, "exited %s %d %d%s\n", workload, exit_code, signal, breaches[breach]);
}

const struct machine_class puppet_class = {
    .name = "puppet",
    .configuration = &cupola__monitor_config__descriptor,
    .size = sizeof(struct puppet),
    .start = start,
    .stop = stop,
    .evacuate = evacuate,
    .destroy = destroy,
    .inspect = inspect,
    .journal_entry = journal_entry,
    .journal_snapshot = journal_snapshot,
    .workload_found = workload_found,
    .workload_exited = workload_exited,
};
