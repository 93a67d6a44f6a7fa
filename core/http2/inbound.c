/* Header lists and data as HTTP/1.1. nghttp2 has checked them: names, values, pseudo fields, length (RFC 9113, 8). */
#include "core/http2/stream.h"

#include "core/base/assert.h"

#include <string.h>

/* ---- Fields ---- */

static bool is_name(struct io_bytes name, const char *string)
{
    return name.size == strlen(string) && memcmp(name.data, string, name.size) == 0;
}

static size_t add_pseudo(struct h2_inbound *in, struct io_bytes value)
{
    text_add(&in->pseudo, value.data, value.size);
    return value.size;
}

/* They come before all other fields, and each once, but in any order: kept as "method path authority". */
static void add_pseudo_field(struct h2_stream *stream, struct io_bytes name, struct io_bytes value)
{
    struct h2_inbound *in = &stream->in;
    if (is_name(name, ":status")) {
        in->status = 0;
        for (size_t i = 0; i < value.size && i < 3; i++)
            in->status = in->status * 10 + (value.data[i] - '0');
    } else if (is_name(name, ":method")) {
        stream->is_head = is_name(value, "HEAD");
        struct text pseudo = {0};
        text_add(&pseudo, value.data, value.size);
        text_add(&pseudo, text_string(&in->pseudo), in->pseudo.size);
        text_free(&in->pseudo);
        in->pseudo = pseudo;
        in->method_size = value.size;
    } else if (is_name(name, ":path")) {
        struct text pseudo = {0};
        text_add(&pseudo, text_string(&in->pseudo), in->method_size);
        text_add(&pseudo, value.data, value.size);
        text_add(&pseudo, text_string(&in->pseudo) + in->method_size, in->pseudo.size - in->method_size);
        text_free(&in->pseudo);
        in->pseudo = pseudo;
        in->path_size = value.size;
    } else if (is_name(name, ":authority")) {
        in->authority_size = add_pseudo(in, value);
    } else if (is_name(name, ":protocol")) {
        tunnel_note_protocol(in, value);
    }
}

static void add_line(struct text *text, struct io_bytes name, struct io_bytes value)
{
    text_add(text, name.data, name.size);
    text_add(text, ": ", 2);
    text_add(text, value.data, value.size);
    text_add(text, "\r\n", 2);
}

/* Fields beyond the limit are dropped; what is kept is above the limit then, and whoever parses it says so. */
void inbound_add_field(struct h2_stream *stream, struct io_bytes name, struct io_bytes value)
{
    struct h2_inbound *in = &stream->in;
    if (in->fields.size + in->pseudo.size + in->cookies.size > stream->link->limits->max_head_bytes)
        return;
    if (name.size > 0 && name.data[0] == ':') {
        add_pseudo_field(stream, name, value);
    } else if (is_name(name, "cookie")) {
        if (in->cookies.size > 0)
            text_add(&in->cookies, "; ", 2);
        text_add(&in->cookies, value.data, value.size);
    } else if (is_name(name, "host") && !stream->link->is_client) {
        text_clear(&in->host);
        text_add(&in->host, value.data, value.size);
    } else {
        in->has_length = in->has_length || is_name(name, "content-length");
        add_line(&in->fields, name, value);
    }
}

/* ---- Heads ---- */

