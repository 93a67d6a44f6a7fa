#include "tests/core/dea/stage.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/components.h"
#include "core/proto/workload.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct queued_event {
    struct event event;
    void *memory; /* What the event points to. */
    struct queued_event *next;
};

/* ---- Events ---- */

static struct event *queue(struct stage *stage, enum event_kind kind)
{
    struct queued_event *queued = memory_new(sizeof *queued);
    queued->event.kind = kind;
    *stage->end = queued;
    stage->end = &queued->next;
    return &queued->event;
}

static void queue_closed(struct stage *stage, uint32_t id, enum io_status status)
{
    struct event *event = queue(stage, EVENT_CLOSED);
    event->closed.conn.id = id;
    event->closed.status = status;
}

static struct event *queue_done(struct stage *stage, struct io_op op, enum io_status status)
{
    struct event *event = queue(stage, EVENT_DONE);
    event->done.op = op;
    event->done.status = status;
    return event;
}

static void queue_done_with(struct stage *stage, struct io_op op, const void *data, size_t size, uint64_t number)
{
    struct event *event = queue_done(stage, op, IO_OK);
    struct queued_event *queued = container_of(event, struct queued_event, event);
    queued->memory = memory_copy_bytes(data, size);
    event->done.data = (struct io_bytes){queued->memory, size};
    event->done.number = number;
}

/* Answers a READ if there is something to read. */
static void feed(struct stage *stage, uint32_t id)
{
    struct stage_conn *conn = &stage->conns[id];
    if (!conn->reads || conn->inbound.size == 0 || conn->closing)
        return;
    conn->reads = false;
    struct event *event = queue(stage, EVENT_BYTES);
    event->bytes.conn.id = id;
    event->bytes.slice = slice_copy(text_string(&conn->inbound), conn->inbound.size);
    text_clear(&conn->inbound);
}

static void free_queued(struct queued_event *queued)
{
    if (queued->event.kind == EVENT_BYTES)
        buffer_unref(queued->event.bytes.slice.buffer);
    memory_free(queued->memory);
    memory_free(queued);
}

/* ---- The bus ---- */

static void bus_line(struct stage *stage, uint32_t id, const char *line)
{
    struct text *inbound = &stage->conns[id].inbound;
    char subject[96];
    unsigned long long number;
    if (strncmp(line, "PING", 4) == 0) {
        text_add_string(inbound, "PONG\r\n");
    } else if (sscanf(line, "SUB %95s %llu", subject, &number) == 2) {
        assert_that(stage->subscription_count < STAGE_SUBSCRIPTIONS);
        strcpy(stage->subscriptions[stage->subscription_count].subject, subject);
        stage->subscriptions[stage->subscription_count++].id = number;
    }
    if (sscanf(line, "UNSUB %llu", &number) == 1) {
        for (size_t i = 0; i < stage->subscription_count; i++)
            if (stage->subscriptions[i].id == number)
                stage->subscriptions[i] = stage->subscriptions[--stage->subscription_count];
    }
    feed(stage, id);
}

static void note_question(struct stage *stage, const char *subject, const char *reply)
{
    if (stage->asked_count == STAGE_QUESTIONS) {
        stage->asked_count--;
        memmove(&stage->asked[0], &stage->asked[1], sizeof stage->asked - sizeof stage->asked[0]);
    }
    snprintf(stage->asked[stage->asked_count].subject, sizeof stage->asked[0].subject, "%.90s", subject);
    snprintf(stage->asked[stage->asked_count++].reply, sizeof stage->asked[0].reply, "%.60s", reply);
}

/* Takes whole commands off what the DEA wrote. */
static void bus_hear(struct stage *stage, uint32_t id)
{
    struct text *out = &stage->conns[id].outbound;
    for (;;) {
        const char *line = text_string(out);
        const char *end = strstr(line, "\r\n");
        if (end == NULL)
            return;
        size_t size = (size_t)(end - line) + 2;
        char subject[128], second[128];
        size_t payload;
        if (strncmp(line, "PUB ", 4) == 0) {
            int fields = sscanf(line, "PUB %127s %127s %zu\r\n", subject, second, &payload);
            if (fields < 3)
                payload = strtoul(second, NULL, 10);
            else if (out->size >= size + payload + 2)
                note_question(stage, subject, second);
            if (out->size < size + payload + 2)
                return;
            text_addf(&stage->said, "%s %.*s\n", subject, (int)payload, line + size);
            size += payload + 2;
        } else {
            bus_line(stage, id, line);
        }
        text_consume(out, size);
    }
}

