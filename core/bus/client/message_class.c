#include "core/bus/client/message_class.h"

#include "core/wire/nats.h"

/* The first match counts. Facts are told until they are heard: who hears them twice knows them by instance, epoch or
 * number. Orders are worth something for as long as nobody has given them anew. States are told anew at the next beat
 * anyway, and the old one would be wrong. */
static const struct message_class classes[] = {
    {"_INBOX.>", 2000, false}, /* Answers: who asked waits no longer. */
    /* Facts. */
    {"droplet.exited", 600000, true},
    {"droplet.updated", 600000, true},
    {"router.unregister", 120000, true}, /* By then the route is stale. */
    /* Orders. */
    {"dea.stop", 30000, true},
    {"dea.update", 30000, true},
    {"cloudcontrollers.hm.requests", 20000, true}, /* By then the health manager complains anew. */
    {"dea.*.start", 2000, false},                  /* By then the controller has ordered anew. */
    {"dea.discover", 1000, false},
    {"dea.find.droplet", 1000, false},
    {"dea.exec", 1000, false},
    {"dea.*.probe", 1000, false},
    {"dea.*.routes", 1000, false},
    {"healthmanager.health", 1000, false},
    {"healthmanager.status", 1000, false},
    {"cloudcontroller.>", 1000, false},
    /* States. */
    {"dea.heartbeat", 2000, false},
    {"dea.advertise", 2000, false},
    {"healthmanager.beat", 1000, false},
    {"router.register", 5000, false},
    {"router.start", 5000, false},
    {"router.>", 5000, false},
    {">", 30000, false},
};

const struct message_class *message_class_of(const char *subject)
{
    const struct message_class *class = classes;
    while (!nats_subject_covers(nats_text_of(class->pattern), nats_text_of(subject)))
        class ++; /* Ends at the last, which matches all. */
    return class;
}
