/* The HTTP server as its clients and its owner see it. */
#include "tests/core/http/desk.h"

static void a_request_is_answered_and_the_connection_kept(void **state)
{
    (void)state;
    struct puppet puppet;
    struct desk *desk = given_server(&puppet);
    puppet_accept(&puppet, 1);
    puppet_receive_string(&puppet, 1, "GET /a%20b?q=1 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_string_equal(text_string(&desk->story), "GET /a b \"\";");
    assert_string_equal(puppet_output(&puppet, 1),
                        "HTTP/1.1 200 OK\r\nDate: Tue, 19 Apr 2011 09:30:00 GMT\r\nContent-Type: text/plain\r\n"
                        "Content-Length: 6\r\n\r\nhello\n");
    puppet_settle(&puppet);
    text_clear(&puppet.conns[1].output);
    puppet_receive_string(&puppet, 1, "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect_contains(puppet_output(&puppet, 1), "Content-Length: 6\r\nConnection: close\r\n\r\n");
    assert_null(strstr(puppet_output(&puppet, 1), "hello"));
    puppet_settle(&puppet);
    assert_false(puppet.conns[1].open);
    assert_int_equal(machine_open_conns(puppet.machine), 0);
    puppet_end(&puppet);
}

static void bytes_may_come_one_by_one(void **state)
{
    (void)state;
    struct puppet puppet;
    struct desk *desk = given_server(&puppet);
    puppet_accept(&puppet, 1);
    const char *request = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nfirst"
                          "\r\nPOST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "3\r\nsec\r\n3;x=y\r\nond\r\n0\r\n\r\n";
    for (const char *byte = request; *byte != 0; byte++)
        puppet_receive(&puppet, 1, byte, 1);
    assert_string_equal(text_string(&desk->story), "POST /echo \"first\";POST /echo \"second\";");
    expect_contains(puppet_output(&puppet, 1), "X-Extra: 1\r\n\r\nfirst");
    expect_contains(puppet_output(&puppet, 1), "X-Extra: 1\r\n\r\nsecond");
    puppet_end(&puppet);
}

static void pipelined_requests_are_answered_in_order_one_at_a_time(void **state)
{
    (void)state;
    struct puppet puppet;
    struct desk *desk = given_server(&puppet);
    desk->is_slow = true;
    puppet_accept(&puppet, 1);
    puppet_receive_string(&puppet, 1, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_string_equal(text_string(&desk->story), "GET /1 \"\";");
    puppet_receive_string(&puppet, 1, "GET /3 HTTP/1.1\r\n"); /* Still reading: a lost client would be noticed. */
    assert_string_equal(text_string(&desk->story), "GET /1 \"\";");
    prod(&puppet, "one");
    assert_string_equal(text_string(&desk->story), "GET /1 \"\";GET /2 \"\";");
    prod(&puppet, "two");
    expect_contains(strstr(puppet_output(&puppet, 1), "\r\n\r\none"), "\r\n\r\ntwo");
    puppet_receive_string(&puppet, 1, "Host: x\r\n\r\n");
    assert_string_equal(text_string(&desk->story), "GET /1 \"\";GET /2 \"\";GET /3 \"\";");
    puppet_end(&puppet);
}

static void a_client_that_leaves_before_its_answer_is_told_to_the_owner(void **state)
{
    (void)state;
    struct puppet puppet;
    struct desk *desk = given_server(&puppet);
    desk->is_slow = true;
    puppet_accept(&puppet, 1);
    puppet_receive_string(&puppet, 1, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    puppet_closed(&puppet, 1, IO_RESET);
    assert_string_equal(text_string(&desk->story), "GET /slow \"\";aborted /slow;");
    assert_int_equal(desk->server.connection_count, 0);
    puppet_end(&puppet);
}

static const char *body_of(struct puppet *puppet, uint32_t id)
{
    const char *end = strstr(puppet_output(puppet, id), "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

static void an_answer_may_come_piece_by_piece(void **state)
{
    (void)state;
    struct puppet puppet;
    struct desk *desk = given_server(&puppet);
    desk->is_slow = true;
    puppet_accept(&puppet, 1);
    puppet_receive_string(&puppet, 1, "GET /log HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
    prod(&puppet, "begin");
    expect_contains(puppet_output(&puppet, 1), "Transfer-Encoding: chunked\r\n");
    assert_null(strstr(puppet_output(&puppet, 1), "Content-Length"));
    prod(&puppet, "+one\n");
    assert_string_equal(body_of(&puppet, 1), "4\r\none\n\r\n");
    prod(&puppet, "+");
    prod(&puppet, "+sixteen letters.");
    assert_string_equal(text_string(&desk->story), "GET /log \"\";"); /* The next one waits. */
    prod(&puppet, "end");
    assert_string_equal(body_of(&puppet, 1), "4\r\none\n\r\n10\r\nsixteen letters.\r\n0\r\n\r\n");
    assert_string_equal(text_string(&desk->story), "GET /log \"\";GET /2 \"\";");
    puppet_end(&puppet);
}

static void who_knows_no_chunks_gets_pieces_until_the_end_of_the_connection(void **state)
{
    (void)state;
    struct puppet puppet;
    struct desk *desk = given_server(&puppet);
    desk->is_slow = true;
    puppet_accept(&puppet, 1);
    puppet_receive_string(&puppet, 1, "GET /log HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    prod(&puppet, "begin");
    expect_contains(puppet_output(&puppet, 1), "Connection: close\r\n");
    prod(&puppet, "+one\n");
    prod(&puppet, "end");
    assert_string_equal(body_of(&puppet, 1), "one\n");
    puppet_accept(&puppet, 3);
    puppet_receive_string(&puppet, 3, "HEAD /log HTTP/1.1\r\nHost: x\r\n\r\n");
    prod(&puppet, "begin");
    prod(&puppet, "+one\n");
    prod(&puppet, "end");
    assert_string_equal(body_of(&puppet, 3), "");
    puppet_end(&puppet);
}

static void a_client_that_leaves_in_the_middle_of_its_answer_is_told_to_the_owner(void **state)
{
    (void)state;
    struct puppet puppet;
    struct desk *desk = given_server(&puppet);
    desk->is_slow = true;
    puppet_accept(&puppet, 1);
    puppet_receive_string(&puppet, 1, "GET /log HTTP/1.1\r\nHost: x\r\n\r\n");
    prod(&puppet, "begin");
    prod(&puppet, "+one\n");
    puppet_closed(&puppet, 1, IO_RESET);
    assert_string_equal(text_string(&desk->story), "GET /log \"\";aborted /log;");
    puppet_end(&puppet);
}

static void streamed_bodies_come_only_as_fast_as_the_owner_reads(void **state)
{
    (void)state;
    struct puppet puppet;
    struct desk *desk = given_server(&puppet);
    desk->streams = true;
    puppet_accept(&puppet, 1);
    puppet_receive_string(&puppet, 1,
                          "PUT /up HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 200\r\n\r\n");
    assert_string_equal(puppet_output(&puppet, 1), "HTTP/1.1 100 Continue\r\n\r\n");
    char piece[101] = {0};
    memset(piece, 'a', 100);
    puppet_receive_string(&puppet, 1, piece);
    assert_false(puppet.conns[1].reading); /* The owner has not asked for more. */
    prod(&puppet, "read");
    puppet_receive_string(&puppet, 1, piece);
    assert_null(strstr(text_string(&desk->story), "PUT /up"));
    prod(&puppet, "read");
    expect_contains(text_string(&desk->story), ";PUT /up \"\";");
    assert_true(puppet.conns[1].open && !puppet.conns[1].closing);
    puppet_end(&puppet);
}

static void bodies_that_are_too_large_are_refused_without_resetting_the_client(void **state)
{
    (void)state;
    struct puppet puppet;
    given_server(&puppet);
    puppet_accept(&puppet, 1);
    puppet_receive_string(&puppet, 1, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65\r\n\r\nabc");
    expect_contains(puppet_output(&puppet, 1), "HTTP/1.1 413 ");
    puppet_settle(&puppet);
    assert_true(puppet.conns[1].finished);
    assert_true(puppet.conns[1].open); /* Lingers, so that the answer is not lost in a reset. */
    puppet_receive_string(&puppet, 1, "more of the body");
    puppet_receive_end(&puppet, 1);
    puppet_settle(&puppet);
    assert_false(puppet.conns[1].open);
    puppet_end(&puppet);
}

static void chunked_bodies_have_the_same_limit(void **state)
{
    (void)state;
    struct puppet puppet;
    given_server(&puppet);
    puppet_accept(&puppet, 1);
    puppet_receive_string(&puppet, 1, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n41\r\n");
    for (int i = 0; i < 65; i++)
        puppet_receive_string(&puppet, 1, "x");
    expect_contains(puppet_output(&puppet, 1), "HTTP/1.1 413 ");
    puppet_settle(&puppet);
    puppet_pass(&puppet, 3 * NS_PER_S); /* Lingering ends. */
    puppet_settle(&puppet);
    assert_false(puppet.conns[1].open);
    puppet_end(&puppet);
}

static void a_head_may_be_answered_before_its_body(void **state)
{
    (void)state;
    struct puppet puppet;
    struct desk *desk = given_server(&puppet);
    desk->answers_heads = true;
    desk->streams = true;
    puppet_accept(&puppet, 1);
    puppet_receive_string(&puppet, 1, "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc");
    expect_contains(puppet_output(&puppet, 1), "HTTP/1.1 403 Forbidden\r\n");
    expect_contains(puppet_output(&puppet, 1), "Connection: close\r\n");
    assert_string_equal(text_string(&desk->story), "");
    puppet_end(&puppet);
}

static void malformed_requests_are_answered_and_cut(void **state)
{
    static const struct {
        const char *request;
        const char *status;
    } cases[] = {
        {"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 "},
        {"GET\r\n\r\n", "HTTP/1.1 400 "},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 400 "},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/3.1\r\nHost: x\r\n\r\n", "HTTP/1.1 505 "},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 501 "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct puppet puppet;
        given_server(&puppet);
        puppet_accept(&puppet, 1);
        puppet_receive_string(&puppet, 1, cases[i].request);
        expect_contains(puppet_output(&puppet, 1), cases[i].status);
        puppet_settle(&puppet);
        puppet_pass(&puppet, 3 * NS_PER_S);
        puppet_settle(&puppet);
        assert_false(puppet.conns[1].open);
        puppet_end(&puppet);
    }
}

static void slow_heads_time_out_and_idle_connections_are_closed(void **state)
{
    (void)state;
    struct puppet puppet;
    given_server(&puppet);
    puppet_accept(&puppet, 1);
    puppet_receive_string(&puppet, 1, "GET / HTTP/1.1\r\n");
    puppet_pass(&puppet, 9 * NS_PER_S);
    puppet_receive_string(&puppet, 1, "Host: x\r\n"); /* A byte now and then does not help. */
    puppet_pass(&puppet, 1 * NS_PER_S);
    expect_contains(puppet_output(&puppet, 1), "HTTP/1.1 408 ");

    puppet_accept(&puppet, 3);
    puppet_receive_string(&puppet, 3, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    puppet_settle(&puppet);
    puppet_pass(&puppet, 59 * NS_PER_S);
    assert_true(puppet.conns[3].open && !puppet.conns[3].closing);
    puppet_pass(&puppet, 1 * NS_PER_S);
    assert_true(puppet.conns[3].closing);
    puppet_end(&puppet);
}

static void a_client_that_does_not_read_is_cut_off(void **state)
{
    (void)state;
    struct puppet puppet;
    given_server(&puppet);
    puppet_accept(&puppet, 1);
    puppet_receive_string(&puppet, 1, "GET / HTTP/1.0\r\n\r\n");
    assert_false(puppet.conns[1].closing);
    puppet_pass(&puppet, 60 * NS_PER_S);
    assert_true(puppet.conns[1].aborted);
    puppet_end(&puppet);
}

static void connections_beyond_the_limit_are_refused_in_words(void **state)
{
    (void)state;
    struct puppet puppet;
    struct desk *desk = given_server(&puppet);
    puppet_accept(&puppet, 1);
    puppet_accept(&puppet, 3);
    puppet_accept(&puppet, 5);
    expect_contains(puppet_output(&puppet, 5), "HTTP/1.1 503 ");
    assert_true(puppet.conns[5].closing);
    puppet_settle(&puppet);
    assert_int_equal(desk->server.connection_count, 2);
    puppet_end(&puppet);
}

static void a_blob_is_sent_behind_its_head(void **state)
{
    (void)state;
    struct puppet puppet;
    given_server(&puppet);
    puppet_accept(&puppet, 1);
    puppet_receive_string(&puppet, 1, "GET /blob HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_contains(puppet_output(&puppet, 1), "Content-Length: 1000\r\n\r\n");
    assert_int_equal(puppet.ops[0].kind, EFFECT_BLOB_SEND);
    assert_int_equal(puppet.ops[0].conn, 1);
    puppet_settle(&puppet);
    puppet_done(&puppet, EFFECT_BLOB_SEND, IO_OK, 1000, "");
    assert_true(puppet.conns[1].open && puppet.conns[1].reading && !puppet.conns[1].closing);

    puppet_receive_string(&puppet, 1, "GET /blob HTTP/1.1\r\nHost: x\r\n\r\n");
    puppet_done(&puppet, EFFECT_BLOB_SEND, IO_NOT_FOUND, 0, "");
    assert_true(puppet.conns[1].aborted); /* Anything else would look like a complete answer. */
    puppet_end(&puppet);
}

static void draining_closes_idle_connections_and_waits_for_busy_ones(void **state)
{
    (void)state;
    struct puppet puppet;
    struct desk *desk = given_server(&puppet);
    puppet_accept(&puppet, 1);
    puppet_receive_string(&puppet, 1, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    puppet_settle(&puppet);
    puppet_accept(&puppet, 3);
    desk->is_slow = true;
    puppet_receive_string(&puppet, 3, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    text_clear(&desk->story);
    puppet_step(&puppet, (struct event){.kind = EVENT_STOP});
    assert_true(puppet.conns[1].closing);
    assert_false(puppet.conns[3].closing);
    puppet_settle(&puppet);
    assert_string_equal(text_string(&desk->story), "");
    puppet_closed(&puppet, 3, IO_RESET);
    assert_string_equal(text_string(&desk->story), "aborted /slow;drained;");
    puppet_end(&puppet);
}

static void draining_answers_who_has_just_connected_and_waits_a_moment_for_the_silent(void **state)
{
    (void)state;
    struct puppet puppet;
    struct desk *desk = given_server(&puppet);
    puppet_accept(&puppet, 1);
    puppet_accept(&puppet, 3);
    puppet_step(&puppet, (struct event){.kind = EVENT_STOP});
    puppet_pass(&puppet, NS_PER_S / 2);
    puppet_receive_string(&puppet, 1, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_contains(puppet_output(&puppet, 1), "Connection: close\r\n");
    puppet_settle(&puppet);
    assert_string_equal(text_string(&desk->story), "GET / \"\";");
    puppet_pass(&puppet, NS_PER_S);
    puppet_settle(&puppet);
    assert_string_equal(text_string(&desk->story), "GET / \"\";drained;");
    puppet_end(&puppet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_answered_and_the_connection_kept),
        cmocka_unit_test(bytes_may_come_one_by_one),
        cmocka_unit_test(pipelined_requests_are_answered_in_order_one_at_a_time),
        cmocka_unit_test(a_client_that_leaves_before_its_answer_is_told_to_the_owner),
        cmocka_unit_test(streamed_bodies_come_only_as_fast_as_the_owner_reads),
        cmocka_unit_test(bodies_that_are_too_large_are_refused_without_resetting_the_client),
        cmocka_unit_test(chunked_bodies_have_the_same_limit),
        cmocka_unit_test(a_head_may_be_answered_before_its_body),
        cmocka_unit_test(malformed_requests_are_answered_and_cut),
        cmocka_unit_test(slow_heads_time_out_and_idle_connections_are_closed),
        cmocka_unit_test(a_client_that_does_not_read_is_cut_off),
        cmocka_unit_test(an_answer_may_come_piece_by_piece),
        cmocka_unit_test(who_knows_no_chunks_gets_pieces_until_the_end_of_the_connection),
        cmocka_unit_test(a_client_that_leaves_in_the_middle_of_its_answer_is_told_to_the_owner),
        cmocka_unit_test(connections_beyond_the_limit_are_refused_in_words),
        cmocka_unit_test(a_blob_is_sent_behind_its_head),
        cmocka_unit_test(draining_closes_idle_connections_and_waits_for_busy_ones),
        cmocka_unit_test(draining_answers_who_has_just_connected_and_waits_a_moment_for_the_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
