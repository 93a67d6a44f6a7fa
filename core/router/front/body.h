/* Follows a body that passes through, to know where it ends. */
#ifndef CUPOLA_CORE_ROUTER_FRONT_BODY_H
#define CUPOLA_CORE_ROUTER_FRONT_BODY_H

#include "core/wire/http.h"

struct body {
    enum http_body kind;
    bool is_done;
    uint64_t left; /* HTTP_BODY_LENGTH. */
    struct http_chunks chunks;
};

struct body body_of(const struct http_head *head);
/* How many of these bytes belong to the body. False if its framing is wrong: then none may be passed on. With
 * `decoded`, a chunked body's data is appended there. */
bool body_feed(struct body *body, const uint8_t *bytes, size_t size, size_t *ret_used, struct text *decoded);

#endif
