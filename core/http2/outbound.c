/* HTTP/1.1 as the owner of a conn writes it, into header lists and data. What it writes it has checked, but backends
 * say what they like behind a correct head: who cannot be understood here ends its stream. */
#include "core/http2/stream.h"

#include "core/base/assert.h"

#include <string.h>

enum { MAX_FIELDS = HTTP_MAX_HEADERS + 8, MOVED_LEAST = 65536 };

struct fields {
    nghttp2_nv items[MAX_FIELDS];
    size_t count;
};

/* ---- Fields ---- */

static void add(struct fields *fields, const char *name, size_t name_size, const char *value, size_t value_size)
{
    assert_that(fields->count < MAX_FIELDS);
    fields->items[fields->count++] = (nghttp2_nv){
        .name = (uint8_t *)(uintptr_t)name,
        .namelen = name_size,
        .value = (uint8_t *)(uintptr_t)value,
        .valuelen = value_size,
    };
}

static void add_pseudo(struct fields *fields, const char *name, struct http_text value)
{
    add(fields, name, strlen(name), value.data, value.size);
}

/* In place: the head is our own copy. */
static void make_lower(struct http_text text)
{
    char *bytes = (char *)(uintptr_t)text.data;
    for (size_t i = 0; i < text.size; i++) {
        if (bytes[i] >= 'A' && bytes[i] <= 'Z')
            bytes[i] = (char)(bytes[i] - 'A' + 'a');
    }
}

static void add_regular(struct fields *fields, const struct http_head *head, bool is_request)
{
    for (size_t i = 0; i < head->header_count; i++) {
        struct http_text name = head->headers[i].name, value = head->headers[i].value;
        if (http_is_hop_by_hop(head, name) || (is_request && name.size == 4 && http_text_is(name, "Host")))
            continue;
        make_lower(name);
        add(fields, name.data, name.size, value.data, value.size);
    }
    if (is_request)
        add_pseudo(fields, "te", (struct http_text){"trailers", 8}); /* We pass them on; gRPC asks for it. */
}

/* ---- Data ---- */

static size_t body_size(const struct h2_outbound *out)
{
    return out->body.size - out->body_used;
}

static void count_sent(struct h2_stream *stream, size_t size)
{
    struct h2_outbound *out = &stream->out;
    size_t told = size < out->unreported && body_size(out) > 0 ? size : out->unreported;
    out->unreported -= told;
    stream->written += told;
    if (told > 0)
        h2_wake(stream);
}

static void submit_trailers(struct h2_stream *stream)
{
    struct fields fields = {0};
    char *at = (char *)(uintptr_t)text_string(&stream->out.trailers), *line_end;
    while ((line_end = strstr(at, "\r\n")) != NULL && fields.count < HTTP_MAX_HEADERS) {
        char *colon = memchr(at, ':', (size_t)(line_end - at));
        if (colon == NULL)
            break;
        const char *value = colon + 1;
        while (value < line_end && (*value == ' ' || *value == '\t'))
            value++;
        struct http_text name = {at, (size_t)(colon - at)};
        make_lower(name);
        if (!http_is_connection_field(name))
            add(&fields, name.data, name.size, value, (size_t)(line_end - value));
        at = line_end + 2;
    }
    nghttp2_submit_trailer(stream->link->session, stream->id, fields.items, fields.count);
}

/* Memory is let go of, and a body that is never all sent does not grow. */
static void drop_used(struct h2_outbound *out)
{
    if (body_size(out) == 0) {
        text_free(&out->body);
        out->body_used = 0;
    } else if (out->body_used >= MOVED_LEAST && out->body_used >= body_size(out)) {
        text_consume(&out->body, out->body_used);
        out->body_used = 0;
    }
}

