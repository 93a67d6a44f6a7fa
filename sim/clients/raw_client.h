/* Clients that send any bytes at any pace, and read as slowly as they like: what no well-made client would do.
 *
 * One connection each, from outside of the cloud. What comes back is counted and its beginning kept.
 */
#ifndef CUPOLA_SIM_CLIENTS_RAW_CLIENT_H
#define CUPOLA_SIM_CLIENTS_RAW_CLIENT_H

#include "sim/cloud.h"

struct raw_plan {
    const char *address; /* "10.0.1.4"; NULL: the load balancer before the routers. */
    uint16_t port;
    struct io_bytes bytes; /* Copied. */
    size_t chunk;          /* So many of them at once, */
    uint64_t every_ns;     /* and the next ones so much later; 0: all at once. */
    size_t read_size;      /* So many at most are taken at once; 0: none ever. */
    uint64_t read_every_ns;
};

struct raw_client;

/* Connects and sends. It lives as long as the cloud. */
struct raw_client *raw_client_open(struct cloud *cloud, const struct raw_plan *plan);
/* Sends more, at the same pace, behind what is left of before. Nothing if the connection is over. */
void raw_client_send(struct raw_client *client, struct io_bytes bytes);
void raw_client_close(struct raw_client *client);

/* False once either side has ended the connection. */
bool raw_client_is_open(const struct raw_client *client);
/* How it ended: IO_OK by a close of either side, IO_RESET, IO_REFUSED, ... */
enum io_status raw_client_status(const struct raw_client *client);
/* All bytes that came. */
uint64_t raw_client_received(const struct raw_client *client);
/* The first of them, at most 64 KiB. Lent. */
struct io_bytes raw_client_text(const struct raw_client *client);

/* In the order of their opening; NULL past the end. */
struct raw_client *cloud_raw_client(struct cloud *cloud, size_t index);
size_t cloud_raw_client_count(const struct cloud *cloud);

#endif
