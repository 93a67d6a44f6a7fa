/* The API's own host at the routers: told at start, whenever a router asks, and from time to time. */
#include "core/base/duration.h"
#include "core/cloud_controller/controller.h"

static void on_register_timer(struct timer *timer);

static void publish(struct controller *controller, const char *subject)
{
    Cupola__RouterRegister__TagsEntry tag = CUPOLA__ROUTER_REGISTER__TAGS_ENTRY__INIT;
    tag.key = (char *)(uintptr_t) "component";
    tag.value = (char *)(uintptr_t) "CloudController";
    Cupola__RouterRegister__TagsEntry *tags = &tag;
    Cupola__RouterRegister message = CUPOLA__ROUTER_REGISTER__INIT;
    message.host = (char *)(uintptr_t)controller_host(controller);
    message.has_port = true;
    message.port = controller->server.port;
    message.uris = &controller->config->external_uri;
    message.n_uris = 1;
    message.life = controller->monitor.uuid; /* Routers need not ask for it: it is told from time to time. */
    message.tags = &tags;
    message.n_tags = 1;
    bus_publish_message(&controller->bus, subject, NULL, &message.base);
}

void cc_own_route_register(struct controller *controller)
{
    if (!controller->is_listening || controller->is_stopping || !controller->journal.is_caught_up)
        return;
    if (controller->bus.is_connected)
        publish(controller, "router.register");
    timer_set(&controller->machine, &controller->register_timer, controller->config->register_ms * NS_PER_MS,
              on_register_timer);
}

static void on_register_timer(struct timer *timer)
{
    cc_own_route_register(container_of(timer, struct controller, register_timer));
}

void cc_on_router_start(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)parsed;
    (void)message;
    cc_own_route_register(container_of(bus, struct controller, bus));
}

void cc_own_route_unregister(struct controller *controller)
{
    timer_cancel(&controller->machine, &controller->register_timer);
    if (controller->is_listening)
        publish(controller, "router.unregister");
}
