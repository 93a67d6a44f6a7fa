/* One HTTP/2 connection: bytes in, bytes out, and the order in which its streams are served. */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/http2/stream.h"

#include <utlist.h>

enum { LINK_WINDOW_FACTOR = 4 };

/* ---- At the end of a step ---- */

static void send_frames(struct h2_link *link)
{
    struct text frames = {0};
    while (link->conn.unsent_bytes + frames.size < link->limits->max_buffered_bytes) {
        const uint8_t *bytes;
        ssize_t size = nghttp2_session_mem_send(link->session, &bytes);
        if (size <= 0)
            break;
        text_add(&frames, bytes, (size_t)size);
    }
    if (frames.size > 0)
        conn_write_text(&link->conn, &frames);
    if (!nghttp2_session_want_read(link->session) && !nghttp2_session_want_write(link->session)) {
        link->is_dead = true;
        conn_close(&link->conn);
    }
}

static struct h2_stream *take_ready(struct h2_link *link)
{
    struct h2_stream *stream = link->first_ready;
    if (stream == NULL)
        return NULL;
    link->first_ready = stream->next_ready;
    if (link->first_ready == NULL)
        link->last_ready = &link->first_ready;
    stream->is_ready = false;
    return stream;
}

static void run(struct late_work *work)
{
    struct h2_link *link = container_of(work, struct h2_link, late);
    struct h2_stream *stream;
    while ((stream = take_ready(link)) != NULL)
        h2_stream_serve(stream);
    if (link->is_connected && link->conn.state == CONN_OPEN)
        send_frames(link);
    if (link->is_connected)
        guard_arm(link);
}

void h2_wake_link(struct h2_link *link)
{
    machine_run_late(link->machine, &link->late, run);
}

void h2_wake(struct h2_stream *stream)
{
    struct h2_link *link = stream->link;
    if (link->conn.state == CONN_CLOSED)
        return; /* At the link's end all are told at once. */
    if (!stream->is_ready) {
        stream->is_ready = true;
        stream->next_ready = NULL;
        *link->last_ready = stream;
        link->last_ready = &stream->next_ready;
    }
    h2_wake_link(link);
}

/* ---- The connection ---- */

static void read_on(struct h2_link *link)
{
    if (link->conn.unsent_bytes < link->limits->max_buffered_bytes)
        conn_read(&link->conn);
}

static void receive(struct h2_link *link, const uint8_t *bytes, size_t size)
{
    ssize_t used = nghttp2_session_mem_recv(link->session, bytes, size);
    h2_wake_link(link);
    if (used >= 0)
        return;
    link->is_dead = true;
    if (used == NGHTTP2_ERR_BAD_CLIENT_MAGIC)
        conn_close(&link->conn);
    else
        nghttp2_session_terminate_session(
            link->session, used == NGHTTP2_ERR_CALLBACK_FAILURE ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
}

static void on_bytes(struct conn *conn, struct slice bytes)
{
    struct h2_link *link = container_of(conn, struct h2_link, conn);
    receive(link, slice_data(bytes), bytes.size);
    read_on(link);
}

static void on_end(struct conn *conn)
{
    struct h2_link *link = container_of(conn, struct h2_link, conn);
    link->is_dead = true;
    conn_close(conn);
}

static void on_drained(struct conn *conn)
{
    struct h2_link *link = container_of(conn, struct h2_link, conn);
    h2_wake_link(link);
    read_on(link);
}

/* Each conn's owner is told; what it does then must not bring new streams here. */
static void end_streams(struct h2_link *link, enum io_status status)
{
    while (link->streams != NULL) {
        struct h2_stream *stream = link->streams;
        struct conn *conn = stream->carriage.conn;
        if (conn != NULL)
            conn_carried_closed(conn, conn->state == CONN_CLOSING || status != IO_OK ? status : IO_RESET);
        h2_stream_free(stream);
    }
}

static void on_closed(struct conn *conn, enum io_status status)
{
    struct h2_link *link = container_of(conn, struct h2_link, conn);
    link->is_dead = true;
    assert_that(!link->late.is_pending);
    end_streams(link, status);
    timer_cancel(link->machine, &link->timer);
    link->class->on_closed(link);
}

static void begin(struct h2_link *link)
{
    const struct h2_limits *limits = link->limits;
    uint32_t window = limits->max_buffered_bytes < INT32_MAX ? (uint32_t)limits->max_buffered_bytes : INT32_MAX;
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->max_streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)limits->max_head_bytes},
        /* The last one is the other side's to say: RFC 8441, 3 and RFC 9113, 6.5.2. */
        {link->is_client ? NGHTTP2_SETTINGS_ENABLE_PUSH : NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, !link->is_client},
    };
    link->is_connected = true;
    link->opening_since_ns = link->idle_since_ns = link->machine->now_ns;
    nghttp2_submit_settings(link->session, NGHTTP2_FLAG_NONE, settings, sizeof settings / sizeof settings[0]);
    int32_t whole = window < INT32_MAX / LINK_WINDOW_FACTOR ? (int32_t)window * LINK_WINDOW_FACTOR : INT32_MAX;
    nghttp2_session_set_local_window_size(link->session, NGHTTP2_FLAG_NONE, 0, whole);
    h2_wake_link(link);
}

static void on_connected(struct conn *conn)
{
    struct h2_link *link = container_of(conn, struct h2_link, conn);
    begin(link);
    conn_read(conn);
}

static const struct conn_handlers handlers = {
    .on_connected = on_connected,
    .on_bytes = on_bytes,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

/* ---- For owners ---- */

static void init(struct machine *machine, struct h2_link *link, bool is_client)
{
    assert_that(link->class != NULL);
    assert_that(link->limits != NULL);
    link->machine = machine;
    link->is_client = is_client;
    link->last_ready = &link->first_ready;
    link->session = callbacks_new_session(link);
}

void h2_serve_from(struct h2_link *link, struct conn *conn, struct io_bytes received)
{
    init(conn->machine, link, false);
    bool was_reading = conn->reading;
    conn_hand_over(conn, &link->conn, &handlers);
    begin(link);
    receive(link, received.data, received.size);
    if (!was_reading)
        read_on(link);
}

void h2_connect(struct machine *machine, struct h2_link *link, const char *host, uint16_t port)
{
    init(machine, link, true);
    conn_connect(machine, &link->conn, &handlers, host, port);
}

bool h2_open(struct h2_link *link, struct conn *conn, const struct conn_handlers *conn_handlers)
{
    uint32_t most = link->limits->max_streams;
    uint32_t theirs = nghttp2_session_get_remote_settings(link->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    if (link->is_dead || link->stream_count >= (theirs < most ? theirs : most))
        return false;
    struct h2_stream *stream = h2_stream_new(link);
    conn_carry(link->machine, conn, conn_handlers, &stream->carriage, CONN_CONNECTING);
    stream->wants_connected = link->is_settled;
    h2_wake(stream);
    return true;
}

void h2_drain(struct h2_link *link)
{
    if (link->is_dead)
        return;
    link->is_dead = true;
    if (!link->is_connected) {
        conn_close(&link->conn);
        return;
    }
    nghttp2_submit_goaway(link->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(link->session),
                          NGHTTP2_NO_ERROR, NULL, 0);
    h2_wake_link(link);
}

/* Without a word to anybody: the machine may be at its end. */
void h2_link_free(struct h2_link *link)
{
    while (link->streams != NULL)
        h2_stream_free(link->streams);
    nghttp2_session_del(link->session);
    link->session = NULL;
}
