#include "tests/core/http/puppet.h"

static void note(struct puppet *puppet, struct effect *effect)
{
    switch ((int)effect->kind) {
    case EFFECT_CONNECT: {
        uint32_t id = effect->connect.conn.id;
        assert_in_range(id, 1, PUPPET_CONNS - 1);
        text_free(&puppet->conns[id].output);
        puppet->conns[id] = (struct puppet_conn){.connecting = true};
        puppet->last_connect = id;
        puppet->connect_count++;
        snprintf(puppet->connect_to, sizeof puppet->connect_to, "%s:%u", effect->connect.host,
                 (unsigned)effect->connect.port);
        break;
    }
    case EFFECT_READ:
        assert_false(puppet->conns[effect->read.conn.id].reading);
        puppet->conns[effect->read.conn.id].reading = true;
        break;
    case EFFECT_WRITE: {
        struct puppet_conn *conn = &puppet->conns[effect->write.conn.id];
        assert_true(conn->open && !conn->finished && !conn->closing);
        text_add(&conn->output, slice_data(effect->write.slice), effect->write.slice.size);
        conn->unsent += effect->write.slice.size;
        break;
    }
    case EFFECT_FINISH:
        puppet->conns[effect->finish.conn.id].finished = true;
        break;
    case EFFECT_CLOSE:
        puppet->conns[effect->close.conn.id].closing = true;
        puppet->conns[effect->close.conn.id].aborted = effect->close.abort;
        break;
    case EFFECT_DEADLINE:
        puppet->deadline_ns = effect->deadline.at_ns;
        break;
    case EFFECT_BLOB_WRITE:
        text_add(&puppet->blob, slice_data(effect->blob.slice), effect->blob.slice.size);
        break;
    case EFFECT_BLOB_DISCARD:
        puppet->discarded = true;
        break;
    case EFFECT_LOG:
        text_addf(&puppet->logs, "%s\n", effect->log.text);
        break;
    case EFFECT_EXIT:
        puppet->exited = true;
        puppet->exit_status = effect->exit.status;
        text_clear(&puppet->result);
        text_add(&puppet->result, effect->exit.data.data, effect->exit.data.size);
        break;
    case EFFECT_LISTEN:
    case EFFECT_BLOB_COMMIT:
    case EFFECT_BLOB_SEND:
    case EFFECT_BLOB_RECEIVE:
    case EFFECT_BLOB_STAT: {
        assert_in_range(puppet->op_count, 0, PUPPET_OPS - 1);
        struct puppet_op *op = &puppet->ops[puppet->op_count++];
        *op = (struct puppet_op){.kind = effect->kind, .op = effect->op};
        if (effect->kind == EFFECT_BLOB_SEND || effect->kind == EFFECT_BLOB_RECEIVE) {
            op->conn = effect->blob_transfer.conn.id;
            op->size = effect->blob_transfer.size;
            snprintf(op->digest, sizeof op->digest, "%s", effect->blob_transfer.digest);
        }
        break;
    }
    default:
        break; /* Nothing that HTTP asks for. */
    }
}

void puppet_step(struct puppet *puppet, struct event event)
{
    assert_false(puppet->exited);
    event.now_ns = puppet->now_ns;
    event.wall_ns = (int64_t)(UINT64_C(1303205400) * NS_PER_S + puppet->now_ns);
    machine_step(puppet->machine, &event, puppet->effects);
    for (size_t i = 0; i < effects_count(puppet->effects); i++)
        note(puppet, effects_at(puppet->effects, i));
    effects_reset(puppet->effects);
}

void puppet_start(struct puppet *puppet, const struct machine_class *class, const ProtobufCMessage *configuration)
{
    *puppet = (struct puppet){.machine = machine_create(class), .effects = effects_new(), .deadline_ns = NEVER_NS};
    uint8_t packed[4096];
    assert_in_range(protobuf_c_message_get_packed_size(configuration), 0, sizeof packed);
    size_t size = protobuf_c_message_pack(configuration, packed);
    struct event event = {.kind = EVENT_START};
    event.start.config = (struct io_bytes){packed, size};
    event.start.seed[0] = 7;
    puppet_step(puppet, event);
}

void puppet_end(struct puppet *puppet)
{
    machine_destroy(puppet->machine);
    effects_free(puppet->effects);
    for (size_t i = 0; i < PUPPET_CONNS; i++)
        text_free(&puppet->conns[i].output);
    text_free(&puppet->blob);
    text_free(&puppet->logs);
    text_free(&puppet->result);
}

