/* The bytes of a connection on their way: leaving as the window allows, arriving in order, being read. */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "drivers/sim/host/host.h"
#include "drivers/sim/network/socket.h"

#include <string.h>

enum { LARGEST_SEGMENT = 65536, LARGEST_READ = 65536 };

/* ---- Leaving ---- */

/* Most segments are as large as can be; one in eight is cut anywhere, which parsers must bear. */
static size_t draw_size(struct socket *from, size_t most)
{
    if (most > 1 && random_below(&from->random, 8) == 0)
        return (size_t)random_between(&from->random, 1, most);
    return most;
}

/* What stands between the hosts has forgotten a connection on which nothing has passed for long. */
static void note_silence(struct socket *from)
{
    const struct world *world = from->host->world;
    uint64_t expiry_ns = network_expiry_ns(&world->network, from->host, from->peer->host);
    uint64_t last_ns =
        from->last_arrival_ns > from->peer->last_arrival_ns ? from->last_arrival_ns : from->peer->last_arrival_ns;
    if (expiry_ns != UINT64_MAX && last_ns > 0 && world->now_ns > last_ns && world->now_ns - last_ns > expiry_ns)
        socket_lose(from);
}

static void turn_a_bit(struct socket *from, struct segment *segment)
{
    struct slice copy = slice_copy(slice_data(segment->slice), segment->slice.size);
    copy.buffer->bytes[random_below(&from->random, copy.size)] ^= (uint8_t)(1 << random_below(&from->random, 8));
    buffer_unref(segment->slice.buffer);
    segment->slice = copy;
}

static void push_segment(struct socket *from, struct segment *segment)
{
    struct socket *to = from->peer;
    struct world *world = from->host->world;
    if (world->network.impairments != NULL) {
        note_silence(from);
        if (segment->slice.size > 0 && network_draw_corruption(&world->network, from->host, to->host, &from->random))
            turn_a_bit(from, segment);
    }
    uint64_t depart_ns = world->now_ns;
    uint64_t bytes_per_s = network_bytes_per_s(&world->network, from->host, to->host);
    if (bytes_per_s > 0) {
        if (from->link_free_ns > depart_ns)
            depart_ns = from->link_free_ns;
        depart_ns += segment->slice.size * UINT64_C(1000000000) / bytes_per_s;
        from->link_free_ns = depart_ns;
    }
    segment->sent_ns = world->now_ns;
    segment->arrives_ns = depart_ns + network_draw_latency_ns(&world->network, from->host, to->host, &from->random);
    if (segment->arrives_ns < to->last_arrival_ns)
        segment->arrives_ns = to->last_arrival_ns;
    to->last_arrival_ns = segment->arrives_ns;
    segments_push(&to->in, segment);
    to->in_bytes += segment->slice.size;
    if (to->in.count == to->arrived + 1)
        world_wake_at(world, &to->arrive, segment->arrives_ns);
}

void flow_answer(struct socket *from, enum segment_kind kind)
{
    struct segment segment = {.kind = kind};
    push_segment(from, &segment);
}

/* Sends as much of the first piece as there is room for. */
static void send_piece(struct socket *from, size_t room)
{
    struct segment *first = segments_at(&from->out, 0);
    size_t most = first->slice.size < room ? first->slice.size : room;
    size_t size = draw_size(from, most < LARGEST_SEGMENT ? most : LARGEST_SEGMENT);
    struct segment segment = {.slice = {buffer_ref(first->slice.buffer), first->slice.offset, size}};
    uint64_t tag = first->tag;
    first->slice.offset += size;
    first->slice.size -= size;
    bool is_over = first->slice.size == 0;
    if (is_over)
        buffer_unref(segments_pop(&from->out).slice.buffer);
    if (tag == 0 && from->is_quiet)
        from->untold += size;
    else if (tag == 0)
        from->written += size;
    else if (is_over)
        from->sent_tag = tag;
    push_segment(from, &segment);
}

void flow_pump(struct socket *from)
{
    struct socket *to = from->peer;
    bool has_news = false;
    if (network_is_shut(&from->host->world->network, from->host, to->host) && from->out.count > 0)
        return;                                          /* flow_open goes on. */
    while (from->out.count > 0 && from->sent_tag == 0) { /* One tag is told before the next may follow. */
        size_t used = to->in_bytes + to->unacknowledged;
        if (used >= to->window)
            break;
        send_piece(from, to->window - used);
        has_news = !from->is_quiet;
    }
    if (from->out.count == 0 && from->sent_tag == 0) {
        if (from->is_finishing && !from->is_end_sent) {
            from->is_end_sent = true;
            flow_answer(from, SEGMENT_END);
            has_news = true;
        }
        if (from->state == SOCKET_FLUSHING)
            socket_flushed(from);
    }
    if (has_news)
        socket_notify(from);
}

