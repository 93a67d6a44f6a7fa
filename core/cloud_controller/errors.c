#include "core/cloud_controller/errors.h"

#include "core/base/assert.h"

#include <stdio.h>
#include <string.h>

struct error_entry {
    int code;
    int status;
    const char *description;
};

static const struct error_entry errors[] = {[ERROR_NONE] = {0, 0, ""},
#define CLOUD_ERROR_ENTRY(name, code, status, description) [ERROR_##name] = {code, status, description},
                                            CLOUD_ERRORS(CLOUD_ERROR_ENTRY)
#undef CLOUD_ERROR_ENTRY
};

/* The text must stay valid UTF-8: a character that does not fit is left out as a whole. */
static void copy_cut(char *to, size_t capacity, const char *from)
{
    size_t size = from == NULL ? 0 : strlen(from);
    if (size >= capacity) {
        size = capacity - 1;
        while (size > 0 && ((unsigned char)from[size] & 0xC0) == 0x80)
            size--;
    }
    if (size > 0)
        memcpy(to, from, size);
    to[size] = '\0';
}

void cc_refusal_set(struct refusal *refusal, enum cloud_error error, const char *first, const char *second)
{
    assert_that(error != ERROR_NONE);
    refusal->error = error;
    copy_cut(refusal->first, sizeof refusal->first, first);
    copy_cut(refusal->second, sizeof refusal->second, second);
}

int cc_error_status(enum cloud_error error)
{
    assert_that(error != ERROR_NONE);
    return errors[error].status;
}

int cc_error_code(enum cloud_error error)
{
    return errors[error].code;
}

void cc_error_describe(struct text *text, const struct refusal *refusal)
{
    const char *arguments[2] = {refusal->first, refusal->second};
    size_t used = 0;
    const char *rest = errors[refusal->error].description;
    for (const char *place = strstr(rest, "%s"); place != NULL; place = strstr(rest, "%s")) {
        assert_that(used < 2);
        text_add(text, rest, (size_t)(place - rest));
        text_add_string(text, arguments[used++]);
        rest = place + 2;
    }
    text_add_string(text, rest);
}
