/* Random bytes as the bus protocol, from clients, servers and other servers of a cluster. Links: core_wire, core_base,
 * program.
 *
 * Beyond "no crash": the same bytes give the same messages and the same error however they are cut, what is held never
 * exceeds the limits, and a subject that a server would publish matches itself. */
#include "core/base/assert.h"
#include "core/base/random.h"
#include "core/wire/nats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_LINE = 128, MAX_PAYLOAD = 256 };

static uint64_t mix_text(uint64_t hash, struct nats_text text)
{
    return random_hash(hash, text.data, text.size);
}

static uint64_t mix_frame(uint64_t hash, const struct nats_frame *frame)
{
    hash = random_mix(hash, (uint64_t)frame->verb);
    hash = mix_text(hash, frame->subject);
    hash = mix_text(hash, frame->reply);
    hash = mix_text(hash, frame->queue);
    hash = mix_text(hash, frame->sid);
    hash = mix_text(hash, frame->account);
    hash = mix_text(hash, frame->argument);
    hash = mix_text(hash, frame->rest);
    hash = random_mix(hash, frame->max_messages);
    hash = random_mix(hash, frame->header_size);
    assert_that(frame->header_size <= frame->body_size);
    assert_that(frame->body_size <= MAX_PAYLOAD);
    if (frame->subject.size > 0 && nats_subject_is_literal(frame->subject)) {
        assert_that(nats_subject_is_valid(frame->subject));
        assert_that(nats_subject_matches(frame->subject, frame->subject));
        assert_that(nats_subject_matches(nats_text_of(">"), frame->subject));
    }
    /* What one pattern covers it also overlaps, both ways; a queue list ends. */
    if (nats_subject_is_valid(frame->subject) && nats_subject_is_valid(frame->reply)) {
        assert_that(nats_subject_covers(frame->subject, frame->subject));
        if (nats_subject_covers(frame->subject, frame->reply))
            assert_that(nats_subject_overlaps(frame->subject, frame->reply));
        assert_that(nats_subject_overlaps(frame->subject, frame->reply) ==
                    nats_subject_overlaps(frame->reply, frame->subject));
    }
    struct nats_text list = frame->queue;
    struct nats_text name;
    size_t names = 0;
    while (nats_text_next(&list, &name))
        names++;
    assert_that(names <= MAX_LINE);
    return random_hash(hash, frame->body, frame->body_size);
}

/* A hash of all that was parsed. */
static uint64_t parse_all(enum nats_direction direction, const uint8_t *data, size_t size, size_t piece)
{
    struct nats_parser parser;
    nats_parser_init(&parser, direction, MAX_LINE, MAX_PAYLOAD);
    uint64_t hash = 0;
    enum nats_result result = NATS_INCOMPLETE;
    for (size_t at = 0; at < size && result == NATS_INCOMPLETE;) {
        size_t end = piece < size - at ? at + piece : size;
        for (;;) {
            struct nats_frame frame;
            size_t used = 0;
            result = nats_parse(&parser, data + at, end - at, &used, &frame);
            at += used;
            if (result != NATS_FRAME)
                break;
            hash = mix_frame(hash, &frame);
        }
        assert_that(parser.held.size <= MAX_LINE + MAX_PAYLOAD + 2);
    }
    nats_parser_free(&parser);
    return result == NATS_INCOMPLETE ? hash : random_mix(hash, (uint64_t)result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum nats_direction directions[] = {NATS_FROM_CLIENT, NATS_FROM_SERVER, NATS_FROM_ROUTE};
    for (size_t i = 0; i < sizeof directions / sizeof *directions; i++) {
        uint64_t whole = parse_all(directions[i], data, size, size > 0 ? size : 1);
        assert_that(parse_all(directions[i], data, size, 1) == whole);
        assert_that(parse_all(directions[i], data, size, 7) == whole);
    }
    return 0;
}
