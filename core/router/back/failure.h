/* How a backend can fail a request, and what follows from it: one table instead of conditions all over the code.
 *
 *   retriable  the request may go to another endpoint, as the instance cannot have acted on it
 *   replayable it was delivered, yet may be sent once more (RFC 9110, 9.2.2: idempotent methods only; RFC 9112, 9.3.1)
 *   failable   the endpoint is set aside for a while
 *   prunable   nobody listens there: its owner is asked whether the route still holds, or (v1) the route goes
 *
 * One that ends what it is sent to must not end instance after instance: replay.c says when a delivered request is sent
 * once more. */
#ifndef CUPOLA_CORE_ROUTER_BACK_FAILURE_H
#define CUPOLA_CORE_ROUTER_BACK_FAILURE_H

#include "core/io.h"

enum failure {
    FAILURE_REFUSED = 0,     /* Nobody listens at the port. */
    FAILURE_UNREACHABLE,     /* No way to the host. */
    FAILURE_CONNECT_TIMEOUT, /* No answer to the attempt to connect: a dead host, or a full one. */
    FAILURE_CONNECT_OTHER,   /* Reset while connecting, no descriptors, ... */
    FAILURE_STALE,           /* A connection that had been idle ended without a byte of an answer. */
    FAILURE_CRASHED,         /* A fresh or busy one did. */
    FAILURE_TRUNCATED,       /* It ended within the answer. */
    FAILURE_MALFORMED,       /* What came was no HTTP. */
    FAILURE_SILENT,          /* No answer in time. */
    FAILURE_LOST,            /* No answer, and its host does not answer attempts to connect any more. */
    FAILURE_COUNT,
};

struct failure_class {
    const char *name; /* For logs and metrics. */
    const char *what; /* For people: "endpoint 10.0.0.7:40001 refused the connection". */
    bool is_retriable, is_replayable, is_failable, is_prunable;
};

const struct failure_class *failure_class(enum failure failure);
/* Why a connection could not be made. */
enum failure failure_of_connect(enum io_status status);

#endif
