/* Clients that mean no good: slow ones that never end a request, and such as send what is none. */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "sim/clients/raw_client.h"
#include "sim/faults/state.h"

#include <string.h>

/* What is sent, one drawn each time; "%" stands for a host, '#' for a great many bytes. */
static const char *const nonsense[] = {
    "\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03 is no HTTP\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: %\r\nX-Long: #\r\n\r\n",
    "GET /# HTTP/1.1\r\nHost: %\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: %\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: %\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\nzz\r\n",
    "POST / HTTP/1.1\r\nHost: %\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: %\r\nContent-Length: 1048576\r\n\r\n#",
    "GET / HTTP/1.1\r\nHost: %\r\nHost: other\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
};

enum {
    NONSENSE = sizeof nonsense / sizeof *nonsense,
    MANY_BYTES = 100000,
    SLOW_BYTES = 2000,
    MOST_AT_ONCE = 64,
    READ_BYTES = 4096
};

static const char *host_of(const struct fault *fault)
{
    if (fault->spec.target[0] != 0)
        return fault->spec.target;
    return fault->cloud->load_count > 0 ? cloud_load_host(fault->cloud, 0) : "nobody.cupola.test";
}

static void fill_in(const char *pattern, const char *host, size_t many, struct text *text)
{
    for (const char *at = pattern; *at != 0; at++) {
        if (*at == '%')
            text_add_string(text, host);
        else if (*at != '#')
            text_add_char(text, *at);
        for (size_t i = 0; *at == '#' && i < many; i++)
            text_add_char(text, 'x');
    }
}

static void open_client(struct fault *fault, const struct raw_plan *plan)
{
    size_t size = fault->client_count * sizeof(struct raw_client *);
    fault->clients = memory_grow(fault->clients, size, size + sizeof(struct raw_client *));
    fault->clients[fault->client_count++] = raw_client_open(fault->cloud, plan);
}

static void send_nonsense(struct fault *fault)
{
    struct text text = {0};
    fill_in(nonsense[random_below(&fault->random, NONSENSE)], host_of(fault), MANY_BYTES, &text);
    struct raw_plan plan = {.port = ROUTER_PORT, .read_size = READ_BYTES};
    plan.bytes = (struct io_bytes){(const uint8_t *)text_string(&text), text.size};
    if (fault->client_count >= MOST_AT_ONCE) /* The oldest has had its time. */
        raw_client_close(fault->clients[fault->client_count - MOST_AT_ONCE]);
    open_client(fault, &plan);
    text_free(&text);
    world_wake_in(fault->cloud->world, &fault->tick, distribution_sample(&fault->spec.delay, &fault->random));
}

static void send_slowly(struct fault *fault)
{
    struct text text = {0};
    fill_in("GET / HTTP/1.1\r\nHost: %\r\nX-Slow: #", host_of(fault), SLOW_BYTES, &text);
    struct raw_plan plan = {.port = ROUTER_PORT, .read_size = READ_BYTES, .chunk = 1};
    plan.bytes = (struct io_bytes){(const uint8_t *)text_string(&text), text.size};
    for (int64_t i = 0; i < fault->spec.amount; i++) {
        plan.every_ns = distribution_sample(&fault->spec.delay, &fault->random);
        open_client(fault, &plan);
    }
    text_free(&text);
}

void fault_send_clients(struct fault *fault)
{
    if (fault->spec.kind == FAULT_SLOW_LORIS) {
        send_slowly(fault);
        return;
    }
    assert_that(fault->spec.kind == FAULT_BAD_CLIENTS);
    send_nonsense(fault);
}

void fault_call_clients_off(struct fault *fault)
{
    for (size_t i = 0; i < fault->client_count; i++)
        raw_client_close(fault->clients[i]);
}
