#include "sim/cloud_state.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/wire/http.h"

#include <stdio.h>
#include <string.h>

static void start_load(struct cloud *cloud, size_t load);

#define DEFAULT_TIMEOUT_NS (10 * NS_PER_S)
/* Until the app has answered well for the first time, it is asked so often. */
#define PROBE_INTERVAL_NS (200 * NS_PER_MS)

/* Latencies are counted in bins of an eighth of a power of two: bin 8 * e + k begins at (8 + k) * 2^(e - 3). */
enum { LATENCY_BINS = 64 * 8, MOST_HEAD_BYTES = 16384, MOST_HEADERS = 100 };

/* One request and its connection. */
struct load_request {
    struct load *load;
    struct socket *socket;
    struct wake timeout;
    struct text in;
    size_t scanned;
    uint64_t sent_ns;
    bool is_probe;
    struct load_request *previous, *next;
};

struct load {
    struct cloud *cloud;
    size_t number;
    struct load_plan plan;
    const char *app; /* Whose answers are right; NULL: any. */
    const char *label;
    struct random_stream random;
    struct wake next;
    uint32_t surge;
    bool is_running;
    bool has_begun; /* The first good answer has come. */
    struct load_request *requests;
    struct load_counts counts;
    struct load_counts *windows;
    size_t window_count;
    uint64_t bins[LATENCY_BINS];
};

static void on_next(struct wake *wake);
static void on_timeout(struct wake *wake);
static const struct socket_handlers request_handlers;

/* ---- Counting ---- */

uint64_t load_counts_failed(const struct load_counts *counts)
{
    uint64_t failed = counts->misrouted + counts->refused + counts->reset + counts->timed_out;
    for (size_t i = 1; i < sizeof counts->errors / sizeof *counts->errors; i++)
        failed += counts->errors[i];
    return failed;
}

static struct load_counts *window_now(struct load *load)
{
    size_t second = (size_t)(load->cloud->world->now_ns / NS_PER_S);
    if (second >= load->window_count) {
        size_t count = second + 16;
        load->windows =
            memory_grow(load->windows, load->window_count * sizeof *load->windows, count * sizeof *load->windows);
        load->window_count = count;
    }
    return &load->windows[second];
}

static size_t bin_of(uint64_t latency_ns)
{
    if (latency_ns < 8)
        return (size_t)latency_ns;
    uint32_t exponent = 63 - (uint32_t)__builtin_clzll(latency_ns);
    return exponent * 8 + ((latency_ns >> (exponent - 3)) & 7);
}

static uint64_t bin_end(size_t bin)
{
    uint32_t exponent = (uint32_t)(bin / 8);
    if (exponent < 3)
        return bin;
    return ((8 + (uint64_t)(bin % 8) + 1) << (exponent - 3)) - 1;
}

enum outcome { OUTCOME_OK = 1, OUTCOME_MISROUTED, OUTCOME_REFUSED, OUTCOME_RESET, OUTCOME_TIMED_OUT, OUTCOME_ERROR };

static void add_outcome(struct load_counts *counts, enum outcome outcome, int status, uint64_t latency_ns)
{
    counts->sent++;
    if (outcome == OUTCOME_OK) {
        counts->ok++;
        counts->latency_sum_ns += latency_ns;
    } else if (outcome == OUTCOME_MISROUTED) {
        counts->misrouted++;
    } else if (outcome == OUTCOME_REFUSED) {
        counts->refused++;
    } else if (outcome == OUTCOME_RESET) {
        counts->reset++;
    } else if (outcome == OUTCOME_TIMED_OUT) {
        counts->timed_out++;
    } else {
        counts->errors[status / 100 % 6]++;
    }
}

static const char *outcome_text(enum outcome outcome)
{
    static const char *const texts[] = {
        [OUTCOME_OK] = "answered",
        [OUTCOME_MISROUTED] = "answered by another app",
        [OUTCOME_REFUSED] = "refused",
        [OUTCOME_RESET] = "reset",
        [OUTCOME_TIMED_OUT] = "not answered in time",
        [OUTCOME_ERROR] = "answered with an error",
    };
    return texts[outcome];
}

