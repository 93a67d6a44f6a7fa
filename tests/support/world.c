/* Machines whose byte streams meet in memory. One queue of events, first come, first served. */
#include "tests/support/world.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"

#include <string.h>

enum { MAX_PARTIES = 16, FIRST_FREE_PORT = 20000 };

struct party {
    struct machine *machine; /* NULL once killed. */
    uint64_t deadline_ns;
    uint32_t last_odd_id;
};

struct listening {
    struct party *party;
    struct io_listener id;
    uint16_t port;
    struct listening *next;
};

/* One end of a stream. party is NULL for the test's own ends. */
struct world_stream {
    struct world *world;
    struct party *party;
    struct io_conn id;
    struct world_stream *peer; /* NULL once the other end is gone. */
    struct text inbox;
    bool reading;
    bool peer_finished;
    bool is_open;
    bool is_closing; /* CLOSED is on its way. */
    enum io_status close_status;
    struct world_stream *next;
};

struct queued {
    struct party *party;
    struct world_stream *stream; /* For events about a stream. */
    struct event event;
    struct queued *next;
};

struct world {
    struct party parties[MAX_PARTIES];
    size_t party_count;
    struct listening *listenings;
    struct world_stream *streams;
    struct queued *first, **end;
    struct effects *effects;
    uint64_t now_ns;
    int64_t wall_offset_ns;
    uint16_t last_port;
    size_t logged[LOG_ERROR + 1];
    bool swallowed[UINT16_MAX + 1]; /* By port. */
    bool lacks_descriptors;
    struct text saved;
    bool restores;
};

struct world *world_new(void)
{
    struct world *world = memory_new(sizeof *world);
    world->end = &world->first;
    world->effects = effects_new();
    world->now_ns = 1000 * NS_PER_S;
    world->wall_offset_ns = INT64_C(1800000000) * (int64_t)NS_PER_S - (int64_t)world->now_ns;
    world->last_port = FIRST_FREE_PORT;
    return world;
}

static void free_queued(struct queued *queued)
{
    if (queued->event.kind == EVENT_BYTES)
        buffer_unref(queued->event.bytes.slice.buffer);
    memory_free(queued);
}

void world_free(struct world *world)
{
    for (size_t i = 0; i < world->party_count; i++)
        machine_destroy(world->parties[i].machine);
    for (struct queued *queued = world->first, *next; queued != NULL; queued = next) {
        next = queued->next;
        free_queued(queued);
    }
    for (struct world_stream *stream = world->streams, *next; stream != NULL; stream = next) {
        next = stream->next;
        text_free(&stream->inbox);
        memory_free(stream);
    }
    for (struct listening *listening = world->listenings, *next; listening != NULL; listening = next) {
        next = listening->next;
        memory_free(listening);
    }
    effects_free(world->effects);
    text_free(&world->saved);
    memory_free(world);
}

/* ---- Streams ---- */

static void push(struct world *world, struct party *party, struct world_stream *stream, const struct event *event)
{
    struct queued *queued = memory_new(sizeof *queued);
    *queued = (struct queued){.party = party, .stream = stream, .event = *event};
    *world->end = queued;
    world->end = &queued->next;
}

static struct world_stream *new_stream(struct world *world, struct party *party, struct io_conn id)
{
    struct world_stream *stream = memory_new(sizeof *stream);
    *stream = (struct world_stream){.world = world, .party = party, .id = id, .is_open = true};
    stream->next = world->streams;
    world->streams = stream;
    return stream;
}

