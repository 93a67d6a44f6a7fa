/* The puppet on a real driver. */
#ifndef CUPOLA_TESTS_DRIVERS_REAL_PUPPET_H
#define CUPOLA_TESTS_DRIVERS_REAL_PUPPET_H

#include "drivers/real/real.h"
#include "tests/drivers/puppet.h"

/* A temporary directory and a loop with a puppet on it. */
struct stage {
    uv_loop_t loop;
    char dir[64];
    struct real_driver *driver;
    struct puppet *puppet;
    Cupola__DriverConfig config;
};

void stage_open(struct stage *stage);
/* Ends the driver as if its process had died, and starts another on the same directory. */
void stage_restart(struct stage *stage);
void stage_close(struct stage *stage);
/* Another puppet on the same loop. */
struct real_driver *stage_add(struct stage *stage, const char *data_dir, struct puppet **ret_puppet);

/* Runs the task inside a step, where effects may be emitted. */
void puppet_do(struct real_driver *driver, void (*task)(struct puppet *puppet));
/* Half a minute, times CUPOLA_PATIENCE: for machines that are so many times slower. */
uint64_t stage_patience_ns(void);
/* Runs the loop until the flag is set; fails the test after that patience. */
#define run_until(stage, condition)                                                                                    \
    do {                                                                                                               \
        uint64_t begun_ns = uv_hrtime();                                                                               \
        while (!(condition)) {                                                                                         \
            if (uv_hrtime() - begun_ns > stage_patience_ns())                                                          \
                fail_msg("still not: %s", #condition);                                                                 \
            stage_turn(stage);                                                                                         \
        }                                                                                                              \
    } while (0)
/* One round of the loop, of at most some ms. */
void stage_turn(struct stage *stage);

/* A blob with this content in the driver's store; returns its digest (static). */
const char *stage_import(struct stage *stage, const void *bytes, size_t size);
/* Runs a command of the test's own; fails the test if that fails. */
void run_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
