/* A PostgreSQL server of a test's own. */
#ifndef CUPOLA_TESTS_DRIVERS_REAL_POSTGRES_H
#define CUPOLA_TESTS_DRIVERS_REAL_POSTGRES_H

#include <stdbool.h>
#include <stddef.h>

/* Makes the folder (a template as for mkdtemp) and starts a server in its pg/; the journal's place at it goes to
 * `ret_place`. */
bool postgres_start(char *folder, char *ret_place, size_t place_size);
/* The server ends at once and begins again, as after a crash. */
void postgres_crash(const char *folder);
/* Ends it and removes the folder. */
void postgres_stop(const char *folder);

#endif
