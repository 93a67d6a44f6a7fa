/* The parser of the bus protocol and the rules for subjects. */
#include "core/base/memory.h"
#include "core/base/random.h"
#include "core/wire/nats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static void print_part(struct text *log, const char *name, struct nats_text part)
{
    if (part.size == 0)
        return;
    text_addf(log, " %s=", name);
    text_add(log, part.data, part.size);
}

static void print_frame(struct text *log, const struct nats_frame *frame)
{
    static const char *const names[] = {"",    "CONNECT", "PUB",  "HPUB", "SUB", "UNSUB", "INFO", "MSG",  "HMSG",
                                        "+OK", "-ERR",    "PING", "PONG", "RS+", "RS-",   "RMSG", "RHMSG"};
    text_add_string(log, names[frame->verb]);
    print_part(log, "subject", frame->subject);
    print_part(log, "sid", frame->sid);
    print_part(log, "queue", frame->queue);
    print_part(log, "reply", frame->reply);
    print_part(log, "argument", frame->argument);
    if (frame->max_messages > 0)
        text_addf(log, " max=%d", (int)frame->max_messages);
    if (frame->body != NULL) {
        text_addf(log, " header=%d body=", (int)frame->header_size);
        text_add(log, frame->body, frame->body_size);
    }
    text_add_char(log, '\n');
}

/* Feeds the input in pieces of `piece` bytes (0: at random) and appends what came out of it. */
static void feed(struct text *log, enum nats_direction direction, const char *input, size_t size, size_t piece,
                 uint64_t seed)
{
    struct nats_parser parser;
    nats_parser_init(&parser, direction, 64, 32);
    struct random_stream stream = random_named(seed, "pieces");
    for (size_t at = 0; at < size;) {
        size_t step = piece > 0 ? piece : (size_t)random_between(&stream, 1, 12);
        if (step > size - at)
            step = size - at;
        /* A copy of exact size, so that a sanitizer sees any look beyond it. */
        char *copy = memory_copy_bytes(input + at, step);
        for (size_t from = 0;;) {
            struct nats_frame frame;
            size_t used = 0;
            enum nats_result result = nats_parse(&parser, (uint8_t *)copy + from, step - from, &used, &frame);
            from += used;
            if (result == NATS_INCOMPLETE) {
                assert_int_equal(from, step);
                break;
            }
            if (result != NATS_FRAME) {
                text_addf(log, "error: %s\n", nats_result_text(result));
                memory_free(copy);
                nats_parser_free(&parser);
                return;
            }
            print_frame(log, &frame);
        }
        memory_free(copy);
        at += step;
    }
    nats_parser_free(&parser);
}

static void expect_frames(enum nats_direction direction, const char *input, const char *expected)
{
    for (size_t piece = 0; piece < 20; piece++) {
        for (uint64_t seed = 0; seed < (piece == 0 ? 20 : 1); seed++) {
            struct text log = {0};
            feed(&log, direction, input, strlen(input), piece == 19 ? strlen(input) : piece, seed);
            assert_string_equal(text_string(&log), expected);
            text_free(&log);
        }
    }
}

static void what_clients_say_is_read_however_it_is_cut(void **state)
{
    (void)state;
    expect_frames(NATS_FROM_CLIENT,
                  "CONNECT {\"a\": 1} \r\nPUB a.b 5\r\nhello\r\nPUB a reply.to 2\r\n\r\n\r\nPUB x 0\r\n\r\n"
                  "HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\nHPUB a r 12 12\r\nNATS/1.0\r\n\r\n\r\n"
                  "SUB a.* 1\r\nSUB a.> q 22\r\nUNSUB 1\r\nUNSUB 22 5\r\nPING\r\nPONG\r\n",
                  "CONNECT argument={\"a\": 1}\nPUB subject=a.b header=0 body=hello\n"
                  "PUB subject=a reply=reply.to header=0 body=\r\n\nPUB subject=x header=0 body=\n"
                  "HPUB subject=a header=12 body=NATS/1.0\r\n\r\nhi\n"
                  "HPUB subject=a reply=r header=12 body=NATS/1.0\r\n\r\n\n"
                  "SUB subject=a.* sid=1\nSUB subject=a.> sid=22 queue=q\nUNSUB sid=1\nUNSUB sid=22 max=5\n"
                  "PING\nPONG\n");
}

