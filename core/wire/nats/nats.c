/* See nats.h. A message is a control line and, for some verbs, a body; parse_whole reads one from contiguous bytes, and
 * the rest of this file sees to it that it gets them: lent if possible, collected if not. */
#include "core/wire/nats.h"

#include "core/base/assert.h"

#include <string.h>

enum { MAX_QUEUES = 64, MAX_ARGUMENTS = MAX_QUEUES + 6, MAX_DIGITS = 10 };

struct arguments {
    struct nats_text at[MAX_ARGUMENTS];
    size_t count;
};

const char *nats_result_text(enum nats_result result)
{
    switch (result) {
    case NATS_LINE_TOO_LONG:
        return "Maximum Control Line Exceeded";
    case NATS_PAYLOAD_TOO_LARGE:
        return "Maximum Payload Violation";
    case NATS_UNKNOWN_VERB:
        return "Unknown Protocol Operation";
    case NATS_MALFORMED:
        return "Parser Error";
    case NATS_FRAME:
    case NATS_INCOMPLETE:
        break;
    }
    return "";
}

void nats_parser_init(struct nats_parser *parser, enum nats_direction direction, size_t max_line_bytes,
                      size_t max_payload_bytes)
{
    assert_that(max_line_bytes > 0);
    *parser = (struct nats_parser){
        .direction = direction, .max_line_bytes = max_line_bytes, .max_payload_bytes = max_payload_bytes};
}

void nats_parser_free(struct nats_parser *parser)
{
    text_free(&parser->held);
}

/* ---- The control line ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Whether the line begins with the verb, in any case, followed by a blank or nothing. `verb` is upper case. */
static bool has_verb(struct nats_text line, const char *verb, size_t size)
{
    if (line.size < size || (line.size > size && !is_blank(line.data[size])))
        return false;
    for (size_t i = 0; i < size; i++) {
        char c = line.data[i];
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (c != verb[i])
            return false;
    }
    return true;
}

struct verb_name {
    const char *text;
    size_t size;
    enum nats_verb verb;
};

/* The most frequent ones first. */
static const struct verb_name client_verbs[] = {
    {"PUB", 3, NATS_PUB},   {"HPUB", 4, NATS_HPUB}, {"SUB", 3, NATS_SUB},         {"UNSUB", 5, NATS_UNSUB},
    {"PING", 4, NATS_PING}, {"PONG", 4, NATS_PONG}, {"CONNECT", 7, NATS_CONNECT},
};
static const struct verb_name server_verbs[] = {
    {"MSG", 3, NATS_MSG},   {"HMSG", 4, NATS_HMSG}, {"PING", 4, NATS_PING}, {"PONG", 4, NATS_PONG},
    {"INFO", 4, NATS_INFO}, {"+OK", 3, NATS_OK},    {"-ERR", 4, NATS_ERR},
};

static const struct verb_name route_verbs[] = {
    {"RMSG", 4, NATS_RMSG}, {"HMSG", 4, NATS_RHMSG}, {"RS+", 3, NATS_RS_ADD},      {"RS-", 3, NATS_RS_DROP},
    {"PING", 4, NATS_PING}, {"PONG", 4, NATS_PONG},  {"CONNECT", 7, NATS_CONNECT}, {"INFO", 4, NATS_INFO},
    {"+OK", 3, NATS_OK},    {"-ERR", 4, NATS_ERR},
};
static const struct {
    const struct verb_name *verbs;
    size_t count;
} vocabularies[] = {
    [NATS_FROM_CLIENT] = {client_verbs, sizeof client_verbs / sizeof *client_verbs},
    [NATS_FROM_SERVER] = {server_verbs, sizeof server_verbs / sizeof *server_verbs},
    [NATS_FROM_ROUTE] = {route_verbs, sizeof route_verbs / sizeof *route_verbs},
};

static const struct verb_name *find_verb(enum nats_direction direction, struct nats_text line)
{
    const struct verb_name *verbs = vocabularies[direction].verbs;
    size_t count = vocabularies[direction].count;
    for (size_t i = 0; i < count; i++) {
        if (has_verb(line, verbs[i].text, verbs[i].size))
            return &verbs[i];
    }
    return NULL;
}

/* Splits at runs of blanks. False if there are too many arguments, or a control character in one. */
static bool split(struct nats_text line, struct arguments *ret_arguments)
{
    const char *at = line.data;
    const char *end = line.data + line.size;
    ret_arguments->count = 0;
    for (;;) {
        while (at < end && is_blank(*at))
            at++;
        if (at == end)
            return true;
        const char *begin = at;
        while (at < end && (unsigned char)*at > ' ')
            at++;
        if ((at < end && !is_blank(*at)) || ret_arguments->count == MAX_ARGUMENTS)
            return false;
        ret_arguments->at[ret_arguments->count++] = (struct nats_text){begin, (size_t)(at - begin)};
    }
}

