#include "tests/core/cloud_controller/town.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/components.h"

#include <nettle/sha1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct town_event {
    struct event event;
    struct text data; /* What the event's data points to. */
    struct town_event *next;
};

static void carry_out(struct town_controller *controller, struct effect *effect);

/* ---- Events ---- */

static struct town_event *push(struct town_controller *controller, enum event_kind kind)
{
    struct town_event *queued = memory_new(sizeof *queued);
    queued->event.kind = kind;
    *controller->end = queued;
    controller->end = &queued->next;
    return queued;
}

static void push_done(struct town_controller *controller, uint64_t op, enum io_status status, uint64_t number,
                      const char *data)
{
    struct town_event *queued = push(controller, EVENT_DONE);
    text_add_string(&queued->data, data);
    queued->event.done.op.id = op;
    queued->event.done.status = status;
    queued->event.done.number = number;
}

static void point_to_data(struct town_event *queued)
{
    struct io_bytes bytes = {(const uint8_t *)text_string(&queued->data), queued->data.size};
    if (queued->event.kind == EVENT_DONE)
        queued->event.done.data = bytes;
    if (queued->event.kind == EVENT_JOURNAL_ENTRY)
        queued->event.journal_entry.data = bytes;
    if (queued->event.kind == EVENT_JOURNAL_SNAPSHOT)
        queued->event.journal_entry.data = bytes;
}

static void step(struct town_controller *controller, struct event *event)
{
    event->now_ns = controller->town->now_ns;
    event->wall_ns = (int64_t)controller->town->now_ns + INT64_C(1700000000) * (int64_t)NS_PER_S;
    machine_step(controller->machine, event, controller->effects);
    for (size_t i = 0; i < effects_count(controller->effects); i++)
        carry_out(controller, effects_at(controller->effects, i));
    effects_reset(controller->effects);
    if (machine_has_exited(controller->machine))
        controller->has_exited = true;
}

static void free_event(struct town_event *queued)
{
    if (queued->event.kind == EVENT_BYTES)
        buffer_unref(queued->event.bytes.slice.buffer);
    text_free(&queued->data);
    memory_free(queued);
}

static bool bring_one(struct town_controller *controller)
{
    struct town_event *queued = controller->first;
    if (controller->machine == NULL || controller->has_exited || queued == NULL)
        return false;
    controller->first = queued->next;
    if (controller->first == NULL)
        controller->end = &controller->first;
    point_to_data(queued);
    step(controller, &queued->event);
    free_event(queued);
    return true;
}

void town_settle(struct town *town)
{
    bool again = true;
    while (again) {
        again = false;
        for (size_t i = 0; i < town->controller_count; i++)
            again = bring_one(&town->controllers[i]) || again;
    }
}

static struct town_controller *earliest(struct town *town)
{
    struct town_controller *found = NULL;
    for (size_t i = 0; i < town->controller_count; i++) {
        struct town_controller *controller = &town->controllers[i];
        if (controller->machine != NULL && !controller->has_exited &&
            (found == NULL || controller->deadline_ns < found->deadline_ns))
            found = controller;
    }
    return found;
}

void town_pass_ms(struct town *town, uint64_t ms)
{
    uint64_t until_ns = town->now_ns + ms * NS_PER_MS;
    town_settle(town);
    for (;;) {
        struct town_controller *controller = earliest(town);
        if (controller == NULL || controller->deadline_ns > until_ns)
            break;
        if (controller->deadline_ns > town->now_ns)
            town->now_ns = controller->deadline_ns;
        controller->deadline_ns = NEVER_NS;
        struct event event = {.kind = EVENT_DEADLINE};
        step(controller, &event);
        town_settle(town);
    }
    town->now_ns = until_ns;
}

/* ---- Streams ---- */

static struct town_conn *find_conn(struct town_controller *controller, uint32_t id)
{
    for (size_t i = 0; i < TOWN_CONNS; i++)
        if (controller->conns[i].id == id)
            return &controller->conns[i];
    return NULL;
}

static struct town_conn *new_conn(struct town_controller *controller, uint32_t id, uint16_t port)
{
    struct town_conn *conn = find_conn(controller, 0);
    assert_that(conn != NULL);
    *conn = (struct town_conn){.id = id, .port = port, .is_open = true};
    return conn;
}

