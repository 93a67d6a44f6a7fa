/* Tables of DEAs while there is no bus: a router that is cut off from it asks each DEA itself, at its file viewer, what
 * is registered there. What crashed and runs elsewhere meanwhile is found again, and no port changes hands unseen: a
 * port rests for longer than a router goes without asking.
 *
 *   lonely_ms without a bus ----> GET /routes at each DEA that a digest has told the way to, a few at a time;
 *   a route is in doubt     ----> the same at its DEA, at once
 *   an answer ----> its table, as if it had come by the bus       none ----> its routes stay as they are
 *   with news ----> the same in a second: what has just crashed there is being started again, and not registered yet
 *
 * A DEA that does not answer gives no port away either: it is dead, or as far from our requests as from our question.
 */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/http/client.h"
#include "core/router/router.h"
#include "core/router/table/parts.h"
#include "core/wire/json.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

enum {
    MAX_PULLS = 16,
    TIMEOUT_MS = 2000,
    MOST_BYTES = 16 * 1024 * 1024, /* Some 30,000 routes of one DEA. */
};

struct lonely_pull {
    struct router *router;
    struct http_call call;
    char dea[NAME_MOST + 1];
    struct lonely_pull *previous, *next;
};

static const uint64_t again_ns = NS_PER_S;

static void pull_more(struct router *router);
static void on_again(struct timer *timer);

/* ---- The answer ---- */

static void take(struct router *router, struct source *source, const Cupola__RouteTable *table)
{
    uint64_t digest = source->digest;
    table_begin_source(&router->table, source);
    router_take_page(router, source, table);
    table_end_source(&router->table, source, table->digest, router->machine.now_ns);
    router->tables_read++;
    router_release_retired(router);
    source->is_news = source->digest != digest;
    if (source->is_news && !timer_is_set(&router->lonely_again_timer))
        timer_set(&router->machine, &router->lonely_again_timer, again_ns, on_again);
}

/* Who has the bus again may have heard newer things there. */
static void read_answer(struct lonely_pull *pull)
{
    struct router *router = pull->router;
    struct source *source = table_source(&router->table, pull->dea, false, 0);
    if (source == NULL || router->bus.is_connected)
        return;
    struct json_error error;
    struct io_bytes body = {(const uint8_t *)text_string(&pull->call.body), pull->call.body.size};
    ProtobufCMessage *message = json_read(&cupola__route_table__descriptor, body, JSON_LENIENT, &error);
    if (message == NULL) {
        machine_log(&router->machine, LOG_WARNING, "the routes of DEA %.64s cannot be read: %s", pull->dea, error.text);
        return;
    }
    const Cupola__RouteTable *table = (const Cupola__RouteTable *)message;
    if (table->dea != NULL && strcmp(table->dea, pull->dea) == 0 && table->has_digest)
        take(router, source, table);
    protobuf_c_message_free_unpacked(message, NULL);
}

static void on_done(struct http_call *call, enum io_status status)
{
    struct lonely_pull *pull = container_of(call, struct lonely_pull, call);
    struct router *router = pull->router;
    if (status == IO_OK && call->status == 200)
        read_answer(pull);
    DL_DELETE2(router->lonely_pulls, pull, previous, next);
    router->lonely_count--;
    http_call_release(call);
    memory_free(pull);
    pull_more(router);
}

/* ---- The question ---- */

static void pull_from(struct router *router, struct source *source)
{
    static const struct http_call_handlers handlers = {.on_done = on_done};
    const struct names *names = &router->table.names;
    struct lonely_pull *pull = memory_new(sizeof *pull);
    struct text headers = {0};
    text_add_string(&headers, "Authorization: ");
    http_write_basic(&headers, names_text(names, source->viewer_user), names_text(names, source->viewer_password));
    text_add_string(&headers, "\r\n");
    struct http_request request = {
        .host = names_text(names, source->viewer_host),
        .port = source->viewer_port,
        .method = "GET",
        .target = "/routes",
        .headers = text_string(&headers),
        .timeout_ns = TIMEOUT_MS * NS_PER_MS,
        .max_body_bytes = MOST_BYTES,
    };
    source->is_due = false;
    pull->router = router;
    snprintf(pull->dea, sizeof pull->dea, "%s", names_text(names, source->name));
    DL_APPEND2(router->lonely_pulls, pull, previous, next);
    router->lonely_count++;
    http_call_start(&router->machine, &pull->call, &request, &handlers);
    text_free(&headers);
}

static void pull_more(struct router *router)
{
    for (uint32_t id = 1; id <= router->table.sources.used && router->lonely_count < MAX_PULLS; id++) {
        struct source *source = source_at(&router->table, id);
        if (source->is_due)
            pull_from(router, source);
    }
}

static void set_due(const struct router *router, struct source *source)
{
    bool is_lonely = router->settings.lonely_ns > 0 && !router->bus.is_connected && !router->is_draining;
    source->is_due = is_lonely && source->viewer_host != 0;
}

void lonely_ask(struct router *router, struct source *source)
{
    set_due(router, source);
    pull_more(router);
}

static void on_again(struct timer *timer)
{
    struct router *router = container_of(timer, struct router, lonely_again_timer);
    for (uint32_t id = 1; id <= router->table.sources.used; id++) {
        struct source *source = source_at(&router->table, id);
        if (source->is_news)
            set_due(router, source);
        source->is_news = false;
    }
    pull_more(router);
}

static void on_timer(struct timer *timer)
{
    struct router *router = container_of(timer, struct router, lonely_timer);
    for (uint32_t id = 1; id <= router->table.sources.used; id++)
        set_due(router, source_at(&router->table, id));
    pull_more(router);
    timer_set(&router->machine, timer, router->settings.lonely_ns, on_timer);
}

void lonely_open(struct router *router)
{
    if (router->settings.lonely_ns > 0)
        timer_set(&router->machine, &router->lonely_timer, router->settings.lonely_ns, on_timer);
}

void lonely_close(struct router *router)
{
    struct lonely_pull *pull, *next;
    DL_FOREACH_SAFE2(router->lonely_pulls, pull, next, next)
    {
        http_call_release(&pull->call);
        memory_free(pull);
    }
    router->lonely_pulls = NULL;
    router->lonely_count = 0;
}
