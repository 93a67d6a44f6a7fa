/* One HTTP call: everything that a peer can do to it, and that its owner always hears exactly one end. */
#include "core/http/client.h"

#include "core/proto/config.pb-c.h"

#include "tests/core/http/puppet.h"

/* A component that makes one call at its start and notes what it hears. */
struct caller {
    struct machine machine;
    struct http_call call;
    struct text story;
    bool ended;
};

/* What the next caller asks for; constant during a test. */
static struct http_request request;
static bool wants_blob;
static bool cancels_at_response;
static bool streams;

static struct caller *caller_of(struct http_call *call)
{
    return (struct caller *)(void *)call->machine;
}

static void on_response(struct http_call *call, const struct http_head *head)
{
    text_addf(&caller_of(call)->story, "response %d;", head->status);
    if (wants_blob)
        http_call_receive_blob(call);
    if (cancels_at_response)
        http_call_cancel(call);
}

static void on_body(struct http_call *call, const uint8_t *bytes, size_t size)
{
    text_addf(&caller_of(call)->story, "piece %.*s;", (int)size, (const char *)bytes);
}

static void on_done(struct http_call *call, enum io_status status)
{
    struct caller *caller = caller_of(call);
    assert_false(caller->ended);
    caller->ended = true;
    text_addf(&caller->story, "done %s", io_status_name(status));
    if (status != IO_OK)
        text_addf(&caller->story, " (%s)", call->reason);
    else if (call->blob_digest[0] != 0)
        text_addf(&caller->story, " blob %.4s %u", call->blob_digest, (unsigned)call->blob_size);
    else
        text_addf(&caller->story, " %d \"%s\"", call->status, text_string(&call->body));
}

static void start(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved)
{
    (void)configuration;
    (void)saved;
    static const struct http_call_handlers collecting = {.on_response = on_response, .on_done = on_done};
    static const struct http_call_handlers streaming = {on_response, on_body, on_done};
    http_call_start(machine, &((struct caller *)(void *)machine)->call, &request, streams ? &streaming : &collecting);
}

static void stop(struct machine *machine)
{
    http_call_cancel(&((struct caller *)(void *)machine)->call);
}

static void destroy(struct machine *machine)
{
    http_call_release(&((struct caller *)(void *)machine)->call);
    text_free(&((struct caller *)(void *)machine)->story);
}

static void inspect(struct machine *machine, struct text *ret_json)
{
    (void)machine;
    text_add_string(ret_json, "{}");
}

static const struct machine_class caller_class = {
    .name = "caller",
    .configuration = &cupola__endpoint__descriptor,
    .size = sizeof(struct caller),
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .inspect = inspect,
};

static int reset(void **state)
{
    (void)state;
    request = (struct http_request){.host = "10.0.0.1",
                                    .port = 8080,
                                    .method = "GET",
                                    .target = "/info",
                                    .headers = "",
                                    .timeout_ns = 5 * NS_PER_S,
                                    .max_body_bytes = 16};
    wants_blob = cancels_at_response = streams = false;
    return 0;
}

enum { CALL = 2 }; /* The id of the one connection. */

static void given_call(struct puppet *puppet)
{
    Cupola__Endpoint configuration = CUPOLA__ENDPOINT__INIT;
    puppet_start(puppet, &caller_class, &configuration.base);
    assert_string_equal(puppet->connect_to, "10.0.0.1:8080");
}

static void given_sent_call(struct puppet *puppet)
{
    given_call(puppet);
    puppet_connected(puppet, CALL);
}

/* on_done waits for CLOSED; then nothing may be left over. */
static void expect_end(struct puppet *puppet, const char *story)
{
    puppet_settle(puppet);
    puppet_pass(puppet, 0);
    assert_string_equal(text_string(&((struct caller *)(void *)puppet->machine)->story), story);
    assert_false(http_call_is_under_way(&((struct caller *)(void *)puppet->machine)->call));
    assert_int_equal(machine_open_conns(puppet->machine), 0);
    assert_int_equal(puppet->deadline_ns, NEVER_NS);
    puppet_end(puppet);
}