static void free_conn(struct town_conn *conn)
{
    text_free(&conn->inbound);
    text_free(&conn->outbound);
    *conn = (struct town_conn){0};
}

static void pump(struct town_controller *controller, struct town_conn *conn)
{
    if (!conn->reads || !conn->is_open || (conn->inbound.size == 0 && !conn->peer_finished))
        return;
    conn->reads = false;
    if (conn->inbound.size == 0) {
        push(controller, EVENT_END)->event.end.conn.id = conn->id;
        return;
    }
    struct town_event *queued = push(controller, EVENT_BYTES);
    queued->event.bytes.conn.id = conn->id;
    queued->event.bytes.slice = slice_copy(text_string(&conn->inbound), conn->inbound.size);
    text_clear(&conn->inbound);
}

void town_push_bytes(struct town_controller *controller, struct town_conn *conn, const void *bytes, size_t size)
{
    text_add(&conn->inbound, bytes, size);
    pump(controller, conn);
}

static uint32_t free_odd_id(struct town_controller *controller)
{
    uint32_t id = 1;
    while (find_conn(controller, id) != NULL)
        id += 2;
    return id;
}

static struct town_conn *accept_conn(struct town_controller *controller)
{
    struct town_conn *conn = new_conn(controller, free_odd_id(controller), 0);
    struct town_event *queued = push(controller, EVENT_ACCEPTED);
    queued->event.accepted.listener.id = controller->api_listener;
    queued->event.accepted.conn.id = conn->id;
    queued->event.accepted.peer = "127.0.0.1:50000";
    return conn;
}

static void connect_peer(struct town_controller *controller, struct town_conn *conn)
{
    for (size_t i = 0; i < controller->town->controller_count; i++) {
        struct town_controller *other = &controller->town->controllers[i];
        if (other == controller || other->machine == NULL || other->port != conn->port)
            continue;
        struct town_conn *peer = accept_conn(other);
        peer->is_peer = conn->is_peer = true;
        peer->peer = conn;
        peer->peer_controller = controller;
        conn->peer = peer;
        conn->peer_controller = other;
    }
}

/* What one controller has written reaches the other. */
static void pass_on(struct town_conn *conn)
{
    if (conn->peer != NULL)
        town_push_bytes(conn->peer_controller, conn->peer, text_string(&conn->outbound), conn->outbound.size);
    text_clear(&conn->outbound);
}

static void on_connect(struct town_controller *controller, const struct effect *effect)
{
    struct town_conn *conn = new_conn(controller, effect->connect.conn.id, effect->connect.port);
    connect_peer(controller, conn);
    if (conn->port >= 9000 && conn->port < 10000 && !conn->is_peer) { /* A dead controller's. */
        struct town_event *refused = push(controller, EVENT_CLOSED);
        refused->event.closed.conn.id = conn->id;
        refused->event.closed.status = IO_REFUSED;
        free_conn(conn);
        return;
    }
    push(controller, EVENT_CONNECTED)->event.connected.conn.id = conn->id;
    static const char info[] = "INFO {\"server_id\":\"x\",\"version\":\"1\",\"max_payload\":1048576}\r\n";
    if (conn->port == 4222)
        town_push_bytes(controller, conn, info, sizeof info - 1);
}

static void on_write(struct town_controller *controller, struct effect *effect)
{
    struct town_conn *conn = find_conn(controller, effect->write.conn.id);
    struct slice slice = effect_take_slice(effect);
    assert_that(conn != NULL);
    text_add(&conn->outbound, slice_data(slice), slice.size);
    struct town_event *queued = push(controller, EVENT_WRITTEN);
    queued->event.written.conn.id = conn->id;
    queued->event.written.size = slice.size;
    buffer_unref(slice.buffer);
    if (conn->is_peer) {
        pass_on(conn);
    } else if (conn->port == 4222) {
        town_bus_take(controller, conn);
    } else if (conn->port != 0 && strstr(text_string(&conn->outbound), "\r\n\r\n") != NULL) {
        text_clear(&controller->town->viewer_request);
        text_add(&controller->town->viewer_request, text_string(&conn->outbound), conn->outbound.size);
        text_clear(&conn->outbound);
        const char *answer = controller->town->viewer_answer;
        town_push_bytes(controller, conn, answer, strlen(answer));
    }
}

