#include "drivers/sim/network/socket.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "drivers/sim/host/host.h"
#include "drivers/sim/process/limits.h"

#include <stdio.h>
#include <string.h>

/* As the real driver does it: so long may the last bytes take, so long may the peer's end. */
#define FLUSH_NS (10 * NS_PER_S)
#define LINGER_NS (2 * NS_PER_S)
/* SYNs of Linux: 1 s, 2 s, 4 s, ... */
enum { MOST_KNOCKS = 6, LEAST_WINDOW = 16384, MOST_WINDOW = 262144 };

/* Both ends live and die in one piece. */
struct socket_pair {
    struct socket ends[2];
    struct socket_pair *next_buried;
    bool is_buried;
};

static void on_notify(struct wake *wake);
static void on_leave(struct wake *wake);

/* ---- Life ---- */

static struct socket_pair *pair_of(struct socket *socket)
{
    struct socket *first = socket < socket->peer ? socket : socket->peer;
    return container_of(first, struct socket_pair, ends[0]);
}

static void join_host(struct socket *socket)
{
    struct host *host = socket->host;
    socket->previous = NULL;
    socket->next = host->sockets;
    if (socket->next != NULL)
        socket->next->previous = socket;
    host->sockets = socket;
}

static void leave_host(struct socket *socket)
{
    if (socket->previous != NULL)
        socket->previous->next = socket->next;
    else if (socket->host->sockets == socket)
        socket->host->sockets = socket->next;
    if (socket->next != NULL)
        socket->next->previous = socket->previous;
    socket->previous = socket->next = NULL;
}

static void init_end(struct socket *socket, struct socket *peer, struct host *host, uint64_t id, uint64_t side)
{
    const struct network *network = &host->world->network;
    uint64_t key = random_mix(random_mix(network->flow_key, id), side);
    socket->peer = peer;
    socket->host = host;
    socket->label = "";
    socket->random.key = key;
    socket->notify.happen = on_notify;
    socket->notify.key = random_mix(key, 1);
    socket->arrive.happen = flow_arrive;
    socket->arrive.key = random_mix(key, 2);
    socket->leave.happen = on_leave;
    socket->leave.key = random_mix(key, 3);
    socket->window = (size_t)random_between(&socket->random, LEAST_WINDOW, MOST_WINDOW);
}

static void release_end(struct socket *socket)
{
    struct world *world = socket->host->world;
    world_cancel(world, &socket->notify);
    world_cancel(world, &socket->arrive);
    world_cancel(world, &socket->leave);
    segments_release(&socket->in);
    segments_release(&socket->out);
}

/* Freed when the wake under way is over: callers up the stack still hold it. */
void socket_leave(struct socket *socket)
{
    if (socket->state != SOCKET_GONE || (socket->peer->state != SOCKET_GONE && socket->peer->state != SOCKET_VOID))
        return;
    struct socket_pair *pair = pair_of(socket);
    if (pair->is_buried)
        return;
    pair->is_buried = true;
    release_end(&pair->ends[0]);
    release_end(&pair->ends[1]);
    struct world *world = socket->host->world;
    pair->next_buried = world->buried_sockets;
    world->buried_sockets = pair;
}

void sockets_free_buried(struct world *world)
{
    while (world->buried_sockets != NULL) {
        struct socket_pair *pair = world->buried_sockets;
        world->buried_sockets = pair->next_buried;
        memory_free(pair);
    }
}

/* What is under way to it still arrives, at nobody. */
static void become_gone(struct socket *socket)
{
    if (socket->state == SOCKET_GONE)
        return;
    socket->state = SOCKET_GONE;
    socket->handlers = NULL;
    leave_host(socket);
    while (socket->arrived > 0) {
        struct segment segment = segments_pop(&socket->in);
        socket->in_bytes -= segment.slice.size;
        socket->arrived--;
        buffer_unref(segment.slice.buffer);
    }
    segments_cut(&socket->out, 0);
    world_cancel(socket->host->world, &socket->notify);
    world_cancel(socket->host->world, &socket->leave);
    socket_leave(socket);
}

/* ---- Connecting ---- */

