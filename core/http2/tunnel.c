/* WebSockets in streams (RFC 8441). The owner of the conn sees an HTTP/1.1 upgrade: it asks for one, and writes 101;
 * what HTTP/1.1 needs and HTTP/2 has not (the key, and what is computed from it) is made here and dropped here. */
#include "core/http2/stream.h"

#include "core/base/random.h"

#include <string.h>

enum { KEY_DIGITS = 21 };

void tunnel_note_protocol(struct h2_inbound *in, struct io_bytes value)
{
    if (value.size == 9 && memcmp(value.data, "websocket", 9) == 0)
        in->tunnel = H2_TUNNEL_ASKED;
    else
        in->is_other_protocol = true;
}

/* 16 random bytes in base64: 21 digits of six bits, one of two, and the filling. */
static void add_key(struct h2_stream *stream, struct text *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct random_stream random =
        random_numbered(stream->link->machine->seed, "h2.websocket_key", (uint64_t)stream->id);
    text_add_string(text, "Sec-WebSocket-Key: ");
    for (int i = 0; i < KEY_DIGITS; i++)
        text_add_char(text, digits[random_draw(&random) % 64]);
    text_add_string(text, "A==\r\n");
}

/* "close": whatever comes of it, no other request follows in this stream. */
void tunnel_add_lines(struct h2_stream *stream, struct text *text)
{
    text_add_string(text, "Connection: Upgrade, close\r\nUpgrade: websocket\r\n");
    add_key(stream, text);
}

void tunnel_on_answer(struct h2_stream *stream, int status)
{
    struct h2_inbound *in = &stream->in;
    if (in->tunnel != H2_TUNNEL_ASKED || (status < 200 && status != 101))
        return;
    in->tunnel = status == 101 ? H2_TUNNEL_OPEN : H2_TUNNEL_NONE;
    in->is_closed = status != 101;
    if (status == 101)
        text_add(&in->input, text_string(&in->ahead), in->ahead.size);
    text_free(&in->ahead);
    h2_wake(stream);
}

bool tunnel_has_end(const struct h2_stream *stream)
{
    const struct h2_inbound *in = &stream->in;
    return in->tunnel == H2_TUNNEL_OPEN && in->has_ended && !in->end_is_told && in->input.size == 0 &&
           stream->is_reading;
}
