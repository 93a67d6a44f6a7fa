#include "sim/search/signature.h"

#include "core/base/memory.h"
#include "core/base/text.h"

#include <stdbool.h>
#include <string.h>

/* Behind "file.lua:12: ", which Lua puts before what a line of the scenario says. */
static const char *skip_place(const char *failure)
{
    const char *colon = strstr(failure, ".lua:");
    const char *space = strchr(failure, ' ');
    if (colon == NULL || (space != NULL && space < colon))
        return failure;
    const char *at = colon + 5;
    size_t digits = strspn(at, "0123456789");
    return digits > 0 && strncmp(at + digits, ": ", 2) == 0 ? at + digits + 2 : failure;
}

char *signature_of(const char *failure)
{
    struct text text = {0};
    bool in_number = false;
    for (const char *at = skip_place(failure); *at != 0; at++) {
        size_t run = strspn(at, "0123456789abcdef");
        bool is_hex_run = run >= 8;
        if (is_hex_run)
            at += run - 1;
        bool is_digit = is_hex_run || (*at >= '0' && *at <= '9');
        if (is_digit && !in_number)
            text_add_char(&text, '#');
        else if (!is_digit)
            text_add_char(&text, *at);
        in_number = is_digit;
    }
    char *copy = memory_copy_text(text_string(&text));
    text_free(&text);
    return copy;
}