static void on_close(struct town_controller *controller, struct town_conn *conn)
{
    if (conn == NULL || !conn->is_open)
        return;
    conn->is_open = false;
    push(controller, EVENT_CLOSED)->event.closed.conn.id = conn->id;
    if (conn->peer != NULL) {
        conn->peer->peer = NULL;
        conn->peer->peer_finished = true;
        pump(conn->peer_controller, conn->peer);
    }
    if (conn->port != 0 || conn->is_peer)
        free_conn(conn);
}

/* ---- The journal ---- */

static void deliver_entries(struct town_controller *controller)
{
    struct town *town = controller->town;
    while (controller->follows && !controller->lags && controller->delivered < town->entry_count) {
        struct town_event *queued = push(controller, EVENT_JOURNAL_ENTRY);
        const struct text *entry = &town->entries[controller->delivered++];
        text_add(&queued->data, text_string(entry), entry->size);
        queued->event.journal_entry.sequence = controller->delivered;
    }
}

static void push_snapshot(struct town_controller *controller, uint64_t sequence, const char *bytes, size_t size)
{
    struct town_event *queued = push(controller, EVENT_JOURNAL_SNAPSHOT);
    text_add(&queued->data, bytes, size);
    queued->event.journal_entry.sequence = sequence;
}

void town_bring_snapshot(struct town_controller *controller, uint64_t sequence, const char *bytes, size_t size)
{
    push_snapshot(controller, sequence, bytes, size);
    town_settle(controller->town);
}

static void follow(struct town_controller *controller, uint64_t op)
{
    struct town *town = controller->town;
    controller->follows = true;
    if (town->snapshot_sequence > 0) {
        push_snapshot(controller, town->snapshot_sequence, text_string(&town->snapshot), town->snapshot.size);
        controller->delivered = town->snapshot_sequence;
    }
    deliver_entries(controller);
    push_done(controller, op, IO_OK, 0, "");
}

static void on_snapshot(struct town_controller *controller, struct effect *effect)
{
    struct town *town = controller->town;
    struct slice slice = effect_take_slice(effect);
    bool fails = town->journal_mode == JOURNAL_FAILS || town->snapshots_fail;
    if (!fails) {
        text_clear(&town->snapshot);
        text_add(&town->snapshot, slice_data(slice), slice.size);
        town->snapshot_sequence = effect->journal_snapshot.sequence;
        town->snapshots++;
    }
    buffer_unref(slice.buffer);
    push_done(controller, effect->op.id, fails ? IO_FAILED : IO_OK, 0, "");
}

static void append(struct town_controller *controller, uint64_t op, uint64_t sequence, const struct text *entry)
{
    struct town *town = controller->town;
    if (town->journal_mode == JOURNAL_FAILS) {
        push_done(controller, op, IO_FAILED, 0, "the disk is gone");
        return;
    }
    if (sequence != town->entry_count) {
        bool lagged = controller->lags;
        controller->lags = false;
        deliver_entries(controller); /* What it ran into. */
        controller->lags = lagged;
        push_done(controller, op, IO_CONFLICT, 0, "");
        return;
    }
    if (entry->size == 0) { /* Only a question. */
        push_done(controller, op, IO_OK, sequence, "");
        return;
    }
    town->entries = memory_grow(town->entries, town->entry_count * sizeof *town->entries,
                                (town->entry_count + 1) * sizeof *town->entries);
    text_add(&town->entries[town->entry_count++], text_string(entry), entry->size);
    bool lagged = controller->lags;
    controller->lags = false;
    deliver_entries(controller);
    controller->lags = lagged;
    bool fails = town->journal_mode == JOURNAL_FAILS_LATE;
    push_done(controller, op, fails ? IO_FAILED : IO_OK, town->entry_count, fails ? "the answer is gone" : "");
    for (size_t i = 0; i < town->controller_count; i++)
        deliver_entries(&town->controllers[i]);
}

static void on_append(struct town_controller *controller, struct effect *effect)
{
    struct slice slice = effect_take_slice(effect);
    text_clear(&controller->held_entry);
    text_add(&controller->held_entry, slice_data(slice), slice.size);
    buffer_unref(slice.buffer);
    controller->held_op = effect->op.id;
    controller->held_sequence = effect->journal_append.sequence;
    if (controller->town->journal_mode == JOURNAL_HOLDS)
        return;
    controller->held_op = 0;
    append(controller, effect->op.id, effect->journal_append.sequence, &controller->held_entry);
}