void stage_tell(struct stage *stage, const char *subject, const char *reply, const char *payload)
{
    for (size_t i = 0; i < stage->subscription_count; i++) {
        if (strcmp(stage->subscriptions[i].subject, subject) != 0)
            continue;
        for (uint32_t id = 0; id < STAGE_CONNS; id++) {
            struct stage_conn *conn = &stage->conns[id];
            if (conn->port != STAGE_PORT_BUS || !conn->is_open)
                continue;
            text_addf(&conn->inbound, "MSG %s %llu %s%s%zu\r\n%s\r\n", subject,
                      (unsigned long long)stage->subscriptions[i].id, reply == NULL ? "" : reply,
                      reply == NULL ? "" : " ", strlen(payload), payload);
            feed(stage, id);
        }
    }
    stage_settle(stage);
}

void stage_order(struct stage *stage, int index, int epoch)
{
    stage_order_with(stage, index, epoch, "");
}

void stage_order_with(struct stage *stage, int index, int epoch, const char *members)
{
    char payload[2048];
    snprintf(payload, sizeof payload,
             "{\"droplet\":7,\"name\":\"hello\",\"uris\":[\"hello.cupola.test\"],\"runtime\":\"node\","
             "\"framework\":\"node\",\"sha1\":\"" STAGE_DIGEST "\",\"executableFile\":\"/none\","
             "\"executableUri\":\"http://127.0.0.1:9022/staged_droplets/7/" STAGE_DIGEST "\","
             "\"version\":\"" STAGE_DIGEST "-1\",\"services\":[],\"limits\":{\"mem\":64,\"disk\":128,\"fds\":256},"
             "\"env\":[\"FOO=bar baz\",\"QUOTED='x y'\",\"nonsense\"],\"users\":[\"foo@bar.com\"],\"index\":%d,"
             "\"epoch\":%d%s}",
             index, epoch, members);
    stage_tell(stage, "dea." STAGE_UUID ".start", NULL, payload);
}

void stage_forget(struct stage *stage)
{
    text_clear(&stage->said);
}

/* The next line of that subject with that part, from `at`; NULL: none. */
static const char *next_said(const char *at, const char *subject, const char *part)
{
    while (*at != 0) {
        size_t size = strcspn(at, "\n");
        size_t subject_size = strlen(subject);
        const char *found = strstr(at, part);
        if (strncmp(at, subject, subject_size) == 0 && at[subject_size] == ' ' && found != NULL && found < at + size)
            return at;
        at += size + (at[size] == '\n');
    }
    return NULL;
}

size_t stage_heard(const struct stage *stage, const char *subject, const char *part)
{
    size_t count = 0;
    const char *at = text_string(&stage->said);
    while ((at = next_said(at, subject, part)) != NULL) {
        count++;
        at += strcspn(at, "\n");
    }
    return count;
}

bool stage_heard_before(const struct stage *stage, const char *earlier, const char *later)
{
    const char *first = next_said(text_string(&stage->said), earlier, "");
    const char *second = next_said(text_string(&stage->said), later, "");
    return first != NULL && second != NULL && first < second;
}

/* ---- Connections ---- */

static struct workload *listener_on(struct stage *stage, uint16_t port)
{
    for (size_t i = 0; i < STAGE_WORKLOADS; i++)
        if (stage->workloads[i].exists && stage->workloads[i].runs && stage->workloads[i].listens &&
            stage->workloads[i].port == port)
            return &stage->workloads[i];
    return NULL;
}

