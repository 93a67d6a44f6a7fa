#include "core/wire/json/scan.h"

#include "core/base/fold.h"
#include "core/wire/utf8.h"

#include <string.h>

/* What may come next. */
enum {
    EXPECT_VALUE = 0,
    EXPECT_VALUE_OR_END, /* Behind a [ */
    EXPECT_KEY,          /* Behind a comma of an object. */
    EXPECT_KEY_OR_END,   /* Behind a { */
    EXPECT_MORE_OR_END,  /* Behind an element or member. */
    EXPECT_NOTHING,      /* Behind the outermost value. */
};

static const char premature_end[] = "parse error: premature EOF";
static const char not_utf8[] = "lexical error: invalid bytes in UTF8 string";

static enum json_item refuse(struct json_scanner *scanner, const char *problem)
{
    scanner->problem = problem;
    return JSON_ITEM_BROKEN;
}

/* ---- Strings ---- */

/* The first of eight bytes that ends a plain run: a quote, a backslash, a control character, or what is not ASCII; 8 if
 * there is none. A borrow may mark bytes behind the first one, never before it. */
static size_t first_special(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t quotes = word ^ ones * '"';
    uint64_t backslashes = word ^ ones * '\\';
    uint64_t found = (quotes - ones) & ~quotes;
    found |= (backslashes - ones) & ~backslashes;
    found |= word - ones * 0x20;
    found = (found | word) & ones << 7;
    return found == 0 ? 8 : (size_t)__builtin_ctzll(found) / 8;
}

static bool is_special(uint8_t byte)
{
    return byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\';
}

static size_t skip_plain(struct io_bytes bytes, size_t at)
{
    while (at + 8 <= bytes.size) {
        size_t plain = first_special(fold_word_at(bytes.data + at));
        at += plain;
        if (plain < 8)
            return at;
    }
    while (at < bytes.size && !is_special(bytes.data[at]))
        at++;
    return at;
}

static bool read_hex(const uint8_t *digits, uint32_t *ret_code)
{
    uint32_t code = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t digit = digits[i];
        if (digit >= '0' && digit <= '9')
            code = code << 4 | (uint32_t)(digit - '0');
        else if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')
            code = code << 4 | (uint32_t)((digit | 0x20) - 'a' + 10);
        else
            return false;
    }
    *ret_code = code;
    return true;
}

static void add_utf8(struct text *text, uint32_t code)
{
    if (code < 0x80) {
        text_add_char(text, (char)code);
        return;
    }
    if (code < 0x800) {
        text_add_char(text, (char)(0xc0 | code >> 6));
    } else {
        if (code < 0x10000) {
            text_add_char(text, (char)(0xe0 | code >> 12));
        } else {
            text_add_char(text, (char)(0xf0 | code >> 18));
            text_add_char(text, (char)(0x80 | (code >> 12 & 0x3f)));
        }
        text_add_char(text, (char)(0x80 | (code >> 6 & 0x3f)));
    }
    text_add_char(text, (char)(0x80 | (code & 0x3f)));
}

/* Behind the "\u". Half a pair is no character. */
static bool unescape_code(struct json_scanner *scanner)
{
    struct io_bytes bytes = scanner->bytes;
    uint32_t code, low;
    if (bytes.size - scanner->at < 4 || !read_hex(bytes.data + scanner->at, &code))
        return refuse(scanner, "lexical error: invalid (non-hex) character occurs after '\\u' inside string");
    scanner->at += 4;
    if (code >= 0xd800 && code < 0xe000) {
        const uint8_t *next = bytes.data + scanner->at;
        if (code >= 0xdc00 || bytes.size - scanner->at < 6 || next[0] != '\\' || next[1] != 'u' ||
            !read_hex(next + 2, &low) || low < 0xdc00 || low >= 0xe000)
            return refuse(scanner, "lexical error: half a surrogate pair inside string");
        code = 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff));
        scanner->at += 6;
    }
    add_utf8(&scanner->unescaped, code);
    return true;
}