/* nghttp2 asks for the next frame's data. */
static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *room, size_t size, uint32_t *ret_flags,
                         nghttp2_data_source *source, void *context)
{
    (void)session;
    (void)id;
    (void)context;
    struct h2_stream *stream = source->ptr;
    struct h2_outbound *out = &stream->out;
    size_t part = body_size(out) < size ? body_size(out) : size;
    if (part == 0 && !out->has_ended) {
        out->is_deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (part > 0)
        memcpy(room, text_string(&out->body) + out->body_used, part);
    out->body_used += part;
    drop_used(out);
    count_sent(stream, part);
    if (out->has_ended && body_size(out) == 0) {
        *ret_flags |= NGHTTP2_DATA_FLAG_EOF;
        if (out->trailers.size > 1) {
            *ret_flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            submit_trailers(stream);
        }
    }
    return (ssize_t)part;
}

/* ---- Heads ---- */

static bool begin_body(struct h2_stream *stream, const struct http_head *head)
{
    struct h2_outbound *out = &stream->out;
    out->has_head = true;
    out->kind = head->body;
    out->left = head->body == HTTP_BODY_LENGTH ? head->content_length : 0;
    out->has_ended = head->body == HTTP_BODY_NONE || (head->body == HTTP_BODY_LENGTH && out->left == 0);
    return !out->has_ended;
}

/* What HTTP/1.1 says to its key has no meaning here. */
static void drop_field(struct fields *fields, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < fields->count; i++) {
        const nghttp2_nv *item = &fields->items[i];
        if (item->namelen != strlen(name) || memcmp(item->name, name, item->namelen) != 0)
            fields->items[kept++] = *item;
    }
    fields->count = kept;
}

/* 101 is 200 here (RFC 8441, 5): the WebSocket is the body of either side. */
static bool submit_opened_tunnel(struct h2_stream *stream, const struct http_head *head)
{
    struct h2_outbound *out = &stream->out;
    struct fields fields = {0};
    add_pseudo(&fields, ":status", (struct http_text){"200", 3});
    add_regular(&fields, head, false);
    drop_field(&fields, "sec-websocket-accept");
    out->has_head = true;
    out->kind = HTTP_BODY_UNTIL_CLOSE;
    nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = read_body};
    return nghttp2_submit_response(stream->link->session, stream->id, fields.items, fields.count, &provider) == 0;
}

static bool submit_response(struct h2_stream *stream, const struct http_head *head)
{
    struct fields fields = {0};
    if (stream->id != 0)
        tunnel_on_answer(stream, head->status);
    if (stream->id != 0 && head->status == 101 && stream->in.tunnel == H2_TUNNEL_OPEN)
        return submit_opened_tunnel(stream, head);
    char status[4] = {(char)('0' + head->status / 100 % 10), (char)('0' + head->status / 10 % 10),
                      (char)('0' + head->status % 10), 0};
    add_pseudo(&fields, ":status", (struct http_text){status, 3});
    add_regular(&fields, head, false);
    nghttp2_session *session = stream->link->session;
    if (stream->id == 0)
        return false;
    if (head->status < 200)
        return head->status != 101 && nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, stream->id, NULL, fields.items,
                                                             fields.count, NULL) == 0;
    nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = read_body};
    bool has_body = begin_body(stream, head);
    return nghttp2_submit_response(session, stream->id, fields.items, fields.count, has_body ? &provider : NULL) == 0;
}

static bool submit_request(struct h2_stream *stream, const struct http_head *head)
{
    struct fields fields = {0};
    h2_stream_reset(stream);
    stream->is_head = http_text_equals(head->method, "HEAD");
    add_pseudo(&fields, ":method", head->method);
    add_pseudo(&fields, ":scheme", (struct http_text){"http", 4});
    add_pseudo(&fields, ":authority", head->host);
    add_pseudo(&fields, ":path", head->target);
    add_regular(&fields, head, true);
    nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = read_body};
    bool has_body = begin_body(stream, head);
    stream->id = nghttp2_submit_request(stream->link->session, NULL, fields.items, fields.count,
                                        has_body ? &provider : NULL, stream);
    if (stream->id < 0) {
        stream->id = 0;
        return false;
    }
    stream->link->active_count++;
    return true;
}

