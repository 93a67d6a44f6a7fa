/* Where a key stands in a configuration file, for what is found wrong after the file was read. */
#ifndef CUPOLA_CLI_RUN_CONFIG_PLACE_H
#define CUPOLA_CLI_RUN_CONFIG_PLACE_H

#include "core/base/text.h"

/* Appends "FILE:LINE" for the key of that path ("router.listen.port", "bus_server.users[1].user"); FILE alone where it
 * does not say it, or is no file. */
void config_place(const char *file, const char *path, struct text *ret_place);

#endif
