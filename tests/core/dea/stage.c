#include "tests/core/dea/stage_inside.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/components.h"

#include <string.h>

/* ---- Events ---- */

struct event *stage_queue(struct stage *stage, enum event_kind kind)
{
    struct queued_event *queued = memory_new(sizeof *queued);
    queued->event.kind = kind;
    *stage->end = queued;
    stage->end = &queued->next;
    return &queued->event;
}

void stage_queue_closed(struct stage *stage, uint32_t id, enum io_status status)
{
    struct event *event = stage_queue(stage, EVENT_CLOSED);
    event->closed.conn.id = id;
    event->closed.status = status;
}

struct event *stage_queue_done(struct stage *stage, struct io_op op, enum io_status status)
{
    struct event *event = stage_queue(stage, EVENT_DONE);
    event->done.op = op;
    event->done.status = status;
    return event;
}

void stage_queue_done_with(struct stage *stage, struct io_op op, const void *data, size_t size, uint64_t number)
{
    struct event *event = stage_queue_done(stage, op, IO_OK);
    struct queued_event *queued = container_of(event, struct queued_event, event);
    queued->memory = memory_copy_bytes(data, size);
    event->done.data = (struct io_bytes){queued->memory, size};
    event->done.number = number;
}

static void free_queued(struct queued_event *queued)
{
    if (queued->event.kind == EVENT_BYTES)
        buffer_unref(queued->event.bytes.slice.buffer);
    memory_free(queued->memory);
    memory_free(queued);
}

/* ---- Effects ---- */

static void carry_out(struct stage *stage, struct effect *effect)
{
    if (stage_carry_out_conn(stage, effect) || stage_carry_out_workload(stage, effect))
        return;
    switch ((int)effect->kind) {
    case EFFECT_LISTEN: {
        uint32_t id = effect->listen.listener.id;
        stage->ports[id] = effect->listen.port != 0 ? effect->listen.port : (uint16_t)(25000 + id);
        stage_queue_done(stage, effect->op, IO_OK)->done.number = stage->ports[id];
        break;
    }
    case EFFECT_UNLISTEN:
        stage->ports[effect->unlisten.listener.id] = 0;
        break;
    case EFFECT_FINISH:
        break;
    case EFFECT_DEADLINE:
        stage->deadline_ns = effect->deadline.at_ns;
        break;
    case EFFECT_SAVE:
        text_clear(&stage->saved);
        text_add(&stage->saved, slice_data(effect->save.slice), effect->save.slice.size);
        stage_queue_done(stage, effect->op, IO_OK);
        break;
    case EFFECT_BLOB_STAT:
        stage_queue_done(stage, effect->op, stage->droplet_is_here ? IO_OK : IO_NOT_FOUND)->done.number = 4096;
        break;
    case EFFECT_BLOB_RECEIVE:
        stage->droplet_is_here = strcmp(stage->served_digest, STAGE_DIGEST) == 0;
        stage_queue_done_with(stage, effect->op, stage->served_digest, 40, effect->blob_transfer.size);
        break;
    case EFFECT_BLOB_DELETE:
        text_addf(&stage->deleted, "%s\n", effect->blob_name.digest);
        stage_queue_done(stage, effect->op, IO_OK);
        break;
    case EFFECT_LOG:
        text_addf(&stage->log, "%s\n", effect->log.text);
        break;
    case EFFECT_EXIT:
        stage->has_exited = true;
        stage->exited_ns = stage->now_ns;
        stage->exit_status = effect->exit.status;
        break;
    default:
        assert_unreachable();
    }
}

static void step(struct stage *stage, struct event *event)
{
    event->now_ns = stage->now_ns;
    event->wall_ns = INT64_C(1795376000) * INT64_C(1000000000) + (int64_t)stage->now_ns;
    if (event->kind == EVENT_CLOSED) {
        struct stage_conn *conn = &stage->conns[event->closed.conn.id];
        text_free(&conn->inbound);
        if (conn->port != 1) /* What a visitor got is still to be read. */
            text_free(&conn->outbound);
        struct text outbound = conn->outbound;
        *conn = (struct stage_conn){.outbound = outbound};
    }
    machine_step(stage->machine, event, stage->effects);
    for (size_t i = 0; i < effects_count(stage->effects); i++)
        carry_out(stage, effects_at(stage->effects, i));
    effects_reset(stage->effects);
}

/* After CLOSE nothing but CLOSED comes for a connection. */
static bool is_moot(struct stage *stage, const struct event *event)
{
    if (event->kind == EVENT_CONNECTED)
        return stage->conns[event->connected.conn.id].closing;
    if (event->kind == EVENT_BYTES)
        return stage->conns[event->bytes.conn.id].closing;
    if (event->kind == EVENT_WRITTEN)
        return stage->conns[event->written.conn.id].closing;
    return false;
}

