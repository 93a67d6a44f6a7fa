/* The server: its listener and the set of its connections. What happens on one connection is in connection.c. */
#include "core/http/connection.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

static void on_listening(struct listener *listener, enum io_status status, uint16_t port)
{
    struct http_server *server = container_of(listener, struct http_server, listener);
    server->is_open = status == IO_OK;
    server->port = port;
    server->handlers->on_listening(server, status, port);
}

static void on_accepted(struct listener *listener, struct io_conn id, const char *peer)
{
    struct http_server *server = container_of(listener, struct http_server, listener);
    if (server->connection_count >= server->options.max_connections) {
        conn_refuse(server->machine, id,
                    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
                    "Connection: close\r\n\r\n");
        return;
    }
    http_connection_new(server, id, peer);
}

void http_server_open(struct machine *machine, struct http_server *server, const struct http_server_options *options,
                      const struct http_server_handlers *handlers)
{
    assert_that(handlers->on_listening != NULL);
    assert_that(handlers->on_request != NULL);
    assert_that(handlers->on_aborted != NULL);
    assert_that((handlers->on_head == NULL) == (handlers->on_body == NULL));
    assert_that(options->max_connections > 0);
    assert_that(options->header_timeout_ns > 0);
    assert_that(options->idle_timeout_ns > 0);
    *server = (struct http_server){.handlers = handlers, .machine = machine, .options = *options};
    server->host = memory_copy_text(options->host);
    server->options.host = server->host;
    server->is_open = true;
    server->listener.on_accepted = on_accepted;
    server->listener.on_listening = on_listening;
    listener_open(machine, &server->listener, server->host, options->port);
}

void http_server_drain(struct http_server *server)
{
    if (!server->is_open)
        return;
    server->is_open = false;
    listener_close(&server->listener);
    for (struct http_connection *connection = server->connections; connection != NULL; connection = connection->next)
        http_connection_drain(connection);
}

void http_server_destroy(struct http_server *server)
{
    while (server->connections != NULL)
        http_connection_free(server->connections);
    op_forget(&server->listener.op);
    memory_free(server->host);
    server->host = NULL;
    server->options.host = NULL;
    server->is_open = false;
}