static void a_response_is_collected_whatever_its_framing(void **state)
{
    static const char *const responses[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more",
    };
    (void)state;
    for (size_t i = 0; i < sizeof responses / sizeof responses[0]; i++) {
        struct puppet puppet;
        given_sent_call(&puppet);
        assert_string_equal(puppet_output(&puppet, CALL),
                            "GET /info HTTP/1.1\r\nHost: 10.0.0.1:8080\r\nConnection: close\r\n\r\n");
        puppet_receive_string(&puppet, CALL, responses[i]);
        expect_end(&puppet, "response 200;done ok 200 \"hello\"");

        given_sent_call(&puppet);
        for (const char *byte = responses[i]; *byte != 0 && puppet.conns[CALL].reading; byte++)
            puppet_receive(&puppet, CALL, byte, 1);
        expect_end(&puppet, "response 200;done ok 200 \"hello\"");
    }
}

static void a_response_without_framing_ends_with_the_connection(void **state)
{
    (void)state;
    struct puppet puppet;
    given_sent_call(&puppet);
    puppet_receive_string(&puppet, CALL, "HTTP/1.0 200 OK\r\n\r\nhel");
    puppet_receive_string(&puppet, CALL, "lo");
    puppet_receive_end(&puppet, CALL);
    expect_end(&puppet, "response 200;done ok 200 \"hello\"");
}

