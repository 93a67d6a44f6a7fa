/* A file whose first page is damaged does not tell SQLite of its tables any more, and all that is in them seems lost.
 * But every journal has the same tables in the same places: with the first page of a new one it can be read. */
#ifndef CUPOLA_CLI_JOURNAL_FIRST_PAGE_H
#define CUPOLA_CLI_JOURNAL_FIRST_PAGE_H

#include "drivers/real/journal/store.h"

/* A copy at `copy` of the journal at `place`, with a first page that is sound; NULL if there is nothing to read. */
struct journal_store *journal_open_with_first_page(const char *place, const char *copy);
/* Removes such a copy, which is closed. */
void journal_remove_copy(const char *copy);

#endif