/* Tells a machine what it may know now: bytes that it asked for, the end, the close. */
static void pump(struct world_stream *stream)
{
    if (stream->party == NULL || !stream->is_open || stream->is_closing)
        return;
    struct event event = {0};
    if (stream->reading && stream->inbox.size > 0) {
        event.kind = EVENT_BYTES;
        event.bytes.conn = stream->id;
        event.bytes.slice = slice_copy(text_string(&stream->inbox), stream->inbox.size);
        text_clear(&stream->inbox);
        stream->reading = false;
        push(stream->world, stream->party, stream, &event);
    } else if (stream->inbox.size == 0 && stream->peer == NULL) {
        stream->is_closing = true;
        event.kind = EVENT_CLOSED;
        event.closed.conn = stream->id;
        event.closed.status = stream->close_status;
        push(stream->world, stream->party, stream, &event);
    } else if (stream->reading && stream->peer_finished) {
        stream->reading = false;
        event.kind = EVENT_END;
        event.end.conn = stream->id;
        push(stream->world, stream->party, stream, &event);
    }
}

static void deliver(struct world_stream *stream, const void *bytes, size_t size)
{
    if (stream->peer == NULL)
        return;
    text_add(&stream->peer->inbox, bytes, size);
    pump(stream->peer);
}

/* The other end is told; this one hears CLOSED only if it is a machine's that still runs. */
static void close_stream(struct world_stream *stream, enum io_status status_of_peer)
{
    if (!stream->is_open)
        return;
    struct world_stream *peer = stream->peer;
    stream->peer = NULL;
    if (peer != NULL) {
        peer->peer = NULL;
        peer->close_status = status_of_peer;
        if (status_of_peer != IO_OK)
            text_clear(&peer->inbox);
        if (peer->party == NULL)
            peer->is_open = false;
        pump(peer);
    }
    if (stream->party == NULL)
        stream->is_open = false;
    else
        pump(stream);
}

static struct world_stream *stream_of(struct world *world, const struct party *party, struct io_conn id)
{
    for (struct world_stream *stream = world->streams; stream != NULL; stream = stream->next)
        if (stream->party == party && stream->id.id == id.id && stream->is_open)
            return stream;
    assert_unreachable(); /* The machine uses a connection that it does not have. */
}

static struct listening *find_listening(struct world *world, uint16_t port)
{
    for (struct listening *listening = world->listenings; listening != NULL; listening = listening->next)
        if (listening->port == port && listening->party != NULL)
            return listening;
    return NULL;
}

static struct world_stream *accept_on(struct world *world, struct listening *listening, struct world_stream *caller)
{
    struct party *party = listening->party;
    party->last_odd_id += party->last_odd_id == 0 ? 1 : 2;
    struct world_stream *stream = new_stream(world, party, (struct io_conn){party->last_odd_id});
    stream->peer = caller;
    struct event event = {.kind = EVENT_ACCEPTED};
    event.accepted.listener = listening->id;
    event.accepted.conn = stream->id;
    event.accepted.peer = "127.0.0.1:50000";
    push(world, party, stream, &event);
    return stream;
}

/* ---- Effects ---- */

static void connect_stream(struct world *world, struct party *party, const struct effect *effect)
{
    struct world_stream *stream = new_stream(world, party, effect->connect.conn);
    struct listening *listening = find_listening(world, effect->connect.port);
    struct event event = {0};
    if (world->swallowed[effect->connect.port] && !world->lacks_descriptors)
        return;
    if (listening == NULL || world->lacks_descriptors) {
        stream->is_closing = true;
        event.kind = EVENT_CLOSED;
        event.closed.conn = stream->id;
        event.closed.status = world->lacks_descriptors ? IO_FULL : IO_REFUSED;
    } else {
        event.kind = EVENT_CONNECTED;
        event.connected.conn = stream->id;
        stream->peer = accept_on(world, listening, stream);
    }
    push(world, party, stream, &event);
}

static void listen_on(struct world *world, struct party *party, const struct effect *effect)
{
    struct listening *listening = memory_new(sizeof *listening);
    uint16_t port = effect->listen.port != 0 ? effect->listen.port : ++world->last_port;
    *listening = (struct listening){.party = party, .id = effect->listen.listener, .port = port};
    listening->next = world->listenings;
    world->listenings = listening;
    struct event event = {.kind = EVENT_DONE};
    event.done.op = effect->op;
    event.done.number = port;
    push(world, party, NULL, &event);
}

