/* Places of files below an app's REST address. */
#ifndef CUPOLA_CORE_CLIENT_PATHS_H
#define CUPOLA_CORE_CLIENT_PATHS_H

#include "core/base/text.h"

/* Appends "/instances/ID/files/PATH", each segment of the path encoded and the slashes between them kept. */
void path_add_file(struct text *text, const char *instance, const char *path);

#endif