void flow_open(struct host *host)
{
    struct socket *next;
    for (struct socket *socket = host->sockets; socket != NULL; socket = next) {
        next = socket->next;
        if (socket->peer->out.count > 0)
            flow_pump(socket->peer);
    }
}

void socket_seem_written(struct socket *socket, size_t size)
{
    socket->written += size;
    socket_notify(socket);
}

void socket_write_quietly(struct socket *socket, struct slice given)
{
    socket->is_quiet = socket->out.count == 0;
    socket_write(socket, given);
    socket->is_quiet = false;
    if (socket->out.count == 0 && socket->untold <= IO_UNTOLD_MOST)
        return;
    socket->written += socket_take_untold(socket);
    if (socket->written > 0)
        socket_notify(socket);
}

size_t socket_take_untold(struct socket *socket)
{
    size_t size = socket->untold;
    socket->untold = 0;
    return size;
}

/* ---- What stands between does to it ---- */

void socket_lose(struct socket *socket)
{
    socket->is_lost = true;
    socket->peer->is_lost = true;
}

void socket_cut(struct socket *socket)
{
    socket_fail(socket->peer, IO_RESET);
    socket_fail(socket, IO_RESET);
}

static void hear_end(struct socket *socket)
{
    struct socket *other = socket->peer;
    if (other->is_end_sent || (other->state != SOCKET_OPEN && other->state != SOCKET_FLUSHING))
        return;
    segments_cut(&other->out, 0); /* Nothing of it will pass any more. */
    other->sent_tag = 0;
    other->is_finishing = true;
    flow_pump(other);
}

void socket_end_both(struct socket *socket)
{
    hear_end(socket);
    hear_end(socket->peer);
}

/* ---- Arriving ---- */

/* The path is blocked or the host dark: TCP tries again after a pause that doubles. */
static void try_later(struct socket *to)
{
    struct world *world = to->host->world;
    if (to->retransmission_ns == 0) {
        to->retransmission_ns = FIRST_RETRANSMISSION_NS;
        to->stalled_since_ns = world->now_ns;
    } else if (to->retransmission_ns < LONGEST_RETRANSMISSION_NS) {
        to->retransmission_ns *= 2;
    }
    if (world->now_ns - to->stalled_since_ns > GIVE_UP_NS) {
        segments_cut(&to->in, to->arrived);
        socket_fail(to->peer, IO_TIMED_OUT);
        return;
    }
    world_wake_in(world, &to->arrive, to->retransmission_ns);
}

static void tell_watcher(const struct socket *to, const struct segment *segment)
{
    const struct world *world = to->host->world;
    if (world->watcher.on_segment == NULL || segment->kind != SEGMENT_DATA)
        return;
    struct io_bytes bytes = {slice_data(segment->slice), segment->slice.size};
    world->watcher.on_segment(world->watcher.context, to->peer->label, to->label, segment->sent_ns, bytes);
}

/* Nobody is here (any more). Who still sends is told so, unless it was a reset itself. */
static void arrive_at_nobody(struct socket *to)
{
    bool is_reset = segments_at(&to->in, to->arrived)->kind == SEGMENT_RESET;
    segments_cut(&to->in, 0);
    to->arrived = 0;
    to->in_bytes = 0;
    if (!is_reset && to->peer->state != SOCKET_GONE)
        flow_answer(to, SEGMENT_RESET);
    socket_leave(to);
}

/* A lingering end only waits for the peer's end: what comes is thrown away. */
static void arrive_at_lingering(struct socket *to)
{
    struct segment segment = segments_pop(&to->in);
    to->in_bytes -= segment.slice.size;
    buffer_unref(segment.slice.buffer);
    if (segment.kind == SEGMENT_END || segment.kind == SEGMENT_RESET) {
        segments_cut(&to->in, to->arrived);
        socket_end_linger(to);
    }
}