static void unlisten(struct world *world, const struct party *party, uint32_t id)
{
    for (struct listening *listening = world->listenings; listening != NULL; listening = listening->next)
        if (listening->party == party && (id == 0 || listening->id.id == id))
            listening->party = NULL;
}

static void write_stream(struct world *world, struct party *party, struct effect *effect)
{
    struct world_stream *stream = stream_of(world, party, effect->write.conn);
    struct slice slice = effect_take_slice(effect);
    deliver(stream, slice_data(slice), slice.size);
    struct event event = {.kind = EVENT_WRITTEN};
    event.written.conn = stream->id;
    event.written.size = slice.size;
    push(world, party, stream, &event);
    buffer_unref(slice.buffer);
}

static void carry_out_on_stream(struct world *world, struct party *party, struct effect *effect)
{
    struct world_stream *stream;
    if (effect->kind == EFFECT_READ) {
        stream = stream_of(world, party, effect->read.conn);
        stream->reading = true;
        pump(stream);
    } else if (effect->kind == EFFECT_FINISH) {
        stream = stream_of(world, party, effect->finish.conn);
        if (stream->peer != NULL) {
            stream->peer->peer_finished = true;
            pump(stream->peer);
        }
    } else {
        assert_that(effect->kind == EFFECT_CLOSE);
        stream = stream_of(world, party, effect->close.conn);
        text_clear(&stream->inbox);
        close_stream(stream, effect->close.abort ? IO_RESET : IO_OK);
    }
}

static void carry_out(struct world *world, struct party *party, struct effect *effect)
{
    struct event done = {.kind = EVENT_DONE};
    switch ((int)effect->kind) {
    case EFFECT_LISTEN:
        listen_on(world, party, effect);
        break;
    case EFFECT_UNLISTEN:
        unlisten(world, party, effect->unlisten.listener.id);
        break;
    case EFFECT_CONNECT:
        connect_stream(world, party, effect);
        break;
    case EFFECT_WRITE:
        write_stream(world, party, effect);
        break;
    case EFFECT_READ:
    case EFFECT_FINISH:
    case EFFECT_CLOSE:
        carry_out_on_stream(world, party, effect);
        break;
    case EFFECT_DEADLINE:
        party->deadline_ns = effect->deadline.at_ns;
        break;
    case EFFECT_SAVE:
        text_clear(&world->saved);
        text_add(&world->saved, slice_data(effect->save.slice), effect->save.slice.size);
        done.done.op = effect->op;
        push(world, party, NULL, &done);
        break;
    case EFFECT_LOG:
        world->logged[effect->log.level]++;
        break;
    case EFFECT_EXIT:
        break;
    default:
        assert_unreachable(); /* Beyond this small world. */
    }
}

static void step(struct world *world, struct party *party, struct event *event)
{
    event->now_ns = world->now_ns;
    event->wall_ns = (int64_t)world->now_ns + world->wall_offset_ns;
    machine_step(party->machine, event, world->effects);
    for (size_t i = 0; i < effects_count(world->effects); i++)
        carry_out(world, party, effects_at(world->effects, i));
    effects_reset(world->effects);
    if (machine_has_exited(party->machine))
        world_kill(world, party->machine);
}

/* ---- Time ---- */

struct machine *world_start(struct world *world, const struct machine_class *class,
                            const ProtobufCMessage *configuration)
{
    assert_that(world->party_count < MAX_PARTIES);
    struct party *party = &world->parties[world->party_count++];
    *party = (struct party){.machine = machine_create(class), .deadline_ns = NEVER_NS};
    size_t size = protobuf_c_message_get_packed_size(configuration);
    uint8_t *packed = memory_new(size);
    protobuf_c_message_pack(configuration, packed);
    struct event event = {.kind = EVENT_START};
    event.start.config = (struct io_bytes){.data = packed, .size = size};
    event.start.seed[0] = 1;
    event.start.seed[1] = world->party_count;
    struct text saved = {0};
    if (world->restores) /* A copy: the step may save anew. */
        text_add(&saved, text_string(&world->saved), world->saved.size);
    event.start.saved = (struct io_bytes){(const uint8_t *)text_string(&saved), saved.size};
    world->restores = false;
    step(world, party, &event);
    text_free(&saved);
    memory_free(packed);
    return party->machine;
}

