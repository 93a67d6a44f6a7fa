/* Clients and instances that speak HTTP/2, played with nghttp2 at the other ends. */
#include "core/base/duration.h"
#include "tests/core/router/rig.h"

#include "core/base/memory.h"
#include "core/base/text.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>

/* One end: what it has heard, stream by stream, in one text. */
struct peer {
    nghttp2_session *session;
    struct rig_conn *conn;
    struct text heard;
    size_t body_left; /* To send on the stream that was begun last. */
    const char *trailer;
};

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_size,
                     const uint8_t *value, size_t value_size, uint8_t flags, void *context)
{
    (void)session;
    (void)flags;
    struct peer *peer = context;
    text_addf(&peer->heard, "%d %.*s=%.*s\n", frame->hd.stream_id, (int)name_size, (const char *)name, (int)value_size,
              (const char *)value);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t size,
                   void *context)
{
    (void)session;
    (void)flags;
    struct peer *peer = context;
    text_addf(&peer->heard, "%d data %.*s\n", id, (int)(size < 40 ? size : 40), (const char *)bytes);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error_code, void *context)
{
    (void)session;
    struct peer *peer = context;
    text_addf(&peer->heard, "%d closed %u\n", id, error_code);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
    (void)session;
    struct peer *peer = context;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        text_addf(&peer->heard, "goaway %u\n", frame->goaway.error_code);
    return 0;
}

static void peer_open(struct peer *peer, struct rig_conn *conn, bool is_server)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    *peer = (struct peer){.conn = conn};
    if (is_server)
        nghttp2_session_server_new(&peer->session, callbacks, peer);
    else
        nghttp2_session_client_new(&peer->session, callbacks, peer);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(peer->session, NGHTTP2_FLAG_NONE, NULL, 0);
}

static void peer_close(struct peer *peer)
{
    nghttp2_session_del(peer->session);
    text_free(&peer->heard);
}

/* Frames go to and fro until both have said all they can. */
static void talk(struct rig *rig, struct peer *peer)
{
    bool is_new = true;
    while (is_new) {
        const uint8_t *bytes;
        ssize_t size;
        is_new = false;
        while ((size = nghttp2_session_mem_send(peer->session, &bytes)) > 0) {
            text_add(&peer->conn->inbound, bytes, (size_t)size);
            is_new = true;
        }
        rig_run(rig);
        if (peer->conn->outbound.size > 0) {
            const uint8_t *said = (const uint8_t *)text_string(&peer->conn->outbound);
            nghttp2_session_mem_recv(peer->session, said, peer->conn->outbound.size);
            text_clear(&peer->conn->outbound);
            is_new = true;
        }
    }
}

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name), strlen(value), 0};
}

static ssize_t give_body(nghttp2_session *session, int32_t id, uint8_t *room, size_t size, uint32_t *ret_flags,
                         nghttp2_data_source *source, void *context)
{
    (void)source;
    struct peer *peer = context;
    size_t part = peer->body_left < size ? peer->body_left : size;
    memset(room, 'b', part);
    peer->body_left -= part;
    if (peer->body_left > 0)
        return (ssize_t)part;
    *ret_flags |= NGHTTP2_DATA_FLAG_EOF;
    if (peer->trailer != NULL) {
        nghttp2_nv trailer = field("x-trailer", peer->trailer);
        *ret_flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_trailer(session, id, &trailer, 1);
    }
    return (ssize_t)part;
}

static int32_t ask(struct peer *peer, const char *method, const char *host, size_t body_size)
{
    nghttp2_nv fields[] = {field(":method", method), field(":scheme", "http"), field(":authority", host),
                           field(":path", "/p?q"), field("x-one", "1")};
    nghttp2_data_provider body = {.read_callback = give_body};
    peer->body_left = body_size;
    return nghttp2_submit_request(peer->session, NULL, fields, 5, body_size > 0 ? &body : NULL, NULL);
}

static void expect_heard(struct peer *peer, const char *part)
{
    if (strstr(text_string(&peer->heard), part) == NULL)
        fail_msg("\"%s\" is not in:\n%s", part, text_string(&peer->heard));
}

/* ---- The stories ---- */

static struct rig *new_rig(void)
{
    struct rig *rig = rig_new();
    rig_register(rig, "one.test", 1);
    rig_publish(rig, "router.register",
                "{\"host\":\"10.0.0.1\",\"port\":40002,\"uris\":[\"new.test\"],\"protocol\":\"http2\"}");
    return rig;
}

