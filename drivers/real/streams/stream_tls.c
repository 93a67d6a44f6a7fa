/* Handshakes as part of a stream's life, and what comes through TLS afterwards.
 *
 *   accepted:   HANDSHAKING --done--> OPEN, ACCEPTED is told         (a failure is nobody's but the log's)
 *   opened:     CONNECTING --connected, done--> OPEN, CONNECTED is told
 *   START_TLS:  OPEN; what was written before goes as it is, then the handshake, then DONE
 */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "drivers/real/blobs/transfer.h"
#include "drivers/real/streams/stream.h"

#include <string.h>
#include <utlist.h>

enum { FAILURES_LOGGED_A_SECOND = 5, PROTOCOL_SIZE = 256 };

/* ---- Failures ---- */

/* Strangers can cause as many as they like. */
static void log_failure(struct stream *stream, const char *reason)
{
    struct real_driver *driver = stream->driver;
    uint64_t second = uv_hrtime() / NS_PER_S;
    if (second != driver->handshake_second) {
        if (driver->handshake_failures > FAILURES_LOGGED_A_SECOND)
            driver_log(driver, LOG_WARNING, "%zu more TLS handshakes failed",
                       driver->handshake_failures - FAILURES_LOGGED_A_SECOND);
        driver->handshake_second = second;
        driver->handshake_failures = 0;
    }
    if (driver->handshake_failures++ >= FAILURES_LOGGED_A_SECOND)
        return;
    char peer[STREAM_PEER_SIZE];
    stream_name_peer(stream, peer);
    driver_log(driver, LOG_WARNING, "TLS handshake with %s failed: %s", peer, reason);
}

void stream_tls_drop(struct stream *stream)
{
    DL_DELETE(stream->driver->handshakes, stream->tls);
    stream->driver->handshake_count--;
    stream_discard(stream);
}

static void fail_handshake(struct stream *stream, const char *reason)
{
    log_failure(stream, reason);
    stream_flush(stream); /* The alert that tells the peer. */
    if (stream->state == STREAM_HANDSHAKING) {
        stream_tls_drop(stream);
        return;
    }
    if (stream->tls->op.id != 0)
        driver_done_text(stream->driver, stream->tls->op, IO_FAILED, reason);
    stream->tls->op.id = 0;
    stream_fail(stream, IO_FAILED);
}

void stream_tls_cancel(struct stream *stream)
{
    if (stream->tls == NULL || stream->tls->op.id == 0)
        return;
    driver_done(stream->driver, stream->tls->op, IO_CANCELLED, 0, (struct io_bytes){0});
    stream->tls->op.id = 0;
}

/* ---- The handshake ---- */

static void tell_accepted(struct stream *stream)
{
    struct real_driver *driver = stream->driver;
    DL_DELETE(driver->handshakes, stream->tls);
    driver->handshake_count--;
    char peer[STREAM_PEER_SIZE], subject[TLS_SUBJECT_SIZE], protocol[PROTOCOL_SIZE];
    stream_name_peer(stream, peer);
    stream->state = STREAM_OPEN;
    stream_put(stream, stream_free_odd_id(driver));
    struct event event = {.kind = EVENT_ACCEPTED};
    event.accepted.listener = stream->tls->listener;
    event.accepted.conn = stream->id;
    event.accepted.peer = peer;
    event.accepted.tls = tls_agreed(stream->tls, subject, protocol);
    driver_deliver(driver, &event);
}

static void tell_connected(struct stream *stream)
{
    char subject[TLS_SUBJECT_SIZE], protocol[PROTOCOL_SIZE];
    stream->state = STREAM_OPEN;
    struct event event = {.kind = EVENT_CONNECTED};
    event.connected.conn = stream->id;
    event.connected.tls = tls_agreed(stream->tls, subject, protocol);
    driver_deliver(stream->driver, &event);
}

static void tell_started(struct stream *stream)
{
    char subject[TLS_SUBJECT_SIZE], protocol[PROTOCOL_SIZE];
    tls_agreed(stream->tls, subject, protocol);
    driver_done_text(stream->driver, stream->tls->op, IO_OK, subject);
    stream->tls->op.id = 0;
    stream_mark_dirty(stream); /* What was written meanwhile. */
}

/* Not within a step: it may bring one. */
static void shake_hands(struct stream *stream)
{
    enum tls_result result = tls_shake_hands(stream->tls);
    if (result == TLS_FAILED || result == TLS_ENDED) {
        struct text reason = {0};
        tls_explain(stream->tls, &reason);
        fail_handshake(stream, text_string(&reason));
        text_free(&reason);
        return;
    }
    stream_flush(stream);
    if (result == TLS_STARVED || stream->state == STREAM_GONE)
        return;
    if (stream->state == STREAM_HANDSHAKING)
        tell_accepted(stream);
    else if (stream->state == STREAM_CONNECTING)
        tell_connected(stream);
    else if (stream->tls->op.id != 0)
        tell_started(stream);
}

