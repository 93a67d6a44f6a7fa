/* A growing run of bytes: what is built up before it is sent, logged or compared.
 *
 * Invariants: the byte behind the last one is NUL whenever there is a buffer; a zeroed struct is an empty text. Life
 * cycle: zero it, add to it, then text_free it or hand its content over with text_take.
 */
#ifndef CUPOLA_CORE_BASE_TEXT_H
#define CUPOLA_CORE_BASE_TEXT_H

#include "core/base/buffer.h"

#include <stddef.h>
#include <stdint.h>

struct text {
    struct buffer *buffer; /* NULL while empty. */
    size_t size;
};

void text_add(struct text *text, const void *bytes, size_t size);
void text_add_string(struct text *text, const char *string);
void text_add_char(struct text *text, char c);
/* printf without floating point and without locale. */
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Decimal digits; faster than text_addf. */
void text_add_number(struct text *text, uint64_t number);
/* Two lower-case hex digits a byte. */
void text_add_hex(struct text *text, const uint8_t *bytes, size_t size);
/* Makes room for `size` more bytes and returns where they go; follow with text_grow(text, used). */
uint8_t *text_room(struct text *text, size_t size);
void text_grow(struct text *text, size_t used);

/* The content as a C string; "" while empty. Lent until the next change. */
const char *text_string(const struct text *text);
/* The content as a slice with a reference that is given; the text is empty afterwards. */
struct slice text_take(struct text *text);
/* Empties it, keeping the memory. */
void text_clear(struct text *text);
/* Drops the first `size` bytes. */
void text_consume(struct text *text, size_t size);
/* Whatever is neither printable ASCII nor a newline or tab becomes '?'. */
void text_make_printable(struct text *text);
void text_free(struct text *text);

#endif