static void judge(struct load *load, enum outcome outcome, int status, const char *answer)
{
    struct cloud *cloud = load->cloud;
    if (outcome == OUTCOME_MISROUTED && check_is_on(cloud, CHECK_NEVER_MISROUTED))
        cloud_violate(cloud, "never_misrouted", "a request for %s was answered by \"%.100s\"", load->plan.host, answer);
    if (outcome != OUTCOME_OK && check_is_on(cloud, CHECK_NO_FAILED_REQUEST))
        cloud_violate(cloud, "no_failed_request", "a request for %s was %s (status %d) %.200s", load->plan.host,
                      outcome_text(outcome), status, answer);
}

/* ---- The end of a request ---- */

static void free_request(struct load_request *request)
{
    struct load *load = request->load;
    world_cancel(load->cloud->world, &request->timeout);
    if (request->previous != NULL)
        request->previous->next = request->next;
    else
        load->requests = request->next;
    if (request->next != NULL)
        request->next->previous = request->previous;
    text_free(&request->in);
    memory_free(request);
}

static void end_request(struct load_request *request, enum outcome outcome, int status, const char *answer)
{
    struct load *load = request->load;
    uint64_t latency_ns = load->cloud->world->now_ns - request->sent_ns;
    bool counts = !request->is_probe;
    if (request->is_probe && outcome == OUTCOME_OK && !load->has_begun) {
        load->has_begun = true;
        world_wake_in(load->cloud->world, &load->next, 0);
    }
    if (outcome == OUTCOME_MISROUTED)
        judge(load, outcome, status, answer);
    if (counts) {
        add_outcome(&load->counts, outcome, status, latency_ns);
        add_outcome(window_now(load), outcome, status, latency_ns);
        if (outcome == OUTCOME_OK)
            load->bins[bin_of(latency_ns)]++;
        judge(load, outcome, status, answer);
    }
    load->cloud->world->change_count++;
    if (request->socket != NULL)
        socket_drop(request->socket);
    free_request(request);
}

/* Whether the body says that it comes from the right app: "app=NAME index=...". One that says nothing of the kind was
 * damaged on its way. */
static enum outcome outcome_of(const struct load *load, const char *body)
{
    if (load->app == NULL)
        return OUTCOME_OK;
    size_t size = strlen(load->app);
    if (strncmp(body, "app=", 4) != 0)
        return OUTCOME_ERROR;
    return strncmp(body + 4, load->app, size) == 0 && body[4 + size] == ' ' ? OUTCOME_OK : OUTCOME_MISROUTED;
}

/* The answer is taken once it is whole; until then false. */
static bool take_answer(struct load_request *request)
{
    static const struct http_limits limits = {MOST_HEAD_BYTES, MOST_HEADERS};
    const char *bytes = text_string(&request->in);
    size_t size;
    enum http_result result =
        http_find_head((const uint8_t *)bytes, request->in.size, &limits, &request->scanned, &size);
    if (result == HTTP_INCOMPLETE)
        return false;
    struct http_head head;
    const char *reason;
    const char *method = request->load->plan.method;
    struct http_text asked = {method, strlen(method)};
    if (result == HTTP_OK)
        result = http_parse_response((const uint8_t *)bytes, size, &limits, asked, &head, &reason);
    if (result != HTTP_OK) {
        end_request(request, OUTCOME_RESET, 0, "the answer is not HTTP");
        return true;
    }
    size_t body_size = request->in.size - size;
    if (head.body == HTTP_BODY_LENGTH && body_size < head.content_length)
        return false;
    if (head.status != 200)
        end_request(request, OUTCOME_ERROR, head.status, bytes + size);
    else if (head.body == HTTP_BODY_LENGTH && body_size > 0)
        end_request(request, outcome_of(request->load, bytes + size), head.status, bytes + size);
    else
        end_request(request, OUTCOME_OK, head.status, "");
    return true;
}

/* ---- The connection ---- */