void town_release_held(struct town *town)
{
    for (size_t i = 0; i < town->controller_count; i++) {
        struct town_controller *controller = &town->controllers[i];
        uint64_t op = controller->held_op;
        controller->held_op = 0;
        if (op != 0 && controller->machine != NULL)
            append(controller, op, controller->held_sequence, &controller->held_entry);
    }
    town_settle(town);
}

void town_release_journal(struct town *town)
{
    town->journal_mode = JOURNAL_WORKS;
    town_release_held(town);
}

/* ---- Blobs, stager, passwords ---- */

static void digest_of(const struct text *bytes, char ret_digest[41])
{
    struct sha1_ctx context;
    uint8_t digest[SHA1_DIGEST_SIZE];
    sha1_init(&context);
    sha1_update(&context, bytes->size, (const uint8_t *)text_string(bytes));
    sha1_digest(&context, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(ret_digest + 2 * i, 3, "%02x", digest[i]);
}

static struct town_blob *new_blob(struct town_controller *controller)
{
    struct town *town = controller->town;
    for (size_t i = 0; i < TOWN_BLOBS; i++)
        if (town->blobs[i].writing == 0 && town->blobs[i].digest[0] == '\0') {
            town->blobs[i].owner = controller;
            return &town->blobs[i];
        }
    assert_unreachable();
}

static struct town_blob *find_blob(struct town_controller *controller, const char *digest)
{
    struct town_blob *blobs = controller->town->blobs;
    for (size_t i = 0; i < TOWN_BLOBS; i++)
        if (blobs[i].owner == controller && blobs[i].writing == 0 && strcmp(blobs[i].digest, digest) == 0)
            return &blobs[i];
    return NULL;
}

static struct town_blob *find_writing(struct town_controller *controller, uint32_t id)
{
    for (size_t i = 0; i < TOWN_BLOBS; i++)
        if (controller->town->blobs[i].writing == id && controller->town->blobs[i].owner == controller)
            return &controller->town->blobs[i];
    assert_unreachable();
}

static void on_blob(struct town_controller *controller, struct effect *effect)
{
    struct town_blob *blob;
    if (effect->kind == EFFECT_BLOB_OPEN) {
        blob = new_blob(controller);
        blob->writing = effect->blob.blob.id;
        return;
    }
    blob = find_writing(controller, effect->blob.blob.id);
    if (effect->kind == EFFECT_BLOB_WRITE) {
        struct slice slice = effect_take_slice(effect);
        text_add(&blob->bytes, slice_data(slice), slice.size);
        buffer_unref(slice.buffer);
        return;
    }
    blob->writing = 0;
    if (effect->kind == EFFECT_BLOB_DISCARD) {
        text_free(&blob->bytes);
        return;
    }
    char digest[41];
    digest_of(&blob->bytes, digest);
    push_done(controller, effect->op.id, IO_OK, blob->bytes.size, digest);
    if (find_blob(controller, digest) != NULL) /* The same content is kept once. */
        text_free(&blob->bytes);
    else
        memcpy(blob->digest, digest, sizeof digest);
}

void town_add_blob(struct town_controller *controller, const char *bytes)
{
    struct town_blob *blob = new_blob(controller);
    text_add_string(&blob->bytes, bytes);
    digest_of(&blob->bytes, blob->digest);
}

static void on_blob_list(struct town_controller *controller, uint64_t op)
{
    struct text list = {0};
    for (size_t i = 0; i < TOWN_BLOBS; i++) {
        const struct town_blob *blob = &controller->town->blobs[i];
        if (blob->owner == controller && blob->digest[0] != '\0')
            text_addf(&list, "%s\n", blob->digest);
    }
    push_done(controller, op, IO_OK, 0, text_string(&list));
    text_free(&list);
}

static void on_blob_send(struct town_controller *controller, const struct effect *effect)
{
    struct town_blob *blob = find_blob(controller, effect->blob_transfer.digest);
    struct town_conn *conn = find_conn(controller, effect->blob_transfer.conn.id);
    assert_that(conn != NULL);
    if (blob != NULL)
        text_add(&conn->outbound, text_string(&blob->bytes), blob->bytes.size);
    if (conn->is_peer)
        pass_on(conn);
    push_done(controller, effect->op.id, blob == NULL ? IO_NOT_FOUND : IO_OK, blob == NULL ? 0 : blob->bytes.size, "");
}

static void on_blob_receive(struct town_controller *controller, const struct effect *effect)
{
    struct town_conn *conn = find_conn(controller, effect->blob_transfer.conn.id);
    struct town_blob *blob = new_blob(controller);
    size_t size = (size_t)effect->blob_transfer.size;
    assert_that(conn != NULL);
    assert_that(conn->inbound.size >= size); /* The other controller has sent it all by now. */
    text_add(&blob->bytes, text_string(&conn->inbound), size);
    text_consume(&conn->inbound, size);
    digest_of(&blob->bytes, blob->digest);
    push_done(controller, effect->op.id, IO_OK, size, blob->digest);
}

static void on_blob_stat(struct town_controller *controller, const struct effect *effect)
{
    struct town_blob *blob = find_blob(controller, effect->blob_name.digest);
    push_done(controller, effect->op.id, blob == NULL ? IO_NOT_FOUND : IO_OK, blob == NULL ? 0 : blob->bytes.size, "");
}

static void on_blob_delete(struct town_controller *controller, const struct effect *effect)
{
    struct town_blob *blob = find_blob(controller, effect->blob_name.digest);
    if (blob != NULL) {
        text_free(&blob->bytes);
        *blob = (struct town_blob){0};
    }
    push_done(controller, effect->op.id, IO_OK, 0, "");
}

/* The pool is the blobs; a package is its parts behind one another. What begins with "bad" is no sound upload. */
static struct town_blob *find_pooled(struct town_controller *controller, const char *line)
{
    char digest[41];
    size_t size = 0;
    if (sscanf(line, "%40s %zu", digest, &size) != 2)
        return NULL;
    struct town_blob *blob = find_blob(controller, digest);
    return blob != NULL && blob->bytes.size == size ? blob : NULL;
}

static void on_pool_find(struct town_controller *controller, const struct effect *effect)
{
    char found[100] = {0};
    size_t count = 0;
    for (const char *line = effect->pool.files; *line != '\0'; line = strchr(line, '\n') + 1) {
        assert_that(count + 1 < sizeof found);
        found[count++] = find_pooled(controller, line) == NULL ? '0' : '1';
    }
    push_done(controller, effect->op.id, IO_OK, 0, found);
}

static void on_assemble(struct town_controller *controller, const struct effect *effect)
{
    struct text whole = {0};
    const struct town_blob *upload = *effect->pool.digest == '\0' ? NULL : find_blob(controller, effect->pool.digest);
    if (upload != NULL)
        text_add(&whole, text_string(&upload->bytes), upload->bytes.size);
    bool is_bad = strncmp(text_string(&whole), "bad", 3) == 0, is_missing = false;
    for (const char *line = effect->pool.files; *line != '\0' && !is_missing; line = strchr(line, '\n') + 1) {
        const struct town_blob *file = find_pooled(controller, line);
        is_missing = file == NULL;
        if (file != NULL)
            text_add(&whole, text_string(&file->bytes), file->bytes.size);
    }
    char digest[41];
    digest_of(&whole, digest);
    if (is_bad || is_missing) {
        push_done(controller, effect->op.id, is_bad ? IO_INVALID : IO_NOT_FOUND, 0, is_bad ? "../x: leads out" : "x");
    } else {
        push_done(controller, effect->op.id, IO_OK, whole.size, digest);
        if (find_blob(controller, digest) == NULL) {
            struct town_blob *blob = new_blob(controller);
            text_add(&blob->bytes, text_string(&whole), whole.size);
            memcpy(blob->digest, digest, sizeof digest);
        }
    }
    text_free(&whole);
}

static void finish_stage(struct town_controller *controller, uint64_t op, const char *package)
{
    struct town *town = controller->town;
    if (town->staging_fails) {
        push_done(controller, op, IO_INVALID, 0, town->staging_log);
        return;
    }
    struct town_blob *blob = new_blob(controller);
    text_addf(&blob->bytes, "droplet of %s", package);
    digest_of(&blob->bytes, blob->digest);
    push_done(controller, op, IO_OK, blob->bytes.size, blob->digest);
}

static void on_stage(struct town_controller *controller, const struct effect *effect)
{
    assert_that(find_blob(controller, effect->stage.digest) != NULL);
    if (!controller->town->staging_holds) {
        finish_stage(controller, effect->op.id, effect->stage.digest);
        return;
    }
    size_t place = 0;
    while (controller->held_stages[place].op != 0)
        place++;
    assert_that(place < TOWN_STAGES);
    controller->held_stages[place].op = effect->op.id;
    snprintf(controller->held_stages[place].package, sizeof controller->held_stages[place].package, "%s",
             effect->stage.digest);
}

void town_release_staging(struct town *town)
{
    town->staging_holds = false;
    for (size_t i = 0; i < town->controller_count; i++) {
        struct town_controller *controller = &town->controllers[i];
        for (size_t j = 0; j < TOWN_STAGES; j++) {
            uint64_t op = controller->held_stages[j].op;
            controller->held_stages[j].op = 0;
            if (op != 0)
                finish_stage(controller, op, controller->held_stages[j].package);
        }
    }
    town_settle(town);
}

static void on_hash(struct town_controller *controller, const struct effect *effect)
{
    char hash[300];
    snprintf(hash, sizeof hash, "hash of %s", effect->hash_password.password);
    bool fails = controller->town->hashing_fails;
    push_done(controller, effect->op.id, fails ? IO_FAILED : IO_OK, 0, fails ? "no memory" : hash);
}

/* ---- Effects ---- */

static void on_listen(struct town_controller *controller, const struct effect *effect)
{
    size_t place = (size_t)(controller - controller->town->controllers);
    uint16_t port = (uint16_t)(9000 + 100 * place + controller->listeners++);
    if (controller->api_listener == 0) { /* The API listens first, the monitor after it. */
        controller->api_listener = effect->listen.listener.id;
        controller->port = port;
    }
    push_done(controller, effect->op.id, IO_OK, port, "");
}

static void carry_out(struct town_controller *controller, struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_LISTEN:
        on_listen(controller, effect);
        break;
    case EFFECT_CONNECT:
        on_connect(controller, effect);
        break;
    case EFFECT_READ: {
        struct town_conn *conn = find_conn(controller, effect->read.conn.id);
        assert_that(conn != NULL);
        conn->reads = true;
        pump(controller, conn);
        break;
    }
    case EFFECT_WRITE:
        on_write(controller, effect);
        break;
    case EFFECT_CLOSE:
        on_close(controller, find_conn(controller, effect->close.conn.id));
        break;
    case EFFECT_DEADLINE:
        controller->deadline_ns = effect->deadline.at_ns;
        break;
    case EFFECT_JOURNAL_FOLLOW:
        follow(controller, effect->op.id);
        break;
    case EFFECT_JOURNAL_SNAPSHOT:
        on_snapshot(controller, effect);
        break;
    case EFFECT_BLOB_LIST:
        on_blob_list(controller, effect->op.id);
        break;
    case EFFECT_JOURNAL_APPEND:
        on_append(controller, effect);
        break;
    case EFFECT_BLOB_OPEN:
    case EFFECT_BLOB_WRITE:
    case EFFECT_BLOB_COMMIT:
    case EFFECT_BLOB_DISCARD:
        on_blob(controller, effect);
        break;
    case EFFECT_BLOB_SEND:
        on_blob_send(controller, effect);
        break;
    case EFFECT_BLOB_RECEIVE:
        on_blob_receive(controller, effect);
        break;
    case EFFECT_BLOB_STAT:
        on_blob_stat(controller, effect);
        break;
    case EFFECT_BLOB_DELETE:
        on_blob_delete(controller, effect);
        break;
    case EFFECT_STAGE:
        on_stage(controller, effect);
        break;
    case EFFECT_POOL_FIND:
        on_pool_find(controller, effect);
        break;
    case EFFECT_ASSEMBLE:
        on_assemble(controller, effect);
        break;
    case EFFECT_HASH_PASSWORD:
        on_hash(controller, effect);
        break;
    case EFFECT_FINISH:
    case EFFECT_UNLISTEN:
    case EFFECT_LOG:
    case EFFECT_EXIT:
        break;
    default:
        assert_unreachable();
    }
}

