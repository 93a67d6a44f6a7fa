/* What the suite stands on: a puppet behind core/io.h, on a driver that test_real.c or test_sim.c brings along.
 *
 * The suite says what every driver does. What holds for one only (real sockets of the test's own, faults of the
 * simulated network) is tested with that driver.
 */
#ifndef CUPOLA_TESTS_DRIVERS_CONFORMANCE_GROUND_H
#define CUPOLA_TESTS_DRIVERS_CONFORMANCE_GROUND_H

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

/* suite.c: runs all of it; the number of tests that failed. */
int suite_run(const char *name);

#endif
