#include "drivers/sim/network/messages.h"

#include "core/base/memory.h"
#include "core/wire/nats.h"
#include "drivers/sim/network/old_wire.h"

enum { MOST_LINE_BYTES = 1 << 16, MOST_PAYLOAD_BYTES = 1 << 26, MILLION = 1000000 };

/* One message that is late. */
struct held_message {
    struct wake wake;
    struct process_conn *conn;
    struct slice slice; /* Kept. */
    struct held_message *next;
};

void message_trouble_begin(struct world *world, struct message_trouble *trouble)
{
    trouble->previous = NULL;
    trouble->next = world->message_troubles;
    if (trouble->next != NULL)
        trouble->next->previous = trouble;
    world->message_troubles = trouble;
}

void message_trouble_end(struct world *world, struct message_trouble *trouble)
{
    if (trouble->previous != NULL)
        trouble->previous->next = trouble->next;
    else
        world->message_troubles = trouble->next;
    if (trouble->next != NULL)
        trouble->next->previous = trouble->previous;
    trouble->previous = trouble->next = NULL;
}

/* ---- What left is told of once, whatever became of it ---- */

/* Bytes that the component wrote and that never leave are told as written with the next that do; those that leave
 * though it did not write them are not told. */
size_t messages_tell(struct process_conn *conn, size_t written)
{
    size_t eaten = written < conn->surplus_bytes ? written : conn->surplus_bytes;
    conn->surplus_bytes -= eaten;
    return written - eaten;
}

static void write_extra(struct process_conn *conn, struct slice given)
{
    if (conn->socket == NULL || conn->socket->state != SOCKET_OPEN || conn->socket->has_failed) {
        buffer_unref(given.buffer);
        return;
    }
    conn->surplus_bytes += given.size;
    socket_write(conn->socket, given);
}

/* ---- Late ones ---- */

static void on_late(struct wake *wake)
{
    struct held_message *held = container_of(wake, struct held_message, wake);
    struct process_conn *conn = held->conn;
    struct held_message **at = &conn->held_messages;
    while (*at != held)
        at = &(*at)->next;
    *at = held->next;
    write_extra(conn, held->slice);
    memory_free(held);
}

static void hold_back(struct process_conn *conn, struct message_trouble *trouble, const void *bytes, size_t size)
{
    struct held_message *held = memory_new(sizeof *held);
    held->conn = conn;
    held->slice = slice_copy(bytes, size);
    held->wake = (struct wake){.happen = on_late, .key = random_draw(&trouble->random)};
    held->next = conn->held_messages;
    conn->held_messages = held;
    world_wake_in(conn->process->world, &held->wake, distribution_sample(&trouble->delay, &trouble->random));
}

void messages_forget(struct process_conn *conn)
{
    while (conn->held_messages != NULL) {
        struct held_message *held = conn->held_messages;
        conn->held_messages = held->next;
        world_cancel(conn->process->world, &held->wake);
        buffer_unref(held->slice.buffer);
        memory_free(held);
    }
}

/* ---- Each message by itself ---- */

static bool is_chosen(struct message_trouble *trouble)
{
    trouble->met++;
    for (size_t i = 0; i < trouble->only_count; i++)
        if (trouble->only[i] == trouble->met)
            return true;
    return trouble->only_count == 0 && random_below(&trouble->random, MILLION) < trouble->share_ppm;
}

static struct message_trouble *find_harm(const struct process_conn *conn, const struct nats_frame *frame)
{
    if (frame->verb != NATS_MSG && frame->verb != NATS_HMSG)
        return NULL;
    uint32_t to = conn->socket->peer->host->number;
    for (struct message_trouble *at = conn->process->world->message_troubles; at != NULL; at = at->next) {
        if (at->to[to] && nats_subject_matches(nats_text_of(at->subject), frame->subject) && is_chosen(at))
            return at;
    }
    return NULL;
}