static bool is_unheard(const struct socket *far)
{
    const struct network *network = &far->host->world->network;
    return !far->host->has_power || far->host->black_holes > 0 || far->host->full_tables > 0 ||
           network_is_blocked(network, far->peer->host, far->host) ||
           network_is_blocked(network, far->host, far->peer->host);
}

static struct port *port_for(const struct socket *far)
{
    struct port *port = host_find_port(far->host, far->number);
    if (port != NULL && port->is_local && far->host != far->peer->host)
        return NULL;
    return far->host->refuses > 0 && far->host != far->peer->host ? NULL : port;
}

/* The first segment of a connect has come to its host. */
static void knock(struct wake *wake)
{
    struct socket *far = container_of(wake, struct socket, arrive);
    struct socket *near = far->peer;
    if (near->state == SOCKET_GONE) {
        socket_leave(near);
        return;
    }
    if (network_is_jammed(&far->host->world->network, near->host, far->host)) {
        world_wake_in(far->host->world, wake, JAM_LOOK_NS);
        return;
    }
    if (is_unheard(far)) {
        if (far->knocks == MOST_KNOCKS)
            socket_fail(near, IO_TIMED_OUT);
        else
            world_wake_in(far->host->world, wake, NS_PER_S << far->knocks++);
        return;
    }
    far->arrive.happen = flow_arrive;
    struct port *port = port_for(far);
    if (port == NULL) {
        far->state = SOCKET_GONE;
        flow_answer(far, SEGMENT_RESET);
        return;
    }
    far->state = SOCKET_WAITING;
    far->port = port;
    far->process = port->process;
    join_host(far);
    flow_answer(far, SEGMENT_ANSWER);
    socket_notify(far);
}

struct socket *socket_connect(struct host *host, const struct socket_handlers *handlers, void *owner,
                              struct process *process, const char *label, const char *address, uint16_t number)
{
    struct world *world = host->world;
    uint64_t id = random_mix(host->number, ++host->connect_count);
    struct socket_pair *pair = memory_new(sizeof *pair);
    struct socket *near = &pair->ends[0];
    init_end(near, &pair->ends[1], host, id, 0);
    struct host *target = network_resolve(&world->network, host, address, number, &near->random);
    init_end(&pair->ends[1], near, target == NULL ? host : target, id, 1);
    near->handlers = handlers;
    near->owner = owner;
    near->process = process;
    near->label = label;
    near->number = host_next_port(host);
    near->state = SOCKET_CONNECTING;
    join_host(near);
    if (target == NULL || host->full_tables > 0 || (process != NULL && !limits_allow_descriptor(process))) {
        socket_fail(near, target == NULL ? IO_UNREACHABLE : IO_FULL);
        return near;
    }
    struct socket *far = near->peer;
    far->number = number;
    far->arrive.happen = knock;
    world_wake_in(world, &far->arrive, network_draw_latency_ns(&world->network, host, target, &near->random));
    return near;
}

void socket_accept(struct socket *socket, const struct socket_handlers *handlers, void *owner, const char *label)
{
    assert_that(socket->state == SOCKET_WAITING);
    socket->state = SOCKET_OPEN;
    socket->handlers = handlers;
    socket->owner = owner;
    socket->label = label;
    socket->port = NULL;
}

void sockets_forget_port(struct host *host, struct port *port)
{
    struct socket *next;
    for (struct socket *socket = host->sockets; socket != NULL; socket = next) {
        next = socket->next;
        if (socket->port != port)
            continue;
        flow_answer(socket, SEGMENT_RESET);
        become_gone(socket);
    }
}

void socket_print_peer(const struct socket *socket, char *ret_text, size_t size)
{
    snprintf(ret_text, size, "%s:%u", socket->peer->host->address, socket->peer->number);
}

/* ---- What the owner asks for ---- */

void socket_read(struct socket *socket, size_t most)
{
    if (socket->state != SOCKET_OPEN)
        return;
    socket->read_most = most;
    if (socket->arrived > 0 || socket->has_failed)
        socket_notify(socket);
}

void socket_send(struct socket *socket, struct slice given, uint64_t tag)
{
    if (socket->state != SOCKET_OPEN || socket->has_failed || socket->is_finishing || given.size == 0) {
        buffer_unref(given.buffer);
        return;
    }
    struct segment segment = {.slice = given, .tag = tag};
    segments_push(&socket->out, &segment);
    if (socket->out.count == 1)
        flow_pump(socket);
}

