/* The bus client with a component around it, against a server that the test plays byte by byte. */
#ifndef CUPOLA_TESTS_CORE_BUS_TALKER_H
#define CUPOLA_TESTS_CORE_BUS_TALKER_H

#include "core/bus/client.h"
#include "tests/core/bus/net.h"

/* A component that does nothing but talk to the bus; what it hears is written down. */
struct talker {
    struct machine machine;
    struct bus_client bus;
    struct bus_subscription subscription;
    struct bus_request request;
    struct text heard;
};

extern struct net net;
extern struct host *host;
extern struct talker *talker;
extern struct end *server; /* The test's end of the talker's last connection. */

extern const char expected_connect[];
extern const char expected_subscriptions[];
extern const struct bus_request_handlers request_handlers; /* Write down what they hear. */

/* Starts it; its connection is accepted at "bus1" or where the test listens. */
void start_with(Cupola__BusConfig *config);
void given_a_talker_and_a_listening_server(void);
/* Greeted and subscribed, with pending_bytes = 100 and a max_payload of 50. */
void given_a_connected_talker(void);
/* A clean end. */
void finish(void);

void within_a_step(void (*act)(void));
/* Within a step. */
void publish(const char *subject, const char *payload);
void expect_heard(const char *text);

#endif
