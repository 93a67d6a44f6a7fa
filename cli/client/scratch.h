/* A folder of this process's own below the client's home, for the bits of one push: it goes with the push, and where
 * the process is killed, with the next one. */
#ifndef CUPOLA_CLI_CLIENT_SCRATCH_H
#define CUPOLA_CLI_CLIENT_SCRATCH_H

#include <stdbool.h>

/* Makes it, and removes those whose processes have gone. NULL (and a message) if it cannot be. Lent until it is closed;
 * one at a time. */
const char *scratch_open(void);
/* Removes it with all that is in it; nothing if none is open. */
void scratch_close(void);

/* From now on an interrupt (Ctrl-C, SIGTERM, the end of the terminal) is only noted, so that whoever packs can clean up
 * first; a second one ends the process at once. */
void scratch_note_interrupts(void);
bool scratch_is_interrupted(void);

#endif
