/* Rewriting heads: what concerns one connection goes, what the other side should know comes.
 *
 * Fields are copied as runs of the received bytes; a head without anything to remove is one copy. */
#include "core/router/back/backend.h"

#include <string.h>

/* More than we ever add to a head, apart from what is copied out of it. */
enum { ADDED_BYTES = 768 };

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
void headers_add_request_id(struct text *text, const struct exchange *exchange)
{
    char id[] = "00000000-0000-4000-8000-000000000000";
    put_hex(id, exchange->id[0] >> 32, 8);
    put_hex(id + 9, exchange->id[0] >> 16, 4);
    put_hex(id + 15, exchange->id[0], 3);
    put_hex(id + 20, exchange->id[1] >> 52, 3);
    put_hex(id + 24, exchange->id[1], 12);
    text_add(text, id, sizeof id - 1);
}

static void add_request_id(struct text *text, const struct exchange *exchange)
{
    text_add(text, "X-Vcap-Request-Id: ", 19);
    headers_add_request_id(text, exchange);
    text_add(text, "\r\n", 2);
}

static void add_upgrade(struct text *text, const struct http_head *head)
{
    const struct http_header *upgrade = http_find(head, "Upgrade");
    text_add_string(text, "Connection: Upgrade\r\n");
    add_field(text, "Upgrade: ", upgrade->value);
}

/* ---- Requests ---- */

/* What becomes of a field that tells who passed the request on, by the name of it in lower case. */
enum field_rule {
    RULE_KEEP = 0,
    RULE_OURS,      /* Only we may say so: dropped from everyone. */
    RULE_JOIN,      /* X-Forwarded-For: what a trusted peer tells is kept, with its own address behind it. */
    RULE_TRUST,     /* Kept from a trusted peer. */
    RULE_TRUST_SET, /* The same, and added where it is missing. */
};

enum rewritten { FIELD_FOR, FIELD_PROTO, FIELD_HOST, FIELD_FORWARDED, FIELD_TRACE, FIELD_OTHER };

struct field_rule_entry {
    const char *name;
    size_t size;
    enum field_rule rule;
    enum rewritten field;
};

#define FIELD(name, rule, field)                                                                                       \
    {                                                                                                                  \
        name, sizeof(name) - 1, rule, field                                                                            \
    }

/* Fields that are not named here but begin with "X-Forwarded-" are kept from trusted peers only. */
static const struct field_rule_entry rules[] = {
    FIELD("X-Forwarded-For", RULE_JOIN, FIELD_FOR),
    FIELD("X-Forwarded-Proto", RULE_TRUST_SET, FIELD_PROTO),
    FIELD("X-Forwarded-Host", RULE_TRUST_SET, FIELD_HOST),
    FIELD("Forwarded", RULE_JOIN, FIELD_FORWARDED),
    FIELD("X-Real-IP", RULE_TRUST, FIELD_OTHER),
    FIELD("X-Real_IP", RULE_TRUST, FIELD_OTHER), /* As v1's router spelled it. */
    FIELD("X-Vcap-Request-Id", RULE_OURS, FIELD_OTHER),
    FIELD("X-Cf-ApplicationId", RULE_OURS, FIELD_OTHER),
    FIELD("X-Cf-InstanceId", RULE_OURS, FIELD_OTHER),
    FIELD("X-Cf-InstanceIndex", RULE_OURS, FIELD_OTHER),
    FIELD("X-Cf-App-Instance", RULE_OURS, FIELD_OTHER),
    FIELD("traceparent", RULE_KEEP, FIELD_TRACE),
};

/* What was found of the rewritten fields, apart from those that were dropped. */
struct found {
    bool has[FIELD_OTHER + 1];
};

static const struct field_rule_entry *rule_of(struct http_text name)
{
    char first = (char)(name.data[0] | 0x20);
    if (first != 'x' && first != 'f' && first != 't')
        return NULL; /* Nearly all. */
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (name.size == rules[i].size && http_text_is(name, rules[i].name))
            return &rules[i];
    }
    static const struct field_rule_entry other = FIELD("", RULE_TRUST, FIELD_OTHER);
    static const char prefix[] = "X-Forwarded-";
    size_t size = sizeof prefix - 1;
    return name.size > size && http_text_is((struct http_text){name.data, size}, prefix) ? &other : NULL;
}

