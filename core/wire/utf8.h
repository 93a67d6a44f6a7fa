/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef CUPOLA_CORE_WIRE_UTF8_H
#define CUPOLA_CORE_WIRE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Size of the well-formed sequence at the start of `bytes`; 0 if there is none. */
size_t utf8_sequence_size(const uint8_t *bytes, size_t size);

#endif
