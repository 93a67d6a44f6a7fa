/* The journal: an ordered, durable log that any number of controllers share, in a SQLite file or a PostgreSQL database
 * (journal_store.h). */
#ifndef CUPOLA_DRIVERS_REAL_JOURNAL_H
#define CUPOLA_DRIVERS_REAL_JOURNAL_H

#include "drivers/real/driver.h"

void journal_follow(struct real_driver *driver, struct io_op op, uint64_t after_sequence);
void journal_append(struct real_driver *driver, struct io_op op, uint64_t head_sequence, struct slice given);
/* Stops following. Appends under way end by themselves. */
void journal_close(struct real_driver *driver);
/* When no job is under way any more. */
void journal_free(struct real_driver *driver);

#endif
