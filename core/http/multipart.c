/* The parser is a state for what surrounds the data, and a count of matched delimiter bytes inside it. The delimiter
 * begins with the only CR in it, so after a mismatch no shorter match can be under way: no table is needed. */
#include "core/http/multipart.h"

#include "core/base/assert.h"

#include <stdio.h>
#include <string.h>

enum multipart_state {
    PREAMBLE = 1,    /* Before the first delimiter: thrown away. */
    AFTER_DELIMITER, /* CRLF or "--" must follow. */
    AFTER_CR,
    AFTER_DASH,
    PART_HEAD,
    PART_DATA,
    EPILOGUE, /* After the last delimiter: thrown away. */
    FAILED,
};

void multipart_fail(struct multipart *multipart, const char *reason)
{
    if (multipart->state == FAILED)
        return;
    multipart->state = FAILED;
    snprintf(multipart->error, sizeof multipart->error, "byte %llu, part %u: %s", (unsigned long long)multipart->offset,
             (unsigned)multipart->part_count, reason);
}

/* ---- Parameters of field values: ; name=token ; name="quoted" ---- */

static void skip_blanks(struct http_text *text)
{
    while (text->size > 0 && (text->data[0] == ' ' || text->data[0] == '\t')) {
        text->data++;
        text->size--;
    }
}

/* Splits off everything up to one of `ends` (or all). */
static struct http_text take_until(struct http_text *text, const char *ends)
{
    struct http_text taken = {text->data, 0};
    while (taken.size < text->size && strchr(ends, text->data[taken.size]) == NULL)
        taken.size++;
    text->data += taken.size;
    text->size -= taken.size;
    while (taken.size > 0 && (taken.data[taken.size - 1] == ' ' || taken.data[taken.size - 1] == '\t'))
        taken.size--;
    return taken;
}

/* The text behind an opening quote; backslashes protect quotes and themselves only, as browsers and curl write it. */
static bool take_quoted(struct http_text *text, struct text *ret_value)
{
    size_t i = 1;
    for (; i < text->size && text->data[i] != '"'; i++) {
        bool escape =
            text->data[i] == '\\' && i + 1 < text->size && (text->data[i + 1] == '"' || text->data[i + 1] == '\\');
        if (escape)
            i++;
        text_add_char(ret_value, text->data[i]);
    }
    if (i == text->size)
        return false;
    text->data += i + 1;
    text->size -= i + 1;
    return true;
}

/* Finds one parameter behind a field's first word. False: malformed. *ret_found tells whether it is there. */
static bool find_parameter(struct http_text text, const char *name, struct text *ret_value, bool *ret_found)
{
    *ret_found = false;
    text_clear(ret_value);
    take_until(&text, ";");
    while (text.size > 0) {
        text.data++; /* The semicolon. */
        text.size--;
        skip_blanks(&text);
        struct http_text key = take_until(&text, "=;");
        if (text.size == 0 || text.data[0] == ';')
            return key.size == 0; /* A trailing semicolon is harmless. */
        text.data++;
        text.size--;
        struct text value = {0};
        bool good = true;
        if (text.size > 0 && text.data[0] == '"') {
            good = take_quoted(&text, &value);
        } else {
            struct http_text token = take_until(&text, "; \t\"");
            text_add(&value, token.data, token.size);
        }
        skip_blanks(&text);
        good = good && (text.size == 0 || text.data[0] == ';') && strlen(text_string(&value)) == value.size;
        if (good && !*ret_found && http_text_is(key, name)) {
            *ret_found = true;
            text_add(ret_value, text_string(&value), value.size);
        }
        text_free(&value);
        if (!good)
            return false;
    }
    return true;
}

static struct http_text first_word(struct http_text value)
{
    return take_until(&value, ";");
}

/* ---- Beginning ---- */

bool multipart_begin(struct multipart *multipart, const struct multipart_handlers *handlers,
                     struct http_text content_type)
{
    *multipart = (struct multipart){.handlers = handlers, .state = PREAMBLE};
    struct text boundary = {0};
    bool found = false;
    if (!http_text_is(first_word(content_type), "multipart/form-data"))
        multipart_fail(multipart, "the content type is not multipart/form-data");
    else if (!find_parameter(content_type, "boundary", &boundary, &found) || !found)
        multipart_fail(multipart, "the content type names no boundary");
    else if (boundary.size == 0 || boundary.size > MULTIPART_MAX_BOUNDARY)
        multipart_fail(multipart, "the boundary must have 1 to 70 characters");
    else if (strpbrk(text_string(&boundary), "\r\n") != NULL)
        multipart_fail(multipart, "the boundary has a line break in it");
    int size = snprintf(multipart->delimiter, sizeof multipart->delimiter, "\r\n--%.70s", text_string(&boundary));
    multipart->delimiter_size = (size_t)size;
    multipart->matched = 2; /* The first delimiter may be the body's first line: no CRLF comes before it. */
    text_free(&boundary);
    return multipart->state != FAILED;
}

/* ---- A part's head ---- */

/* The value of a field of the collected head, or an empty text. Lines are CRLF-terminated, the last one too. */
static struct http_text find_field(const struct multipart *multipart, const char *name)
{
    struct http_text rest = {text_string(&multipart->head), multipart->head.size};
    while (rest.size > 0) {
        struct http_text line = take_until(&rest, "\r");
        rest.data += 2;
        rest.size -= 2;
        struct http_text value = line;
        struct http_text key = take_until(&value, ":");
        if (value.size == 0 || !http_text_is(key, name))
            continue;
        value.data++;
        value.size--;
        skip_blanks(&value);
        return value;
    }
    return (struct http_text){"", 0};
}

