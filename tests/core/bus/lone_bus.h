/* One bus server, and clients of it that speak to it byte by byte. */
#ifndef CUPOLA_TESTS_CORE_BUS_LONE_BUS_H
#define CUPOLA_TESTS_CORE_BUS_LONE_BUS_H

#include "core/proto/config.pb-c.h"
#include "tests/core/bus/net.h"

extern struct net lone_net;
extern struct host *bus;
extern Cupola__BusServerConfig config; /* To be changed before given_a_bus. */

/* Before every test: an empty net, and a configuration for the address "bus:4222". */
int prepare_bus(void **state);
/* Every test ends with a clean stop: nothing open, nothing outstanding; status 0 of a bus that still ran. */
int stop_bus(void **state);
#define BUS_STORY(test) cmocka_unit_test_setup_teardown(test, prepare_bus, stop_bus)

void given_a_bus(void);
/* A client that was greeted. `options` are further members of CONNECT, each with a comma before it. */
struct end *given_a_client(const char *options);
/* Exactly this has come, and then the end of the connection. */
void expect_cut_with(struct end *end, const char *text);
/* The messages that have come since the last look. */
size_t count_messages(struct end *end);
void publish_to_x(struct end *publisher, size_t count, size_t payload_size);

#endif