void socket_write(struct socket *socket, struct slice given)
{
    socket_send(socket, given, 0);
}

void socket_finish(struct socket *socket)
{
    if (socket->state != SOCKET_OPEN || socket->is_finishing)
        return;
    socket->is_finishing = true;
    if (!socket->has_failed)
        flow_pump(socket);
}

/* Transfers of blobs that have not left are cancelled by a close, and with them what was written after them. */
static void cut_sends(struct socket *socket)
{
    for (uint32_t i = 0; i < socket->out.count; i++) {
        if (segments_at(&socket->out, i)->tag != 0)
            segments_cut(&socket->out, i);
    }
    socket->sent_tag = 0;
}

void socket_close(struct socket *socket, bool abort)
{
    if (socket->state == SOCKET_GONE || socket->state == SOCKET_FLUSHING || socket->state == SOCKET_LINGERING)
        return;
    bool was_open = socket->state == SOCKET_OPEN && !socket->has_failed;
    socket->read_most = 0;
    if (!was_open || abort) {
        if (was_open)
            flow_answer(socket, SEGMENT_RESET);
        segments_cut(&socket->out, 0);
        socket->state = SOCKET_FLUSHING;
        socket->has_failed = true;
        socket->failure = IO_OK;
        socket_notify(socket);
        return;
    }
    cut_sends(socket);
    socket->state = SOCKET_FLUSHING;
    socket->is_finishing = true;
    world_wake_in(socket->host->world, &socket->leave, FLUSH_NS);
    flow_pump(socket);
}

/* Everything has been handed to the network, the end too. */
void socket_flushed(struct socket *socket)
{
    assert_that(socket->state == SOCKET_FLUSHING);
    if (socket->handlers == NULL) { /* The system closes for a dead owner: it does not linger. */
        become_gone(socket);
        return;
    }
    while (socket->arrived > 0) { /* Lingering: it is thrown away. */
        struct segment segment = segments_pop(&socket->in);
        socket->in_bytes -= segment.slice.size;
        socket->arrived--;
        buffer_unref(segment.slice.buffer);
    }
    socket->state = SOCKET_LINGERING;
    socket->has_failed = true;
    socket->failure = IO_OK;
    world_wake_in(socket->host->world, &socket->leave, LINGER_NS);
    socket_notify(socket);
}

/* The peer has ended, too. */
void socket_end_linger(struct socket *socket)
{
    if (socket->handlers == NULL)
        become_gone(socket);
    else
        socket->state = SOCKET_FLUSHING; /* Gone once the owner knows that it is closed. */
}

static void on_leave(struct wake *wake)
{
    struct socket *socket = container_of(wake, struct socket, leave);
    if (socket->state == SOCKET_FLUSHING)
        flow_answer(socket, SEGMENT_RESET); /* The peer must not take what it has for the whole. */
    if (socket->handlers != NULL) {
        socket->state = SOCKET_FLUSHING;
        socket_fail(socket, IO_OK);
    } else {
        become_gone(socket);
    }
}

void socket_drop(struct socket *socket)
{
    if (socket->state == SOCKET_GONE)
        return;
    socket->process = NULL;
    socket->handlers = NULL;
    world_cancel(socket->host->world, &socket->notify);
    bool is_unread = socket->arrived > 0;
    if (socket->state == SOCKET_LINGERING || socket->state == SOCKET_CONNECTING || socket->has_failed) {
        become_gone(socket);
    } else if (is_unread || socket->state == SOCKET_WAITING) {
        flow_answer(socket, SEGMENT_RESET);
        become_gone(socket);
    } else {
        cut_sends(socket);
        socket->state = SOCKET_FLUSHING;
        socket->is_finishing = true;
        world_wake_in(socket->host->world, &socket->leave, FLUSH_NS);
        flow_pump(socket);
    }
}

void socket_vanish(struct socket *socket)
{
    socket->process = NULL;
    become_gone(socket);
}

/* ---- What the owner is told ---- */