/* ---- Controllers ---- */

void town_revive(struct town_controller *controller)
{
    struct town *town = controller->town;
    assert_that(controller->machine == NULL);
    controller->machine = machine_create(&cloud_controller_class);
    controller->deadline_ns = NEVER_NS;
    size_t size = cupola__cloud_controller_config__get_packed_size(&town->config);
    uint8_t *packed = memory_new(size);
    cupola__cloud_controller_config__pack(&town->config, packed);
    struct event event = {.kind = EVENT_START};
    event.start.config = (struct io_bytes){packed, size};
    event.start.seed[0] = 7;
    event.start.seed[1] = ++town->lives;
    step(controller, &event);
    memory_free(packed);
    town_settle(town);
}

struct town_controller *town_add_controller(struct town *town)
{
    assert_that(town->controller_count < TOWN_CONTROLLERS);
    struct town_controller *controller = &town->controllers[town->controller_count++];
    *controller = (struct town_controller){.town = town, .effects = effects_new()};
    controller->end = &controller->first;
    town_revive(controller);
    return controller;
}

void town_kill(struct town_controller *controller)
{
    machine_destroy(controller->machine);
    while (controller->first != NULL) {
        struct town_event *queued = controller->first;
        controller->first = queued->next;
        free_event(queued);
    }
    controller->end = &controller->first;
    for (size_t i = 0; i < TOWN_CONNS; i++)
        free_conn(&controller->conns[i]);
    memset(controller->subscriptions, 0, sizeof controller->subscriptions);
    text_free(&controller->held_entry);
    effects_reset(controller->effects);
    controller->machine = NULL;
    controller->follows = controller->has_exited = false;
    controller->delivered = 0;
    controller->listeners = controller->api_listener = 0;
    controller->held_op = 0;
    memset(controller->held_stages, 0, sizeof controller->held_stages);
}

