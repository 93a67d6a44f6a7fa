#include "core/router/front/body.h"

#include "core/base/assert.h"

struct body body_of(const struct http_head *head)
{
    return (struct body){
        .kind = head->body,
        .is_done = head->body == HTTP_BODY_NONE,
        .left = head->body == HTTP_BODY_LENGTH ? head->content_length : 0,
    };
}

static bool feed_chunks(struct body *body, const uint8_t *bytes, size_t size, size_t *ret_used, struct text *decoded)
{
    enum http_result result = http_chunks_feed(&body->chunks, bytes, size, ret_used, decoded);
    body->is_done = result == HTTP_OK;
    return result == HTTP_OK || result == HTTP_INCOMPLETE;
}

bool body_feed(struct body *body, const uint8_t *bytes, size_t size, size_t *ret_used, struct text *decoded)
{
    *ret_used = 0;
    if (body->is_done)
        return true;
    switch (body->kind) {
    case HTTP_BODY_LENGTH:
        *ret_used = body->left < size ? (size_t)body->left : size;
        body->left -= *ret_used;
        body->is_done = body->left == 0;
        return true;
    case HTTP_BODY_CHUNKED:
        return feed_chunks(body, bytes, size, ret_used, decoded);
    case HTTP_BODY_UNTIL_CLOSE:
        *ret_used = size;
        return true;
    case HTTP_BODY_NONE:
        break;
    }
    assert_unreachable();
}