void puppet_done(struct puppet *puppet, enum effect_kind kind, enum io_status status, uint64_t number, const char *data)
{
    size_t i = 0;
    while (i < puppet->op_count && puppet->ops[i].kind != kind)
        i++;
    assert_in_range(i + 1, 1, puppet->op_count); /* There is one. */
    struct event event = {.kind = EVENT_DONE};
    event.done.op = puppet->ops[i].op;
    event.done.status = status;
    event.done.number = number;
    event.done.data = (struct io_bytes){(const uint8_t *)data, strlen(data)};
    memmove(&puppet->ops[i], &puppet->ops[i + 1], (puppet->op_count - i - 1) * sizeof puppet->ops[0]);
    puppet->op_count--;
    puppet_step(puppet, event);
}

bool puppet_waits_for(const struct puppet *puppet, enum effect_kind kind)
{
    for (size_t i = 0; i < puppet->op_count; i++) {
        if (puppet->ops[i].kind == kind)
            return true;
    }
    return false;
}

void puppet_accept(struct puppet *puppet, uint32_t id)
{
    text_free(&puppet->conns[id].output);
    puppet->conns[id] = (struct puppet_conn){.open = true};
    struct event event = {.kind = EVENT_ACCEPTED};
    event.accepted.listener.id = 1;
    event.accepted.conn.id = id;
    event.accepted.peer = "10.0.0.7:51324";
    puppet_step(puppet, event);
}

void puppet_connected(struct puppet *puppet, uint32_t id)
{
    puppet->conns[id].connecting = false;
    puppet->conns[id].open = true;
    struct event event = {.kind = EVENT_CONNECTED};
    event.connected.conn.id = id;
    puppet_step(puppet, event);
}

void puppet_receive(struct puppet *puppet, uint32_t id, const void *bytes, size_t size)
{
    assert_true(puppet->conns[id].reading);
    puppet->conns[id].reading = false;
    struct slice slice = slice_copy(bytes, size);
    struct event event = {.kind = EVENT_BYTES};
    event.bytes.conn.id = id;
    event.bytes.slice = slice;
    puppet_step(puppet, event);
    buffer_unref(slice.buffer);
}

void puppet_receive_string(struct puppet *puppet, uint32_t id, const char *string)
{
    puppet_receive(puppet, id, string, strlen(string));
}

void puppet_receive_end(struct puppet *puppet, uint32_t id)
{
    assert_true(puppet->conns[id].reading);
    puppet->conns[id].reading = false;
    struct event event = {.kind = EVENT_END};
    event.end.conn.id = id;
    puppet_step(puppet, event);
}

void puppet_closed(struct puppet *puppet, uint32_t id, enum io_status status)
{
    puppet->conns[id].open = puppet->conns[id].connecting = puppet->conns[id].closing = false;
    puppet->conns[id].reading = false;
    struct event event = {.kind = EVENT_CLOSED};
    event.closed.conn.id = id;
    event.closed.status = status;
    puppet_step(puppet, event);
}

void puppet_settle(struct puppet *puppet)
{
    bool busy = true;
    while (busy && !puppet->exited) {
        busy = false;
        for (uint32_t id = 1; id < PUPPET_CONNS && !puppet->exited; id++) {
            struct puppet_conn *conn = &puppet->conns[id];
            if (conn->unsent > 0 && conn->open && !conn->closing) {
                struct event event = {.kind = EVENT_WRITTEN};
                event.written.conn.id = id;
                event.written.size = conn->unsent;
                conn->unsent = 0;
                puppet_step(puppet, event);
                busy = true;
            } else if (conn->closing) {
                puppet_closed(puppet, id, IO_OK);
                busy = true;
            }
        }
    }
}

void puppet_pass(struct puppet *puppet, uint64_t duration_ns)
{
    uint64_t end_ns = puppet->now_ns + duration_ns;
    while (puppet->deadline_ns <= end_ns && !puppet->exited) {
        if (puppet->deadline_ns > puppet->now_ns)
            puppet->now_ns = puppet->deadline_ns;
        puppet->deadline_ns = NEVER_NS;
        puppet_step(puppet, (struct event){.kind = EVENT_DEADLINE});
    }
    puppet->now_ns = end_ns;
}

const char *puppet_output(const struct puppet *puppet, uint32_t id)
{
    return text_string(&puppet->conns[id].output);
}

void expect_contains(const char *haystack, const char *needle)
{
    if (strstr(haystack, needle) == NULL)
        fail_msg("expected to find\n%s\nin\n%s", needle, haystack);
}
