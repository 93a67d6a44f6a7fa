/* What the suite stands on: a puppet behind core/io.h, on a driver that test_real.c or test_sim.c brings along.
 *
 * The suite says what every driver does. What holds for one only (real sockets of the test's own, faults of the
 * simulated network) is tested with that driver.
 */
#ifndef CUPOLA_TESTS_DRIVERS_CONFORMANCE_GROUND_H
#define CUPOLA_TESTS_DRIVERS_CONFORMANCE_GROUND_H

#include "core/base/duration.h"
#include "tests/drivers/puppet.h"

void ground_open(void);
void ground_close(void);
/* The puppet's process dies, and another starts on the same disk. */
void ground_restart(void);
/* The puppet of now. */
struct puppet *ground_puppet(void);
/* Runs the task inside a step, where effects may be emitted; done when it returns. */
void ground_do(void (*task)(struct puppet *puppet));
/* Lets at most some milliseconds pass. */
void ground_turn(void);
/* Time of the driver's own, which only grows. */
uint64_t ground_now_ns(void);

/* A droplet in its store: its process exits with status 1 after a moment, or never. The digest is static. */
const char *ground_droplet(bool exits);

/* suite.c: runs all of it; the number of tests that failed. */
int suite_run(const char *name);
/* suite_workloads.c */
int suite_run_workloads(const char *name);

enum { MOST_WAIT_S = 20 };
#define wait_until(condition)                                                                                          \
    do {                                                                                                               \
        uint64_t begun_ns = ground_now_ns();                                                                           \
        while (!(condition)) {                                                                                         \
            if (ground_now_ns() - begun_ns > MOST_WAIT_S * NS_PER_S)                                                   \
                fail_msg("still not: %s", #condition);                                                                 \
            ground_turn();                                                                                             \
        }                                                                                                              \
    } while (0)

#endif
