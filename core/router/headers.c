/* Rewriting heads: what concerns one connection goes, what the other side should know comes.
 *
 * Fields are copied as runs of the received bytes; a head without anything to remove is one copy. */
#include "core/router/backend.h"

#include <string.h>

/* More than we ever add to a head, apart from what is copied out of it. */
enum { ADDED_BYTES = 512 };

/* Which fields of a head are left out, by their place. */
struct dropped {
    bool at[HTTP_MAX_HEADERS];
};

/* ---- Both directions ---- */

/* Whether Connection says more than the usual: only then each field must be looked up in it. */
static bool lists_further_fields(const struct http_head *head)
{
    static const char *const usual[] = {"keep-alive", "close", "upgrade", "keep-alive, upgrade"};
    for (size_t i = 0; i < head->header_count; i++) {
        const struct http_header *field = &head->headers[i];
        if (field->name.size != 10 || !http_text_is(field->name, "Connection"))
            continue;
        bool is_usual = false;
        for (size_t u = 0; u < sizeof usual / sizeof usual[0]; u++)
            is_usual |= http_text_is(field->value, usual[u]);
        if (!is_usual)
            return true;
    }
    return false;
}

static void drop_hop_by_hop(const struct http_head *head, struct dropped *ret_dropped)
{
    bool looks_up = lists_further_fields(head);
    for (size_t i = 0; i < head->header_count; i++) {
        struct http_text name = head->headers[i].name;
        ret_dropped->at[i] = looks_up ? http_is_hop_by_hop(head, name) : http_is_connection_field(name);
    }
}

static void copy_fields(struct text *text, const struct http_head *head, const struct dropped *dropped,
                        const char *fields_end)
{
    size_t i = 0;
    while (i < head->header_count) {
        if (dropped->at[i]) {
            i++;
            continue;
        }
        const char *start = head->headers[i].name.data;
        while (i < head->header_count && !dropped->at[i])
            i++;
        const char *end = i < head->header_count ? head->headers[i].name.data : fields_end;
        text_add(text, start, (size_t)(end - start));
    }
}

static void add_field(struct text *text, const char *name, struct http_text value)
{
    text_add_string(text, name);
    text_add(text, value.data, value.size);
    text_add(text, "\r\n", 2);
}

static void put_hex(char *at, uint64_t value, unsigned digits)
{
    static const char hex[] = "0123456789abcdef";
    for (unsigned i = 0; i < digits; i++)
        at[i] = hex[value >> (4 * (digits - 1 - i)) & 15];
}

/* As a UUID, like those who followed v1 write it. */
static void add_request_id(struct text *text, const struct exchange *exchange)
{
    char line[] = "X-Vcap-Request-Id: 00000000-0000-4000-8000-000000000000\r\n";
    char *id = line + sizeof "X-Vcap-Request-Id: " - 1;
    put_hex(id, exchange->id[0] >> 32, 8);
    put_hex(id + 9, exchange->id[0] >> 16, 4);
    put_hex(id + 15, exchange->id[0], 3);
    put_hex(id + 20, exchange->id[1] >> 52, 3);
    put_hex(id + 24, exchange->id[1], 12);
    text_add(text, line, sizeof line - 1);
}

static void add_upgrade(struct text *text, const struct http_head *head)
{
    const struct http_header *upgrade = http_find(head, "Upgrade");
    text_add_string(text, "Connection: Upgrade\r\n");
    add_field(text, "Upgrade: ", upgrade->value);
}

/* ---- Requests ---- */

/* What the fields of a request tell about those who passed it on before us. */
struct forwarded {
    bool has_for, has_proto, has_host;
};

static struct forwarded drop_request_fields(const struct http_head *head, bool is_absolute, struct dropped *dropped)
{
    struct forwarded forwarded = {0};
    for (size_t i = 0; i < head->header_count; i++) {
        struct http_text name = head->headers[i].name;
        if (name.size == 4 && is_absolute && http_text_is(name, "Host")) {
            dropped->at[i] = true;
        } else if (name.size == 15 && http_text_is(name, "X-Forwarded-For")) {
            dropped->at[i] = true;
            forwarded.has_for = true;
        } else if (name.size == 16 && http_text_is(name, "X-Forwarded-Host")) {
            forwarded.has_host = true;
        } else if (name.size == 17 && http_text_is(name, "X-Forwarded-Proto")) {
            forwarded.has_proto = true;
        } else if (name.size == 17 && http_text_is(name, "X-Vcap-Request-Id")) {
            dropped->at[i] = true;
        }
    }
    return forwarded;
}