void world_kill(struct world *world, struct machine *machine)
{
    struct party *party = world->parties;
    while (party->machine != machine)
        party++;
    unlisten(world, party, 0);
    for (struct world_stream *stream = world->streams; stream != NULL; stream = stream->next) {
        if (stream->party == party && stream->is_open) {
            close_stream(stream, IO_RESET);
            stream->is_open = false;
        }
    }
    machine_destroy(machine);
    party->machine = NULL;
    party->deadline_ns = NEVER_NS;
}

void world_lacks_descriptors(struct world *world, bool lacks)
{
    world->lacks_descriptors = lacks;
}

void world_swallow(struct world *world, uint16_t port, bool swallows)
{
    world->swallowed[port] = swallows;
}

void world_restore_saved(struct world *world)
{
    world->restores = true;
}

static bool is_still_wanted(const struct queued *queued)
{
    if (queued->party->machine == NULL)
        return false;
    if (queued->stream == NULL)
        return true;
    return queued->stream->is_open && (!queued->stream->is_closing || queued->event.kind == EVENT_CLOSED);
}

void world_settle(struct world *world)
{
    while (world->first != NULL) {
        struct queued *queued = world->first;
        world->first = queued->next;
        if (world->first == NULL)
            world->end = &world->first;
        if (is_still_wanted(queued)) {
            if (queued->event.kind == EVENT_CLOSED)
                queued->stream->is_open = false;
            step(world, queued->party, &queued->event);
        }
        free_queued(queued);
    }
}

static struct party *earliest_party(struct world *world)
{
    struct party *earliest = NULL;
    for (size_t i = 0; i < world->party_count; i++)
        if (earliest == NULL || world->parties[i].deadline_ns < earliest->deadline_ns)
            earliest = &world->parties[i];
    return earliest;
}

void world_advance(struct world *world, uint64_t duration_ns)
{
    uint64_t until_ns = world->now_ns + duration_ns;
    world_settle(world);
    for (;;) {
        struct party *party = earliest_party(world);
        if (party == NULL || party->deadline_ns > until_ns)
            break;
        if (party->deadline_ns > world->now_ns)
            world->now_ns = party->deadline_ns;
        party->deadline_ns = NEVER_NS;
        struct event event = {.kind = EVENT_DEADLINE};
        step(world, party, &event);
        world_settle(world);
    }
    world->now_ns = until_ns;
}

uint64_t world_now_ns(const struct world *world)
{
    return world->now_ns;
}

size_t world_logged(const struct world *world, enum log_level level)
{
    size_t count = 0;
    for (size_t i = level; i <= LOG_ERROR; i++)
        count += world->logged[i];
    return count;
}

/* ---- The test's own streams ---- */

struct world_stream *world_dial(struct world *world, uint16_t port)
{
    world_settle(world);
    struct listening *listening = find_listening(world, port);
    if (listening == NULL)
        return NULL;
    struct world_stream *stream = new_stream(world, NULL, (struct io_conn){0});
    stream->peer = accept_on(world, listening, stream);
    world_settle(world);
    return stream;
}

void world_send(struct world_stream *stream, const char *text)
{
    deliver(stream, text, strlen(text));
    world_settle(stream->world);
}

struct text *world_received(struct world_stream *stream)
{
    return &stream->inbox;
}

bool world_stream_is_open(const struct world_stream *stream)
{
    return stream->is_open;
}

void world_close(struct world_stream *stream)
{
    close_stream(stream, IO_OK);
    world_settle(stream->world);
}