static bool read_number(struct nats_text digits, uint64_t *ret_number)
{
    if (digits.size == 0 || digits.size > MAX_DIGITS)
        return false;
    uint64_t number = 0;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(digits.data[i] - '0');
    }
    *ret_number = number;
    return true;
}

static struct nats_text trim(struct nats_text text)
{
    while (text.size > 0 && is_blank(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

static struct nats_text unquote(struct nats_text text)
{
    if (text.size >= 2 && text.data[0] == '\'' && text.data[text.size - 1] == '\'')
        return (struct nats_text){text.data + 1, text.size - 2};
    return text;
}

/* PUB subject [reply] size, HPUB subject [reply] header_size size;
 * MSG and HMSG have the subscription's id behind the subject. */
static enum nats_result read_message(const struct nats_parser *parser, struct nats_text line, struct nats_frame *frame)
{
    bool has_sid = frame->verb == NATS_MSG || frame->verb == NATS_HMSG;
    bool has_header = frame->verb == NATS_HPUB || frame->verb == NATS_HMSG;
    size_t least = 2 + (size_t)has_sid + (size_t)has_header;
    struct arguments arguments;
    if (!split(line, &arguments) || arguments.count < least || arguments.count > least + 1)
        return NATS_MALFORMED;

    frame->subject = arguments.at[0];
    if (has_sid)
        frame->sid = arguments.at[1];
    size_t next = 1 + (size_t)has_sid;
    if (arguments.count > least)
        frame->reply = arguments.at[next++];
    uint64_t header_size = 0;
    uint64_t body_size = 0;
    if (has_header && !read_number(arguments.at[next++], &header_size))
        return NATS_MALFORMED;
    if (!read_number(arguments.at[next], &body_size) || header_size > body_size)
        return NATS_MALFORMED;
    if (body_size > parser->max_payload_bytes)
        return NATS_PAYLOAD_TOO_LARGE;
    frame->header_size = header_size;
    frame->body_size = body_size;

    /* Canonical: single blanks from the subject to the end of the line. */
    size_t tokens_size = 0;
    for (size_t i = 0; i < arguments.count; i++)
        tokens_size += arguments.at[i].size + 1;
    struct nats_text last = arguments.at[arguments.count - 1];
    if ((size_t)(last.data + last.size + 1 - frame->subject.data) == tokens_size && last.data[last.size] == '\r')
        frame->rest.data = arguments.at[1].data;
    return NATS_FRAME;
}

static bool is_mark(struct nats_text text, char mark)
{
    return text.size == 1 && text.data[0] == mark;
}

/* RMSG account subject [reply | "+" reply queue... | "|" queue...] size; HMSG with header_size before it. Between
 * servers that trust each other, so that only what could hurt the reader is checked. */
static enum nats_result read_routed(const struct nats_parser *parser, struct nats_text line, struct nats_frame *frame)
{
    bool has_header = frame->verb == NATS_RHMSG;
    size_t sizes = 1 + (size_t)has_header;
    struct arguments arguments;
    if (!split(line, &arguments) || arguments.count < 2 + sizes)
        return NATS_MALFORMED;
    frame->account = arguments.at[0];
    frame->subject = arguments.at[1];
    size_t end = arguments.count - sizes; /* Of what is between the subject and the sizes. */
    size_t next = 2;
    bool is_marked = next < end && (is_mark(arguments.at[next], '+') || is_mark(arguments.at[next], '|'));
    if (is_marked) {
        if (is_mark(arguments.at[next++], '+') && next < end)
            frame->reply = arguments.at[next++];
        if (next == end)
            return NATS_MALFORMED;
        frame->queue.data = arguments.at[next].data;
        frame->queue.size = (size_t)(arguments.at[end - 1].data + arguments.at[end - 1].size - frame->queue.data);
    } else if (next < end) {
        frame->reply = arguments.at[next++];
        if (next != end)
            return NATS_MALFORMED;
    }
    uint64_t header_size = 0;
    uint64_t body_size = 0;
    if ((has_header && !read_number(arguments.at[end], &header_size)) ||
        !read_number(arguments.at[arguments.count - 1], &body_size) || header_size > body_size)
        return NATS_MALFORMED;
    if (body_size > parser->max_payload_bytes)
        return NATS_PAYLOAD_TOO_LARGE;
    frame->header_size = header_size;
    frame->body_size = body_size;
    return NATS_FRAME;
}

/* RS+ account subject [queue members], RS- account subject [queue] */
static enum nats_result read_interest(struct nats_text line, struct nats_frame *frame)
{
    struct arguments arguments;
    size_t with_queue = frame->verb == NATS_RS_ADD ? 4 : 3;
    if (!split(line, &arguments) || (arguments.count != 2 && arguments.count != with_queue))
        return NATS_MALFORMED;
    frame->account = arguments.at[0];
    frame->subject = arguments.at[1];
    if (arguments.count == 2)
        return NATS_FRAME;
    frame->queue = arguments.at[2];
    bool is_good = frame->verb == NATS_RS_DROP || read_number(arguments.at[3], &frame->max_messages);
    return is_good ? NATS_FRAME : NATS_MALFORMED;
}

static enum nats_result read_subscription(struct nats_text line, struct nats_frame *frame)
{
    struct arguments arguments;
    if (!split(line, &arguments))
        return NATS_MALFORMED;
    if (frame->verb == NATS_UNSUB) {
        if (arguments.count < 1 || arguments.count > 2)
            return NATS_MALFORMED;
        frame->sid = arguments.at[0];
        bool is_good = arguments.count == 1 || read_number(arguments.at[1], &frame->max_messages);
        return is_good ? NATS_FRAME : NATS_MALFORMED;
    }
    if (arguments.count < 2 || arguments.count > 3)
        return NATS_MALFORMED;
    frame->subject = arguments.at[0];
    if (arguments.count == 3)
        frame->queue = arguments.at[1];
    frame->sid = arguments.at[arguments.count - 1];
    return NATS_FRAME;
}

static enum nats_result read_line(const struct nats_parser *parser, struct nats_text line, struct nats_frame *frame)
{
    const struct verb_name *verb = find_verb(parser->direction, line);
    if (verb == NULL)
        return NATS_UNKNOWN_VERB;
    *frame = (struct nats_frame){.verb = verb->verb};
    struct nats_text tail = {line.data + verb->size, line.size - verb->size};
    switch (verb->verb) {
    case NATS_PUB:
    case NATS_HPUB:
    case NATS_MSG:
    case NATS_HMSG:
        return read_message(parser, tail, frame);
    case NATS_SUB:
    case NATS_UNSUB:
        return read_subscription(tail, frame);
    case NATS_RMSG:
    case NATS_RHMSG:
        return read_routed(parser, tail, frame);
    case NATS_RS_ADD:
    case NATS_RS_DROP:
        return read_interest(tail, frame);
    case NATS_CONNECT:
    case NATS_INFO:
        frame->argument = trim(tail);
        return frame->argument.size > 0 ? NATS_FRAME : NATS_MALFORMED;
    case NATS_ERR:
        frame->argument = unquote(trim(tail));
        return NATS_FRAME;
    case NATS_OK:
    case NATS_PING:
    case NATS_PONG:
        return trim(tail).size == 0 ? NATS_FRAME : NATS_MALFORMED;
    }
    assert_unreachable();
}

static bool has_body(enum nats_verb verb)
{
    return verb == NATS_PUB || verb == NATS_HPUB || verb == NATS_MSG || verb == NATS_HMSG || verb == NATS_RMSG ||
           verb == NATS_RHMSG;
}

/* ---- Whole messages ---- */

/* Reads digits; returns where they end. */
static const char *read_digits(const char *at, const char *end, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *last = end - at > MAX_DIGITS ? at + MAX_DIGITS : end;
    while (at < last && *at >= '0' && *at <= '9')
        number = number * 10 + (uint64_t)(*at++ - '0');
    *ret_number = number;
    return at;
}

static const char *skip_token(const char *at, const char *end)
{
    while (at < end && (unsigned char)*at > ' ')
        at++;
    return at;
}

/* "PUB subject [reply ]size CRLF" in canonical form, which nearly all messages have, in one pass. Returns where the
 * line ends; NULL for all else, which the general way reads or refuses. */
static const char *read_plain_pub(const struct nats_parser *parser, const char *at, const char *end,
                                  struct nats_frame *frame)
{
    static const char verb[] = "PUB ";
    if (parser->direction != NATS_FROM_CLIENT || end - at < 8 || memcmp(at, verb, sizeof verb - 1) != 0)
        return NULL;
    const char *subject = at + sizeof verb - 1;
    const char *subject_end = skip_token(subject, end);
    if (subject_end == subject || subject_end == end || *subject_end != ' ')
        return NULL;
    const char *rest = subject_end + 1;
    struct nats_text reply = {0};
    uint64_t body_size = 0;
    const char *size = rest;
    at = read_digits(size, end, &body_size);
    if (at < end && *at != '\r') {
        reply = (struct nats_text){rest, (size_t)(skip_token(at, end) - rest)};
        size = rest + reply.size + 1;
        if (reply.size == 0 || size >= end || size[-1] != ' ')
            return NULL;
        at = read_digits(size, end, &body_size);
    }
    if (at == size || end - at < 2 || at[0] != '\r' || at[1] != '\n' || body_size > parser->max_payload_bytes)
        return NULL;
    *frame = (struct nats_frame){.verb = NATS_PUB,
                                 .subject = {subject, (size_t)(subject_end - subject)},
                                 .reply = reply,
                                 .body_size = body_size,
                                 .rest = {rest, 0}};
    return at + 2;
}

/* Reads one message from contiguous bytes. On NATS_FRAME *ret_size is its size; on NATS_INCOMPLETE it is the size that
 * it will have, or 0 as long as its control line is not complete. */
static enum nats_result parse_whole(const struct nats_parser *parser, const uint8_t *bytes, size_t size,
                                    size_t *ret_size, struct nats_frame *frame)
{
    *ret_size = 0;
    size_t window = size < parser->max_line_bytes ? size : parser->max_line_bytes;
    const char *line_end = read_plain_pub(parser, (const char *)bytes, (const char *)bytes + window, frame);
    if (line_end == NULL) {
        const char *newline = memchr(bytes, '\n', window);
        if (newline == NULL)
            return size >= parser->max_line_bytes ? NATS_LINE_TOO_LONG : NATS_INCOMPLETE;
        line_end = newline + 1;
        struct nats_text line = {(const char *)bytes, (size_t)(newline - (const char *)bytes)};
        if (line.size > 0 && line.data[line.size - 1] == '\r')
            line.size--;
        enum nats_result result = read_line(parser, line, frame);
        *ret_size = (size_t)(line_end - (const char *)bytes);
        if (result != NATS_FRAME || !has_body(frame->verb))
            return result;
    }
    size_t line_size = (size_t)(line_end - (const char *)bytes);

    *ret_size = line_size + frame->body_size + 2;
    if (size < *ret_size)
        return NATS_INCOMPLETE;
    frame->body = bytes + line_size;
    if (frame->body[frame->body_size] != '\r' || frame->body[frame->body_size + 1] != '\n')
        return NATS_MALFORMED;
    if (frame->rest.data != NULL)
        frame->rest.size = (size_t)((const char *)frame->body + frame->body_size + 2 - frame->rest.data);
    return NATS_FRAME;
}

/* ---- Messages that come in pieces ---- */

/* Adds to the held message what belongs to it: the rest of its line, or of its body. Looks at each byte once. */
static enum nats_result continue_held(struct nats_parser *parser, const uint8_t *bytes, size_t size, size_t *ret_used,
                                      struct nats_frame *frame)
{
    size_t used = size;
    if (parser->needed > 0) {
        if (used > parser->needed - parser->held.size)
            used = parser->needed - parser->held.size;
    } else {
        const uint8_t *newline = memchr(bytes, '\n', size);
        if (newline != NULL)
            used = (size_t)(newline - bytes) + 1;
        if (parser->held.size + used > parser->max_line_bytes - (newline == NULL))
            return NATS_LINE_TOO_LONG;
    }
    text_add(&parser->held, bytes, used);
    *ret_used = used;
    if (parser->needed > 0 && parser->held.size < parser->needed)
        return NATS_INCOMPLETE;
    if (parser->needed == 0 && parser->held.buffer->bytes[parser->held.size - 1] != '\n')
        return NATS_INCOMPLETE;
    enum nats_result result =
        parse_whole(parser, parser->held.buffer->bytes, parser->held.size, &parser->needed, frame);
    if (result == NATS_FRAME)
        parser->held_is_spent = true;
    return result;
}

enum nats_result nats_parse(struct nats_parser *parser, const uint8_t *bytes, size_t size, size_t *ret_used,
                            struct nats_frame *ret_frame)
{
    *ret_used = 0;
    if (parser->held_is_spent) {
        text_free(&parser->held);
        parser->held_is_spent = false;
        parser->needed = 0;
    }
    if (parser->held.size == 0) {
        if (size == 0)
            return NATS_INCOMPLETE;
        size_t whole = 0;
        enum nats_result result = parse_whole(parser, bytes, size, &whole, ret_frame);
        if (result == NATS_INCOMPLETE) {
            text_add(&parser->held, bytes, size);
            parser->needed = whole;
            *ret_used = size;
        } else if (result == NATS_FRAME) {
            *ret_used = whole;
        }
        return result;
    }
    size_t at = 0;
    while (at < size) {
        size_t used = 0;
        enum nats_result result = continue_held(parser, bytes + at, size - at, &used, ret_frame);
        at += used;
        *ret_used = at;
        if (result != NATS_INCOMPLETE)
            return result;
    }
    return NATS_INCOMPLETE;
}
