/* The command line's memory: which cloud it talks to, and who is logged in there. */
#ifndef CUPOLA_CLI_HOME_H
#define CUPOLA_CLI_HOME_H

#include "cli/home.pb-c.h"
#include "core/base/text.h"

#include <stdbool.h>

/* The folder: $CUPOLA_HOME, or ~/.cupola. It is created, readable by its owner alone. NULL (and a message) if it cannot
 * be. Lent. */
const char *home_folder(void);
/* Reads it; an empty one if there is none yet. NULL (and a message that names the file) if it cannot be read. Given. */
Cupola__CliHome *home_read(void);
/* Replaces the file; false (and a message) if it cannot. */
bool home_write(const Cupola__CliHome *home);
void home_free(Cupola__CliHome *home);

/* The target in use, or NULL. */
Cupola__CliTarget *home_current(const Cupola__CliHome *home);
/* The entry of that url, made if there is none; it becomes the current one. */
Cupola__CliTarget *home_choose(Cupola__CliHome *home, const char *url);
/* A target as JSON; its token only if it is asked for. */
void home_write_target(struct text *json, const Cupola__CliTarget *target, bool is_current, bool with_token);
/* Replaces a text field of a message. */
void home_set(char **field, const char *value);

#endif