static void a_body_is_sent_with_its_length(void **state)
{
    (void)state;
    request.method = "PUT";
    request.host_header = "api.cupola.test";
    request.headers = "Content-Type: application/json\r\n";
    request.body = (struct io_bytes){(const uint8_t *)"{}", 2};
    struct puppet puppet;
    given_sent_call(&puppet);
    assert_string_equal(puppet_output(&puppet, CALL),
                        "PUT /info HTTP/1.1\r\nHost: api.cupola.test\r\nConnection: close\r\n"
                        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    puppet_receive_string(&puppet, CALL, "HTTP/1.1 204 No Content\r\n\r\n");
    expect_end(&puppet, "response 204;done ok 204 \"\"");
}

static void a_blob_is_sent_between_two_pieces_of_text(void **state)
{
    (void)state;
    request.method = "POST";
    request.body = (struct io_bytes){(const uint8_t *)"<<", 2};
    request.blob_digest = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
    request.blob_size = 100;
    request.body_tail = (struct io_bytes){(const uint8_t *)">>", 2};
    struct puppet puppet;
    given_sent_call(&puppet);
    expect_contains(puppet_output(&puppet, CALL), "Content-Length: 104\r\n\r\n<<>>");
    puppet_done(&puppet, EFFECT_BLOB_SEND, IO_OK, 100, "");
    puppet_receive_string(&puppet, CALL, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    expect_end(&puppet, "response 200;done ok 200 \"\"");

    given_sent_call(&puppet);
    puppet_done(&puppet, EFFECT_BLOB_SEND, IO_NOT_FOUND, 0, "");
    expect_end(&puppet, "done not found (the blob to send could not be read)");
}

static void losses_say_where_the_call_was_lost(void **state)
{
    (void)state;
    struct puppet puppet;
    given_call(&puppet);
    puppet_closed(&puppet, CALL, IO_REFUSED);
    expect_end(&puppet, "done refused (connection refused)");

    given_sent_call(&puppet);
    puppet_closed(&puppet, CALL, IO_RESET);
    expect_end(&puppet, "done reset (the connection ended before a response came)");

    given_sent_call(&puppet);
    puppet_receive_string(&puppet, CALL, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
    puppet_receive_end(&puppet, CALL);
    expect_end(&puppet, "response 200;done reset (the connection ended in the middle of the response)");
}

static void malformed_responses_are_refused(void **state)
{
    static const char *const responses[] = {
        "SPAM 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof responses / sizeof responses[0]; i++) {
        struct puppet puppet;
        given_sent_call(&puppet);
        puppet_receive_string(&puppet, CALL, responses[i]);
        assert_true(puppet.conns[CALL].aborted);
        puppet_settle(&puppet);
        expect_contains(text_string(&((struct caller *)(void *)puppet.machine)->story), "done invalid (");
        puppet_end(&puppet);
    }
}

static void a_response_larger_than_allowed_ends_the_call(void **state)
{
    (void)state;
    struct puppet puppet;
    given_sent_call(&puppet);
    puppet_receive_string(&puppet, CALL, "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n0123456789abcdefg");
    expect_end(&puppet, "response 200;done full (the response is larger than allowed)");
}

static void a_silent_peer_is_given_up(void **state)
{
    (void)state;
    struct puppet puppet;
    given_call(&puppet);
    puppet_pass(&puppet, 5 * NS_PER_S);
    expect_end(&puppet, "done timed out (the call took too long)");
}

static void a_call_can_be_cancelled_at_any_time(void **state)
{
    (void)state;
    struct puppet puppet;
    given_call(&puppet);
    puppet_step(&puppet, (struct event){.kind = EVENT_STOP});
    expect_end(&puppet, "done cancelled (cancelled)");

    cancels_at_response = true;
    given_sent_call(&puppet);
    puppet_receive_string(&puppet, CALL, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    expect_end(&puppet, "response 200;done cancelled (cancelled)");
}

static void a_streamed_body_is_not_limited(void **state)
{
    (void)state;
    streams = true;
    struct puppet puppet;
    given_sent_call(&puppet);
    puppet_receive_string(&puppet, CALL, "HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n0123456789abcdefg");
    puppet_receive_string(&puppet, CALL, "hijklmn");
    expect_end(&puppet, "response 200;piece 0123456789abcdefg;piece hijklmn;done ok 200 \"\"");
}

static const char digest[] = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

static void a_download_goes_past_the_machine_when_it_can(void **state)
{
    (void)state;
    wants_blob = true;
    struct puppet puppet;
    given_sent_call(&puppet);
    puppet_receive_string(&puppet, CALL, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    assert_false(puppet.conns[CALL].reading);
    assert_int_equal(puppet.ops[0].size, 1000);
    puppet_done(&puppet, EFFECT_BLOB_RECEIVE, IO_OK, 1000, digest);
    expect_end(&puppet, "response 200;done ok blob da39 1000");

    given_sent_call(&puppet);
    puppet_receive_string(&puppet, CALL, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    puppet_done(&puppet, EFFECT_BLOB_RECEIVE, IO_CANCELLED, 0, "");
    puppet_closed(&puppet, CALL, IO_RESET);
    expect_end(&puppet, "response 200;done reset (the connection ended in the middle of the response)");
}

static void a_download_that_came_with_its_head_is_written_by_the_machine(void **state)
{
    (void)state;
    wants_blob = true;
    struct puppet puppet;
    given_sent_call(&puppet);
    puppet_receive_string(&puppet, CALL, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
    puppet_receive_string(&puppet, CALL, "56789");
    assert_string_equal(text_string(&puppet.blob), "0123456789");
    puppet_closed(&puppet, CALL, IO_RESET); /* Too late to matter. */
    puppet_done(&puppet, EFFECT_BLOB_COMMIT, IO_OK, 10, digest);
    expect_end(&puppet, "response 200;done ok blob da39 10");

    given_sent_call(&puppet);
    puppet_receive_string(&puppet, CALL, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
    puppet_closed(&puppet, CALL, IO_RESET);
    assert_true(puppet.discarded);
    expect_end(&puppet, "response 200;done reset (the connection ended in the middle of the response)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_response_is_collected_whatever_its_framing, reset),
        cmocka_unit_test_setup(a_response_without_framing_ends_with_the_connection, reset),
        cmocka_unit_test_setup(a_body_is_sent_with_its_length, reset),
        cmocka_unit_test_setup(a_blob_is_sent_between_two_pieces_of_text, reset),
        cmocka_unit_test_setup(losses_say_where_the_call_was_lost, reset),
        cmocka_unit_test_setup(malformed_responses_are_refused, reset),
        cmocka_unit_test_setup(a_response_larger_than_allowed_ends_the_call, reset),
        cmocka_unit_test_setup(a_silent_peer_is_given_up, reset),
        cmocka_unit_test_setup(a_call_can_be_cancelled_at_any_time, reset),
        cmocka_unit_test_setup(a_streamed_body_is_not_limited, reset),
        cmocka_unit_test_setup(a_download_goes_past_the_machine_when_it_can, reset),
        cmocka_unit_test_setup(a_download_that_came_with_its_head_is_written_by_the_machine, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