static void on_connected(struct socket *socket)
{
    struct load_request *request = socket->owner;
    const struct load_plan *plan = &request->load->plan;
    struct text text = {0};
    text_addf(&text, "%s / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", plan->method, plan->host);
    if (plan->body_bytes > 0)
        text_addf(&text, "Content-Length: %u\r\n", plan->body_bytes);
    text_add_string(&text, "\r\n");
    memset(text_room(&text, plan->body_bytes), 'x', plan->body_bytes);
    text_grow(&text, plan->body_bytes);
    socket_write(socket, text_take(&text));
    socket_read(socket, SIZE_MAX);
}

static void on_bytes(struct socket *socket, struct slice lent)
{
    struct load_request *request = socket->owner;
    text_add(&request->in, slice_data(lent), lent.size);
    if (!take_answer(request))
        socket_read(socket, SIZE_MAX);
}

static void on_end(struct socket *socket)
{
    end_request(socket->owner, OUTCOME_RESET, 0, "the connection ended before the answer was whole");
}

static void on_written(struct socket *socket, size_t size)
{
    (void)socket;
    (void)size;
}

static void on_closed(struct socket *socket, enum io_status status)
{
    struct load_request *request = socket->owner;
    request->socket = NULL;
    bool is_refused = status == IO_REFUSED || status == IO_UNREACHABLE;
    end_request(request, is_refused ? OUTCOME_REFUSED : OUTCOME_RESET, 0, io_status_name(status));
}

static const struct socket_handlers request_handlers = {
    .on_connected = on_connected,
    .on_bytes = on_bytes,
    .on_end = on_end,
    .on_written = on_written,
    .on_closed = on_closed,
};

static void on_timeout(struct wake *wake)
{
    end_request(container_of(wake, struct load_request, timeout), OUTCOME_TIMED_OUT, 0, "");
}

static void send_request(struct load *load, bool is_probe)
{
    struct cloud *cloud = load->cloud;
    struct load_request *request = memory_new(sizeof *request);
    request->load = load;
    request->is_probe = is_probe;
    request->sent_ns = cloud->world->now_ns;
    request->timeout = (struct wake){.happen = on_timeout, .key = random_draw(&load->random)};
    request->next = load->requests;
    if (request->next != NULL)
        request->next->previous = request;
    load->requests = request;
    world_wake_in(cloud->world, &request->timeout, load->plan.timeout_ns);
    request->socket =
        socket_connect(cloud->outside, &request_handlers, request, NULL, load->label, BALANCER_ADDRESS, ROUTER_PORT);
}

/* Arrivals of an open loop: exponential pauses (a Poisson process), whatever becomes of the requests. */
static void on_next(struct wake *wake)
{
    struct load *load = container_of(wake, struct load, next);
    uint64_t now_ns = load->cloud->world->now_ns;
    if (!load->is_running || (load->plan.until_ns > 0 && now_ns >= load->plan.until_ns))
        return;
    send_request(load, !load->has_begun);
    uint64_t pause_ns = PROBE_INTERVAL_NS;
    if (load->has_begun) {
        struct distribution pause =
            distribution_exponential(0, NS_PER_S / ((uint64_t)load->plan.rate_per_s * load->surge));
        pause_ns = distribution_sample(&pause, &load->random);
    }
    world_wake_in(load->cloud->world, wake, pause_ns);
}

/* ---- The interface ---- */

static const char *find_app(const struct cloud *cloud, const char *host)
{
    for (size_t i = 0; i < cloud->plan.app_count; i++) {
        char own[300];
        snprintf(own, sizeof own, "%s.cupola.test", cloud->apps[i].name);
        if (strcmp(cloud->apps[i].host != NULL ? cloud->apps[i].host : own, host) == 0)
            return cloud->apps[i].name;
    }
    size_t size = strcspn(host, ".");
    char name[128];
    snprintf(name, sizeof name, "%.*s", (int)(size < 127 ? size : 127), host);
    return world_keep_label(cloud->world, name);
}