/* Behind the backslash. */
static bool unescape(struct json_scanner *scanner)
{
    if (scanner->at == scanner->bytes.size)
        return refuse(scanner, premature_end);
    uint8_t letter = scanner->bytes.data[scanner->at++];
    if (letter == 'u')
        return unescape_code(scanner);
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *found = letter == 0 ? NULL : strchr(letters, letter);
    if (found == NULL)
        return refuse(scanner, "lexical error: inside a string, '\\' occurs before a character which it may not");
    text_add_char(&scanner->unescaped, meant[found - letters]);
    return true;
}

/* A string that has more to it than plain characters, from the first that is none: it is put together anew. */
static bool scan_special_string(struct json_scanner *scanner, size_t plain)
{
    struct io_bytes bytes = scanner->bytes;
    text_clear(&scanner->unescaped);
    for (;;) {
        scanner->at = skip_plain(bytes, scanner->at);
        text_add(&scanner->unescaped, bytes.data + plain, scanner->at - plain);
        if (scanner->at == bytes.size)
            return refuse(scanner, premature_end);
        uint8_t byte = bytes.data[scanner->at];
        plain = scanner->at;
        if (byte >= 0x80) {
            size_t size = utf8_sequence_size(bytes.data + scanner->at, bytes.size - scanner->at);
            if (size == 0)
                return refuse(scanner, not_utf8);
            scanner->at += size;
            continue;
        }
        if (byte < 0x20)
            return refuse(scanner, "lexical error: invalid character inside string");
        plain = ++scanner->at;
        if (byte == '"')
            break;
        if (!unescape(scanner))
            return false;
        plain = scanner->at;
    }
    scanner->token = (struct json_token){
        .kind = JSON_STRING, .bytes = text_string(&scanner->unescaped), .size = scanner->unescaped.size};
    return true;
}

/* Behind the opening quote. */
static bool scan_string(struct json_scanner *scanner)
{
    size_t plain = scanner->at;
    size_t at = skip_plain(scanner->bytes, plain);
    scanner->at = at;
    if (at == scanner->bytes.size || scanner->bytes.data[at] != '"')
        return scan_special_string(scanner, plain);
    scanner->at = at + 1;
    scanner->token = (struct json_token){
        .kind = JSON_STRING, .bytes = (const char *)scanner->bytes.data + plain, .size = at - plain};
    return true;
}

/* ---- Numbers and words ---- */

static size_t skip_digits(struct io_bytes bytes, size_t at)
{
    while (at < bytes.size && bytes.data[at] >= '0' && bytes.data[at] <= '9')
        at++;
    return at;
}

/* From the minus or the first digit. */
static bool scan_number(struct json_scanner *scanner)
{
    struct io_bytes bytes = scanner->bytes;
    size_t at = scanner->began + (bytes.data[scanner->began] == '-');
    size_t end = skip_digits(bytes, at);
    bool is_sound = end > at && (bytes.data[at] != '0' || end == at + 1);
    if (is_sound && end < bytes.size && bytes.data[end] == '.') {
        at = end + 1;
        end = skip_digits(bytes, at);
        is_sound = end > at;
    }
    if (is_sound && end < bytes.size && (bytes.data[end] | 0x20) == 'e') {
        at = end + 1;
        at += at < bytes.size && (bytes.data[at] == '+' || bytes.data[at] == '-');
        end = skip_digits(bytes, at);
        is_sound = end > at;
    }
    scanner->at = end;
    if (!is_sound)
        return refuse(scanner, end == bytes.size ? premature_end : "lexical error: malformed number");
    scanner->token = (struct json_token){
        .kind = JSON_NUMBER, .bytes = (const char *)bytes.data + scanner->began, .size = end - scanner->began};
    return true;
}

static bool scan_word(struct json_scanner *scanner)
{
    static const struct word {
        const char *text;
        struct json_token token;
    } words[] = {{"true", {.kind = JSON_BOOLEAN, .boolean = true}},
                 {"false", {.kind = JSON_BOOLEAN}},
                 {"null", {.kind = JSON_NULL}}};
    size_t left = scanner->bytes.size - scanner->began;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t size = strlen(words[i].text);
        if (left < size || memcmp(scanner->bytes.data + scanner->began, words[i].text, size) != 0)
            continue;
        scanner->at = scanner->began + size;
        scanner->token = words[i].token;
        return true;
    }
    bool is_token = memchr("}]:,", scanner->bytes.data[scanner->began], 4) != NULL;
    return refuse(scanner, is_token ? "parse error: unallowed token at this point in JSON text"
                                    : "lexical error: invalid char in json text");
}

