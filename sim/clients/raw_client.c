#include "sim/clients/raw_client.h"

#include "core/base/memory.h"
#include "sim/cloud_state.h"

#include <stdint.h>

enum { MOST_KEPT_BYTES = 65536 };

struct raw_client {
    struct cloud *cloud;
    struct socket *socket; /* NULL once it is over. */
    struct text out;       /* Not sent yet. */
    struct text in;
    uint64_t received;
    size_t chunk, read_size;
    uint64_t every_ns, read_every_ns;
    struct wake send, read;
    enum io_status status;
    bool is_connected;
};

/* ---- Sending and reading, each at its pace ---- */

static void send_next(struct raw_client *client)
{
    if (client->socket == NULL || !client->is_connected || client->out.size == 0)
        return;
    size_t size = client->every_ns == 0 || client->out.size < client->chunk ? client->out.size : client->chunk;
    socket_write(client->socket, slice_copy(text_string(&client->out), size));
    text_consume(&client->out, size);
    if (client->out.size > 0)
        world_wake_in(client->cloud->world, &client->send, client->every_ns);
}

static void on_send(struct wake *wake)
{
    send_next(container_of(wake, struct raw_client, send));
}

static void on_read(struct wake *wake)
{
    struct raw_client *client = container_of(wake, struct raw_client, read);
    if (client->socket != NULL)
        socket_read(client->socket, client->read_size);
}

/* ---- The connection ---- */

static void end_client(struct raw_client *client, enum io_status status)
{
    world_cancel(client->cloud->world, &client->send);
    world_cancel(client->cloud->world, &client->read);
    client->socket = NULL;
    client->status = status;
    client->cloud->world->change_count++;
}

static void on_connected(struct socket *socket)
{
    struct raw_client *client = socket->owner;
    client->is_connected = true;
    send_next(client);
    if (client->read_size > 0)
        socket_read(socket, client->read_size);
}

static void on_bytes(struct socket *socket, struct slice lent)
{
    struct raw_client *client = socket->owner;
    size_t room = MOST_KEPT_BYTES - client->in.size;
    text_add(&client->in, slice_data(lent), lent.size < room ? lent.size : room);
    client->received += lent.size;
    client->cloud->world->change_count++;
    world_wake_in(client->cloud->world, &client->read, client->read_every_ns);
}

static void on_end(struct socket *socket)
{
    struct raw_client *client = socket->owner;
    socket_drop(socket);
    end_client(client, IO_OK);
}

static void on_written(struct socket *socket, size_t size)
{
    (void)socket;
    (void)size;
}

static void on_closed(struct socket *socket, enum io_status status)
{
    end_client(socket->owner, status);
}

static const struct socket_handlers client_handlers = {
    .on_connected = on_connected,
    .on_bytes = on_bytes,
    .on_end = on_end,
    .on_written = on_written,
    .on_closed = on_closed,
};

/* ---- The interface ---- */

struct raw_client *raw_client_open(struct cloud *cloud, const struct raw_plan *plan)
{
    struct raw_client *client = memory_new(sizeof *client);
    size_t number = cloud->raw_client_count;
    struct random_stream stream = random_numbered(cloud->seed, "raw client", number);
    client->cloud = cloud;
    client->chunk = plan->chunk == 0 ? 1 : plan->chunk;
    client->every_ns = plan->every_ns;
    client->read_size = plan->read_size;
    client->read_every_ns = plan->read_every_ns;
    client->send = (struct wake){.happen = on_send, .key = random_mix(stream.key, 1)};
    client->read = (struct wake){.happen = on_read, .key = random_mix(stream.key, 2)};
    text_add(&client->out, plan->bytes.data, plan->bytes.size);
    cloud->raw_clients =
        memory_grow(cloud->raw_clients, number * sizeof *cloud->raw_clients, (number + 1) * sizeof *cloud->raw_clients);
    cloud->raw_clients[cloud->raw_client_count++] = client;
    client->socket = socket_connect(cloud->outside, &client_handlers, client, NULL, "raw client",
                                    plan->address == NULL ? BALANCER_ADDRESS : plan->address, plan->port);
    return client;
}

void raw_client_send(struct raw_client *client, struct io_bytes bytes)
{
    bool is_idle = client->out.size == 0;
    if (client->socket == NULL)
        return;
    text_add(&client->out, bytes.data, bytes.size);
    if (is_idle)
        send_next(client);
}

void raw_client_close(struct raw_client *client)
{
    if (client->socket == NULL)
        return;
    socket_drop(client->socket);
    end_client(client, IO_OK);
}

bool raw_client_is_open(const struct raw_client *client)
{
    return client->socket != NULL;
}

enum io_status raw_client_status(const struct raw_client *client)
{
    return client->status;
}

uint64_t raw_client_received(const struct raw_client *client)
{
    return client->received;
}

struct io_bytes raw_client_text(const struct raw_client *client)
{
    return (struct io_bytes){(const uint8_t *)text_string(&client->in), client->in.size};
}

struct raw_client *cloud_raw_client(struct cloud *cloud, size_t index)
{
    return index < cloud->raw_client_count ? cloud->raw_clients[index] : NULL;
}

size_t cloud_raw_client_count(const struct cloud *cloud)
{
    return cloud->raw_client_count;
}

void raw_clients_stop(struct cloud *cloud)
{
    for (size_t i = 0; i < cloud->raw_client_count; i++)
        raw_client_close(cloud->raw_clients[i]);
}

void raw_clients_release(struct cloud *cloud)
{
    raw_clients_stop(cloud);
    for (size_t i = 0; i < cloud->raw_client_count; i++) {
        text_free(&cloud->raw_clients[i]->out);
        text_free(&cloud->raw_clients[i]->in);
        memory_free(cloud->raw_clients[i]);
    }
    memory_free(cloud->raw_clients);
}
