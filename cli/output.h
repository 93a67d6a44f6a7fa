/* What people see: errors that say what to do next, tables, colours on a terminal only (NO_COLOR is respected). */
#ifndef CUPOLA_CLI_OUTPUT_H
#define CUPOLA_CLI_OUTPUT_H

#include "core/base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum shade { SHADE_PLAIN = 0, SHADE_BOLD, SHADE_DIM, SHADE_GOOD, SHADE_WARNING, SHADE_BAD };

bool output_is_terminal(FILE *stream);
/* The escape sequence that switches a shade on (SHADE_PLAIN: off), or "" where there is no colour. Static. */
const char *output_shade(FILE *stream, enum shade shade);

/* "error: ..." on stderr. */
void output_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "  next: ..." on stderr: what to do about it. */
void output_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* An error about how the command was called; returns CLI_USAGE. */
int output_usage_error(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- Tables: the cells of a row after the other; columns are as wide as their widest cell ---- */

enum { TABLE_COLUMNS = 10 };

struct table {
    size_t columns;
    struct text cells; /* Each NUL-terminated. */
    enum shade *shades;
    size_t cell_count;
};

/* `titles` ends with NULL. */
void table_begin(struct table *table, const char *const *titles);
void table_cell(struct table *table, enum shade shade, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Prints to stdout and frees. */
void table_end(struct table *table);

/* "1.5G" */
void output_size(char *ret_text, size_t size, uint64_t bytes);
/* "3d 4h", "5m 12s" */
void output_duration(char *ret_text, size_t size, uint64_t seconds);

#endif