static void tell_part(struct multipart *multipart)
{
    struct http_text disposition = find_field(multipart, "Content-Disposition");
    struct http_text type = find_field(multipart, "Content-Type");
    struct text name = {0}, filename = {0}, type_copy = {0};
    bool has_name = false, has_filename = false;
    text_add(&type_copy, type.data, type.size);
    if (!http_text_is(first_word(disposition), "form-data") || !find_parameter(disposition, "name", &name, &has_name) ||
        !find_parameter(disposition, "filename", &filename, &has_filename) || !has_name) {
        multipart_fail(multipart, "the part has no proper Content-Disposition: form-data with a name");
    } else {
        struct multipart_part part = {
            .name = text_string(&name),
            .filename = has_filename ? text_string(&filename) : NULL,
            .content_type = type.size > 0 ? text_string(&type_copy) : NULL,
        };
        multipart->state = PART_DATA;
        multipart->matched = 0;
        multipart->handlers->on_part(multipart, &part);
    }
    text_free(&name);
    text_free(&filename);
    text_free(&type_copy);
}

/* Collects the head byte by byte; heads are short. */
static void take_head_byte(struct multipart *multipart, uint8_t byte)
{
    struct text *head = &multipart->head;
    const char *bytes = text_string(head);
    bool after_cr = head->size > 0 && bytes[head->size - 1] == '\r';
    if (byte == 0 || (byte == '\n') != after_cr) {
        multipart_fail(multipart, "a line of the part's head does not end with CRLF");
        return;
    }
    if (head->size == MULTIPART_MAX_HEAD_BYTES) {
        multipart_fail(multipart, "the part's head is too long");
        return;
    }
    text_add_char(head, (char)byte);
    bytes = text_string(head);
    if (byte != '\n')
        return;
    bool blank_line = head->size == 2 || (head->size >= 4 && memcmp(bytes + head->size - 4, "\r\n\r\n", 4) == 0);
    if (blank_line)
        tell_part(multipart);
}

static void begin_part(struct multipart *multipart)
{
    multipart->part_count++;
    text_clear(&multipart->head);
    multipart->state = PART_HEAD;
    if (multipart->part_count > MULTIPART_MAX_PARTS)
        multipart_fail(multipart, "the body has too many parts");
}

static void take_framing_byte(struct multipart *multipart, uint8_t byte)
{
    bool blank = byte == ' ' || byte == '\t';
    if (multipart->state == AFTER_DELIMITER && byte == '\r')
        multipart->state = AFTER_CR;
    else if (multipart->state == AFTER_DELIMITER && byte == '-')
        multipart->state = AFTER_DASH;
    else if (multipart->state == AFTER_CR && byte == '\n')
        begin_part(multipart);
    else if (multipart->state == AFTER_DASH && byte == '-')
        multipart->state = EPILOGUE;
    else if (!(multipart->state == AFTER_DELIMITER && blank)) /* Transport padding, RFC 2046, 5.1.1. */
        multipart_fail(multipart, "the boundary is followed by neither CRLF nor --");
}

/* ---- Data ---- */

static void pass_data(struct multipart *multipart, const void *bytes, size_t size)
{
    if (multipart->state == PART_DATA && size > 0)
        multipart->handlers->on_data(multipart, bytes, size);
}

/* A byte that might continue the delimiter. False: it does not, and must be looked at again as plain data. */
static bool match_byte(struct multipart *multipart, uint8_t byte)
{
    if (byte != (uint8_t)multipart->delimiter[multipart->matched]) {
        size_t held_back = multipart->matched;
        multipart->matched = 0;
        pass_data(multipart, multipart->delimiter, held_back);
        return false;
    }
    if (++multipart->matched < multipart->delimiter_size)
        return true;
    bool had_part = multipart->state == PART_DATA;
    multipart->state = AFTER_DELIMITER;
    multipart->matched = 0;
    if (had_part)
        multipart->handlers->on_part_end(multipart);
    return true;
}

/* Takes what can be taken at once of data or preamble, and returns how much. */
static size_t take_data(struct multipart *multipart, const uint8_t *bytes, size_t size)
{
    if (multipart->matched > 0)
        return match_byte(multipart, bytes[0]) ? 1 : 0;
    const uint8_t *cr = memchr(bytes, '\r', size);
    if (cr == bytes) {
        multipart->matched = 1;
        return 1;
    }
    size_t run = cr == NULL ? size : (size_t)(cr - bytes);
    pass_data(multipart, bytes, run);
    return run;
}

bool multipart_feed(struct multipart *multipart, const uint8_t *bytes, size_t size)
{
    size_t used = 0;
    while (used < size && multipart->state != FAILED && multipart->state != EPILOGUE) {
        size_t taken = 1;
        if (multipart->state == PREAMBLE || multipart->state == PART_DATA)
            taken = take_data(multipart, bytes + used, size - used);
        else if (multipart->state == PART_HEAD)
            take_head_byte(multipart, bytes[used]);
        else
            take_framing_byte(multipart, bytes[used]);
        used += taken;
        multipart->offset += taken;
    }
    return multipart->state != FAILED;
}

bool multipart_end(struct multipart *multipart)
{
    if (multipart->state != EPILOGUE)
        multipart_fail(multipart, "the body ends before its last boundary");
    return multipart->state != FAILED;
}

void multipart_free(struct multipart *multipart)
{
    text_free(&multipart->head);
}