static bool is_reachable(struct stage *stage, uint16_t port)
{
    if (port == STAGE_PORT_BUS)
        return !stage->bus_is_down;
    if (port == STAGE_PORT_CC)
        return !stage->controller_is_down;
    return port == stage->stranger_port || listener_on(stage, port) != NULL;
}

static void connect_to(struct stage *stage, uint32_t id, uint16_t port)
{
    assert_that(id < STAGE_CONNS);
    struct stage_conn *conn = &stage->conns[id];
    assert_that(conn->port == 0);
    conn->port = port;
    if (port != 0 && port == stage->silent_port)
        return;
    if (!is_reachable(stage, port)) {
        queue_closed(stage, id, IO_REFUSED);
        return;
    }
    conn->is_open = true;
    queue(stage, EVENT_CONNECTED)->connected.conn.id = id;
    if (port == STAGE_PORT_BUS) {
        stage->subscription_count = 0;
        text_add_string(&conn->inbound, "INFO {\"server_id\":\"stage\",\"max_payload\":1048576}\r\n");
    }
}

static void hear(struct stage *stage, uint32_t id)
{
    struct stage_conn *conn = &stage->conns[id];
    if (conn->port == STAGE_PORT_BUS) {
        bus_hear(stage, id);
    } else if (listener_on(stage, conn->port) != NULL) {
        struct workload *workload = listener_on(stage, conn->port);
        bool is_whole = strstr(text_string(&conn->outbound), "\r\n\r\n") != NULL;
        workload->gets += is_whole;
        if (is_whole && workload->http_status != 0)
            text_addf(&conn->inbound, "HTTP/1.1 %d Whatever\r\nContent-Length: 0\r\n\r\n", workload->http_status);
        feed(stage, id);
    } else if (strncmp(text_string(&conn->outbound), "PUT ", 4) == 0) {
        text_clear(&conn->outbound); /* Answered when its blob has come. */
    } else if (conn->port == STAGE_PORT_CC && strstr(text_string(&conn->outbound), "\r\n\r\n") != NULL) {
        stage->downloads++;
        text_clear(&conn->outbound);
        text_add_string(&conn->inbound, stage->served_digest == NULL
                                            ? "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
                                            : "HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n");
        feed(stage, id);
    }
}

static void take_upload(struct stage *stage, const struct effect *effect)
{
    uint32_t id = effect->blob_transfer.conn.id;
    assert_that(strcmp(effect->blob_transfer.digest, STAGE_DROPLET) == 0);
    stage->uploads++;
    queue_done(stage, effect->op, IO_OK)->done.number = 8192;
    text_addf(&stage->conns[id].inbound, "HTTP/1.1 %d Whatever\r\nContent-Length: 0\r\n\r\n", stage->upload_status);
    feed(stage, id);
}

void stage_finish_staging(struct stage *stage)
{
    assert_that(stage->staging_op != 0);
    queue_done_with(stage, (struct io_op){stage->staging_op}, STAGE_DROPLET, 40, 8192);
    stage->staging_op = 0;
    stage_settle(stage);
}

void stage_hear_stager(struct stage *stage, const char *words)
{
    assert_that(stage->staging_op != 0);
    struct event *event = queue(stage, EVENT_OUTPUT);
    event->output.op.id = stage->staging_op;
    event->output.data = (struct io_bytes){(const uint8_t *)words, strlen(words)};
    stage_settle(stage);
}

void stage_fail_staging(struct stage *stage, enum io_status status, const char *log)
{
    assert_that(stage->staging_op != 0);
    struct event *event = queue_done(stage, (struct io_op){stage->staging_op}, status);
    event->done.data = (struct io_bytes){(const uint8_t *)log, strlen(log)};
    stage->staging_op = 0;
    stage_settle(stage);
}

static void cut(struct stage *stage, uint32_t id)
{
    struct stage_conn *conn = &stage->conns[id];
    conn->closing = true;
    queue_closed(stage, id, IO_RESET);
}

/* ---- Workloads ---- */

static struct workload *find_workload(struct stage *stage, const char *name)
{
    for (size_t i = 0; i < STAGE_WORKLOADS; i++)
        if (stage->workloads[i].exists && strcmp(stage->workloads[i].name, name) == 0)
            return &stage->workloads[i];
    return NULL;
}

