/* The bus client that every component embeds.
 *
 *   DISCONNECTED --timer--> CONNECTING --INFO, CONNECT, PING, PONG--> CONNECTED
 *   CONNECTING, CONNECTED --lost--> DISCONNECTED (backs off, then tries the next server)
 *
 * Subscriptions belong to the component, not to the connection: they are restored, with their queue groups, at every
 * (re)connect. What is published while there is no connection is kept and sent afterwards: for as long as its class
 * says (message_class.c), up to pending_bytes, oldest dropped first, and counted. Publications of a class that is sure
 * are said again if the connection is lost before the server is known to have them. Payloads are JSON messages of
 * core/proto/bus.proto; what cannot be parsed is dropped, counted and logged, never fatal.
 */
#ifndef CUPOLA_CORE_BUS_CLIENT_H
#define CUPOLA_CORE_BUS_CLIENT_H

#include "core/machine/conn.h"
#include "core/machine/timer.h"
#include "core/proto/config.pb-c.h"

#include <protobuf-c/protobuf-c.h>

struct bus_client;
struct bus_subscription;

/* One message (lent). */
struct bus_message {
    const char *subject;
    const char *reply; /* Where an answer is expected, or NULL. */
    struct io_bytes payload;
};

typedef void bus_on_message(struct bus_subscription *subscription, const struct bus_message *message);

/* Embed it, zeroed. */
struct bus_subscription {
    bus_on_message *on_message;
    struct bus_client *client; /* NULL while not subscribed. */
    /* Private. */
    char *subject;
    char *queue;
    uint64_t id;
    UT_hash_handle hh;
};

struct bus_client_handlers {
    /* Connected, at first or again; subscriptions are restored. `again` is false the first time. May be NULL. */
    void (*on_connected)(struct bus_client *client, bool again);
    /* May be NULL. */
    void (*on_disconnected)(struct bus_client *client, const char *reason);
    /* The cluster of the server has changed: what others said meanwhile may not have come through. May be NULL. */
    void (*on_news)(struct bus_client *client);
};

struct bus_client {
    struct machine *machine;
    const struct bus_client_handlers *handlers;
    bool is_connected;
    uint64_t dropped_messages;  /* Published while disconnected and pushed out of the pending queue. */
    uint64_t expired_messages;  /* Likewise, and of no use any more when there was a connection again. */
    uint64_t repeated_messages; /* Said again, since they were perhaps lost with a connection. */
    uint64_t malformed_messages;
    uint64_t received_messages, sent_messages;
    /* Private. */
    struct bus_client_state *state;
};

/* Begins to connect. `config` and `name` (shown to the server's operator) are copied. */
void bus_client_open(struct machine *machine, struct bus_client *client, const Cupola__BusConfig *config,
                     const char *name, const struct bus_client_handlers *handlers);
/* Sends what is written and closes; nothing is called any more. */
void bus_client_close(struct bus_client *client);
/* Frees everything. For destroy; also without a close before. */
void bus_client_destroy(struct bus_client *client);

/* `queue` may be NULL. Works in any state; takes effect when connected. */
void bus_subscribe(struct bus_client *client, struct bus_subscription *subscription, const char *subject,
                   const char *queue, bus_on_message *on_message);
/* Nothing if it is not subscribed. */
void bus_unsubscribe(struct bus_subscription *subscription);

/* `reply` may be NULL. */
void bus_publish(struct bus_client *client, const char *subject, const char *reply, struct io_bytes payload);
/* The message as JSON. */
void bus_publish_message(struct bus_client *client, const char *subject, const char *reply,
                         const ProtobufCMessage *message);
/* Answers a message, if it expects an answer. */
void bus_answer(struct bus_client *client, const struct bus_message *message, const ProtobufCMessage *answer);

/* A table of what a component listens to. The handler gets the parsed payload (lent, never NULL; an empty payload is an
 * empty message where `allow_empty`). */
struct bus_route {
    const char *subject;
    const char *queue;                         /* NULL for none. */
    const ProtobufCMessageDescriptor *payload; /* NULL: the payload is not looked at, and `parsed` is NULL. */
    bool allow_empty;
    void (*handle)(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message);
};
/* Subscribes to all of a static table. */
void bus_listen(struct bus_client *client, const struct bus_route *routes, size_t count);
/* The payload as a message, given, or NULL: then it is counted and logged. */
ProtobufCMessage *bus_read_payload(struct bus_client *client, const ProtobufCMessageDescriptor *descriptor,
                                   bool allow_empty, const struct bus_message *message);

/* ---- Requests ---- */

struct bus_request;

struct bus_request_handlers {
    /* One answer; `parsed` is lent. Return false to want no more: on_end follows at once. (The request must not be
     * cancelled or freed in here.) */
    bool (*on_answer)(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
    /* The last call: all wanted answers came (timed_out false), or the time is up. The request may be freed here. */
    void (*on_end)(struct bus_request *request, bool timed_out);
};

/* Embed it, zeroed. */
struct bus_request {
    const struct bus_request_handlers *handlers;
    uint32_t answers; /* Received so far. */
    /* Private. */
    struct bus_client *client;
    const ProtobufCMessageDescriptor *answer;
    uint32_t wanted;
    struct bus_subscription inbox;
    struct timer timer;
};

/* Publishes `message` (NULL: empty payload) and waits for up to `wanted` answers (0: as many as come in time). */
void bus_request_start(struct bus_client *client, struct bus_request *request, const char *subject,
                       const ProtobufCMessage *message, const ProtobufCMessageDescriptor *answer, uint32_t wanted,
                       uint64_t timeout_ns, const struct bus_request_handlers *handlers);
/* Ends it without on_end. Nothing if it is not under way. */
void bus_request_cancel(struct bus_request *request);

#endif