/* "00-<32 hex digits>-<16>-<2>" (W3C Trace Context). */
static bool is_trace(struct http_text value)
{
    if (value.size < 55 || value.data[2] != '-' || value.data[35] != '-' || value.data[52] != '-')
        return false;
    for (size_t i = 0; i < 55; i++) {
        char c = value.data[i];
        if (i != 2 && i != 35 && i != 52 && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
    }
    return value.data[0] != 'f' || value.data[1] != 'f';
}

static struct found drop_request_fields(const struct http_head *head, bool is_absolute, bool is_trusted,
                                        struct dropped *dropped)
{
    struct found found = {{0}};
    for (size_t i = 0; i < head->header_count; i++) {
        struct http_text name = head->headers[i].name;
        if (name.size == 4 && is_absolute && http_text_is(name, "Host"))
            dropped->at[i] = true;
        const struct field_rule_entry *rule = rule_of(name);
        if (rule == NULL)
            continue;
        bool is_kept = rule->rule == RULE_KEEP || (rule->rule != RULE_OURS && is_trusted);
        if (rule->field == FIELD_TRACE)
            is_kept = is_trace(head->headers[i].value) && !found.has[FIELD_TRACE];
        found.has[rule->field] |= is_kept;
        if (!is_kept || rule->rule == RULE_JOIN)
            dropped->at[i] = true;
    }
    return found;
}

/* The values of all fields of that name, each with ", " behind it. */
static void add_earlier(struct text *text, const struct http_head *head, const char *name)
{
    for (size_t i = 0; i < head->header_count; i++) {
        if (!http_text_is(head->headers[i].name, name) || head->headers[i].value.size == 0)
            continue;
        text_add(text, head->headers[i].value.data, head->headers[i].value.size);
        text_add(text, ", ", 2);
    }
}

/* RFC 7239. IPv6 addresses are quoted and in brackets; so is what might not be a token. */
static void add_forwarded(struct text *text, const struct http_head *head, bool has_earlier,
                          const struct session *session)
{
    const char *peer = session->peer;
    bool is_v6 = strchr(peer, ':') != NULL;
    text_add_string(text, "Forwarded: ");
    if (has_earlier)
        add_earlier(text, head, "Forwarded");
    text_add_string(text, is_v6 ? "for=\"[" : "for=");
    text_add_string(text, peer);
    text_add_string(text, is_v6 ? "]\";host=\"" : ";host=\"");
    text_add(text, head->host.data, head->host.size);
    text_add_string(text, session->is_secure ? "\";proto=https\r\n" : "\";proto=http\r\n");
}

/* The addresses that the client came through, and its own. */
static void add_forwarded_for(struct text *text, const struct http_head *head, bool has_earlier, const char *peer)
{
    text_add_string(text, "X-Forwarded-For: ");
    if (has_earlier)
        add_earlier(text, head, "X-Forwarded-For");
    text_add_string(text, peer);
    text_add(text, "\r\n", 2);
}

static void add_trace(struct text *text, const struct exchange *exchange)
{
    char line[] = "traceparent: 00-00000000000000000000000000000000-0000000000000000-01\r\n";
    char *id = line + sizeof "traceparent: 00-" - 1;
    put_hex(id, exchange->id[0] | 1, 16); /* All zeros would be invalid. */
    put_hex(id + 16, exchange->id[1], 16);
    put_hex(id + 33, random_mix(exchange->id[0], exchange->id[1]) | 1, 16);
    text_add(text, line, sizeof line - 1);
}

void headers_add_endpoint(const struct table *table, const struct endpoint *endpoint, struct text *text)
{
    const struct place *place = endpoint_place(table, endpoint);
    char instance[TABLE_MAX_INSTANCE + 1];
    if (place != NULL && place->has_app) {
        text_add_string(text, "X-Cf-ApplicationId: ");
        text_add_number(text, (uint64_t)place->app);
        text_add(text, "\r\n", 2);
    }
    if (place != NULL && place->has_index) {
        text_add_string(text, "X-Cf-InstanceIndex: ");
        text_add_number(text, (uint64_t)place->index);
        text_add(text, "\r\n", 2);
    }
    endpoint_instance(table, endpoint, instance);
    if (instance[0] == 0)
        return;
    text_add_string(text, "X-Cf-InstanceId: ");
    text_add_string(text, instance);
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
                                     size_t head_size, struct io_bytes body, size_t *ret_lines_at)
{
    bool is_absolute = head->target.data[0] != '/' && head->target.data[0] != '*';
    struct dropped dropped;
    struct text text = {0};
    text_room(&text, head_size + ADDED_BYTES + 4 * head->host.size + body.size);
    add_request_line(&text, head, is_absolute);
    if (is_absolute)
        add_field(&text, "Host: ", head->host);
    drop_hop_by_hop(head, &dropped);
    struct found found = drop_request_fields(head, is_absolute, session->is_trusted, &dropped);
    copy_fields(&text, head, &dropped, (const char *)bytes + head_size - 2);
    add_forwarded_for(&text, head, found.has[FIELD_FOR], session->peer);
    if (!found.has[FIELD_PROTO])
        text_add_string(&text, session->is_secure ? "X-Forwarded-Proto: https\r\n" : "X-Forwarded-Proto: http\r\n");
    if (!found.has[FIELD_HOST])
        add_field(&text, "X-Forwarded-Host: ", head->host);
    add_forwarded(&text, head, found.has[FIELD_FORWARDED], session);
    if (!found.has[FIELD_TRACE])
        add_trace(&text, &session->exchange);
    add_request_id(&text, &session->exchange);
    if (head->body == HTTP_BODY_CHUNKED)
        text_add_string(&text, "Transfer-Encoding: chunked\r\n");
    if (session->exchange.wants_upgrade)
        add_upgrade(&text, head);
    *ret_lines_at = text.size;
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
        else if (name.size == 14 && http_text_is(name, "X-Cupola-Error"))
            dropped->at[i] = true;
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
