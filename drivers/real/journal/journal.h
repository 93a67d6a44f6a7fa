/* The journal: an ordered, durable log that any number of controllers share, in a SQLite file or a PostgreSQL database
 * (store.h). */
#ifndef CUPOLA_DRIVERS_REAL_JOURNAL_JOURNAL_H
#define CUPOLA_DRIVERS_REAL_JOURNAL_JOURNAL_H

#include "drivers/real/driver.h"
#include "drivers/real/files.h"

void journal_follow(struct real_driver *driver, struct io_op op, uint64_t after_sequence);
void journal_append(struct real_driver *driver, struct io_op op, uint64_t head_sequence, struct slice given);
/* On a thread and with a connection of its own: appends do not wait for it, except for the lock of a SQLite file. */
void journal_snapshot(struct real_driver *driver, struct io_op op, uint64_t sequence, struct slice given);
/* Where it is: a file or a connection string. */
struct path journal_place(const struct real_driver *driver);
/* Stops following. Appends under way end by themselves. */
void journal_close(struct real_driver *driver);
/* When no job is under way any more. */
void journal_free(struct real_driver *driver);

#endif
