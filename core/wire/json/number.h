/* Numbers between text and machine, without locale and without libc's own conversions: every build computes the same.
 */
#ifndef CUPOLA_CORE_WIRE_JSON_NUMBER_H
#define CUPOLA_CORE_WIRE_JSON_NUMBER_H

#include "core/base/text.h"

#include <stdbool.h>

/* Reads an optional minus and decimal digits, nothing else. false: not such a text, or beyond 64 bits. */
bool json_parse_integer(const char *bytes, size_t size, bool *ret_negative, uint64_t *ret_magnitude);
/* Reads a number of JSON's grammar (which the caller has checked). Exact up to 15 digits and exponents up to 22;
 * beyond that the last bit may be off, and too large numbers end as infinity. */
double json_parse_double(const char *bytes, size_t size);
/* Appends at least one and at most nine digits after the point, without exponent; null for what is no number. */
void json_write_double(struct text *text, double number);

#endif
