#include "core/router/monitor/top.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/wire/json.h"

#include <string.h>

/* More apps than that in one period are not counted: the list is for people, not for bills. */
enum { MAX_APPS = 10000 };

struct top_app {
    const void *route;
    struct top_entry entry;
    UT_hash_handle hh;
};

/* Keeps the clients with the most requests; a new one takes the place of the one with the fewest, and its count, so
 * that whoever has many is not forgotten (the "space saving" sketch). */
static void count_client(struct top_entry *entry, const char *peer)
{
    size_t least = 0;
    for (size_t i = 0; i < entry->client_count; i++) {
        if (strcmp(entry->clients[i], peer) == 0) {
            entry->client_requests[i]++;
            return;
        }
        if (entry->client_requests[i] < entry->client_requests[least])
            least = i;
    }
    if (entry->client_count < TOP_CLIENTS)
        least = entry->client_count++;
    size_t size = strnlen(peer, sizeof entry->clients[0] - 1);
    memset(entry->clients[least], 0, sizeof entry->clients[0]);
    memcpy(entry->clients[least], peer, size);
    entry->client_requests[least]++;
}

/* The most requests first, of the same number the host that comes first. */
static int compare(struct top_app *a, struct top_app *b)
{
    if (a->entry.requests != b->entry.requests)
        return a->entry.requests > b->entry.requests ? -1 : 1;
    return strcmp(a->entry.host, b->entry.host);
}

static void forget_last(struct top *top)
{
    for (size_t i = 0; i < top->last_count; i++)
        memory_free(top->last[i].host);
    top->last_count = 0;
}

/* The period is over: its first few are kept. */
static void end_period(struct top *top, uint64_t now_ns)
{
    struct top_app *app, *next;
    uint64_t period = now_ns / (TOP_PERIOD_S * NS_PER_S);
    if (period == top->period)
        return;
    forget_last(top);
    HASH_SORT(top->apps, compare);
    HASH_ITER (hh, top->apps, app, next) {
        HASH_DELETE(hh, top->apps, app);
        if (top->last_count < TOP_APPS)
            top->last[top->last_count++] = app->entry;
        else
            memory_free(app->entry.host);
        memory_free(app);
    }
    top->app_count = 0;
    top->last_period = top->period;
    top->period = period;
}

void top_count(struct top *top, uint64_t now_ns, const void *route, const char *host, const char *peer)
{
    end_period(top, now_ns);
    struct top_app *app = NULL;
    HASH_FIND_PTR(top->apps, &route, app);
    if (app == NULL) {
        if (top->app_count == MAX_APPS)
            return;
        app = memory_new(sizeof *app);
        app->route = route;
        app->entry.host = memory_copy_text(host);
        top->app_count++;
        HASH_ADD_PTR(top->apps, route, app);
    }
    app->entry.requests++;
    count_client(&app->entry, peer);
}

static void write_entry(const struct top_entry *entry, struct text *json)
{
    text_add_string(json, "{\"url\":");
    json_write_string(json, entry->host);
    text_addf(json, ",\"rps\":%llu,\"clients\":[", (unsigned long long)(entry->requests / TOP_PERIOD_S));
    for (size_t i = 0; i < entry->client_count; i++) {
        text_add_string(json, i == 0 ? "{\"ip\":" : ",{\"ip\":");
        json_write_string(json, entry->clients[i]);
        text_addf(json, ",\"rps\":%llu}", (unsigned long long)(entry->client_requests[i] / TOP_PERIOD_S));
    }
    text_add_string(json, "]}");
}

void top_write(struct top *top, uint64_t now_ns, struct text *json)
{
    end_period(top, now_ns);
    bool is_recent = top->last_period + 1 == top->period;
    text_add_char(json, '[');
    for (size_t i = 0; is_recent && i < top->last_count; i++) {
        if (i > 0)
            text_add_char(json, ',');
        write_entry(&top->last[i], json);
    }
    text_add_char(json, ']');
}

void top_free(struct top *top)
{
    struct top_app *app, *next;
    forget_last(top);
    HASH_ITER (hh, top->apps, app, next) {
        HASH_DELETE(hh, top->apps, app);
        memory_free(app->entry.host);
        memory_free(app);
    }
    *top = (struct top){0};
}
