/* INFO: what a client is told of this server and of the others that it may use. */
#include "core/bus/server/route.h"
#include "core/wire/json.h"

#include <string.h>
#include <utlist.h>

static bool is_any_address(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

void server_print_url(const struct bus_server *server, struct text *text)
{
    if (server->advertise != NULL)
        text_add_string(text, server->advertise);
    else if (!is_any_address(server->host))
        text_addf(text, strchr(server->host, ':') != NULL ? "[%s]:%u" : "%s:%u", server->host, (unsigned)server->port);
}

static void add_url(struct text *json, bool *is_first, const char *url)
{
    if (url == NULL || url[0] == 0)
        return;
    text_add_string(json, *is_first ? ",\"connect_urls\":[" : ",");
    json_write_string(json, url);
    *is_first = false;
}

/* Ourselves, and the servers that we are connected to; not those that are about to stop. */
static void add_connect_urls(const struct bus_server *server, struct text *json)
{
    if (server->cluster == NULL)
        return;
    bool is_first = true;
    struct text own = {0};
    if (!server->is_stopping)
        server_print_url(server, &own);
    add_url(json, &is_first, text_string(&own));
    text_free(&own);
    const struct server_route *route = NULL;
    DL_FOREACH(server->cluster->routes, route)
    {
        if (route->phase == ROUTE_REGISTERED && !route->peer_is_lame)
            add_url(json, &is_first, route->peer_url);
    }
    if (!is_first)
        text_add_char(json, ']');
}

/* The address without its port. */
static void add_client_ip(struct text *json, const char *peer)
{
    const char *colon = strrchr(peer, ':');
    char ip[64];
    size_t size = colon == NULL ? strlen(peer) : (size_t)(colon - peer);
    if (size >= sizeof ip)
        return;
    memcpy(ip, peer, size);
    ip[size] = 0;
    text_add_string(json, ",\"client_ip\":");
    json_write_string(json, ip);
}

static void write_info(struct server_client *client)
{
    struct bus_server *server = client->server;
    struct text *info = &server->scratch;
    text_clear(info);
    text_add_string(info, "INFO {\"server_id\":");
    json_write_string(info, server->server_id);
    text_add_string(info, ",\"server_name\":");
    json_write_string(info, server->server_id);
    text_add_string(info, ",\"version\":\"0.2.0\",\"proto\":1,\"host\":");
    json_write_string(info, server->host);
    text_addf(info, ",\"port\":%u,\"headers\":true,\"max_payload\":%llu,\"client_id\":%llu", (unsigned)server->port,
              (unsigned long long)server->limits.max_payload, (unsigned long long)client->id);
    add_client_ip(info, client->peer);
    if (bus_users_are_needed(&server->users))
        text_add_string(info, ",\"auth_required\":true");
    if (server->tls != NULL)
        text_add_string(info, ",\"tls_required\":true");
    if (client->nonce[0] != 0)
        text_addf(info, ",\"nonce\":\"%s\"", client->nonce);
    if (server->is_stopping)
        text_add_string(info, ",\"ldm\":true");
    add_connect_urls(server, info);
    text_add_string(info, "}\r\n");
}

static void send_info(struct server_client *client)
{
    write_info(client);
    client_send_string(client, text_string(&client->server->scratch));
}

/* A failure ends the connection; all that is written meanwhile waits. */
static void on_secured(struct op *op, const struct op_result *result)
{
    (void)op;
    (void)result;
}

/* INFO goes as it is, what follows through TLS: clients of NATS expect it so. */
void client_greet(struct server_client *client)
{
    if (client->server->tls == NULL) {
        send_info(client);
        return;
    }
    write_info(client);
    conn_write_string(&client->conn, text_string(&client->server->scratch));
    conn_start_tls(&client->conn, &client->tls_op, client->server->tls, NULL, on_secured);
}

void server_send_news(struct bus_server *server)
{
    struct server_client *client = NULL;
    DL_FOREACH(server->clients, client)
    {
        if (client->route == NULL && client->phase == CLIENT_ACTIVE && client->takes_news)
            send_info(client);
    }
}