static void launch(struct stage *stage, const struct effect *effect)
{
    if (stage->launches_fail) {
        queue_done(stage, effect->op, IO_FAILED);
        return;
    }
    if (!stage->droplet_is_here) {
        queue_done(stage, effect->op, IO_NOT_FOUND);
        return;
    }
    struct workload *workload = stage->workloads;
    while (workload->name[0] != 0)
        workload++;
    assert_that(workload < stage->workloads + STAGE_WORKLOADS);
    snprintf(workload->name, sizeof workload->name, "%s", effect->workload_start.workload);
    snprintf(workload->runtime, sizeof workload->runtime, "%s", effect->workload_start.runtime);
    workload->exists = workload->runs = true;
    workload->listens = stage->workloads_listen;
    workload->port = effect->workload_start.port;
    workload->memory_bytes = 10 << 20;
    text_add(&workload->note, effect->workload_start.note.data, effect->workload_start.note.size);
    for (const char *const *at = effect->workload_start.envp; *at != NULL; at++)
        text_addf(&workload->environment, "%s\n", *at);
    for (const char *const *at = effect->workload_start.argv; *at != NULL; at++)
        text_addf(&workload->arguments, "%s ", *at);
    queue_done(stage, effect->op, IO_OK)->done.number = 4711;
}

static void queue_exit(struct stage *stage, struct workload *workload, int signal)
{
    workload->runs = false;
    struct event *event = queue(stage, EVENT_WORKLOAD_EXITED);
    event->workload_exited.workload = workload->name;
    event->workload_exited.signal = signal;
    event->workload_exited.exit_code = signal == 0 ? 1 : -1;
}

void stage_end_workload(struct stage *stage, struct workload *workload, int signal)
{
    queue_exit(stage, workload, signal);
    stage_settle(stage);
}

static void signal_workload(struct stage *stage, const struct effect *effect)
{
    struct workload *workload = find_workload(stage, effect->workload_signal.workload);
    if (workload == NULL || !workload->runs)
        return;
    if (effect->workload_signal.signal == 9 || !workload->ignores_sigterm)
        queue_exit(stage, workload, effect->workload_signal.signal);
}

static void list_workloads(struct stage *stage, struct io_op op)
{
    for (size_t i = 0; i < STAGE_WORKLOADS; i++) {
        struct workload *workload = &stage->workloads[i];
        if (!workload->exists)
            continue;
        struct event *event = queue(stage, EVENT_WORKLOAD_FOUND);
        event->workload_found.workload = workload->name;
        event->workload_found.running = workload->runs;
        event->workload_found.note =
            (struct io_bytes){(const uint8_t *)text_string(&workload->note), workload->note.size};
    }
    queue_done(stage, op, IO_OK);
}

static void remove_workload(struct stage *stage, const struct effect *effect)
{
    struct workload *workload = find_workload(stage, effect->workload_name.workload);
    if (workload != NULL)
        workload->exists = workload->runs = false;
    queue_done(stage, effect->op, IO_OK);
}

static void measure(struct stage *stage, const struct effect *effect)
{
    struct workload *workload = find_workload(stage, effect->workload_name.workload);
    if (workload == NULL) {
        queue_done(stage, effect->op, IO_NOT_FOUND);
        return;
    }
    Cupola__WorkloadUsage usage = CUPOLA__WORKLOAD_USAGE__INIT;
    usage.has_memory_bytes = usage.has_disk_bytes = usage.has_cpu_ns = true;
    usage.memory_bytes = workload->memory_bytes;
    usage.disk_bytes = 4096;
    usage.cpu_ns = stage->now_ns / 100; /* One percent. */
    uint8_t packed[64];
    size_t size = cupola__workload_usage__pack(&usage, packed);
    queue_done_with(stage, effect->op, packed, size, 0);
}

