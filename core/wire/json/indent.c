/* Compact JSON to indented JSON, token by token; for texts that were put together from several writers. */
#include "core/wire/json.h"

static void break_line(struct text *text, size_t level)
{
    text_add_char(text, '\n');
    for (size_t i = 0; i < level; i++)
        text_add(text, "  ", 2);
}

void json_indent(struct text *text, struct io_bytes compact)
{
    size_t level = 0;
    bool in_string = false;
    for (size_t i = 0; i < compact.size; i++) {
        char c = (char)compact.data[i];
        char next = i + 1 < compact.size ? (char)compact.data[i + 1] : '\0';
        bool is_empty = (c == '{' && next == '}') || (c == '[' && next == ']');
        if (!in_string && (c == '}' || c == ']') && level > 0)
            break_line(text, --level);
        text_add_char(text, c);
        if (in_string && c == '\\' && next != '\0') {
            text_add_char(text, next); /* An escaped quote does not end the string. */
            i++;
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && is_empty) {
            text_add_char(text, next);
            i++;
        } else if (!in_string && (c == '{' || c == '[')) {
            break_line(text, ++level);
        } else if (!in_string && c == ',') {
            break_line(text, level);
        } else if (!in_string && c == ':') {
            text_add_char(text, ' ');
        }
    }
    text_add_char(text, '\n');
}
