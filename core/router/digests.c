/* Digests and whole tables of DEAs: what keeps the table right in steady state, and fills it at a start.
 *
 *   router.start ----> every DEA answers with its digest          router.digest ----> from each DEA, each half minute
 *        a digest differs from ours: dea.UUID.routes ----> its whole table, in one message or several
 *
 * Tables are asked for a few at a time: however many DEAs there are, what is on its way to us stays small. Without the
 * bus they come another way: lonely.c. */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/router/back/backend.h"
#include "core/router/table/parts.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

enum {
    MAX_PULLS = 16,
    PULL_TIMEOUT_MS = 2000,
    PULL_ATTEMPTS = 3, /* Then the DEA's next digest begins anew. */
    DOUBT_TICKS = 8,   /* About a second between two doubts in one DEA. */
    QUIET_MS = 200,    /* The table still fills up for so long after something came. */
};

/* One table that is on its way. */
struct table_pull {
    struct router *router;
    struct bus_request request;
    char dea[NAME_MOST + 1];
    bool has_begun, is_complete;
    uint64_t digest;
    struct table_pull *previous, *next;
};

static struct router *router_of(struct bus_client *client)
{
    return container_of(client, struct router, bus);
}

void router_put_off_settling(struct router *router)
{
    if (!router_is_settling(router) || router->settled_at_ns == NEVER_NS)
        return;
    uint64_t until_ns = router->machine.now_ns + QUIET_MS * NS_PER_MS;
    if (until_ns > router->settled_by_ns)
        until_ns = router->settled_by_ns;
    if (until_ns > router->settled_at_ns)
        router->settled_at_ns = until_ns;
}

/* ---- A table comes ---- */

static void pull_more(struct router *router);

static struct source *source_of(const struct table_pull *pull)
{
    return table_source(&pull->router->table, pull->dea, false, 0);
}

void router_take_page(struct router *router, struct source *source, const Cupola__RouteTable *page)
{
    table_note_page(&router->table, source, page);
    for (size_t i = 0; i < page->n_ended; i++)
        ends_note(&router->ends, ends_hash(page->ended[i]));
    for (size_t i = 0; i < page->n_routes; i++) {
        Cupola__RouterRegister route = *page->routes[i];
        route.dea = page->dea; /* It speaks for itself only. */
        table_register(&router->table, &route, router->machine.now_ns);
    }
}

static bool on_page(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct table_pull *pull = container_of(request, struct table_pull, request);
    struct router *router = pull->router;
    const Cupola__RouteTable *page = (const Cupola__RouteTable *)parsed;
    struct source *source = source_of(pull);
    if (source == NULL || page->dea == NULL || strcmp(page->dea, pull->dea) != 0)
        return false;
    if (!pull->has_begun)
        table_begin_source(&router->table, source);
    pull->has_begun = true;
    router_take_page(router, source, page);
    pull->digest = page->digest;
    pull->is_complete = !page->more;
    router_put_off_settling(router);
    return page->more;
}

static void on_end(struct bus_request *request, bool timed_out)
{
    struct table_pull *pull = container_of(request, struct table_pull, request);
    struct router *router = pull->router;
    struct source *source = source_of(pull);
    (void)timed_out;
    if (source != NULL) {
        source->is_asked = false;
        if (pull->is_complete) {
            source->attempts = 0;
            router->tables_read++;
            table_end_source(&router->table, source, pull->digest, router->machine.now_ns);
        } else if (++source->attempts < PULL_ATTEMPTS) {
            source->is_wanted = true;
        } else {
            source->attempts = 0;
        }
    }
    router_release_retired(router);
    DL_DELETE2(router->pulls, pull, previous, next);
    router->pull_count--;
    memory_free(pull);
    pull_more(router);
}

static const struct bus_request_handlers pull_handlers = {.on_answer = on_page, .on_end = on_end};