/* Adds to `kept` what of the message's bytes is sent now. */
static void harm(struct process_conn *conn, struct message_trouble *trouble, const struct nats_frame *frame,
                 const uint8_t *bytes, size_t size, struct text *kept)
{
    if (trouble->harmed < MESSAGE_MOST_NUMBERS)
        trouble->numbers[trouble->harmed] = (uint32_t)trouble->met;
    trouble->harmed++;
    if (trouble->harm == MESSAGE_HELD_BACK) {
        hold_back(conn, trouble, bytes, size);
        return;
    }
    if (trouble->harm == MESSAGE_LOST)
        return;
    text_add(kept, bytes, size);
    if (trouble->harm == MESSAGE_DOUBLED) {
        text_add(kept, bytes, size);
    } else if (frame->body_size > 0) {
        size_t place = kept->size - 2 - frame->body_size + (size_t)random_below(&trouble->random, frame->body_size);
        uint8_t *damaged = (uint8_t *)text_string(kept) + place;
        *damaged ^= (uint8_t)(1 << random_below(&trouble->random, 8));
    }
}

/* ---- Peers of 2011 ---- */

static void add_line(struct text *text, const struct nats_frame *frame, size_t size)
{
    const struct nats_text words[] = {frame->subject, frame->sid,
                                      old_wire_is_answered(frame->subject) ? frame->reply : (struct nats_text){0}};
    text_add_string(text, frame->verb == NATS_PUB || frame->verb == NATS_HPUB ? "PUB" : "MSG");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (words[i].size == 0)
            continue;
        text_add_char(text, ' ');
        text_add(text, words[i].data, words[i].size);
    }
    text_addf(text, " %zu\r\n", size);
}

/* Adds what a peer of 2011 would have sent, or understood, instead of the frame. */
static void add_old(const struct nats_frame *frame, const uint8_t *bytes, size_t size, struct text *kept)
{
    bool has_subject = frame->subject.size > 0;
    if (has_subject && !old_wire_knows(frame->subject))
        return;
    if (!has_subject || frame->verb == NATS_SUB || frame->verb == NATS_UNSUB) {
        text_add(kept, bytes, size);
        return;
    }
    struct text payload = {0};
    old_wire_strip(frame->subject, frame->body + frame->header_size, frame->body_size - frame->header_size, &payload);
    add_line(kept, frame, payload.size);
    text_add(kept, text_string(&payload), payload.size);
    text_add_string(kept, "\r\n");
    text_free(&payload);
}

static bool is_old(const struct process_conn *conn)
{
    const struct process *peer = conn->socket->peer->process;
    return conn->process->carries_messages ? peer != NULL && peer->is_old
                                           : conn->process->is_old && peer != NULL && peer->carries_messages;
}

static void take_apart(struct process_conn *conn, struct slice slice, struct text *kept)
{
    struct nats_parser parser;
    bool from_client = !conn->process->carries_messages, old = is_old(conn);
    nats_parser_init(&parser, from_client ? NATS_FROM_CLIENT : NATS_FROM_SERVER, MOST_LINE_BYTES, MOST_PAYLOAD_BYTES);
    const uint8_t *bytes = slice_data(slice);
    size_t left = slice.size;
    while (left > 0) {
        struct nats_frame frame;
        size_t used;
        if (nats_parse(&parser, bytes, left, &used, &frame) != NATS_FRAME)
            break;
        struct message_trouble *trouble = find_harm(conn, &frame);
        if (trouble == NULL && old)
            add_old(&frame, bytes, used, kept);
        else if (trouble == NULL)
            text_add(kept, bytes, used);
        else
            harm(conn, trouble, &frame, bytes, used, kept);
        bytes += used;
        left -= used;
    }
    text_add(kept, bytes, left); /* A message that is not whole passes as it is. */
    nats_parser_free(&parser);
}

void messages_write(struct process_conn *conn, struct slice given, bool is_awaited)
{
    struct socket *socket = conn->socket;
    const struct world *world = conn->process->world;
    bool is_harmed = world->message_troubles != NULL && conn->process->carries_messages;
    if ((!is_harmed && (world->old_processes == 0 || !is_old(conn))) || socket->state != SOCKET_OPEN ||
        socket->has_failed || socket->is_finishing) {
        if (is_awaited)
            socket_write(socket, given);
        else
            socket_write_quietly(socket, given);
        return;
    }
    struct text kept = {0};
    take_apart(conn, given, &kept);
    size_t asked = given.size;
    buffer_unref(given.buffer);
    if (kept.size > asked)
        conn->surplus_bytes += kept.size - asked;
    else if (kept.size < asked)
        socket_seem_written(socket, asked - kept.size);
    struct slice slice = text_take(&kept);
    if (slice.buffer != NULL)
        socket_write(socket, slice);
}