/* ---- Items ---- */

static enum json_item open_container(struct json_scanner *scanner, bool is_object)
{
    if (scanner->depth == JSON_SCAN_DEPTH)
        return refuse(scanner, "nested too deep");
    scanner->depth++;
    scanner->objects = scanner->objects << 1 | is_object;
    scanner->expected = is_object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
    scanner->token = (struct json_token){.kind = is_object ? JSON_OBJECT : JSON_ARRAY};
    return JSON_ITEM_OPEN;
}

static void expect_next(struct json_scanner *scanner)
{
    scanner->expected = scanner->depth == 0 ? EXPECT_NOTHING : EXPECT_MORE_OR_END;
}

static enum json_item close_container(struct json_scanner *scanner)
{
    scanner->depth--;
    scanner->objects >>= 1;
    expect_next(scanner);
    return JSON_ITEM_CLOSE;
}

static enum json_item scan_value(struct json_scanner *scanner, uint8_t first)
{
    if (first == '{' || first == '[')
        return open_container(scanner, first == '{');
    bool is_sound = first == '"'                                     ? scan_string(scanner)
                    : first == '-' || (first >= '0' && first <= '9') ? scan_number(scanner)
                                                                     : scan_word(scanner);
    expect_next(scanner);
    return is_sound ? JSON_ITEM_VALUE : JSON_ITEM_BROKEN;
}

/* Moves to the next character that is no blank; false at the end. */
static bool skip_blanks(struct json_scanner *scanner)
{
    for (; scanner->at < scanner->bytes.size; scanner->at++) {
        uint8_t byte = scanner->bytes.data[scanner->at];
        if (byte != ' ' && byte != '\n' && byte != '\r' && byte != '\t')
            return true;
    }
    return false;
}

static enum json_item scan_key(struct json_scanner *scanner, uint8_t first)
{
    if (first != '"')
        return refuse(scanner, "parse error: object key needs to be a string in quotes");
    if (!scan_string(scanner))
        return JSON_ITEM_BROKEN;
    size_t behind = scanner->at;
    if (!skip_blanks(scanner))
        return refuse(scanner, premature_end);
    if (scanner->bytes.data[scanner->at] != ':') {
        scanner->at = behind;
        return refuse(scanner, "parse error: object key and value must be separated by a colon (':')");
    }
    scanner->at++;
    scanner->expected = EXPECT_VALUE;
    return JSON_ITEM_KEY;
}

enum json_item json_scan(struct json_scanner *scanner)
{
    bool is_in_object = (scanner->objects & 1) != 0;
    if (!skip_blanks(scanner))
        return scanner->expected == EXPECT_NOTHING ? JSON_ITEM_END : refuse(scanner, premature_end);
    uint8_t first = scanner->bytes.data[scanner->at];
    if (scanner->expected == EXPECT_MORE_OR_END && first == ',') {
        scanner->at++;
        scanner->expected = is_in_object ? EXPECT_KEY : EXPECT_VALUE;
        if (!skip_blanks(scanner))
            return refuse(scanner, premature_end);
        first = scanner->bytes.data[scanner->at];
    }
    scanner->began = scanner->at++;
    switch (scanner->expected) {
    case EXPECT_VALUE:
        return scan_value(scanner, first);
    case EXPECT_VALUE_OR_END:
        return first == ']' ? close_container(scanner) : scan_value(scanner, first);
    case EXPECT_KEY:
        return scan_key(scanner, first);
    case EXPECT_KEY_OR_END:
        return first == '}' ? close_container(scanner) : scan_key(scanner, first);
    case EXPECT_MORE_OR_END:
        if (first == (is_in_object ? '}' : ']'))
            return close_container(scanner);
        return refuse(scanner, is_in_object ? "parse error: after key and value, inside map, I expect ',' or '}'"
                                            : "parse error: after array element, I expect ',' or ']'");
    default:
        return refuse(scanner, "parse error: trailing garbage");
    }
}

void json_scan_release(struct json_scanner *scanner)
{
    text_free(&scanner->unescaped);
}
