#include "tests/core/http/desk.h"

#include "core/proto/config.pb-c.h"

static struct desk *desk_of(struct machine *machine)
{
    return (struct desk *)(void *)machine;
}

static void on_listening(struct http_server *server, enum io_status status, uint16_t port)
{
    text_addf(&desk_of(server->machine)->story, "listening %s %u;", io_status_name(status), (unsigned)port);
}

static bool on_head(struct http_exchange *exchange)
{
    struct desk *desk = desk_of(exchange->machine);
    if (desk->answers_heads)
        http_answer_string(exchange, 403, "text/plain", "no\n");
    return desk->streams;
}

static void on_body(struct http_exchange *exchange, const uint8_t *bytes, size_t size)
{
    struct desk *desk = desk_of(exchange->machine);
    text_addf(&desk->story, "piece %.*s;", (int)size, (const char *)bytes);
    desk->waiting = exchange;
}

static void on_request(struct http_exchange *exchange)
{
    struct desk *desk = desk_of(exchange->machine);
    text_addf(&desk->story, "%.*s %s \"%.*s\";", (int)exchange->head.method.size, exchange->head.method.data,
              exchange->path, (int)exchange->body.size, (const char *)exchange->body.data);
    if (desk->is_slow)
        desk->waiting = exchange;
    else if (strcmp(exchange->path, "/blob") == 0)
        http_answer_blob(exchange, "application/zip", "da39a3ee5e6b4b0d3255bfef95601890afd80709", 1000);
    else if (strcmp(exchange->path, "/echo") == 0)
        http_answer(exchange, 200, "text/plain", "X-Extra: 1\r\n", exchange->body);
    else
        http_answer_string(exchange, 200, "text/plain", "hello\n");
}

static void on_aborted(struct http_exchange *exchange)
{
    struct desk *desk = desk_of(exchange->machine);
    text_addf(&desk->story, "aborted %s;", exchange->path);
    desk->waiting = NULL;
}

static void on_drained(struct http_server *server)
{
    text_add_string(&desk_of(server->machine)->story, "drained;");
}

static void start(struct machine *machine, const ProtobufCMessage *configuration, struct io_bytes saved)
{
    (void)configuration;
    (void)saved;
    static const struct http_server_handlers handlers = {
        .on_listening = on_listening,
        .on_head = on_head,
        .on_body = on_body,
        .on_request = on_request,
        .on_aborted = on_aborted,
        .on_drained = on_drained,
    };
    struct http_server_options options = {
        .host = "0.0.0.0",
        .port = 80,
        .max_body_bytes = 64,
        .max_connections = 2,
        .header_timeout_ns = 10 * NS_PER_S,
        .idle_timeout_ns = 60 * NS_PER_S,
    };
    http_server_open(machine, &desk_of(machine)->server, &options, &handlers);
}

static void stop(struct machine *machine)
{
    http_server_drain(&desk_of(machine)->server);
}

static void destroy(struct machine *machine)
{
    http_server_destroy(&desk_of(machine)->server);
    text_free(&desk_of(machine)->story);
}

static void on_prod(struct machine *machine, const char *wish, int exit_code, int signal, enum workload_breach breach)
{
    (void)exit_code;
    (void)signal;
    (void)breach;
    struct http_exchange *exchange = desk_of(machine)->waiting;
    if (strcmp(wish, "read") == 0)
        http_exchange_read(exchange);
    else if (strcmp(wish, "begin") == 0)
        http_answer_begin(exchange, 200, "text/plain");
    else if (wish[0] == '+')
        http_answer_piece(exchange, (struct io_bytes){(const uint8_t *)wish + 1, strlen(wish + 1)});
    else if (strcmp(wish, "end") == 0)
        http_answer_end(exchange);
    else
        http_answer_string(exchange, 200, "text/plain", wish);
}

void prod(struct puppet *puppet, const char *wish)
{
    struct event event = {.kind = EVENT_WORKLOAD_EXITED};
    event.workload_exited.workload = wish;
    puppet_step(puppet, event);
}

static void inspect(struct machine *machine, struct text *ret_json)
{
    (void)machine;
    text_add_string(ret_json, "{}");
}

static const struct machine_class desk_class = {
    .name = "desk",
    .configuration = &cupola__endpoint__descriptor,
    .size = sizeof(struct desk),
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .inspect = inspect,
    .workload_exited = on_prod,
};

struct desk *given_server(struct puppet *puppet)
{
    Cupola__Endpoint configuration = CUPOLA__ENDPOINT__INIT;
    puppet_start(puppet, &desk_class, &configuration.base);
    puppet_done(puppet, EFFECT_LISTEN, IO_OK, 80, "");
    struct desk *desk = desk_of(puppet->machine);
    assert_string_equal(text_string(&desk->story), "listening ok 80;");
    text_clear(&desk->story);
    return desk;
}
