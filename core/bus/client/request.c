/* Requests: a publication whose answers come to an inbox of its own, within a time. */
#include "core/bus/client/state.h"

#include "core/base/assert.h"

#include <string.h>

enum { INBOX_BYTES = 13 }; /* 26 hex digits, as v1 peers make them. */

static void end(struct bus_request *request, bool timed_out)
{
    bus_request_cancel(request);
    request->handlers->on_end(request, timed_out);
}

static void on_request_late(struct timer *timer)
{
    end(container_of(timer, struct bus_request, timer), true);
}

static void on_inbox_message(struct bus_subscription *subscription, const struct bus_message *message)
{
    struct bus_request *request = container_of(subscription, struct bus_request, inbox);
    ProtobufCMessage *parsed = NULL;
    if (request->answer != NULL) {
        parsed = bus_read_payload(request->client, request->answer, false, message);
        if (parsed == NULL)
            return;
    }
    request->answers++;
    bool wants_more = request->handlers->on_answer(request, parsed, message);
    if (parsed != NULL)
        protobuf_c_message_free_unpacked(parsed, NULL);
    if (!wants_more || request->answers == request->wanted)
        end(request, false);
}

void bus_request_start(struct bus_client *client, struct bus_request *request, const char *subject,
                       const ProtobufCMessage *message, const ProtobufCMessageDescriptor *answer, uint32_t wanted,
                       uint64_t timeout_ns, const struct bus_request_handlers *handlers)
{
    assert_that(request->inbox.client == NULL);
    *request = (struct bus_request){.handlers = handlers, .client = client, .answer = answer, .wanted = wanted};
    char inbox[sizeof "_INBOX." + 2 * INBOX_BYTES];
    memcpy(inbox, "_INBOX.", strlen("_INBOX."));
    random_hex(&client->state->inbox, inbox + strlen("_INBOX."), INBOX_BYTES);
    bus_subscribe(client, &request->inbox, inbox, NULL, on_inbox_message);
    timer_set(client->machine, &request->timer, timeout_ns, on_request_late);
    if (message == NULL)
        bus_publish(client, subject, inbox, (struct io_bytes){(const uint8_t *)"", 0});
    else
        bus_publish_message(client, subject, inbox, message);
}

void bus_request_cancel(struct bus_request *request)
{
    if (request->client == NULL)
        return;
    timer_cancel(request->client->machine, &request->timer);
    bus_unsubscribe(&request->inbox);
}

void bus_request_abandon(struct bus_subscription *subscription)
{
    if (subscription->on_message != on_inbox_message)
        return;
    struct bus_request *request = container_of(subscription, struct bus_request, inbox);
    timer_cancel(request->client->machine, &request->timer);
}
