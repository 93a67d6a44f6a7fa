/* STAGE: a package (zip) becomes a droplet (tgz): the application below app/, a start script, a place for logs. */
#ifndef CUPOLA_DRIVERS_REAL_STAGE_H
#define CUPOLA_DRIVERS_REAL_STAGE_H

#include "drivers/real/driver.h"

void stage_begin(struct real_driver *driver, const struct effect *effect);

/* stage_startup.c */
struct stage_plan {
    const char *framework;
    const char *runtime;
    const char *command; /* Of the user, or "". */
    const char *folder;  /* The unpacked application. */
};
/* Appends the start script; false if nothing tells how to start it. Says in the log what was chosen, and why not. */
bool stage_write_startup(const struct stage_plan *plan, struct text *ret_script, struct text *log);

#endif