size_t cloud_load_add(struct cloud *cloud, const struct load_plan *plan)
{
    assert_that(plan->rate_per_s > 0);
    struct load *load = memory_new(sizeof *load);
    load->cloud = cloud;
    load->number = cloud->load_count;
    load->plan = *plan;
    load->plan.host = world_keep_label(cloud->world, plan->host);
    load->plan.method = world_keep_label(cloud->world, plan->method == NULL ? "GET" : plan->method);
    if (load->plan.timeout_ns == 0)
        load->plan.timeout_ns = DEFAULT_TIMEOUT_NS;
    load->app = find_app(cloud, plan->host);
    load->label = world_keep_label(cloud->world, "client");
    load->random = random_numbered(cloud->seed, "load", load->number);
    load->next = (struct wake){.happen = on_next, .key = load->random.key};
    load->surge = 1;
    cloud->loads = memory_grow(cloud->loads, cloud->load_count * sizeof *cloud->loads,
                               (cloud->load_count + 1) * sizeof *cloud->loads);
    cloud->loads[cloud->load_count++] = load;
    start_load(cloud, load->number);
    return load->number;
}

/* Begins (again) or ends the load. */
static void start_load(struct cloud *cloud, size_t load)
{
    struct load *started = cloud->loads[load];
    uint64_t now_ns = cloud->world->now_ns;
    started->is_running = true;
    world_wake_at(cloud->world, &started->next, started->plan.from_ns > now_ns ? started->plan.from_ns : now_ns);
}

void cloud_load_stop(struct cloud *cloud, size_t load)
{
    cloud->loads[load]->is_running = false;
    world_cancel(cloud->world, &cloud->loads[load]->next);
}

uint32_t cloud_load_surge(const struct cloud *cloud, size_t load)
{
    return cloud->loads[load]->surge;
}

void cloud_load_set_surge(struct cloud *cloud, size_t load, uint32_t times)
{
    cloud->loads[load]->surge = times == 0 ? 1 : times;
}

size_t cloud_load_count(const struct cloud *cloud)
{
    return cloud->load_count;
}

const char *cloud_load_host(const struct cloud *cloud, size_t load)
{
    return cloud->loads[load]->plan.host;
}

struct load_counts cloud_load_counts(const struct cloud *cloud, size_t load)
{
    return cloud->loads[load]->counts;
}

struct load_counts cloud_load_window(const struct cloud *cloud, size_t load, size_t second)
{
    const struct load *asked = cloud->loads[load];
    return second < asked->window_count ? asked->windows[second] : (struct load_counts){0};
}

size_t cloud_load_window_count(const struct cloud *cloud, size_t load)
{
    return cloud->loads[load]->window_count;
}

uint64_t cloud_load_latency_ns(const struct cloud *cloud, size_t load, uint32_t permille)
{
    const struct load *asked = cloud->loads[load];
    uint64_t rank = (asked->counts.ok * permille + 999) / 1000;
    uint64_t seen = 0;
    for (size_t bin = 0; bin < LATENCY_BINS && rank > 0; bin++) {
        seen += asked->bins[bin];
        if (seen >= rank)
            return bin_end(bin);
    }
    return 0;
}

void loads_stop(struct cloud *cloud)
{
    for (size_t i = 0; i < cloud->load_count; i++)
        cloud_load_stop(cloud, i);
}

bool loads_idle(struct cloud *cloud, void *context, struct text *ret_why)
{
    (void)context;
    for (size_t i = 0; i < cloud->load_count; i++) {
        if (cloud->loads[i]->requests == NULL)
            continue;
        if (ret_why != NULL)
            text_addf(ret_why, "requests for %s are under way", cloud_load_host(cloud, i));
        return false;
    }
    return true;
}

void loads_release(struct cloud *cloud)
{
    for (size_t i = 0; i < cloud->load_count; i++) {
        struct load *load = cloud->loads[i];
        cloud_load_stop(cloud, i);
        while (load->requests != NULL) {
            socket_drop(load->requests->socket);
            free_request(load->requests);
        }
        memory_free(load->windows);
        memory_free(load);
    }
    memory_free(cloud->loads);
}
