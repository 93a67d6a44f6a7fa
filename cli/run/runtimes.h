/* The runtimes of this machine: which of those that frameworks ask for can be run here. */
#ifndef CUPOLA_CLI_RUN_RUNTIMES_H
#define CUPOLA_CLI_RUN_RUNTIMES_H

#include "core/base/text.h"

/* Appends RuntimeConfig objects as JSON, with commas between them: each name whose program is found in PATH. */
void runtimes_add(struct text *json);

#endif