static bool has_content(const char *method, size_t size)
{
    return (size == 4 && memcmp(method, "POST", 4) == 0) || (size == 3 && memcmp(method, "PUT", 3) == 0) ||
           (size == 5 && memcmp(method, "PATCH", 5) == 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_same_host(struct http_text a, struct http_text b)
{
    bool is_same = a.size == b.size;
    for (size_t i = 0; is_same && i < a.size; i++)
        is_same = lower(a.data[i]) == lower(b.data[i]);
    return is_same;
}

/* Two different hosts, or a tunnel to anywhere, are not for us. */
static bool is_acceptable(const struct h2_inbound *in, struct http_text authority)
{
    if (in->path_size == 0 || in->is_other_protocol)
        return false; /* CONNECT. */
    if (in->tunnel == H2_TUNNEL_ASKED && in->has_length)
        return false;
    struct http_text host = {text_string(&in->host), in->host.size};
    return authority.size == 0 || host.size == 0 || is_same_host(host, authority);
}

static void add_request_head(struct h2_stream *stream, bool ends_stream)
{
    struct h2_inbound *in = &stream->in;
    const char *method = text_string(&in->pseudo), *path = method + in->method_size;
    struct http_text authority = {path + in->path_size, in->authority_size};
    if (!is_acceptable(in, authority)) {
        in->is_refused = true;
        return;
    }
    if (authority.size == 0)
        authority = (struct http_text){text_string(&in->host), in->host.size};
    bool is_tunnel = in->tunnel == H2_TUNNEL_ASKED;
    if (is_tunnel)
        text_add_string(&in->input, "GET");
    else
        text_add(&in->input, method, in->method_size);
    text_add_char(&in->input, ' ');
    text_add(&in->input, path, in->path_size);
    text_add_string(&in->input, " HTTP/1.1\r\n");
    if (authority.size > 0) {
        text_add_string(&in->input, "Host: ");
        text_add(&in->input, authority.data, authority.size);
        text_add(&in->input, "\r\n", 2);
    }
    if (is_tunnel)
        tunnel_add_lines(stream, &in->input);
    in->is_chunked = !ends_stream && !in->has_length && !is_tunnel;
    if (ends_stream && !in->has_length && has_content(method, in->method_size))
        text_add_string(&in->input, "Content-Length: 0\r\n");
}

static bool may_have_body(const struct h2_stream *stream)
{
    return !stream->is_head && stream->in.status != 204 && stream->in.status != 304;
}

static void add_response_head(struct h2_stream *stream, bool ends_stream)
{
    struct h2_inbound *in = &stream->in;
    text_addf(&in->input, "HTTP/1.1 %d %s\r\n", in->status, http_reason(in->status));
    if (in->status < 200)
        return;
    in->is_chunked = !ends_stream && !in->has_length && may_have_body(stream);
    if (ends_stream && !in->has_length && may_have_body(stream))
        text_add_string(&in->input, "Content-Length: 0\r\n");
}

static void end_head(struct h2_stream *stream, bool ends_stream)
{
    struct h2_inbound *in = &stream->in;
    bool is_client = stream->link->is_client;
    if (is_client)
        add_response_head(stream, ends_stream);
    else
        add_request_head(stream, ends_stream);
    if (in->cookies.size > 0) {
        text_add_string(&in->fields, "cookie: ");
        text_add(&in->fields, text_string(&in->cookies), in->cookies.size);
        text_add(&in->fields, "\r\n", 2);
    }
    text_add(&in->input, text_string(&in->fields), in->fields.size);
    if (in->is_chunked)
        text_add_string(&in->input, "Transfer-Encoding: chunked\r\n");
    text_add(&in->input, "\r\n", 2);
    in->has_head = !is_client || in->status >= 200;
    text_free(&in->fields);
    text_free(&in->cookies);
    text_free(&in->pseudo);
    text_free(&in->host);
}

void inbound_end_fields(struct h2_stream *stream, bool ends_stream)
{
    struct h2_inbound *in = &stream->in;
    if (!in->has_head)
        end_head(stream, ends_stream);
    if (ends_stream)
        inbound_end(stream);
}

/* ---- Bodies ---- */

void inbound_add_data(struct h2_stream *stream, struct io_bytes data)
{
    struct h2_inbound *in = &stream->in;
    in->credit += data.size;
    if (data.size == 0 || in->is_closed)
        return;
    if (in->tunnel == H2_TUNNEL_ASKED) {
        text_add(&in->ahead, data.data, data.size);
        return;
    }
    if (in->is_chunked)
        text_addf(&in->input, "%zx\r\n", data.size);
    text_add(&in->input, data.data, data.size);
    if (in->is_chunked)
        text_add(&in->input, "\r\n", 2);
}

void inbound_end(struct h2_stream *stream)
{
    struct h2_inbound *in = &stream->in;
    if (in->has_ended)
        return;
    in->has_ended = true;
    if (!in->is_chunked)
        return;
    text_add(&in->input, "0\r\n", 3);
    text_add(&in->input, text_string(&in->fields), in->fields.size);
    text_add(&in->input, "\r\n", 2);
    text_free(&in->fields);
}

void inbound_free(struct h2_inbound *in)
{
    text_free(&in->pseudo);
    text_free(&in->fields);
    text_free(&in->cookies);
    text_free(&in->host);
    text_free(&in->input);
    text_free(&in->ahead);
}
