/* What happens when an assertion fails in any program of ours. */
#include "drivers/program/assertion.h"
#include "core/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

static const struct assertion_context *context;

void assertion_set_context(const struct assertion_context *new_context)
{
    context = new_context;
}

_Noreturn void cupola_assertion_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "cupola: assertion failed: %s\n  at %s:%d\n", expression, file, line);
    if (context != NULL) {
        fprintf(stderr, "  in %s, event %llu\n", context->component, (unsigned long long)context->event_number);
        if (context->replay_command[0] != 0)
            fprintf(stderr, "  replay it with: %s\n", context->replay_command);
    }
    abort();
}