void stage_settle(struct stage *stage)
{
    while (stage->first != NULL) {
        struct queued_event *queued = stage->first;
        stage->first = queued->next;
        if (stage->first == NULL)
            stage->end = &stage->first;
        if (!stage->has_exited && !is_moot(stage, &queued->event))
            step(stage, &queued->event);
        free_queued(queued);
    }
}

void stage_pass_ms(struct stage *stage, uint64_t ms)
{
    uint64_t until_ns = stage->now_ns + ms * NS_PER_MS;
    stage_settle(stage);
    while (!stage->has_exited && stage->deadline_ns <= until_ns) {
        if (stage->deadline_ns > stage->now_ns)
            stage->now_ns = stage->deadline_ns;
        stage->deadline_ns = NEVER_NS;
        struct event event = {.kind = EVENT_DEADLINE};
        step(stage, &event);
        stage_settle(stage);
    }
    stage->now_ns = until_ns;
}

/* ---- Lives ---- */

void stage_prepare(struct stage *stage)
{
    static Cupola__RuntimeConfig node = CUPOLA__RUNTIME_CONFIG__INIT;
    static Cupola__RuntimeConfig *runtimes[] = {&node};
    static Cupola__Endpoint listen = CUPOLA__ENDPOINT__INIT;
    *stage = (struct stage){
        .now_ns = NS_PER_S, .served_digest = STAGE_DIGEST, .workloads_listen = true, .upload_status = 200};
    stage->effects = effects_new();
    stage->end = &stage->first;
    node.name = (char *)"node";
    node.executable = (char *)"/usr/bin/node";
    listen.has_port = true;
    listen.port = 24345;
    cupola__dea_config__init(&stage->config);
    stage->config.n_runtimes = 1;
    stage->config.runtimes = runtimes;
    stage->config.listen = &listen;
    stage->config.has_max_memory_mb = true;
    stage->config.max_memory_mb = 256;
    stage->config.has_drain_ms = true;
    stage->config.drain_ms = 0; /* Those who want to see the pause set it. */
    stage->config.id = (char *)STAGE_UUID;
}

void stage_begin_life(struct stage *stage)
{
    stage->machine = machine_create(&dea_class);
    stage->deadline_ns = NEVER_NS;
    stage->has_exited = false;
    uint8_t packed[1024];
    size_t size = cupola__dea_config__pack(&stage->config, packed);
    struct event event = {.kind = EVENT_START};
    event.start.config = (struct io_bytes){packed, size};
    event.start.saved = (struct io_bytes){(const uint8_t *)text_string(&stage->saved), stage->saved.size};
    event.start.seed[0] = 42;
    event.start.seed[1] = ++stage->lives;
    struct text former = {0}; /* The saved state is lent to the step, which may replace it. */
    text_add(&former, event.start.saved.data, event.start.saved.size);
    event.start.saved.data = (const uint8_t *)text_string(&former);
    step(stage, &event);
    text_free(&former);
    stage_settle(stage);
}

void stage_open(struct stage *stage)
{
    stage_prepare(stage);
    stage_begin_life(stage);
    stage_pass_ms(stage, 1);
}

static void end_life(struct stage *stage)
{
    while (stage->first != NULL) {
        struct queued_event *queued = stage->first;
        stage->first = queued->next;
        free_queued(queued);
    }
    stage->end = &stage->first;
    for (size_t i = 0; i < STAGE_CONNS; i++) {
        text_free(&stage->conns[i].inbound);
        text_free(&stage->conns[i].outbound);
        stage->conns[i] = (struct stage_conn){0};
    }
    memset(stage->ports, 0, sizeof stage->ports);
    machine_destroy(stage->machine);
    stage->machine = NULL;
}

void stage_stop(struct stage *stage)
{
    struct event event = {.kind = EVENT_STOP};
    step(stage, &event);
    stage_pass_ms(stage, 2000);
    assert_that(stage->has_exited);
    assert_that(machine_open_ops(stage->machine) == 0);
    assert_that(machine_open_conns(stage->machine) == 0);
    end_life(stage);
}

void stage_kill(struct stage *stage)
{
    end_life(stage);
}

void stage_evacuate(struct stage *stage)
{
    struct event event = {.kind = EVENT_EVACUATE};
    step(stage, &event);
    stage_settle(stage);
}

void stage_close(struct stage *stage)
{
    if (stage->machine != NULL)
        end_life(stage);
    for (size_t i = 0; i < STAGE_WORKLOADS; i++) {
        text_free(&stage->workloads[i].note);
        text_free(&stage->workloads[i].environment);
        text_free(&stage->workloads[i].arguments);
    }
    effects_free(stage->effects);
    text_free(&stage->said);
    text_free(&stage->saved);
    text_free(&stage->deleted);
    text_free(&stage->log);
}

bool stage_look(const struct stage *stage, int32_t index, struct dea_instance_view *ret_view)
{
    const void *at = NULL;
    while (dea_view_next(stage->machine, &at, ret_view))
        if (ret_view->index == index)
            return true;
    return false;
}