static void read_file(struct stage *stage, const struct effect *effect)
{
    const char *path = effect->workload_read_file.path;
    static const char root[] = "app/                                         -\n"
                               "logs/                                        -\n"
                               "run.pid                                     5B";
    if (strcmp(path, "") == 0) {
        queue_done_with(stage, effect->op, root, sizeof root - 1, sizeof root - 1);
    } else if (strcmp(path, "logs/stdout.log") == 0) { /* A large one, in pieces. */
        enum { SIZE = 600000 };
        size_t offset = effect->workload_read_file.offset;
        size_t size = SIZE - offset < effect->workload_read_file.size ? SIZE - offset : effect->workload_read_file.size;
        char *bytes = memory_new(SIZE);
        memset(bytes, 'x', SIZE);
        queue_done_with(stage, effect->op, bytes, size, SIZE);
        memory_free(bytes);
    } else {
        queue_done(stage, effect->op, IO_NOT_FOUND);
    }
}

/* ---- Effects ---- */

static void carry_out_conn(struct stage *stage, struct effect *effect)
{
    uint32_t id;
    if (effect->kind == EFFECT_READ) {
        id = effect->read.conn.id;
        stage->conns[id].reads = true;
        feed(stage, id);
    } else if (effect->kind == EFFECT_WRITE) {
        id = effect->write.conn.id;
        struct slice slice = effect_take_slice(effect);
        text_add(&stage->conns[id].outbound, slice_data(slice), slice.size);
        struct event *event = queue(stage, EVENT_WRITTEN);
        event->written.conn.id = id;
        event->written.size = slice.size;
        buffer_unref(slice.buffer);
        hear(stage, id);
    } else {
        assert_that(effect->kind == EFFECT_CLOSE);
        id = effect->close.conn.id;
        if (!stage->conns[id].closing)
            queue_closed(stage, id, IO_OK);
        stage->conns[id].closing = true;
    }
}

static void carry_out_workload(struct stage *stage, struct effect *effect)
{
    switch ((int)effect->kind) {
    case EFFECT_WORKLOAD_LIST:
        list_workloads(stage, effect->op);
        break;
    case EFFECT_WORKLOAD_START:
        launch(stage, effect);
        break;
    case EFFECT_WORKLOAD_SIGNAL:
        signal_workload(stage, effect);
        break;
    case EFFECT_WORKLOAD_REMOVE:
        remove_workload(stage, effect);
        break;
    case EFFECT_WORKLOAD_MEASURE:
        measure(stage, effect);
        break;
    case EFFECT_WORKLOAD_READ_FILE:
        read_file(stage, effect);
        break;
    default:
        assert_unreachable();
    }
}

