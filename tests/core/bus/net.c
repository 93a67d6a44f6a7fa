#include "tests/core/bus/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

void net_open(struct net *net, uint64_t seed)
{
    memset(net, 0, sizeof *net);
    net->now_ns = 1000000000;
    net->sizes = random_named(seed, "net.sizes");
}

void net_free(struct net *net)
{
    for (size_t i = 0; i < net->host_count; i++) {
        machine_destroy(net->hosts[i].machine);
        effects_free(net->hosts[i].effects);
        text_free(&net->hosts[i].log);
    }
    for (size_t i = 0; i < NET_ENDS; i++)
        text_free(&net->ends[i].incoming);
}

static struct end *new_end(struct net *net)
{
    for (size_t i = 0; i < NET_ENDS; i++) {
        if (!net->ends[i].in_use) {
            text_free(&net->ends[i].incoming);
            net->ends[i] = (struct end){.net = net, .in_use = true};
            return &net->ends[i];
        }
    }
    fail_msg("too many streams");
    return NULL;
}

static struct end *find_end(struct host *host, uint32_t conn)
{
    for (size_t i = 0; i < NET_ENDS; i++) {
        struct end *end = &host->net->ends[i];
        if (end->in_use && end->host == host && end->conn == conn)
            return end;
    }
    fail_msg("%s: no stream %u", host->name, conn);
    return NULL;
}

static struct host *find_host(struct net *net, const char *name)
{
    for (size_t i = 0; i < net->host_count; i++) {
        if (strcmp(net->hosts[i].name, name) == 0)
            return &net->hosts[i];
    }
    return NULL;
}

/* ---- Effects ---- */

static uint32_t free_odd_id(struct host *host)
{
    for (uint32_t id = 1;; id += 2) {
        bool is_taken = false;
        for (size_t i = 0; i < NET_ENDS; i++)
            is_taken = is_taken ||
                       (host->net->ends[i].in_use && host->net->ends[i].host == host && host->net->ends[i].conn == id);
        if (!is_taken)
            return id;
    }
}

static void pair(struct end *a, struct end *b)
{
    a->peer = b;
    b->peer = a;
}

/* 0 if nobody listens there. */
static uint32_t find_listener(const struct host *host, uint16_t port)
{
    for (uint32_t i = 1; i < NET_LISTENERS; i++) {
        if (host->ports[i] == port && port != 0)
            return i;
    }
    return 0;
}

static void do_connect(struct host *host, const struct effect *effect)
{
    struct end *mine = new_end(host->net);
    mine->host = host;
    mine->conn = effect->connect.conn.id;
    struct host *target = find_host(host->net, effect->connect.host);
    uint32_t listener = target == NULL ? 0 : find_listener(target, effect->connect.port);
    if (listener == 0 || target->is_down) {
        mine->closing = true;
        mine->status = IO_REFUSED;
        return;
    }
    struct end *theirs = new_end(host->net);
    pair(mine, theirs);
    mine->connected = true;
    if (target->is_raw) {
        host->net->accepted = theirs;
        return;
    }
    theirs->host = target;
    theirs->conn = free_odd_id(target);
    theirs->listener = listener;
    theirs->connected = true;
}

/* What was written before a close still arrives. */
static void do_close(struct end *end, bool abort)
{
    end->closing = true;
    end->status = IO_OK;
    if (end->peer == NULL)
        return;
    if (abort && end->peer->host != NULL) {
        end->peer->closing = true;
        end->peer->status = IO_RESET;
    } else {
        end->peer->peer_finished = true;
    }
    end->peer->peer = NULL;
    end->peer = NULL;
}

static void do_write(struct host *host, struct effect *effect)
{
    struct end *end = find_end(host, effect->write.conn.id);
    host->writes++;
    if (end->peer != NULL)
        text_add(&end->peer->incoming, slice_data(effect->write.slice), effect->write.slice.size);
    end->written += effect->write.slice.size;
}