void socket_fail(struct socket *socket, enum io_status status)
{
    if (socket->state == SOCKET_GONE || socket->state == SOCKET_VOID)
        return;
    segments_cut(&socket->out, 0);
    if (socket->handlers == NULL && socket->state != SOCKET_WAITING) {
        become_gone(socket);
        return;
    }
    if (!socket->has_failed) {
        socket->has_failed = true;
        bool was_asked = socket->state == SOCKET_FLUSHING || socket->state == SOCKET_LINGERING;
        socket->failure = was_asked ? IO_OK : status;
    }
    socket_notify(socket);
}

void socket_notify(struct socket *socket)
{
    if (socket->notify.place == 0 && (socket->handlers != NULL || socket->state == SOCKET_WAITING))
        world_wake_in(socket->host->world, &socket->notify, 0);
}

void socket_notify_at_once(struct socket *socket)
{
    if (socket->notify.place == 0 || socket->notify.at_ns != socket->host->world->now_ns)
        return;
    world_cancel(socket->host->world, &socket->notify);
    on_notify(&socket->notify);
}

void socket_wake_owner(struct socket *socket)
{
    socket_notify(socket);
}

static void tell_closed(struct socket *socket)
{
    const struct socket_handlers *handlers = socket->handlers;
    enum io_status status = socket->failure;
    bool is_lingering = socket->state == SOCKET_LINGERING;
    socket->handlers = NULL;
    handlers->on_closed(socket, status);
    if (!is_lingering)
        become_gone(socket);
}

/* Both sides have finished and the owner knows: the connection is over by itself. */
static bool is_finished(const struct socket *socket)
{
    return socket->state == SOCKET_OPEN && socket->is_end_told && socket->is_end_sent && socket->written == 0 &&
           socket->sent_tag == 0;
}

static bool tell_read(struct socket *socket)
{
    if (socket->read_most == 0 || socket->arrived == 0)
        return false;
    struct slice slice;
    if (flow_take(socket, socket->read_most, &slice)) {
        socket->read_most = 0;
        socket->handlers->on_bytes(socket, slice);
        buffer_unref(slice.buffer);
        return true;
    }
    assert_that(segments_at(&socket->in, 0)->kind == SEGMENT_END);
    segments_pop(&socket->in);
    socket->arrived--;
    socket->is_end_told = true;
    socket->read_most = 0;
    socket->handlers->on_end(socket);
    return true;
}

/* One call to the owner. */
static void tell_next(struct socket *socket)
{
    if (socket->state == SOCKET_FLUSHING || socket->state == SOCKET_LINGERING) {
        if (socket->has_failed)
            tell_closed(socket);
    } else if (socket->is_connected_news) {
        socket->is_connected_news = false;
        socket->handlers->on_connected(socket);
    } else if (socket->written > 0 && !socket->has_failed) {
        size_t size = socket->written + socket_take_untold(socket);
        socket->written = 0;
        socket->handlers->on_written(socket, size);
    } else if (socket->sent_tag != 0 && !socket->has_failed) {
        uint64_t tag = socket->sent_tag;
        socket->sent_tag = 0;
        socket->handlers->on_sent(socket, tag);
        if (socket->state == SOCKET_OPEN && !socket->has_failed)
            flow_pump(socket);
    } else if (!tell_read(socket) && (socket->has_failed || is_finished(socket))) {
        tell_closed(socket);
    }
}

static bool has_news(const struct socket *socket)
{
    return socket->is_connected_news || socket->written > 0 || socket->sent_tag != 0 || socket->has_failed ||
           (socket->read_most > 0 && socket->arrived > 0) || is_finished(socket);
}

static void on_notify(struct wake *wake)
{
    struct socket *socket = container_of(wake, struct socket, notify);
    if (socket->process != NULL && !process_may_step(socket->process, wake))
        return;
    if (socket->state == SOCKET_WAITING) {
        socket->port->on_accepted(socket->port, socket);
        if (socket->state == SOCKET_WAITING) {
            flow_answer(socket, SEGMENT_RESET);
            become_gone(socket);
        }
    } else if (socket->handlers != NULL) {
        tell_next(socket);
    }
    if (socket->state != SOCKET_GONE && has_news(socket))
        socket_notify(socket);
}
