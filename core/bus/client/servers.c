/* The servers that a bus client may connect to: configured ones first, then those it was told of. */
#include "core/bus/client/state.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <string.h>

enum { MAX_LEARNED = 32, MAX_HOST_SIZE = 253 };

static void add_server(struct bus_server_list *servers, const char *host, size_t host_size, uint16_t port,
                       bool is_learned)
{
    size_t size = servers->count * sizeof *servers->at;
    servers->at = memory_grow(servers->at, size, size + sizeof *servers->at);
    servers->at[servers->count++] =
        (struct bus_server_address){.host = memory_copy_bytes(host, host_size), .port = port, .is_learned = is_learned};
}

void bus_servers_open(struct bus_server_list *servers, const Cupola__BusConfig *config, uint64_t seed)
{
    size_t count = config == NULL ? 0 : config->n_servers;
    for (size_t i = 0; i < count; i++) {
        const Cupola__Endpoint *endpoint = config->servers[i];
        add_server(servers, endpoint->host, strlen(endpoint->host), (uint16_t)endpoint->port, false);
    }
    if (count == 0)
        add_server(servers, "127.0.0.1", strlen("127.0.0.1"), 4222, false);
    /* Clients that start together do not all begin with the same server. */
    struct random_stream first = random_named(seed, "bus_client.first_server");
    servers->current = (size_t)random_below(&first, servers->count);
}

static void forget_learned(struct bus_server_list *servers)
{
    while (servers->count > 0 && servers->at[servers->count - 1].is_learned)
        memory_free(servers->at[--servers->count].host);
    assert_that(servers->count > 0);
}

/* "host:port" or "[address]:port". */
static bool split_url(const char *url, const char **ret_host, size_t *ret_size, uint16_t *ret_port)
{
    const char *colon = strrchr(url, ':');
    if (colon == NULL)
        return false;
    uint32_t port = 0;
    for (const char *digit = colon + 1; *digit != 0; digit++) {
        if (*digit < '0' || *digit > '9' || port > UINT16_MAX)
            return false;
        port = port * 10 + (uint32_t)(*digit - '0');
    }
    const char *host = url;
    size_t size = (size_t)(colon - url);
    if (size >= 2 && host[0] == '[' && host[size - 1] == ']') {
        host++;
        size -= 2;
    }
    if (port == 0 || port > UINT16_MAX || size == 0 || size > MAX_HOST_SIZE)
        return false;
    *ret_host = host;
    *ret_size = size;
    *ret_port = (uint16_t)port;
    return true;
}

static bool is_known(const struct bus_server_list *servers, const char *host, size_t size, uint16_t port)
{
    for (size_t i = 0; i < servers->count; i++) {
        const struct bus_server_address *server = &servers->at[i];
        if (server->port == port && strlen(server->host) == size && memcmp(server->host, host, size) == 0)
            return true;
    }
    return false;
}

void bus_servers_learn(struct bus_server_list *servers, char *const *urls, size_t count)
{
    forget_learned(servers);
    for (size_t i = 0; i < count && i < MAX_LEARNED; i++) {
        const char *host = NULL;
        size_t size = 0;
        uint16_t port = 0;
        if (split_url(urls[i], &host, &size, &port) && !is_known(servers, host, size, port))
            add_server(servers, host, size, port, true);
    }
    servers->current %= servers->count;
}

void bus_servers_free(struct bus_server_list *servers)
{
    for (size_t i = 0; i < servers->count; i++)
        memory_free(servers->at[i].host);
    memory_free(servers->at);
    *servers = (struct bus_server_list){0};
}
