/* Random conversations of a client and an instance through a router: pipelined and chunked requests, cookies, interim
 * answers, upgrades, ends and cuts at any byte. Links: tests_router_rig.
 *
 * Byte 0 is the size of the pieces in which bytes arrive. The rest are turns, divided by 0xff; a turn's first byte says
 * whose it is: 'c' the client sends what follows, 'i' the instance does, 'e' and 'f' client and instance end, 'x' and
 * 'y' they are cut, 'h' the instance stops reading, 'r' it goes on, 't' a second passes; others are passed over.
 * Beyond "no crash": the router goes on serving somebody else, and holds nothing when both have gone. */
#include "tests/core/router/rig.h"

#include "core/base/assert.h"
#include "core/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TURN_END = 0xff, MAX_TURNS = 64 };

struct conversation {
    struct rig *rig;
    struct rig_conn *client;
};

/* NULL before the router has connected, and when the connection is over. */
static struct rig_conn *instance_of(struct conversation *conversation)
{
    struct rig_conn *conn = rig_backend(conversation->rig, 1);
    return conn == NULL || !conn->is_open || conn->closing ? NULL : conn;
}

static void send(struct rig_conn *conn, const uint8_t *data, size_t size)
{
    if (conn->is_open && !conn->closing && !conn->has_ended)
        text_add(&conn->inbound, data, size);
}

static void end(struct conversation *conversation, struct rig_conn *conn)
{
    if (conn->is_open && !conn->closing && !conn->has_ended)
        rig_end(conversation->rig, conn);
}

static void cut(struct conversation *conversation, struct rig_conn *conn)
{
    if (conn->is_open && !conn->closing)
        rig_cut(conversation->rig, conn, IO_RESET);
}

static void take_turn_of_instance(struct conversation *conversation, uint8_t what, const uint8_t *data, size_t size)
{
    struct rig_conn *instance = instance_of(conversation);
    if (instance == NULL)
        return;
    switch (what) {
    case 'i':
        send(instance, data, size);
        break;
    case 'f':
        end(conversation, instance);
        break;
    case 'y':
        cut(conversation, instance);
        break;
    case 'h':
        instance->holds = true;
        break;
    case 'r':
        rig_release(conversation->rig, instance);
        break;
    default:
        break;
    }
}

static void take_turn(struct conversation *conversation, const uint8_t *data, size_t size)
{
    switch (data[0]) {
    case 'c':
        send(conversation->client, data + 1, size - 1);
        break;
    case 'e':
        end(conversation, conversation->client);
        break;
    case 'x':
        cut(conversation, conversation->client);
        break;
    case 't':
        rig_pass(conversation->rig, NS_PER_S);
        break;
    default:
        take_turn_of_instance(conversation, data[0], data + 1, size - 1);
        break;
    }
    rig_run(conversation->rig);
}

static void take_turns(struct conversation *conversation, const uint8_t *data, size_t size)
{
    for (int turns = 0; size > 0 && turns < MAX_TURNS; turns++) {
        const uint8_t *found = memchr(data, TURN_END, size);
        size_t length = found == NULL ? size : (size_t)(found - data);
        if (length > 0)
            take_turn(conversation, data, length);
        size_t used = found == NULL ? size : length + 1;
        data += used;
        size -= used;
    }
}

static void leave(struct conversation *conversation)
{
    cut(conversation, conversation->client);
    rig_run(conversation->rig);
    for (struct rig_conn *conn; (conn = instance_of(conversation)) != NULL;)
        cut(conversation, conn);
    rig_run(conversation->rig);
    assert_that(rig_open_backends(conversation->rig) == 0);
}

static void serve_somebody_else(struct rig *rig)
{
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "old.test");
    rig_answer(rig, rig_backend(rig, 0), "fine");
    assert_that(strncmp(rig_sent(client), "HTTP/1.1 200 ", 13) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct rig *rig = rig_new();
    rig_register(rig, "old.test", 0);
    rig_register(rig, "new.test", 1);
    rig->segment = data[0];
    struct conversation conversation = {rig, rig_client(rig)};
    take_turns(&conversation, data + 1, size - 1);
    rig->segment = 0;
    leave(&conversation);
    serve_somebody_else(rig);
    rig_free(rig);
    return 0;
}
