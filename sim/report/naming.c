/* What components log is full of addresses and numbers; a reader knows names. */
#include "sim/report/words.h"

#include "sim/cloud_state.h"
#include "sim/report/report.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { LONG_DIGITS = 16, SHOWN_DIGITS = 8 };

static bool is_word(char letter)
{
    return isalnum((unsigned char)letter) || letter == '_';
}

/* "10.0.0.9": the name of who has that address, or NULL. */
static const char *name_of_address(const struct recording *recording, const char *at, size_t size)
{
    for (size_t i = 0; i < recording->component_count; i++) {
        const char *address = component_address(recording->components[i]);
        if (strlen(address) == size && memcmp(address, at, size) == 0)
            return recording->components[i]->name;
    }
    return NULL;
}

/* "app 2" and "app 2:": its name, and how much of the text stands for it. */
static const char *name_of_app(const struct recording *recording, const char *at, size_t *ret_size)
{
    char *end = NULL;
    if (strncmp(at, "app ", 4) != 0 || !isdigit((unsigned char)at[4]))
        return NULL;
    int64_t id = strtoll(at + 4, &end, 10);
    *ret_size = (size_t)(end - at);
    for (size_t i = 0; i < recording->app_count && !is_word(*end); i++)
        if (recording->apps[i].id == id)
            return recording_text(recording, recording->apps[i].name);
    return NULL;
}

static void add_readable(const struct recording *recording, const char *text, struct text *ret_text)
{
    for (const char *at = text; *at != 0;) {
        bool begins = at == text || !is_word(at[-1]);
        size_t dotted = begins ? strspn(at, "0123456789.") : 0, digits = begins ? strspn(at, "0123456789abcdef") : 0;
        size_t size = 0;
        const char *app = begins ? name_of_app(recording, at, &size) : NULL;
        const char *who = dotted >= 7 ? name_of_address(recording, at, dotted) : NULL;
        if (app != NULL) {
            text_addf(ret_text, "app %s", app);
            at += size;
        } else if (who != NULL) {
            text_add_string(ret_text, who);
            at += dotted;
        } else if (digits >= LONG_DIGITS) {
            text_add(ret_text, at, SHOWN_DIGITS);
            text_add_string(ret_text, "\u2026");
            at += digits;
        } else if (*at == '\r') {
            at++;
        } else {
            text_add_char(ret_text, *at++);
        }
    }
}

void report_told(struct text *html, const struct recording *recording, const char *text)
{
    struct text readable = {0};
    add_readable(recording, text, &readable);
    report_escape(html, text_string(&readable));
    text_free(&readable);
}