static bool submit_head(struct h2_stream *stream, const uint8_t *bytes, size_t size)
{
    struct http_limits limits = {.max_head_bytes = SIZE_MAX, .max_headers = HTTP_MAX_HEADERS};
    struct http_head head;
    const char *reason;
    if (stream->link->is_client)
        return http_parse_request(bytes, size, &limits, &head, &reason) == HTTP_OK && submit_request(stream, &head);
    struct http_text method = stream->is_head ? (struct http_text){"HEAD", 4} : (struct http_text){"GET", 3};
    return http_parse_response(bytes, size, &limits, method, &head, &reason) == HTTP_OK &&
           submit_response(stream, &head);
}

/* Takes bytes of a head; *ret_used is less than their number if it is whole. */
static bool take_head(struct h2_stream *stream, struct io_bytes bytes, size_t *ret_used)
{
    struct http_limits limits = {.max_head_bytes = SIZE_MAX, .max_headers = HTTP_MAX_HEADERS};
    struct text head = stream->out.head;
    size_t before = head.size, scanned = stream->out.scanned, size = 0;
    stream->out.head = (struct text){0};
    text_add(&head, bytes.data, bytes.size);
    enum http_result result = http_find_head((const uint8_t *)text_string(&head), head.size, &limits, &scanned, &size);
    *ret_used = bytes.size;
    bool is_ok = result == HTTP_INCOMPLETE;
    if (result == HTTP_OK) {
        *ret_used = size - before;
        is_ok = submit_head(stream, head.buffer->bytes, size);
        text_free(&head);
        scanned = 0;
    }
    stream->out.head = head;
    stream->out.scanned = scanned;
    return is_ok;
}

/* ---- What the owner writes ---- */

static bool take_body(struct h2_stream *stream, struct io_bytes bytes)
{
    struct h2_outbound *out = &stream->out;
    size_t used = bytes.size;
    if (out->kind == HTTP_BODY_CHUNKED) {
        enum http_result result =
            http_chunks_feed_all(&out->chunks, bytes.data, bytes.size, &used, &out->body, &out->trailers);
        out->has_ended = result == HTTP_OK;
        return result == HTTP_OK || result == HTTP_INCOMPLETE;
    }
    if (out->kind == HTTP_BODY_LENGTH) {
        used = out->left < bytes.size ? (size_t)out->left : bytes.size;
        out->left -= used;
        out->has_ended = out->left == 0;
    }
    text_add(&out->body, bytes.data, used);
    return true;
}

static void resume(struct h2_stream *stream)
{
    if (stream->out.is_deferred && stream->id != 0) {
        stream->out.is_deferred = false;
        nghttp2_session_resume_data(stream->link->session, stream->id);
    }
}

bool outbound_write(struct h2_stream *stream, struct io_bytes bytes)
{
    struct h2_outbound *out = &stream->out;
    bool is_ok = true;
    size_t used = 0;
    if (stream->link->is_client && stream->id == 0 && out->has_head)
        h2_stream_reset(stream); /* The next exchange. */
    size_t unreported = out->unreported + bytes.size;
    while (is_ok && used < bytes.size && !out->has_head) {
        size_t part = 0;
        is_ok = take_head(stream, (struct io_bytes){bytes.data + used, bytes.size - used}, &part);
        used += part;
    }
    if (is_ok && used < bytes.size && !out->has_ended)
        is_ok = take_body(stream, (struct io_bytes){bytes.data + used, bytes.size - used});
    out->unreported = unreported;
    if (body_size(out) == 0)
        count_sent(stream, 0);
    resume(stream);
    h2_wake(stream);
    return is_ok;
}

void outbound_finish(struct h2_stream *stream)
{
    struct h2_outbound *out = &stream->out;
    if (!out->has_head || out->has_ended || out->kind != HTTP_BODY_UNTIL_CLOSE)
        return;
    out->has_ended = true;
    resume(stream);
    h2_wake(stream);
}

void outbound_free(struct h2_outbound *out)
{
    text_free(&out->head);
    text_free(&out->body);
    text_free(&out->trailers);
}
