/* The access log: a line a request, with gorouter's fields in gorouter's order:
 *
 *   host - [start] "method target protocol" status bytes_received bytes_sent "referer" "user agent" "client" "backend"
 *   x_forwarded_for:"" x_forwarded_proto:"" vcap_request_id:"" response_time:s gorouter_time:s app_id:"" app_index:""
 *   instance_id:"" failed_attempts:n x_cf_routererror:""
 *
 * Off by default: then nothing is remembered of a request. */
#include "core/router/monitor/access_log.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/wall_time.h"
#include "core/router/back/backend.h"

enum { MAX_FIELD = 1024, BACKEND_SIZE = TABLE_MAX_ADDRESS + 1 };

struct access_record {
    struct text start; /* Up to the protocol. */
    struct text referer, agent, forwarded_for, forwarded_proto;
    char backend[BACKEND_SIZE];
    char instance[TABLE_MAX_INSTANCE + 1];
    bool has_app;
    int64_t app;
    int32_t index;
};

/* Quotes and control characters would let a client forge lines. */
static void add_clean(struct text *text, struct http_text value)
{
    for (size_t i = 0; i < value.size && i < MAX_FIELD; i++) {
        uint8_t c = (uint8_t)value.data[i];
        if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
            text_addf(text, "\\x%02x", c);
        else
            text_add_char(text, (char)c);
    }
}

static void keep_field(struct text *text, const struct http_head *head, const char *name)
{
    const struct http_header *field = http_find(head, name);
    if (field != NULL)
        add_clean(text, field->value);
    else
        text_add_char(text, '-');
}

/* "2026-11-23T01:47:02.123456Z" */
static void add_time(struct text *text, int64_t wall_ns)
{
    int64_t wall_s = wall_ns / (int64_t)NS_PER_S;
    struct wall_date date = wall_date_of(wall_s);
    text_addf(text, "%04lld-%02d-%02dT%02d:%02d:%02d.%06lldZ", (long long)date.year, date.month, date.day, date.hour,
              date.minute, date.second, (long long)((wall_ns - wall_s * (int64_t)NS_PER_S) / (int64_t)NS_PER_US));
}

void access_log_begin(struct session *session, const struct http_head *head)
{
    struct router *router = session->router;
    if (!router->settings.access_log)
        return;
    struct access_record *record = memory_new(sizeof *record);
    session->exchange.access = record;
    add_clean(&record->start, head->host.size > 0 ? head->host : (struct http_text){"-", 1});
    text_add_string(&record->start, " - [");
    add_time(&record->start, router->machine.wall_ns);
    text_add_string(&record->start, "] \"");
    add_clean(&record->start, head->method);
    text_add_char(&record->start, ' ');
    add_clean(&record->start, head->target);
    text_addf(&record->start, " HTTP/1.%d\"", head->minor);
    keep_field(&record->referer, head, "Referer");
    keep_field(&record->agent, head, "User-Agent");
    keep_field(&record->forwarded_for, head, "X-Forwarded-For");
    keep_field(&record->forwarded_proto, head, "X-Forwarded-Proto");
}

void access_log_attempt(struct session *session, const struct endpoint *endpoint)
{
    struct access_record *record = session->exchange.access;
    if (record == NULL)
        return;
    const struct table *table = &session->router->table;
    const struct place *place = endpoint_place(table, endpoint);
    struct text text = {0};
    text_addf(&text, "%s:%u", endpoint_host(table, endpoint), (unsigned)endpoint->port);
    memcpy(record->backend, text_string(&text), text.size + 1);
    text_free(&text);
    endpoint_instance(table, endpoint, record->instance);
    record->has_app = place != NULL && place->has_app;
    record->app = record->has_app ? place->app : 0;
    record->index = place == NULL ? 0 : place->index;
}

static void add_seconds(struct text *text, const char *name, uint64_t ns)
{
    text_addf(text, " %s:%llu.%06llu", name, (unsigned long long)(ns / NS_PER_S),
              (unsigned long long)(ns % NS_PER_S / NS_PER_US));
}

static void add_quoted(struct text *text, const char *before, const char *value)
{
    text_addf(text, "%s\"%s\"", before, *value == 0 ? "-" : value);
}

static void add_places(struct text *text, const struct access_record *record)
{
    if (record->has_app)
        text_addf(text, " app_id:\"%lld\" app_index:\"%d\"", (long long)record->app, record->index);
    else
        text_add_string(text, " app_id:\"-\" app_index:\"-\"");
    add_quoted(text, " instance_id:", record->instance);
}

void access_log_end(struct session *session, int status, const char *error)
{
    struct exchange *exchange = &session->exchange;
    struct access_record *record = exchange->access;
    if (record == NULL)
        return;
    struct text line = {0};
    uint64_t now_ns = session->router->machine.now_ns;
    uint64_t total_ns = now_ns - exchange->started_ns;
    uint64_t backend_ns = exchange->sent_ns == 0 ? 0 : now_ns - exchange->sent_ns;
    text_addf(&line, "%s %d %llu %llu", text_string(&record->start), status, (unsigned long long)exchange->upload_bytes,
              (unsigned long long)exchange->download_bytes);
    add_quoted(&line, " ", text_string(&record->referer));
    add_quoted(&line, " ", text_string(&record->agent));
    add_quoted(&line, " ", session->peer);
    add_quoted(&line, " ", record->backend);
    add_quoted(&line, " x_forwarded_for:", text_string(&record->forwarded_for));
    add_quoted(&line, " x_forwarded_proto:", text_string(&record->forwarded_proto));
    text_add_string(&line, " vcap_request_id:\"");
    headers_add_request_id(&line, exchange);
    text_add_char(&line, '"');
    add_seconds(&line, "response_time", total_ns);
    add_seconds(&line, "gorouter_time", total_ns - backend_ns);
    add_places(&line, record);
    uint32_t attempts = exchange->tried.count;
    text_addf(&line, " failed_attempts:%u", attempts > 0 ? attempts - (*error == 0 ? 1 : 0) : 0);
    add_quoted(&line, " x_cf_routererror:", error);
    struct effects *effects = session->router->machine.effects; /* machine_log would cut a long line. */
    struct effect *effect = effects_add(effects, EFFECT_LOG);
    effect->log.level = LOG_INFO;
    effect->log.text = effects_keep_text(effects, text_string(&line));
    text_free(&line);
    access_log_forget(exchange);
}

void access_log_forget(struct exchange *exchange)
{
    struct access_record *record = exchange->access;
    if (record == NULL)
        return;
    text_free(&record->start);
    text_free(&record->referer);
    text_free(&record->agent);
    text_free(&record->forwarded_for);
    text_free(&record->forwarded_proto);
    memory_free(record);
    exchange->access = NULL;
}