void town_append_held_of_dying(struct town_controller *controller)
{
    struct town *town = controller->town;
    while (controller->held_op != 0 && controller->held_entry.size == 0)
        town_release_held(town); /* Only a question. */
    assert_that(controller->held_op != 0);
    town->entries = memory_grow(town->entries, town->entry_count * sizeof *town->entries,
                                (town->entry_count + 1) * sizeof *town->entries);
    text_add(&town->entries[town->entry_count++], text_string(&controller->held_entry), controller->held_entry.size);
    town_kill(controller);
    for (size_t i = 0; i < town->controller_count; i++)
        deliver_entries(&town->controllers[i]);
    town_settle(town);
}

void town_stop(struct town_controller *controller)
{
    struct event event = {.kind = EVENT_STOP};
    step(controller, &event);
    town_settle(controller->town);
}

void town_open(struct town *town)
{
    static char *admins[] = {(char *)(uintptr_t) "admin@example.org"};
    static Cupola__UserConfig user;
    static Cupola__UserConfig *users[] = {&user};
    *town = (struct town){.now_ns = 1000 * NS_PER_S, .staging_log = "no", .viewer_answer = ""};
    static Cupola__Endpoint bus_server = CUPOLA__ENDPOINT__INIT;
    static Cupola__Endpoint *servers[] = {&bus_server};
    static Cupola__BusConfig bus = CUPOLA__BUS_CONFIG__INIT;
    bus_server.has_port = true;
    bus_server.port = 4222;
    bus.servers = servers;
    bus.n_servers = 1;
    cupola__user_config__init(&user);
    user.email = admins[0];
    user.password = (char *)(uintptr_t) "secret";
    cupola__cloud_controller_config__init(&town->config);
    town->config.bus = &bus;
    town->config.token_key = (char *)(uintptr_t) "key";
    town->config.admins = admins;
    town->config.n_admins = 1;
    town->config.has_stage_on_deas = true;
    town->config.stage_on_deas = false; /* test_stage_order.c has DEAs that stage. */
    town->config.has_offer_window_ms = true;
    town->config.offer_window_ms = 0; /* Time passes only where a test says so. */
    town->config.bootstrap_users = users;
    town->config.n_bootstrap_users = 1;
    town_add_controller(town);
}

