/* Messages instead of bytes: what a component listens to as a table, and payloads as JSON of protobuf messages. */
#include "core/bus/client/state.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/wire/json.h"

void bus_publish_message(struct bus_client *client, const char *subject, const char *reply,
                         const ProtobufCMessage *message)
{
    struct text json = {0};
    json_write(&json, message);
    struct io_bytes payload = {(const uint8_t *)text_string(&json), json.size};
    bus_publish(client, subject, reply, payload);
    text_free(&json);
}

void bus_answer(struct bus_client *client, const struct bus_message *message, const ProtobufCMessage *answer)
{
    if (message->reply != NULL)
        bus_publish_message(client, message->reply, NULL, answer);
}

ProtobufCMessage *bus_read_payload(struct bus_client *client, const ProtobufCMessageDescriptor *descriptor,
                                   bool allow_empty, const struct bus_message *message)
{
    if (allow_empty && message->payload.size == 0)
        return protobuf_c_message_unpack(descriptor, NULL, 0, NULL);
    struct json_error error;
    ProtobufCMessage *parsed = json_read(descriptor, message->payload, JSON_LENIENT, &error);
    if (parsed == NULL) {
        /* Told at powers of two, so that a peer gone mad does not fill the log. */
        uint64_t count = ++client->malformed_messages;
        if (count == 1 && mutation_is(BUS_CLIENT_ENDS_ON_NONSENSE))
            machine_exit(client->machine, 1, (struct io_bytes){0});
        if ((count & (count - 1)) == 0)
            machine_log(client->machine, LOG_WARNING, "bus: %s: %s (malformed message %llu)", message->subject,
                        error.text, (unsigned long long)count);
    }
    return parsed;
}

static void on_route_message(struct bus_subscription *subscription, const struct bus_message *message)
{
    const struct bus_listening_entry *entry = container_of(subscription, struct bus_listening_entry, subscription);
    const struct bus_route *route = entry->route;
    struct bus_client *client = subscription->client;
    if (route->payload == NULL) {
        route->handle(client, NULL, message);
        return;
    }
    ProtobufCMessage *parsed = bus_read_payload(client, route->payload, route->allow_empty, message);
    if (parsed == NULL)
        return;
    route->handle(client, parsed, message);
    protobuf_c_message_free_unpacked(parsed, NULL);
}

void bus_listen(struct bus_client *client, const struct bus_route *routes, size_t count)
{
    struct bus_client_state *state = client->state;
    struct bus_listening *listening = memory_new(sizeof *listening + count * sizeof(struct bus_listening_entry));
    listening->count = count;
    listening->next = state->listenings;
    state->listenings = listening;
    for (size_t i = 0; i < count; i++) {
        assert_that(routes[i].handle != NULL);
        listening->entries[i].route = &routes[i];
        bus_subscribe(client, &listening->entries[i].subscription, routes[i].subject, routes[i].queue,
                      on_route_message);
    }
}
