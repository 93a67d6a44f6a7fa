/* Where the other servers of the cluster may be: configured and learned addresses, dialled until somebody is there. */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/bus/server/route.h"
#include "core/wire/http.h"

#include <string.h>
#include <utlist.h>

enum { MAX_TARGETS = 256, MAX_HOST_SIZE = 253, MAX_DOUBLINGS = 16, LEARNED_ATTEMPTS = 60 };

static void dial(struct route_target *target);

static struct route_target *find_target(const struct server_cluster *cluster, const char *host, uint16_t port)
{
    struct route_target *target = NULL;
    DL_FOREACH(cluster->targets, target)
    {
        if (target->port == port && strcmp(target->host, host) == 0)
            return target;
    }
    return NULL;
}

struct route_target *target_add(struct server_cluster *cluster, const char *host, uint16_t port, bool is_learned)
{
    if (cluster->target_count == MAX_TARGETS || find_target(cluster, host, port) != NULL)
        return NULL;
    struct route_target *target = memory_new(sizeof *target);
    target->cluster = cluster;
    target->host = memory_copy_text(host);
    target->port = port;
    target->is_learned = is_learned;
    DL_APPEND(cluster->targets, target);
    cluster->target_count++;
    dial(target);
    return target;
}

void target_free(struct route_target *target)
{
    DL_DELETE(target->cluster->targets, target);
    target->cluster->target_count--;
    memory_free(target->host);
    memory_free(target->user);
    memory_free(target->password);
    memory_free(target);
}

static void on_dial_time(struct timer *timer)
{
    dial(container_of(timer, struct route_target, timer));
}

/* Half of the pause is fixed and half is drawn; it doubles while nobody answers. */
void target_dial_later(struct route_target *target)
{
    struct server_cluster *cluster = target->cluster;
    uint64_t pause_ns = cluster->reconnect_first_ns
                        << (target->attempts < MAX_DOUBLINGS ? target->attempts : MAX_DOUBLINGS);
    if (pause_ns > cluster->reconnect_most_ns)
        pause_ns = cluster->reconnect_most_ns;
    target->attempts++;
    pause_ns = pause_ns / 2 + random_between(&cluster->backoff, 0, pause_ns / 2);
    timer_set(&cluster->server->machine, &target->timer, pause_ns, on_dial_time);
}

static bool is_registered(const struct server_cluster *cluster, const char *peer_id)
{
    const struct server_route *route = NULL;
    DL_FOREACH(cluster->routes, route)
    {
        if (route->phase == ROUTE_REGISTERED && strcmp(route->peer_id, peer_id) == 0)
            return true;
    }
    return false;
}

static void dial(struct route_target *target)
{
    struct server_cluster *cluster = target->cluster;
    assert_that(target->client == NULL);
    if (target->is_ourselves)
        return;
    if (is_registered(cluster, target->peer_id)) {
        target->attempts = 0; /* It came to us. Looked at again, for the day when it has gone. */
        timer_set(&cluster->server->machine, &target->timer, cluster->reconnect_most_ns, on_dial_time);
        return;
    }
    if (target->is_learned && target->attempts >= LEARNED_ATTEMPTS) {
        target_free(target);
        return;
    }
    struct text peer = {0};
    text_addf(&peer, strchr(target->host, ':') != NULL ? "[%s]:%u" : "%s:%u", target->host, (unsigned)target->port);
    struct io_conn none = {0};
    struct server_client *client = client_open_route(cluster->server, none, text_string(&peer));
    text_free(&peer);
    target->client = client;
    route_open(cluster, client)->target = target;
    client_dial(client, target->host, target->port);
}

/* ---- What is configured, and what others tell ---- */

static bool read_address(const char *text, char ret_host[MAX_HOST_SIZE + 1], uint16_t *ret_port)
{
    const char *colon = strrchr(text, ':');
    size_t size = colon == NULL ? 0 : (size_t)(colon - text);
    uint32_t port = 0;
    if (size == 0 || size > MAX_HOST_SIZE)
        return false;
    for (const char *digit = colon + 1; *digit != 0; digit++) {
        if (*digit < '0' || *digit > '9' || port > UINT16_MAX)
            return false;
        port = port * 10 + (uint32_t)(*digit - '0');
    }
    if (text[0] == '[' && text[size - 1] == ']' && size > 2) {
        text++;
        size -= 2;
    }
    memcpy(ret_host, text, size);
    ret_host[size] = 0;
    *ret_port = (uint16_t)port;
    return port > 0 && port <= UINT16_MAX;
}

struct route_url {
    char host[MAX_HOST_SIZE + 1];
    uint16_t port;
    struct text user, password; /* No buffer: not named. */
};

static void free_url(struct route_url *url)
{
    text_free(&url->user);
    text_free(&url->password);
}

/* "user", "user:password", percent-encoded. */
static bool read_credentials(struct route_url *url, const char *text, size_t size)
{
    const char *colon = memchr(text, ':', size);
    size_t user_size = colon == NULL ? size : (size_t)(colon - text);
    bool has_user = uri_decode(&url->user, (struct http_text){text, user_size}) && url->user.size > 0;
    if (!has_user || colon == NULL)
        return has_user;
    return uri_decode(&url->password, (struct http_text){colon + 1, size - user_size - 1});
}

/* Free it in any case. */
static bool read_url(const char *text, struct route_url *ret_url)
{
    static const char *const schemes[] = {"nats://", "nats-route://", "tls://"};
    *ret_url = (struct route_url){0};
    const char *at = NULL;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes && at == NULL; i++) {
        if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
            at = text + strlen(schemes[i]);
    }
    if (at == NULL)
        return false;
    const char *end = strrchr(at, '@');
    return read_address(end == NULL ? at : end + 1, ret_url->host, &ret_url->port) &&
           (end == NULL || read_credentials(ret_url, at, (size_t)(end - at)));
}

bool target_url_is_valid(const char *text)
{
    struct route_url url;
    bool is_valid = read_url(text, &url);
    free_url(&url);
    return is_valid;
}

void target_add_url(struct server_cluster *cluster, const char *text)
{
    struct route_url url;
    bool is_valid = read_url(text, &url);
    assert_that(is_valid);
    struct route_target *target = target_add(cluster, url.host, url.port, false);
    if (target != NULL && url.user.size > 0) {
        target->user = memory_copy_text(text_string(&url.user));
        target->password = memory_copy_text(text_string(&url.password));
    }
    free_url(&url);
}

void target_learn(struct server_cluster *cluster, const char *text)
{
    char host[MAX_HOST_SIZE + 1];
    uint16_t port = 0;
    if (!read_address(text, host, &port) || cluster->server->is_stopping)
        return;
    bool is_own =
        port == cluster->port && strcmp(host, cluster->advertise != NULL ? cluster->advertise : cluster->host) == 0;
    if (!is_own)
        target_add(cluster, host, port, true);
}
