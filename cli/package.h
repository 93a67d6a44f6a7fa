/* An app's folder as a zip file, and what kind of app it is. */
#ifndef CUPOLA_CLI_PACKAGE_H
#define CUPOLA_CLI_PACKAGE_H

#include "core/base/text.h"

#include <stdbool.h>

/* Writes the folder's files (without version control, logs and editors' leavings) to a new zip file in `into`. On
 * success ret_path is the file, to be removed by the caller. On failure a message was printed. */
bool package_zip(const char *folder, const char *into, struct text *ret_path, unsigned *ret_file_count);
/* "node", "python", "static", ... by what lies in the folder; NULL if nothing is known of it. */
const char *package_framework(const char *folder);
/* A name for the app: the folder's own. Appended; characters that names must not have become '-'. */
void package_name(const char *folder, struct text *ret_name);

#endif