static void what_servers_say_is_read_however_it_is_cut(void **state)
{
    (void)state;
    expect_frames(NATS_FROM_SERVER,
                  "INFO {}\r\n+OK\r\n-ERR 'Stale Connection'\r\n-ERR\r\nMSG a 1 2\r\nhi\r\nMSG a 1 r 2\r\nho\r\n"
                  "HMSG a 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\nPING\r\nPONG\r\n",
                  "INFO argument={}\n+OK\n-ERR argument=Stale Connection\n-ERR\nMSG subject=a sid=1 header=0 body=hi\n"
                  "MSG subject=a sid=1 reply=r header=0 body=ho\n"
                  "HMSG subject=a sid=1 header=12 body=NATS/1.0\r\n\r\nhi\nPING\nPONG\n");
}

static void what_other_servers_say_is_read_however_it_is_cut(void **state)
{
    (void)state;
    expect_frames(
        NATS_FROM_ROUTE,
        "INFO {}\r\nRS+ $G a.>\r\nRS+ $G a q 7\r\nRS- $G a q\r\nRS- $G a.>\r\nRMSG $G a 2\r\nhi\r\n"
        "RMSG $G a r 2\r\nho\r\nRMSG $G a + r q1 q2 0\r\n\r\nRMSG $G a | q1 1\r\nx\r\n"
        "HMSG $G a | q 12 14\r\nNATS/1.0\r\n\r\nhi\r\nPING\r\n",
        "INFO argument={}\nRS+ subject=a.>\nRS+ subject=a queue=q max=7\nRS- subject=a queue=q\nRS- subject=a.>\n"
        "RMSG subject=a header=0 body=hi\nRMSG subject=a reply=r header=0 body=ho\n"
        "RMSG subject=a queue=q1 q2 reply=r header=0 body=\nRMSG subject=a queue=q1 header=0 body=x\n"
        "RHMSG subject=a queue=q header=12 body=NATS/1.0\r\n\r\nhi\nPING\n");
}

static void old_habits_are_tolerated(void **state)
{
    (void)state;
    expect_frames(NATS_FROM_CLIENT, "pub a  2\r\nhi\r\nSub\ta\t\t7 \r\nUNSUB 7 \nping \r\n",
                  "PUB subject=a header=0 body=hi\nSUB subject=a sid=7\nUNSUB sid=7\nPING\n");
}

