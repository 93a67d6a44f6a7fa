/* STAGE: a package (zip) becomes a droplet (tgz): the application below app/, a start script, a place for logs. */
#ifndef CUPOLA_DRIVERS_REAL_STAGING_STAGE_H
#define CUPOLA_DRIVERS_REAL_STAGING_STAGE_H

#include "drivers/real/driver.h"
#include "drivers/real/staging/stager.h"

void stage_begin(struct real_driver *driver, const struct effect *effect);

/* startup.c: appends the start script; false if nothing tells how to start it. The user's command or Procfile
 * wins over what a stager says. Says in the log what was chosen, and why not. */
bool stage_write_startup(const struct stager_task *task, const char *command, struct text *ret_script,
                         struct text *log);

#endif
