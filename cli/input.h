/* What every command reads and writes in the same way: whole files, and numbers in words. */
#ifndef CUPOLA_CLI_INPUT_H
#define CUPOLA_CLI_INPUT_H

#include "core/base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* Appends a whole file; false (and a message that says why) if it cannot be read, or has more than a gigabyte. */
bool input_read_file(const char *path, struct text *ret_content);
/* Replaces a file's content; false (and a message) if it cannot be written. */
bool input_write_file(const char *path, const struct text *content);
/* A word of decimal digits, and nothing else, as a number; false otherwise, and if it does not fit 64 bits. */
bool input_number(const char *word, uint64_t *ret_number);

#endif
