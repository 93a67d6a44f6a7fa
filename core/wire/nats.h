/* The NATS client protocol as bytes, in both directions: a strict, incremental parser.
 *
 *     CONNECTED PEER  --bytes-->  nats_parse  --frames-->  bus server or bus client
 *
 * A message that lies whole in the received bytes is not copied: its frame points into them. One that was cut by the
 * network is collected first; what is held is bounded by the limits of the caller, and grows only with what has really
 * come. Payloads may hold any byte.
 *
 * What is tolerated because peers do it: verbs in any case, runs of blanks and tabs between arguments (clients of 2011
 * leave two where an optional argument is missing), a control line that ends in LF alone. All else is an error, after
 * which the connection cannot be used any more.
 */
#ifndef CUPOLA_CORE_WIRE_NATS_H
#define CUPOLA_CORE_WIRE_NATS_H

#include "core/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NATS_MAX_TOKENS = 64 }; /* Of a subject. */

/* A piece of the received bytes. Not NUL-terminated. */
struct nats_text {
    const char *data;
    size_t size;
};

enum nats_direction { NATS_FROM_CLIENT = 1, NATS_FROM_SERVER, NATS_FROM_ROUTE /* Another server. */ };

enum nats_verb {
    NATS_CONNECT = 1, /* From clients. */
    NATS_PUB,
    NATS_HPUB,
    NATS_SUB,
    NATS_UNSUB,
    NATS_INFO, /* From servers. */
    NATS_MSG,
    NATS_HMSG,
    NATS_OK,
    NATS_ERR,
    NATS_PING, /* From both. */
    NATS_PONG,
    NATS_RS_ADD, /* From other servers: RS+, RS-, RMSG, and HMSG as they say it. */
    NATS_RS_DROP,
    NATS_RMSG,
    NATS_RHMSG,
};

/* One message. What a verb does not have is empty. Lent: valid until the next nats_parse, and as long as the bytes. */
struct nats_frame {
    enum nats_verb verb;
    struct nats_text subject;
    struct nats_text reply;
    struct nats_text queue;   /* RMSG: all of them, with blanks between. */
    struct nats_text account; /* RS+, RS-, RMSG. */
    struct nats_text sid;
    struct nats_text argument; /* CONNECT, INFO: the JSON. -ERR: the text without its quotes. */
    uint64_t max_messages;     /* UNSUB; 0 when not given. RS+: how many members the queue has. */

    const uint8_t *body; /* Headers, then payload. */
    size_t header_size;  /* HPUB and HMSG; part of body_size. */
    size_t body_size;
    /* PUB and HPUB in canonical form: everything behind the subject, "[reply ]sizes CRLF body CRLF", as one piece that
     * can be passed on as it is. Empty if the line was not canonical. */
    struct nats_text rest;
};

enum nats_result {
    NATS_FRAME = 1,
    NATS_INCOMPLETE, /* All bytes were used; nothing is lent any more. */
    NATS_LINE_TOO_LONG,
    NATS_PAYLOAD_TOO_LARGE,
    NATS_UNKNOWN_VERB,
    NATS_MALFORMED,
};

/* What a server says in -ERR before it hangs up, for example "Maximum Payload Violation". Static. */
const char *nats_result_text(enum nats_result result);

struct nats_parser {
    enum nats_direction direction;
    size_t max_line_bytes;
    size_t max_payload_bytes;

    /* Private. */
    struct text held;   /* A message that has begun to come. */
    size_t needed;      /* Its whole size once its control line is complete, 0 before. */
    bool held_is_spent; /* It was handed out as a frame; dropped by the next call. */
};

void nats_parser_init(struct nats_parser *parser, enum nats_direction direction, size_t max_line_bytes,
                      size_t max_payload_bytes);
void nats_parser_free(struct nats_parser *parser);
/* Takes the next message from `bytes`; *ret_used says how many of them belong to it. To be called with what is left
 * until it says NATS_INCOMPLETE (also when nothing is left) or an error. */
enum nats_result nats_parse(struct nats_parser *parser, const uint8_t *bytes, size_t size, size_t *ret_used,
                            struct nats_frame *ret_frame);

/* ---- Subjects ---- */

/* Tokens between dots, none empty, no blanks or control characters. */
bool nats_subject_is_literal(struct nats_text subject); /* And no wildcard: fit to publish to. */
bool nats_subject_is_valid(struct nats_text subject);   /* "*" stands for one token, ">" at the end for one or more. */
/* `subject` is literal, `pattern` valid. */
bool nats_subject_matches(struct nats_text pattern, struct nats_text subject);
/* Whether everything that `inner` matches is matched by `outer`. Both are valid. */
bool nats_subject_covers(struct nats_text outer, struct nats_text inner);
/* Whether some subject is matched by both. Both are valid. */
bool nats_subject_overlaps(struct nats_text a, struct nats_text b);
/* Takes the next item from a list with blanks between; false after the last. */
bool nats_text_next(struct nats_text *list, struct nats_text *ret_item);

bool nats_text_equals(struct nats_text a, struct nats_text b);
struct nats_text nats_text_of(const char *string);

#endif
