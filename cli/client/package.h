/* An app's folder as a zip file, and what kind of app it is. */
#ifndef CUPOLA_CLI_CLIENT_PACKAGE_H
#define CUPOLA_CLI_CLIENT_PACKAGE_H

#include "core/base/text.h"

#include <fts.h>
#include <stdbool.h>

/* Calls `act` for each file and link of the folder that is not left out (version control, logs, editors' leavings), in
 * the order of their names, until it returns false. False, and a message, if something cannot be read. */
bool package_walk(const char *folder, bool (*act)(void *context, const FTSENT *file, const char *name), void *context);

/* Writes the folder's files, but for those that `is_elsewhere` (may be NULL) knows, to a new zip file in `into`. On
 * success ret_path is the file, to be removed by the caller. On failure a message was printed. */
bool package_zip(const char *folder, const char *into, bool (*is_elsewhere)(const void *context, const char *name),
                 const void *context, struct text *ret_path, unsigned *ret_file_count);
/* "node", "python", "static", ... by what lies in the folder; NULL if nothing is known of it. */
const char *package_framework(const char *folder);
/* A name for the app: the folder's own. Appended; characters that names must not have become '-'. */
void package_name(const char *folder, struct text *ret_name);

#endif