static void arrive_at_open(struct socket *to)
{
    struct segment *segment = segments_at(&to->in, to->arrived);
    tell_watcher(to, segment);
    if (segment->kind == SEGMENT_RESET) {
        segments_cut(&to->in, to->arrived);
        socket_fail(to, to->state == SOCKET_CONNECTING ? IO_REFUSED : IO_RESET);
        return;
    }
    if (segment->kind == SEGMENT_ANSWER) {
        assert_that(to->arrived == 0);
        segments_pop(&to->in);
        if (to->state == SOCKET_CONNECTING) {
            to->state = SOCKET_OPEN;
            to->is_connected_news = true;
        }
    } else {
        to->arrived++;
    }
    socket_notify(to);
}

/* False if nothing further can arrive now. */
static bool arrive_first(struct socket *to)
{
    struct world *world = to->host->world;
    struct segment *segment = segments_at(&to->in, to->arrived);
    if (segment->arrives_ns > world->now_ns) {
        world_wake_at(world, &to->arrive, segment->arrives_ns);
        return false;
    }
    if (network_is_jammed(&world->network, to->peer->host, to->host)) {
        world_wake_in(world, &to->arrive, JAM_LOOK_NS);
        return false;
    }
    if (to->is_lost || !to->host->has_power || network_is_blocked(&world->network, to->peer->host, to->host)) {
        if (segment->kind == SEGMENT_RESET) { /* Never sent again. */
            segments_cut(&to->in, to->arrived);
            socket_leave(to);
            return false;
        }
        if (to->peer->state == SOCKET_GONE && !to->peer->is_end_sent) { /* Nobody is left to send it again. */
            segments_cut(&to->in, to->arrived);
            return false;
        }
        try_later(to);
        return false;
    }
    to->retransmission_ns = 0;
    if (to->state == SOCKET_GONE || to->state == SOCKET_VOID) {
        arrive_at_nobody(to);
        return false;
    }
    size_t size = segment->slice.size;
    if (to->state == SOCKET_LINGERING) {
        arrive_at_lingering(to);
        return to->state == SOCKET_LINGERING;
    }
    if (network_is_blocked(&world->network, to->host, to->peer->host))
        to->unacknowledged += size; /* The sender does not know that it came. */
    arrive_at_open(to);
    return to->state != SOCKET_GONE && !to->has_failed;
}

static void arrive_due(struct socket *to)
{
    if (to->unacknowledged > 0 && !to->is_lost &&
        !network_is_blocked(&to->host->world->network, to->host, to->peer->host)) {
        to->unacknowledged = 0;
        to->retransmission_ns = 0;
        if (to->peer->state != SOCKET_GONE)
            flow_pump(to->peer);
    }
    while (to->in.count > to->arrived) {
        if (!arrive_first(to))
            return;
    }
    if (to->unacknowledged > 0)
        try_later(to);
    else if (to->state == SOCKET_LINGERING && to->peer->state != SOCKET_GONE)
        flow_pump(to->peer); /* What was thrown away has made room. */
}

void flow_arrive(struct wake *wake)
{
    struct socket *to = container_of(wake, struct socket, arrive);
    arrive_due(to);
    socket_notify_at_once(to);
}

/* ---- Reading ---- */

/* Several pieces that have arrived become one, every other time. */
static struct slice join(struct socket *socket, size_t most)
{
    struct text joined = {0};
    while (socket->arrived > 0) {
        struct segment *first = segments_at(&socket->in, 0);
        if (first->kind != SEGMENT_DATA || joined.size + first->slice.size > most)
            break;
        text_add(&joined, slice_data(first->slice), first->slice.size);
        buffer_unref(segments_pop(&socket->in).slice.buffer);
        socket->arrived--;
    }
    return text_take(&joined);
}

/* False if no data has arrived: then the end has, or nothing. */
bool flow_take(struct socket *socket, size_t most, struct slice *ret_given)
{
    if (socket->arrived == 0 || segments_at(&socket->in, 0)->kind != SEGMENT_DATA)
        return false;
    most = most < LARGEST_READ ? most : LARGEST_READ;
    struct segment *first = segments_at(&socket->in, 0);
    if (first->slice.size > most) {
        *ret_given = (struct slice){buffer_ref(first->slice.buffer), first->slice.offset, most};
        first->slice.offset += most;
        first->slice.size -= most;
    } else if (socket->arrived > 1 && random_below(&socket->random, 2) == 0) {
        *ret_given = join(socket, most);
    } else {
        *ret_given = segments_pop(&socket->in).slice;
        socket->arrived--;
    }
    socket->in_bytes -= ret_given->size;
    if (socket->peer->out.count > 0)
        flow_pump(socket->peer);
    return true;
}