/* ---- Beginnings ---- */

void stream_tls_accept(struct stream *stream, struct io_listener listener, struct tls_settings *settings)
{
    struct real_driver *driver = stream->driver;
    const Cupola__TlsConfig *config = tls_settings_config(settings);
    if (driver->handshake_count >= config->max_handshakes) {
        log_failure(stream, "too many handshakes are under way");
        stream_discard(stream);
        return;
    }
    stream->state = STREAM_HANDSHAKING;
    stream->tls = tls_new(stream, settings, NULL);
    stream->tls->listener = listener;
    stream->tls->give_up_ns = uv_hrtime() + config->handshake_timeout_ms * NS_PER_MS;
    DL_APPEND(driver->handshakes, stream->tls);
    driver->handshake_count++;
    streams_start_sweep(driver);
    stream_read_on(stream);
}

void stream_tls_connect(struct stream *stream)
{
    shake_hands(stream);
    if (stream->state == STREAM_CONNECTING)
        stream_read_on(stream);
    driver_pump(stream->driver);
}

void stream_tls_start(struct real_driver *driver, const struct effect *effect)
{
    struct stream *stream = stream_find(driver, effect->start_tls.conn);
    if (stream == NULL) {
        driver_done(driver, effect->op, IO_CANCELLED, 0, (struct io_bytes){0});
        return;
    }
    assert_that(stream->state == STREAM_OPEN);
    assert_that(stream->tls == NULL);
    assert_that(!stream->read_wanted);
    bool is_server = stream->id.id % 2 == 1;
    struct tls_settings *settings = tls_settings_find(driver, effect->start_tls.tls);
    if (settings == NULL || (is_server && !tls_settings_may_serve(settings))) {
        driver_log(driver, LOG_ERROR, "there are no TLS settings named \"%s\" that serve for this",
                   effect->start_tls.tls);
        driver_done_text(driver, effect->op, IO_INVALID, "no such TLS settings");
        stream_fail(stream, IO_FAILED);
        return;
    }
    const char *name = effect->start_tls.server_name != NULL ? effect->start_tls.server_name : "";
    stream->tls = tls_new(stream, settings, is_server ? NULL : name);
    stream->tls->op = effect->op;
    stream->tls->plain_left = stream_queued_bytes(stream);
    if (!is_server) {
        enum tls_result result = tls_shake_hands(stream->tls); /* Only says hello: nothing has come yet. */
        assert_that(result == TLS_STARVED);
    }
    stream_mark_dirty(stream);
    stream_read_on(stream);
}

/* ---- Bytes ---- */

void stream_tls_on_bytes(struct stream *stream, const void *bytes, size_t size)
{
    tls_feed(stream->tls, bytes, size);
    if (!stream->tls->is_ready)
        shake_hands(stream);
    if (stream->state == STREAM_OPEN && stream->tls->is_ready)
        stream_add_news(stream);
}

void stream_tls_on_end(struct stream *stream)
{
    struct tls *tls = stream->tls;
    if (!tls->has_ended)
        tls->was_cut = true;
    tls->has_ended = tls->has_input = true;
    if (!tls->is_ready)
        shake_hands(stream);
    else if (stream->state == STREAM_OPEN)
        stream_add_news(stream);
}

/* One read's worth for whoever waits for it. */
void stream_tls_deliver(struct stream *stream)
{
    struct tls *tls = stream->tls;
    uv_buf_t room = stream->receive != NULL ? blob_receive_room(stream) : stream_read_room(stream->driver);
    size_t size = 0;
    enum tls_result result = tls_read(tls, room, &size);
    stream_mark_dirty(stream); /* Reading may answer: new keys, alerts. */
    if (result == TLS_OK) {
        stream_take_bytes(stream, size);
    } else if (result == TLS_STARVED) {
        stream_read_on(stream);
    } else if (result == TLS_FAILED || tls->was_cut) {
        stream_fail(stream, IO_RESET); /* Who cuts may have cut the message short. */
    } else {
        stream_peer_ended(stream);
    }
}

/* ---- Deadlines and the end ---- */

void stream_tls_sweep(struct real_driver *driver, uint64_t now_ns)
{
    struct tls *tls, *next;
    DL_FOREACH_SAFE(driver->handshakes, tls, next)
    {
        if (tls->give_up_ns <= now_ns)
            fail_handshake(tls->stream, "it took too long");
    }
}

void stream_tls_close_all(struct real_driver *driver)
{
    while (driver->handshakes != NULL)
        stream_tls_drop(driver->handshakes->stream);
}