static void pull_from(struct router *router, struct source *source)
{
    struct table_pull *pull = memory_new(sizeof *pull);
    struct text subject = {0};
    source->is_wanted = false;
    source->is_asked = true;
    pull->router = router;
    snprintf(pull->dea, sizeof pull->dea, "%s", names_text(&router->table.names, source->name));
    DL_APPEND2(router->pulls, pull, previous, next);
    router->pull_count++;
    text_addf(&subject, "dea.%s.routes", pull->dea);
    bus_request_start(&router->bus, &pull->request, text_string(&subject), NULL, &cupola__route_table__descriptor, 0,
                      PULL_TIMEOUT_MS * NS_PER_MS, &pull_handlers);
    text_free(&subject);
}

/* A name that is no token of a subject would ask somebody else. */
static bool is_askable(const struct router *router, const struct source *source)
{
    const char *name = names_text(&router->table.names, source->name);
    return *name != 0 && strpbrk(name, ". \t\r\n*>") == NULL;
}

static void pull_more(struct router *router)
{
    uint32_t count = router->table.sources.used;
    for (uint32_t i = 0; i < count && router->pull_count < MAX_PULLS; i++) {
        router->pull_next = router->pull_next % count + 1;
        struct source *source = source_at(&router->table, router->pull_next);
        if (source->is_wanted && !source->is_asked && is_askable(router, source))
            pull_from(router, source);
    }
}

void router_doubt_source(struct router *router, uint32_t id)
{
    if (id == UNNAMED_SOURCE || id == 0 || mutation_is(ROUTER_IGNORES_DIGESTS))
        return;
    struct source *source = source_at(&router->table, id);
    uint32_t now = tick_of(router->machine.now_ns);
    if (source->is_asked || now - source->doubted < DOUBT_TICKS)
        return;
    source->doubted = now;
    source->is_wanted = true;
    pull_more(router);
    lonely_ask(router, source);
}

void router_note_change(struct router *router, const Cupola__RouterRegister *message)
{
    bool is_gap = table_note_change(&router->table, message, router->machine.now_ns);
    if (message->was_ended)
        ends_note(&router->ends, ends_hash(message->private_instance_id));
    if (!is_gap || mutation_is(ROUTER_IGNORES_DIGESTS) || mutation_is(ROUTER_MISSES_GAPS))
        return;
    router->gaps++;
    table_source(&router->table, message->dea, true, router->machine.now_ns)->is_wanted = true;
    pull_more(router);
}

/* ---- Digests ---- */

static void take_digest(struct router *router, const Cupola__RouteTable *digest)
{
    if (!digest->has_digest || mutation_is(ROUTER_IGNORES_DIGESTS))
        return;
    struct source *source = table_source(&router->table, digest->dea, true, router->machine.now_ns);
    if (source == NULL)
        return;
    table_note_viewer(&router->table, source, digest);
    if (table_compare_digest(&router->table, source, digest, router->machine.now_ns)) {
        router->digests_agreed++;
        return;
    }
    router->digests_differed++;
    source->is_wanted = !source->is_asked;
    pull_more(router);
}

static void on_digest(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    take_digest(router_of(client), (const Cupola__RouteTable *)parsed);
}

static const struct bus_route routes[] = {
    {.subject = "router.digest", .payload = &cupola__route_table__descriptor, .handle = on_digest},
    {.subject = NULL, .payload = &cupola__route_table__descriptor, .handle = on_digest}, /* The inbox. */
};

void digests_open(struct router *router)
{
    snprintf(router->inbox_subject, sizeof router->inbox_subject, "_INBOX.router.%s", router->id);
    router->table_routes[0] = routes[0];
    router->table_routes[1] = routes[1];
    router->table_routes[1].subject = router->inbox_subject;
    bus_listen(&router->bus, router->table_routes, 2);
}

void digests_close(struct router *router)
{
    struct table_pull *pull, *next;
    DL_FOREACH_SAFE2(router->pulls, pull, next, next)
    {
        bus_request_cancel(&pull->request);
        memory_free(pull);
    }
    router->pulls = NULL;
    router->pull_count = 0;
}