static void carry_out(struct host *host, struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_LISTEN: /* Its DONE is brought by step. */
        assert_true(effect->listen.listener.id < NET_LISTENERS);
        host->ports[effect->listen.listener.id] = effect->listen.port;
        break;
    case EFFECT_UNLISTEN:
        host->ports[effect->unlisten.listener.id] = 0;
        break;
    case EFFECT_CONNECT:
        do_connect(host, effect);
        break;
    case EFFECT_READ:
        find_end(host, effect->read.conn.id)->wants_bytes = true;
        break;
    case EFFECT_WRITE:
        do_write(host, effect);
        break;
    case EFFECT_CLOSE:
        do_close(find_end(host, effect->close.conn.id), effect->close.abort);
        break;
    case EFFECT_DEADLINE:
        host->deadline_ns = effect->deadline.at_ns;
        break;
    case EFFECT_LOG:
        text_addf(&host->log, "%s\n", effect->log.text);
        break;
    case EFFECT_EXIT:
        host->exit_status = effect->exit.status;
        break;
    default:
        fail_msg("%s: unexpected effect %d", host->name, (int)effect->kind);
    }
}

static void step(struct host *host, struct event *event)
{
    event->now_ns = host->net->now_ns;
    event->wall_ns = (int64_t)host->net->now_ns;
    machine_step(host->machine, event, host->effects);
    struct event done[NET_LISTENERS];
    size_t done_count = 0;
    for (size_t i = 0; i < effects_count(host->effects); i++) {
        struct effect *effect = effects_at(host->effects, i);
        if (effect->kind == EFFECT_LISTEN)
            done[done_count++] =
                (struct event){.kind = EVENT_DONE, .done = {.op = effect->op, .number = effect->listen.port}};
        carry_out(host, effect);
    }
    effects_reset(host->effects);
    for (size_t i = 0; i < done_count; i++)
        step(host, &done[i]);
}

/* ---- Events ---- */

/* Not all of the bytes, most times. */
static size_t piece_of(struct net *net, size_t size)
{
    if (net->largest_piece > 0 && size > net->largest_piece)
        size = net->largest_piece;
    return random_below(&net->sizes, 3) == 0 ? size : (size_t)random_between(&net->sizes, 1, size);
}

static void bring_bytes(struct end *end)
{
    size_t size = piece_of(end->net, end->incoming.size);
    struct slice slice = slice_copy(text_string(&end->incoming), size);
    text_consume(&end->incoming, size);
    end->wants_bytes = false;
    step(end->host, &(struct event){.kind = EVENT_BYTES, .bytes = {.conn.id = end->conn, .slice = slice}});
    buffer_unref(slice.buffer);
}

static void bring_closed(struct end *end)
{
    struct event event = {.kind = EVENT_CLOSED, .closed = {.conn.id = end->conn, .status = end->status}};
    struct host *host = end->host;
    if (end->peer != NULL) {
        end->peer->peer_finished = true;
        end->peer->peer = NULL;
    }
    end->in_use = false;
    step(host, &event);
}

/* One event for this end. False if there is none. */
static bool bring_event(struct end *end)
{
    struct host *host = end->host;
    if (host->exit_status >= 0)
        return false;
    if (end->connected) {
        end->connected = false;
        struct event event = {.kind = EVENT_CONNECTED, .connected.conn.id = end->conn};
        if (end->conn % 2 == 1)
            event = (struct event){
                .kind = EVENT_ACCEPTED,
                .accepted = {.listener.id = end->listener, .conn.id = end->conn, .peer = "10.0.0.1:50000"}};
        step(host, &event);
        return true;
    }
    if (end->closing) {
        bring_closed(end);
        return true;
    }
    if (end->written > 0 && (end->peer == NULL || !end->peer->stuck)) {
        size_t size = end->written;
        end->written = 0;
        step(host, &(struct event){.kind = EVENT_WRITTEN, .written = {.conn.id = end->conn, .size = size}});
        return true;
    }
    if (end->wants_bytes && end->incoming.size > 0) {
        bring_bytes(end);
        return true;
    }
    if (end->wants_bytes && end->peer_finished) {
        end->wants_bytes = false;
        step(host, &(struct event){.kind = EVENT_END, .end.conn.id = end->conn});
        return true;
    }
    return false;
}