/* The addresses that the client came through, and its own. */
static void add_forwarded_for(struct text *text, const struct http_head *head, bool has_earlier, const char *peer)
{
    text_add_string(text, "X-Forwarded-For: ");
    for (size_t i = 0; has_earlier && i < head->header_count; i++) {
        if (!http_text_is(head->headers[i].name, "X-Forwarded-For") || head->headers[i].value.size == 0)
            continue;
        text_add(text, head->headers[i].value.data, head->headers[i].value.size);
        text_add(text, ", ", 2);
    }
    text_add_string(text, peer);
    text_add(text, "\r\n", 2);
}

static void add_request_line(struct text *text, const struct http_head *head, bool is_absolute)
{
    text_add(text, head->method.data, head->method.size);
    text_add_char(text, ' ');
    if (is_absolute) {
        text_add(text, head->path.data, head->path.size);
        if (head->query.data != NULL) {
            text_add_char(text, '?');
            text_add(text, head->query.data, head->query.size);
        }
    } else {
        text_add(text, head->target.data, head->target.size);
    }
    text_add_string(text, " HTTP/1.1\r\n");
}

struct slice headers_forward_request(const struct session *session, const struct http_head *head, const uint8_t *bytes,
                                     size_t head_size, struct io_bytes body)
{
    bool is_absolute = head->target.data[0] != '/' && head->target.data[0] != '*';
    struct dropped dropped;
    struct text text = {0};
    text_room(&text, head_size + ADDED_BYTES + 2 * head->host.size + body.size);
    add_request_line(&text, head, is_absolute);
    if (is_absolute)
        add_field(&text, "Host: ", head->host);
    drop_hop_by_hop(head, &dropped);
    struct forwarded forwarded = drop_request_fields(head, is_absolute, &dropped);
    copy_fields(&text, head, &dropped, (const char *)bytes + head_size - 2);
    add_forwarded_for(&text, head, forwarded.has_for, session->peer);
    if (!forwarded.has_proto)
        text_add_string(&text, session->is_secure ? "X-Forwarded-Proto: https\r\n" : "X-Forwarded-Proto: http\r\n");
    if (!forwarded.has_host)
        add_field(&text, "X-Forwarded-Host: ", head->host);
    add_request_id(&text, &session->exchange);
    if (head->body == HTTP_BODY_CHUNKED)
        text_add_string(&text, "Transfer-Encoding: chunked\r\n");
    if (session->exchange.wants_upgrade)
        add_upgrade(&text, head);
    text_add(&text, "\r\n", 2);
    text_add(&text, body.data, body.size);
    return text_take(&text);
}

/* ---- Responses ---- */

const char *headers_connection_line(bool keep_alive, bool is_old)
{
    if (!keep_alive)
        return "Connection: close\r\n";
    return is_old ? "Connection: keep-alive\r\n" : "";
}

static void drop_response_fields(const struct http_head *head, struct dropped *dropped)
{
    for (size_t i = 0; i < head->header_count; i++) {
        struct http_text name = head->headers[i].name;
        if (name.size == 17 && http_text_is(name, "X-Vcap-Request-Id"))
            dropped->at[i] = true;
        else if (name.size == 16 && http_text_is(name, "X-Cf-RouterError"))
            dropped->at[i] = true; /* Only we may say so. */
    }
}

static void add_status_line(struct text *text, const struct http_head *head)
{
    text_add_string(text, "HTTP/1.1 ");
    text_add_number(text, (uint64_t)head->status);
    text_add_char(text, ' ');
    text_add(text, head->reason.data, head->reason.size);
    text_add(text, "\r\n", 2);
}

void headers_forward_response(const struct session *session, const struct http_head *head, const uint8_t *bytes,
                              size_t head_size, struct text *text)
{
    const struct exchange *exchange = &session->exchange;
    struct dropped dropped;
    add_status_line(text, head);
    drop_hop_by_hop(head, &dropped);
    drop_response_fields(head, &dropped);
    copy_fields(text, head, &dropped, (const char *)bytes + head_size - 2);
    if (head->status == 101) {
        add_upgrade(text, head);
    } else if (head->status >= 200) {
        if (head->body == HTTP_BODY_CHUNKED && !exchange->decodes)
            text_add_string(text, "Transfer-Encoding: chunked\r\n");
        text_add_string(text, headers_connection_line(exchange->keep_alive, exchange->is_old));
        add_request_id(text, exchange);
        sticky_add_cookie(session->router, exchange->backend->endpoint, head, text);
    }
    text_add(text, "\r\n", 2);
}