static void carry_out(struct stage *stage, struct effect *effect)
{
    switch ((int)effect->kind) {
    case EFFECT_LISTEN: {
        uint32_t id = effect->listen.listener.id;
        stage->ports[id] = effect->listen.port != 0 ? effect->listen.port : (uint16_t)(25000 + id);
        queue_done(stage, effect->op, IO_OK)->done.number = stage->ports[id];
        break;
    }
    case EFFECT_UNLISTEN:
        stage->ports[effect->unlisten.listener.id] = 0;
        break;
    case EFFECT_CONNECT:
        connect_to(stage, effect->connect.conn.id, effect->connect.port);
        break;
    case EFFECT_READ:
    case EFFECT_WRITE:
    case EFFECT_CLOSE:
        carry_out_conn(stage, effect);
        break;
    case EFFECT_FINISH:
        break;
    case EFFECT_DEADLINE:
        stage->deadline_ns = effect->deadline.at_ns;
        break;
    case EFFECT_SAVE:
        text_clear(&stage->saved);
        text_add(&stage->saved, slice_data(effect->save.slice), effect->save.slice.size);
        queue_done(stage, effect->op, IO_OK);
        break;
    case EFFECT_BLOB_STAT:
        queue_done(stage, effect->op, stage->droplet_is_here ? IO_OK : IO_NOT_FOUND)->done.number = 4096;
        break;
    case EFFECT_BLOB_RECEIVE:
        stage->droplet_is_here = strcmp(stage->served_digest, STAGE_DIGEST) == 0;
        queue_done_with(stage, effect->op, stage->served_digest, 40, effect->blob_transfer.size);
        break;
    case EFFECT_BLOB_SEND:
        take_upload(stage, effect);
        break;
    case EFFECT_STAGE:
        stage->staging_op = effect->op.id;
        break;
    case EFFECT_BLOB_DELETE:
        queue_done(stage, effect->op, IO_OK);
        break;
    case EFFECT_LOG:
        text_addf(&stage->log, "%s\n", effect->log.text);
        break;
    case EFFECT_EXIT:
        stage->has_exited = true;
        stage->exit_status = effect->exit.status;
        break;
    default:
        carry_out_workload(stage, effect);
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
    text_free(&stage->log);
}

/* ---- Looking ---- */

struct workload *stage_newest(struct stage *stage)
{
    struct workload *newest = NULL;
    for (size_t i = 0; i < STAGE_WORKLOADS; i++)
        if (stage->workloads[i].exists)
            newest = &stage->workloads[i];
    assert_that(newest != NULL);
    return newest;
}

size_t stage_running(const struct stage *stage)
{
    size_t count = 0;
    for (size_t i = 0; i < STAGE_WORKLOADS; i++)
        count += stage->workloads[i].exists && stage->workloads[i].runs;
    return count;
}

void stage_listen(struct stage *stage, struct workload *workload)
{
    workload->listens = true;
    stage_settle(stage);
}

bool stage_look(const struct stage *stage, int32_t index, struct dea_instance_view *ret_view)
{
    const void *at = NULL;
    while (dea_view_next(stage->machine, &at, ret_view))
        if (ret_view->index == index)
            return true;
    return false;
}

/* An accepted connection, with the next free odd id: that of a visitor who has left is used last. */
uint32_t stage_visit(struct stage *stage, uint16_t port)
{
    do
        stage->last_visitor = stage->last_visitor + 2 < STAGE_CONNS ? (stage->last_visitor + 2) | 1 : 1;
    while (stage->conns[stage->last_visitor].is_open);
    uint32_t id = stage->last_visitor;
    uint32_t listener = 1;
    while (stage->ports[listener] != port)
        listener++;
    struct stage_conn *conn = &stage->conns[id];
    text_free(&conn->outbound);
    *conn = (struct stage_conn){.port = 1, .is_open = true};
    struct event *event = queue(stage, EVENT_ACCEPTED);
    event->accepted.listener.id = listener;
    event->accepted.conn.id = id;
    event->accepted.peer = "127.0.0.1:50000";
    stage_settle(stage);
    return id;
}

const char *stage_say(struct stage *stage, uint32_t visitor, const char *text)
{
    struct stage_conn *conn = &stage->conns[visitor];
    text_clear(&conn->outbound);
    text_add_string(&conn->inbound, text);
    feed(stage, visitor);
    stage_settle(stage);
    return text_string(&conn->outbound);
}

bool stage_is_visiting(const struct stage *stage, uint32_t visitor)
{
    return stage->conns[visitor].is_open;
}

uint16_t stage_lease_port(const struct stage *stage)
{
    const char *found = strstr(text_string(&stage->said), "\"lease_address\":\"127.0.0.1:");
    assert_that(found != NULL);
    return (uint16_t)strtoul(found + strlen("\"lease_address\":\"127.0.0.1:"), NULL, 10);
}

const char *stage_get(struct stage *stage, const char *path, const char *authorization)
{
    uint32_t visitor = stage_visit(stage, 24345);
    struct text request = {0};
    text_addf(&request, "GET %s HTTP/1.1\r\nHost: dea\r\nConnection: close\r\n%s\r\n", path, authorization);
    const char *answer = stage_say(stage, visitor, text_string(&request));
    text_free(&request);
    return answer;
}

void stage_drop_bus(struct stage *stage)
{
    stage->bus_is_down = true;
    for (uint32_t id = 0; id < STAGE_CONNS; id++)
        if (stage->conns[id].port == STAGE_PORT_BUS && stage->conns[id].is_open)
            cut(stage, id);
    stage_settle(stage);
}
