#include "core/machine/relay.h"

#include "core/base/assert.h"

enum { MAX_UNSENT_BYTES = 262144 }; /* More than that is not read before the other side takes it. */

static void on_idle(struct timer *timer)
{
    relay_close(container_of(timer, struct relay, idle));
}

static void keep_alive(struct relay *relay)
{
    if (!relay->is_over)
        timer_set(relay->machine, &relay->idle, relay->idle_ns, on_idle);
}

void relay_close(struct relay *relay)
{
    if (relay->is_over)
        return;
    relay->is_over = true;
    timer_cancel(relay->machine, &relay->idle);
    conn_close(&relay->left);
    conn_close(&relay->right);
}

static void read_if_room(struct conn *from, const struct conn *to)
{
    if (!to->finished && to->unsent_bytes < MAX_UNSENT_BYTES)
        conn_read(from);
}

static void pass(struct relay *relay, struct conn *from, struct conn *to, struct slice lent)
{
    if (relay->is_over)
        return;
    buffer_ref(lent.buffer);
    conn_write(to, lent);
    keep_alive(relay);
    read_if_room(from, to);
}

static void pass_end(struct relay *relay, const struct conn *from, struct conn *to)
{
    conn_finish(to);
    keep_alive(relay);
    if (from->finished && to->finished)
        relay_close(relay);
}

static void note_closed(struct relay *relay)
{
    relay_close(relay);
    if (relay->left.state == CONN_CLOSED && relay->right.state == CONN_CLOSED)
        relay->on_end(relay);
}

/* ---- The left one ---- */

static void on_left_bytes(struct conn *conn, struct slice lent)
{
    struct relay *relay = container_of(conn, struct relay, left);
    pass(relay, conn, &relay->right, lent);
}

static void on_left_end(struct conn *conn)
{
    struct relay *relay = container_of(conn, struct relay, left);
    pass_end(relay, conn, &relay->right);
}

static void on_left_drained(struct conn *conn)
{
    struct relay *relay = container_of(conn, struct relay, left);
    keep_alive(relay);
    read_if_room(&relay->right, conn);
}

static void on_left_closed(struct conn *conn, enum io_status status)
{
    (void)status;
    note_closed(container_of(conn, struct relay, left));
}

/* ---- The right one ---- */

static void on_right_bytes(struct conn *conn, struct slice lent)
{
    struct relay *relay = container_of(conn, struct relay, right);
    pass(relay, conn, &relay->left, lent);
}

static void on_right_end(struct conn *conn)
{
    struct relay *relay = container_of(conn, struct relay, right);
    pass_end(relay, conn, &relay->left);
}

static void on_right_drained(struct conn *conn)
{
    struct relay *relay = container_of(conn, struct relay, right);
    keep_alive(relay);
    read_if_room(&relay->left, conn);
}

static void on_right_closed(struct conn *conn, enum io_status status)
{
    (void)status;
    note_closed(container_of(conn, struct relay, right));
}

void relay_begin(struct relay *relay, struct conn *left, struct conn *right, uint64_t idle_ns,
                 void (*on_end)(struct relay *relay))
{
    static const struct conn_handlers left_handlers = {
        .on_bytes = on_left_bytes, .on_end = on_left_end, .on_drained = on_left_drained, .on_closed = on_left_closed};
    static const struct conn_handlers right_handlers = {.on_bytes = on_right_bytes,
                                                        .on_end = on_right_end,
                                                        .on_drained = on_right_drained,
                                                        .on_closed = on_right_closed};
    assert_that(idle_ns > 0);
    relay->machine = left->machine;
    relay->on_end = on_end;
    relay->idle_ns = idle_ns;
    conn_hand_over(left, &relay->left, &left_handlers);
    conn_hand_over(right, &relay->right, &right_handlers);
    keep_alive(relay);
    conn_read(&relay->left);
    conn_read(&relay->right);
}