void net_run(struct net *net)
{
    bool again = true;
    while (again) {
        again = false;
        for (size_t i = 0; i < NET_ENDS; i++) {
            if (net->ends[i].in_use && net->ends[i].host != NULL)
                again = bring_event(&net->ends[i]) || again;
        }
        for (size_t i = 0; i < net->host_count; i++) {
            struct host *host = &net->hosts[i];
            if (host->machine == NULL || host->exit_status >= 0 || host->deadline_ns > net->now_ns)
                continue;
            host->deadline_ns = UINT64_MAX;
            step(host, &(struct event){.kind = EVENT_DEADLINE});
            again = true;
        }
    }
}

void net_pass_ms(struct net *net, uint64_t ms)
{
    uint64_t end_ns = net->now_ns + ms * 1000000;
    net_run(net);
    while (net->now_ns < end_ns) {
        uint64_t next_ns = end_ns;
        for (size_t i = 0; i < net->host_count; i++) {
            struct host *host = &net->hosts[i];
            if (host->machine != NULL && host->exit_status < 0 && host->deadline_ns < next_ns)
                next_ns = host->deadline_ns;
        }
        net->now_ns = next_ns;
        net_run(net);
    }
}

void net_bring(struct host *host, struct event *event)
{
    step(host, event);
    net_run(host->net);
}

void net_cut(struct host *host)
{
    for (size_t i = 0; i < NET_ENDS; i++) {
        struct end *end = &host->net->ends[i];
        if (!end->in_use || end->host != host || end->peer == NULL)
            continue;
        struct end *sides[] = {end, end->peer};
        for (size_t k = 0; k < 2; k++) {
            sides[k]->peer = NULL;
            sides[k]->closing = true;
            sides[k]->status = IO_RESET;
            text_clear(&sides[k]->incoming);
        }
    }
    net_run(host->net);
}

/* ---- Hosts ---- */

static struct host *add_host(struct net *net, const char *name)
{
    assert_true(net->host_count < NET_HOSTS);
    struct host *host = &net->hosts[net->host_count++];
    *host = (struct host){.net = net, .name = name, .deadline_ns = UINT64_MAX, .exit_status = -1};
    return host;
}

struct host *net_start(struct net *net, const char *name, const struct machine_class *class,
                       const ProtobufCMessage *configuration)
{
    struct host *host = add_host(net, name);
    host->machine = machine_create(class);
    host->effects = effects_new();
    uint8_t packed[4096];
    assert_true(protobuf_c_message_get_packed_size(configuration) <= sizeof packed);
    struct event event = {.kind = EVENT_START, .start.seed = {7, net->host_count}};
    event.start.config = (struct io_bytes){packed, protobuf_c_message_pack(configuration, packed)};
    step(host, &event);
    net_run(net);
    return host;
}

void net_stop(struct host *host)
{
    net_bring(host, &(struct event){.kind = EVENT_STOP});
}

struct host *net_listen_raw(struct net *net, const char *name, uint16_t port)
{
    struct host *host = add_host(net, name);
    host->ports[1] = port;
    host->is_raw = true;
    return host;
}

struct end *net_dial(struct net *net, const char *name, uint16_t port)
{
    struct host *target = find_host(net, name);
    assert_non_null(target);
    uint32_t listener = find_listener(target, port);
    assert_int_not_equal(listener, 0);
    struct end *mine = new_end(net);
    struct end *theirs = new_end(net);
    pair(mine, theirs);
    theirs->host = target;
    theirs->conn = free_odd_id(target);
    theirs->listener = listener;
    theirs->connected = true;
    net_run(net);
    return mine;
}

/* ---- The test's own ends ---- */

void end_send_bytes(struct end *end, const void *bytes, size_t size)
{
    if (end->peer != NULL)
        text_add(&end->peer->incoming, bytes, size);
    net_run(end->net);
}

void end_send(struct end *end, const char *text)
{
    end_send_bytes(end, text, strlen(text));
}

void end_close(struct end *end, enum io_status status)
{
    if (end->peer != NULL) {
        end->peer->closing = true;
        end->peer->status = status;
        end->peer->peer = NULL;
    }
    end->in_use = false;
    net_run(end->net);
}

void end_expect(struct end *end, const char *text)
{
    net_run(end->net);
    assert_string_equal(text_string(&end->incoming), text);
    text_clear(&end->incoming);
}

void end_skip(struct end *end)
{
    net_run(end->net);
    text_clear(&end->incoming);
}

bool end_is_closed(const struct end *end)
{
    return end->peer == NULL;
}
