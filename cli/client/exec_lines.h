/* What a command in an instance says, as lines of JSON: `cupola exec --json`.
 *
 *   {"stdout":"a line\n"}   {"stderr":"a line\n"}   {"exit":7}
 *
 * All texts of one stream in a row are what it said; what is no text in it becomes U+FFFD.
 */
#ifndef CUPOLA_CLI_CLIENT_EXEC_LINES_H
#define CUPOLA_CLI_CLIENT_EXEC_LINES_H

#include "core/base/text.h"
#include "core/io.h"

#include <stdbool.h>

/* Embed it, zeroed. */
struct exec_lines {
    struct text out, err; /* The beginnings of lines. */
};

/* Appends the lines that have become whole to `ret_json`, and pieces of one that has grown long. */
void exec_lines_add(struct exec_lines *lines, bool is_error, struct io_bytes bytes, struct text *ret_json);
/* It has ended: what was no whole line, and its exit code. */
void exec_lines_end(struct exec_lines *lines, int code, struct text *ret_json);
void exec_lines_release(struct exec_lines *lines);

#endif