static void all_else_is_refused(void **state)
{
    (void)state;
    static const char unknown[] = "error: Unknown Protocol Operation\n";
    static const char malformed[] = "error: Parser Error\n";
    static const struct {
        enum nats_direction direction;
        const char *input, *expected;
    } cases[] = {
        {NATS_FROM_CLIENT, "GET / HTTP/1.1\r\n", unknown},
        {NATS_FROM_CLIENT, "\r\n", unknown},
        {NATS_FROM_CLIENT, " PING\r\n", unknown},
        {NATS_FROM_CLIENT, "PINGS\r\n", unknown},
        {NATS_FROM_CLIENT, "INFO {}\r\n", unknown},
        {NATS_FROM_SERVER, "PUB a 0\r\n\r\n", unknown},
        {NATS_FROM_CLIENT, "PUB a\r\n", malformed},
        {NATS_FROM_CLIENT, "PUB a b c 1\r\n", malformed},
        {NATS_FROM_CLIENT, "PUB a b c d e f 1\r\n", malformed},
        {NATS_FROM_CLIENT, "PUB a x\r\n", malformed},
        {NATS_FROM_CLIENT, "PUB a +1\r\n", malformed},
        {NATS_FROM_CLIENT, "PUB a 00000000001\r\n", malformed},
        {NATS_FROM_CLIENT, "PUB a\x7f\x01 1\r\n", malformed},
        {NATS_FROM_CLIENT, "PUB a 2\r\nabc\r\n", malformed},
        {NATS_FROM_CLIENT, "PUB a 2\r\nab\n\n", malformed},
        {NATS_FROM_CLIENT, "PUB a 33\r\n", "error: Maximum Payload Violation\n"},
        {NATS_FROM_CLIENT, "HPUB a 2\r\nab\r\n", malformed},
        {NATS_FROM_CLIENT, "HPUB a 3 2\r\nab\r\n", malformed},
        {NATS_FROM_CLIENT, "SUB a\r\n", malformed},
        {NATS_FROM_CLIENT, "SUB a b c d\r\n", malformed},
        {NATS_FROM_CLIENT, "UNSUB\r\n", malformed},
        {NATS_FROM_CLIENT, "UNSUB 1 2 3\r\n", malformed},
        {NATS_FROM_CLIENT, "UNSUB 1 x\r\n", malformed},
        {NATS_FROM_CLIENT, "CONNECT\r\n", malformed},
        {NATS_FROM_CLIENT, "PING x\r\n", malformed},
        {NATS_FROM_SERVER, "MSG a 2\r\nab\r\n", malformed},
        {NATS_FROM_ROUTE, "PUB a 0\r\n\r\n", unknown},
        {NATS_FROM_ROUTE, "RS+ a\r\n", malformed},
        {NATS_FROM_ROUTE, "RS+ $G a q\r\n", malformed},
        {NATS_FROM_ROUTE, "RMSG $G a + 0\r\n", malformed},
        {NATS_FROM_ROUTE, "RMSG $G a | 0\r\n", malformed},
        {NATS_FROM_ROUTE, "RMSG $G a r s 0\r\n", malformed},
        {NATS_FROM_ROUTE, "HMSG $G a 3 2\r\nab\r\n", malformed},
        {NATS_FROM_CLIENT, "SUB aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1\r\n",
         "error: Maximum Control Line Exceeded\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_frames(cases[i].direction, cases[i].input, cases[i].expected);
}

static void a_line_of_exactly_the_limit_is_read(void **state)
{
    (void)state;
    expect_frames(NATS_FROM_CLIENT, "SUB aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1\r\n",
                  "SUB subject=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa sid=1\n");
}

/* What can be passed on as it is: exactly the bytes behind the subject. */
static void canonical_publications_lend_their_rest(void **state)
{
    (void)state;
    static const struct {
        const char *input, *rest;
    } cases[] = {
        {"PUB a 2\r\nhi\r\n", "2\r\nhi\r\n"}, {"PUB a re.ply 2\r\nhi\r\n", "re.ply 2\r\nhi\r\n"},
        {"pub\t  a 0\r\n\r\n", "0\r\n\r\n"},  {"HPUB a 2 4\r\nabcd\r\n", "2 4\r\nabcd\r\n"},
        {"PUB a  2\r\nhi\r\n", ""},           {"PUB a r  2\r\nhi\r\n", ""},
        {"PUB a 2 \r\nhi\r\n", ""},           {"PUB a 2\nhi\r\n", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nats_parser parser;
        struct nats_frame frame;
        size_t used = 0;
        nats_parser_init(&parser, NATS_FROM_CLIENT, 64, 32);
        size_t size = strlen(cases[i].input);
        assert_int_equal(nats_parse(&parser, (const uint8_t *)cases[i].input, size, &used, &frame), NATS_FRAME);
        assert_int_equal(used, size);
        assert_int_equal(frame.rest.size, strlen(cases[i].rest));
        if (frame.rest.size > 0)
            assert_memory_equal(frame.rest.data, cases[i].rest, frame.rest.size);
        nats_parser_free(&parser);
    }
}

static void subjects_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *subject;
        bool is_literal, is_valid;
    } cases[] = {
        {"a", true, true},        {"a.b.c", true, true}, {"a*.b>.*c", true, true}, {"*", false, true},
        {"a.*.b", false, true},   {"a.>", false, true},  {">", false, true},       {"a.>.b", false, false},
        {"", false, false},       {".a", false, false},  {"a.", false, false},     {"a..b", false, false},
        {".", false, false},      {"a b", false, false}, {"a\tb", false, false},   {"a\r\n", false, false},
        {"\xc3\xa4", true, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(nats_subject_is_literal(nats_text_of(cases[i].subject)), cases[i].is_literal);
        assert_int_equal(nats_subject_is_valid(nats_text_of(cases[i].subject)), cases[i].is_valid);
    }
    char deep[2 * NATS_MAX_TOKENS + 2] = "a";
    for (int i = 1; i < NATS_MAX_TOKENS; i++)
        strcat(deep, ".a");
    assert_true(nats_subject_is_valid(nats_text_of(deep)));
    strcat(deep, ".a");
    assert_false(nats_subject_is_valid(nats_text_of(deep)));
}

static void patterns_match_by_token(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *subject;
        bool matches;
    } cases[] = {
        {"a.b", "a.b", true},     {"a.b", "a", false},     {"a", "a.b", false},    {"a.*", "a.b", true},
        {"a.*", "a", false},      {"a.*", "a.b.c", false}, {"*", "a", true},       {"*.b", "a.b", true},
        {">", "a.b.c", true},     {"a.>", "a", false},     {"a.>", "a.b.c", true}, {"a.*.>", "a.b", false},
        {"a.*.>", "a.b.c", true}, {"ab", "a", false},      {"a", "ab", false},     {"a.b*", "a.bc", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(nats_subject_matches(nats_text_of(cases[i].pattern), nats_text_of(cases[i].subject)),
                         cases[i].matches);
}

static void patterns_cover_and_overlap_each_other(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool covers, overlaps;
    } cases[] = {
        {">", "a", true, true},       {">", ">", true, true},         {"a.>", "a", false, false},
        {"a.>", "a.>", true, true},   {"a.>", "a.*", true, true},     {"a.*", "a.>", false, true},
        {"a.*", "a.b", true, true},   {"a.b", "a.*", false, true},    {"a.*", "a.b.c", false, false},
        {"*.b", "a.*", false, true},  {"*", "*", true, true},         {"a.*.c", "a.b.>", false, true},
        {"a.b", "a.c", false, false}, {"a.b.c", "a.b", false, false}, {"a", ">", false, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nats_text a = nats_text_of(cases[i].a);
        struct nats_text b = nats_text_of(cases[i].b);
        assert_int_equal(nats_subject_covers(a, b), cases[i].covers);
        assert_int_equal(nats_subject_overlaps(a, b), cases[i].overlaps);
        assert_int_equal(nats_subject_overlaps(b, a), cases[i].overlaps);
    }
}

/* What parses `line`, as text. */
static void describe(const char *line, size_t size, struct text *ret_text)
{
    struct nats_parser parser;
    struct nats_frame frame;
    size_t used = 0;
    nats_parser_init(&parser, NATS_FROM_CLIENT, 60, 30);
    enum nats_result result = nats_parse(&parser, (const uint8_t *)line, size, &used, &frame);
    text_addf(ret_text, "%d used %zu held %zu needed %zu", (int)result, used, parser.held.size, parser.needed);
    if (result == NATS_FRAME)
        text_addf(ret_text, " '%.*s' '%.*s' %zu '%.*s' at %zd", (int)frame.subject.size, frame.subject.data,
                  (int)frame.reply.size, frame.reply.data, frame.body_size, (int)frame.rest.size, frame.rest.data,
                  frame.body == NULL ? -1 : frame.body - (const uint8_t *)line);
    nats_parser_free(&parser);
}

/* PUB in canonical form has a way of its own; in small letters all take the general one. */
static void both_ways_to_read_a_publication_agree(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a",           "news.x", " ",    " ",    " ",    "\t", "0",  "2",  "17",  "99",
                                         "00000000002", "2x",     "\r\n", "\r\n", "\r\n", "\n", "\r", "hi", "\x01"};
    struct random_stream stream = random_named(1, "publications");
    size_t read = 0;
    for (int i = 0; i < 200000; i++) {
        struct text line = {0};
        struct text quick = {0};
        struct text general = {0};
        bool is_likely = random_below(&stream, 2) == 0;
        text_add_string(&line, is_likely ? "PUB a 2\r\n" : "PUB ");
        if (random_below(&stream, 4) == 0)
            text_add_string(&line, "news back 2\r\n");
        if (random_below(&stream, 2) == 0)
            text_add_string(&line, "hi\r\n");
        size_t count = (size_t)random_below(&stream, 12);
        for (size_t k = 0; k < count; k++)
            text_add_string(&line, pieces[random_below(&stream, sizeof pieces / sizeof *pieces)]);
        describe(text_string(&line), line.size, &quick);
        memcpy(line.buffer->bytes, "pub", 3);
        describe(text_string(&line), line.size, &general);
        assert_string_equal(text_string(&quick), text_string(&general));
        read += quick.buffer->bytes[0] == '1';
        text_free(&line);
        text_free(&quick);
        text_free(&general);
    }
    assert_true(read > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_clients_say_is_read_however_it_is_cut),
        cmocka_unit_test(what_servers_say_is_read_however_it_is_cut),
        cmocka_unit_test(what_other_servers_say_is_read_however_it_is_cut),
        cmocka_unit_test(old_habits_are_tolerated),
        cmocka_unit_test(patterns_cover_and_overlap_each_other),
        cmocka_unit_test(all_else_is_refused),
        cmocka_unit_test(a_line_of_exactly_the_limit_is_read),
        cmocka_unit_test(canonical_publications_lend_their_rest),
        cmocka_unit_test(subjects_are_checked),
        cmocka_unit_test(patterns_match_by_token),
        cmocka_unit_test(both_ways_to_read_a_publication_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