void town_close(struct town *town)
{
    for (size_t i = 0; i < town->controller_count; i++) {
        if (town->controllers[i].machine != NULL)
            town_kill(&town->controllers[i]);
        effects_free(town->controllers[i].effects);
    }
    for (size_t i = 0; i < town->entry_count; i++)
        text_free(&town->entries[i]);
    memory_free(town->entries);
    text_free(&town->snapshot);
    for (size_t i = 0; i < TOWN_BLOBS; i++)
        text_free(&town->blobs[i].bytes);
    town_forget_answers(town);
    text_free(&town->said);
    text_free(&town->viewer_request);
    text_free(&town->response);
}

/* ---- Clients ---- */

struct town_conn *town_begin(struct town_controller *controller, const char *method, const char *path,
                             const char *headers, const char *body)
{
    struct town_conn *conn = accept_conn(controller);
    text_addf(&conn->inbound, "%s %s HTTP/1.1\r\nHost: api.cupola.test\r\nConnection: close\r\n%s", method, path,
              headers);
    text_addf(&conn->inbound, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    town_settle(controller->town);
    return conn;
}

int town_finish(struct town_controller *controller, struct town_conn *conn)
{
    struct town *town = controller->town;
    text_clear(&town->response);
    text_add(&town->response, text_string(&conn->outbound), conn->outbound.size);
    if (conn->is_open) {
        conn->is_open = false;
        struct town_event *queued = push(controller, EVENT_CLOSED);
        queued->event.closed.conn.id = conn->id;
        queued->event.closed.status = IO_RESET;
        town_settle(town);
    }
    free_conn(conn);
    int status = 0;
    if (sscanf(text_string(&town->response), "HTTP/1.1 %d", &status) != 1)
        return 0;
    return status;
}

int town_request(struct town *town, const char *token, const char *method, const char *path, const char *body)
{
    struct text headers = {0};
    text_add_string(&headers, "Content-Type: application/json\r\n");
    if (token != NULL)
        text_addf(&headers, "Authorization: %s\r\n", token);
    struct town_conn *conn = town_begin(&town->controllers[0], method, path, text_string(&headers), body);
    text_free(&headers);
    for (int waits = 0; waits < 600 && conn->outbound.size == 0; waits++)
        town_pass_ms(town, 100);
    return town_finish(&town->controllers[0], conn);
}

const char *town_body(const struct town *town)
{
    const char *body = strstr(text_string(&town->response), "\r\n\r\n");
    return body == NULL ? "" : body + 4;
}

const char *town_header(const struct town *town, const char *name)
{
    return strstr(text_string(&town->response), name);
}

char *town_token(struct town *town, const char *email)
{
    struct text body = {0}, path = {0};
    text_addf(&body, "{\"email\":\"%s\",\"password\":\"secret\"}", email);
    text_addf(&path, "/users/%s/tokens", email);
    town_request(town, NULL, "POST", "/users", text_string(&body));
    int status = town_request(town, NULL, "POST", text_string(&path), "{\"password\":\"secret\"}");
    assert_that(status == 200);
    const char *begin = strstr(town_body(town), "\"token\":\"");
    assert_that(begin != NULL);
    begin += strlen("\"token\":\"");
    char *token = memory_copy_bytes(begin, strcspn(begin, "\""));
    text_free(&body);
    text_free(&path);
    return token;
}

int town_upload(struct town *town, const char *token, const char *app, const char *bits)
{
    struct text headers = {0}, body = {0}, path = {0};
    text_addf(&headers, "Authorization: %s\r\nContent-Type: multipart/form-data; boundary=664379\r\n", token);
    text_addf(&path, "/apps/%s/application", app);
    text_add_string(&body, "--664379\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nput\r\n");
    text_addf(&body,
              "--664379\r\nContent-Disposition: form-data; name=\"application\"; filename=\"a.zip\"\r\n"
              "Content-Type: application/zip\r\n\r\n%s\r\n",
              bits);
    text_add_string(&body,
                    "--664379\r\nContent-Disposition: form-data; name=\"resources\"\r\n\r\n[]\r\n--664379--\r\n");
    struct town_conn *conn =
        town_begin(&town->controllers[0], "POST", text_string(&path), text_string(&headers), text_string(&body));
    int status = town_finish(&town->controllers[0], conn);
    text_free(&headers);
    text_free(&body);
    text_free(&path);
    return status;
}