static void streams_of_one_connection_are_requests_of_their_own(void **state)
{
    (void)state;
    struct rig *rig = new_rig();
    struct peer client;
    peer_open(&client, rig_client(rig), false);
    for (int i = 0; i < 3; i++) {
        ask(&client, "GET", "one.test", 0);
        talk(rig, &client);
        rig_expect_start(rig_backend(rig, 1), "GET /p?q HTTP/1.1\r\nHost: one.test\r\nx-one: 1\r\n");
        rig_answer(rig, rig_backend(rig, 1), "hello");
        rig_forget(rig_backend(rig, 1));
        talk(rig, &client);
    }
    expect_heard(&client, "1 :status=200\n");
    expect_heard(&client, "1 content-length=5\n");
    expect_heard(&client, "5 data hello\n5 closed 0\n");
    assert_int_equal(rig->connects[1], 1);
    peer_close(&client);
    rig_free(rig);
}

static void trailers_pass_both_ways(void **state)
{
    (void)state;
    struct rig *rig = new_rig();
    struct peer client;
    peer_open(&client, rig_client(rig), false);
    client.trailer = "up";
    ask(&client, "POST", "one.test", 5);
    talk(rig, &client);
    rig_expect_contains(rig_backend(rig, 1), "5\r\nbbbbb\r\n0\r\nx-trailer: up\r\n\r\n");
    rig_send(rig, rig_backend(rig, 1),
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Down: 7\r\n\r\n");
    talk(rig, &client);
    expect_heard(&client, "1 data hi\n1 x-down=7\n1 closed 0\n");
    peer_close(&client);
    rig_free(rig);
}

static void a_backend_that_does_not_read_shuts_the_window_of_its_stream_alone(void **state)
{
    (void)state;
    struct rig *rig = new_rig();
    rig_register(rig, "two.test", 3);
    struct peer client;
    peer_open(&client, rig_client(rig), false);
    ask(&client, "POST", "one.test", 1);
    talk(rig, &client);
    rig_send(rig, rig_backend(rig, 1), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    talk(rig, &client);
    rig_backend(rig, 1)->holds = true;
    int32_t id = ask(&client, "POST", "one.test", 8 << 20);
    talk(rig, &client);
    assert_in_range(client.body_left, 7 << 20, 8 << 20); /* A window and a buffer, not more. */
    assert_int_equal(nghttp2_session_get_stream_remote_window_size(client.session, id), 0);
    ask(&client, "GET", "two.test", 0);
    talk(rig, &client);
    rig_answer(rig, rig_backend(rig, 3), "ok");
    talk(rig, &client);
    expect_heard(&client, "data ok\n");
    peer_close(&client);
    rig_free(rig);
}

static void resets_in_masses_end_the_connection(void **state)
{
    (void)state;
    struct rig *rig = new_rig();
    struct peer client;
    peer_open(&client, rig_client(rig), false);
    for (int i = 0; i < 500 && client.conn->is_open; i++) {
        int32_t id = ask(&client, "GET", "one.test", 0);
        talk(rig, &client);
        nghttp2_submit_rst_stream(client.session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
        talk(rig, &client);
    }
    rig_run(rig);
    expect_heard(&client, "goaway 11\n");
    assert_false(client.conn->is_open);
    peer_close(&client);
    rig_free(rig);
}

/* ---- WebSockets (RFC 8441) ---- */

/* What a side says next in its tunnel. */
struct words {
    const char *text;
    bool is_last;
};

static ssize_t say_words(nghttp2_session *session, int32_t id, uint8_t *room, size_t size, uint32_t *ret_flags,
                         nghttp2_data_source *source, void *context)
{
    (void)session;
    (void)id;
    (void)context;
    struct words *words = source->ptr;
    size_t part = strlen(words->text);
    assert_in_range(part, 0, size);
    memcpy(room, words->text, part);
    words->text = "";
    if (words->is_last)
        *ret_flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (part == 0)
        return NGHTTP2_ERR_DEFERRED;
    return (ssize_t)part;
}

static int32_t ask_for_websocket(struct peer *peer, struct words *words)
{
    nghttp2_nv fields[] = {field(":method", "CONNECT"),     field(":protocol", "websocket"),
                           field(":scheme", "http"),        field(":authority", "one.test"),
                           field(":path", "/chat"),         field("sec-websocket-version", "13"),
                           field("origin", "http://o.test")};
    nghttp2_data_provider body = {.source.ptr = words, .read_callback = say_words};
    return nghttp2_submit_request(peer->session, NULL, fields, 7, &body, NULL);
}

static void say(struct rig *rig, struct peer *peer, int32_t id, struct words *words, const char *text, bool is_last)
{
    *words = (struct words){text, is_last};
    nghttp2_session_resume_data(peer->session, id);
    talk(rig, peer);
}

static void a_websocket_in_a_stream_is_an_upgrade_for_the_instance(void **state)
{
    (void)state;
    struct rig *rig = new_rig();
    struct peer client;
    peer_open(&client, rig_client(rig), false);
    talk(rig, &client);
    assert_int_equal(nghttp2_session_get_remote_settings(client.session, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL), 1);
    struct words words = {"sent ahead ", false};
    int32_t id = ask_for_websocket(&client, &words);
    talk(rig, &client);
    struct rig_conn *backend = rig_backend(rig, 1);
    rig_expect_start(backend, "GET /chat HTTP/1.1\r\nHost: one.test\r\n");
    rig_expect_contains(backend, "\r\nUpgrade: websocket\r\n");
    rig_expect_contains(backend, "\r\nConnection: Upgrade\r\n");
    rig_expect_contains(backend, "\r\nsec-websocket-version: 13\r\n");
    rig_expect_contains(backend, "\r\nSec-WebSocket-Key: ");
    rig_expect_lacks(backend, "sent ahead");
    rig_forget(backend);
    rig_send(rig, backend,
             "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             "Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: chat\r\n\r\nwelcome");
    talk(rig, &client);
    expect_heard(&client, "1 :status=200\n");
    expect_heard(&client, "1 sec-websocket-protocol=chat\n");
    expect_heard(&client, "1 data welcome\n");
    assert_null(strstr(text_string(&client.heard), "accept"));
    assert_null(strstr(text_string(&client.heard), "upgrade"));
    say(rig, &client, id, &words, "hello", false);
    assert_string_equal(rig_sent(backend), "sent ahead hello");
    rig_send(rig, backend, "and you");
    talk(rig, &client);
    expect_heard(&client, "1 data and you\n");
    say(rig, &client, id, &words, " bye", true);
    assert_string_equal(rig_sent(backend), "sent ahead hello bye");
    assert_true(backend->finished);
    rig_end(rig, backend);
    talk(rig, &client);
    expect_heard(&client, "1 closed 0\n");
    assert_int_equal(rig_open_backends(rig), 0);
    peer_close(&client);
    rig_free(rig);
}

/* What the client has sent ahead must never be taken for a request. */
static void an_instance_that_wants_no_websocket_answers_as_it_likes(void **state)
{
    (void)state;
    struct rig *rig = new_rig();
    struct peer client;
    peer_open(&client, rig_client(rig), false);
    talk(rig, &client);
    struct words words = {"GET /smuggled HTTP/1.1\r\nHost: one.test\r\n\r\n", false};
    int32_t id = ask_for_websocket(&client, &words);
    talk(rig, &client);
    rig_send(rig, rig_backend(rig, 1), "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    talk(rig, &client);
    expect_heard(&client, "1 :status=403\n");
    expect_heard(&client, "1 data no\n");
    expect_heard(&client, "1 closed 0\n");
    if (nghttp2_session_find_stream(client.session, id) != NULL)
        say(rig, &client, id, &words, "GET /smuggled HTTP/1.1\r\nHost: one.test\r\n\r\n", true);
    assert_int_equal(rig->connects[1], 1);
    assert_true(rig_backend(rig, 1) == NULL || strstr(rig_sent(rig_backend(rig, 1)), "smuggled") == NULL);
    ask(&client, "GET", "one.test", 0);
    talk(rig, &client);
    rig_answer(rig, rig_backend(rig, 1), "still here");
    talk(rig, &client);
    expect_heard(&client, "3 data still here\n");
    peer_close(&client);
    rig_free(rig);
}

static void a_client_that_cancels_its_websocket_ends_it_for_the_instance(void **state)
{
    (void)state;
    struct rig *rig = new_rig();
    struct peer client;
    peer_open(&client, rig_client(rig), false);
    talk(rig, &client);
    struct words words = {"", false};
    int32_t id = ask_for_websocket(&client, &words);
    talk(rig, &client);
    rig_send(rig, rig_backend(rig, 1),
             "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    talk(rig, &client);
    nghttp2_submit_rst_stream(client.session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    talk(rig, &client);
    assert_int_equal(rig_open_backends(rig), 0);
    peer_close(&client);
    rig_free(rig);
}

static void a_draining_router_ends_streams_and_takes_no_new_ones(void **state)
{
    (void)state;
    struct rig *rig = new_rig();
    struct peer client;
    peer_open(&client, rig_client(rig), false);
    ask(&client, "GET", "one.test", 0);
    talk(rig, &client);
    rig_stop(rig);
    talk(rig, &client);
    expect_heard(&client, "goaway 0\n");
    assert_false(rig->has_exited);
    rig_answer(rig, rig_backend(rig, 1), "last");
    talk(rig, &client);
    expect_heard(&client, "1 data last\n");
    assert_true(rig->has_exited);
    peer_close(&client);
    rig_free(rig);
}

static void who_had_just_connected_is_answered_and_sent_away(void **state)
{
    (void)state;
    struct rig *rig = new_rig();
    struct rig_conn *late = rig_client(rig);
    rig_stop(rig);
    assert_false(rig->has_exited);
    struct peer client;
    peer_open(&client, late, false);
    ask(&client, "GET", "one.test", 0);
    talk(rig, &client);
    expect_heard(&client, "goaway 0\n");
    rig_answer(rig, rig_backend(rig, 1), "in time");
    talk(rig, &client);
    expect_heard(&client, "1 data in time\n");
    assert_true(rig->has_exited);
    peer_close(&client);
    rig_free(rig);
}

static void instances_that_ask_for_it_are_spoken_to_in_streams_of_one_connection(void **state)
{
    (void)state;
    struct rig *rig = new_rig();
    struct rig_conn *clients[2] = {rig_client(rig), rig_client(rig)};
    for (int i = 0; i < 2; i++)
        rig_send(rig, clients[i], "GET /x HTTP/1.1\r\nHost: new.test\r\nConnection: keep-alive\r\nX-A: b\r\n\r\n");
    struct peer instance;
    peer_open(&instance, rig_backend(rig, 2), true);
    talk(rig, &instance);
    assert_int_equal(rig->connects[2], 1);
    expect_heard(&instance, "1 :path=/x\n");
    expect_heard(&instance, "3 x-a=b\n3 x-forwarded");
    expect_heard(&instance, "1 te=trailers\n");
    nghttp2_nv status = field(":status", "204");
    nghttp2_submit_response(instance.session, 3, &status, 1, NULL);
    talk(rig, &instance);
    rig_expect_start(clients[1], "HTTP/1.1 204 No Content\r\n");
    nghttp2_submit_rst_stream(instance.session, NGHTTP2_FLAG_NONE, 1, NGHTTP2_REFUSED_STREAM);
    talk(rig, &instance);
    assert_true(clients[1]->is_open);
    peer_close(&instance);
    rig_free(rig);
}

/* A kernel accepts for who is busy; HTTP/2 begins with what the instance itself says. */
static void an_instance_that_is_busy_when_its_connection_begins_is_waited_for(void **state)
{
    (void)state;
    struct rig *rig = new_rig();
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "new.test");
    rig_pass(rig, 3 * NS_PER_S);
    assert_true(rig_backend(rig, 2)->is_open);
    assert_string_equal(rig_sent(client), "");
    struct peer instance;
    peer_open(&instance, rig_backend(rig, 2), true);
    talk(rig, &instance);
    nghttp2_nv status = field(":status", "204");
    nghttp2_submit_response(instance.session, 1, &status, 1, NULL);
    talk(rig, &instance);
    rig_expect_start(client, "HTTP/1.1 204 No Content\r\n");
    peer_close(&instance);
    rig_free(rig);
}

static void an_instance_that_never_begins_is_given_up(void **state)
{
    (void)state;
    struct rig *rig = new_rig();
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "new.test");
    rig_pass(rig, 11 * NS_PER_S);
    rig_expect_start(client, "HTTP/1.1 502 ");
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_of_one_connection_are_requests_of_their_own),
        cmocka_unit_test(trailers_pass_both_ways),
        cmocka_unit_test(a_backend_that_does_not_read_shuts_the_window_of_its_stream_alone),
        cmocka_unit_test(resets_in_masses_end_the_connection),
        cmocka_unit_test(a_draining_router_ends_streams_and_takes_no_new_ones),
        cmocka_unit_test(who_had_just_connected_is_answered_and_sent_away),
        cmocka_unit_test(instances_that_ask_for_it_are_spoken_to_in_streams_of_one_connection),
        cmocka_unit_test(an_instance_that_is_busy_when_its_connection_begins_is_waited_for),
        cmocka_unit_test(an_instance_that_never_begins_is_given_up),
        cmocka_unit_test(a_websocket_in_a_stream_is_an_upgrade_for_the_instance),
        cmocka_unit_test(an_instance_that_wants_no_websocket_answers_as_it_likes),
        cmocka_unit_test(a_client_that_cancels_its_websocket_ends_it_for_the_instance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
