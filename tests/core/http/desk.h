/* A component that is nothing but an HTTP server at port 80: two connections at a time, bodies of up to 64 bytes. */
#ifndef CUPOLA_TESTS_CORE_HTTP_DESK_H
#define CUPOLA_TESTS_CORE_HTTP_DESK_H

#include "core/http/server.h"
#include "tests/core/http/puppet.h"

struct desk {
    struct machine machine;
    struct http_server server;
    struct text story;             /* What the handlers heard. */
    struct http_exchange *waiting; /* Not answered at once. */
    bool is_slow;                  /* Leaves requests waiting. */
    bool streams;
    bool answers_heads;
};

/* Started, and listening. */
struct desk *given_server(struct puppet *puppet);
/* The desk reads on ("read"), or answers what has been waiting: with that text, or piece by piece ("begin", "+piece",
 * "end"). It hears of it by an event that a server knows nothing of. */
void prod(struct puppet *puppet, const char *wish);

#endif
