/* What a user can do about a refusal. */
#ifndef CUPOLA_CORE_CLIENT_HINTS_H
#define CUPOLA_CORE_CLIENT_HINTS_H

#include "core/base/text.h"

/* Appends advice for v1's code (or for the bare HTTP status, if code is 0). `app` may be NULL. */
void hint_add(struct text *text, const char *command, int code, int status, const char *app);

#endif
