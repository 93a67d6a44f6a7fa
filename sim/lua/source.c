#include "sim/lua/source.h"

#include "core/base/memory.h"

#include <ctype.h>
#include <string.h>

enum token_kind { TOKEN_END = 0, TOKEN_NAME, TOKEN_KEYWORD, TOKEN_NUMBER, TOKEN_STRING, TOKEN_SIGN };

struct reader {
    struct lua_source *source;
    /* The token that is looked at. */
    enum token_kind kind;
    size_t from, to;
    size_t behind; /* The end of the token before it. */
    size_t depth;
    bool failed;
};

static void read_block(struct reader *reader);
static void read_expression(struct reader *reader);

/* ---- Tokens ---- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool is_keyword(const char *word, size_t size)
{
    static const char *const keywords[] = {"and",      "break",  "do",   "else", "elseif", "end",  "false", "for",
                                           "function", "goto",   "if",   "in",   "local",  "nil",  "not",   "or",
                                           "repeat",   "return", "then", "true", "until",  "while"};
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
        if (strlen(keywords[i]) == size && memcmp(keywords[i], word, size) == 0)
            return true;
    return false;
}

static size_t add_piece(struct reader *reader, enum lua_piece_kind kind, size_t from, size_t to)
{
    struct lua_source *source = reader->source;
    source->pieces = memory_room(source->pieces, source->count, &source->capacity, sizeof *source->pieces);
    source->pieces[source->count] = (struct lua_piece){.kind = kind, .from = from, .to = to, .depth = reader->depth};
    return source->count++;
}

/* The end of [[...]] or [=[...]=] at `at`; `at` itself if none begins there. */
static size_t skip_long_bracket(const struct lua_source *source, size_t at)
{
    size_t level = 0, begin = at;
    if (at >= source->size || source->text[at++] != '[')
        return begin;
    while (at < source->size && source->text[at] == '=') {
        at++;
        level++;
    }
    if (at >= source->size || source->text[at] != '[')
        return begin;
    for (; at < source->size; at++) {
        size_t equals = 0;
        if (source->text[at] != ']')
            continue;
        while (at + 1 + equals < source->size && source->text[at + 1 + equals] == '=')
            equals++;
        if (equals == level && at + 1 + equals < source->size && source->text[at + 1 + equals] == ']')
            return at + equals + 2;
    }
    return source->size;
}

static size_t skip_comment(struct reader *reader, size_t at)
{
    const struct lua_source *source = reader->source;
    size_t from = at;
    at = skip_long_bracket(source, from + 2);
    if (at == from + 2) {
        while (at < source->size && source->text[at] != '\n')
            at++;
    }
    if (at < source->size && source->text[at] == '\n')
        at++;
    add_piece(reader, LUA_COMMENT, from, at);
    return at;
}

static size_t skip_quoted(const struct lua_source *source, size_t at)
{
    char quote = source->text[at++];
    while (at < source->size && source->text[at] != quote && source->text[at] != '\n')
        at += source->text[at] == '\\' ? 2 : 1;
    return at < source->size ? at + 1 : source->size;
}

static void next(struct reader *reader)
{
    const struct lua_source *source = reader->source;
    const char *text = source->text;
    reader->behind = reader->to;
    size_t at = reader->to;
    while (at < source->size) {
        if (isspace((unsigned char)text[at]))
            at++;
        else if (at + 1 < source->size && text[at] == '-' && text[at + 1] == '-')
            at = skip_comment(reader, at);
        else
            break;
    }
    reader->from = at;
    if (at >= source->size) {
        reader->kind = TOKEN_END;
    } else if (isdigit((unsigned char)text[at])) {
        reader->kind = TOKEN_NUMBER;
        while (at < source->size && (is_word(text[at]) || text[at] == '.'))
            at++;
    } else if (is_word(text[at])) {
        while (at < source->size && is_word(text[at]))
            at++;
        reader->kind = is_keyword(text + reader->from, at - reader->from) ? TOKEN_KEYWORD : TOKEN_NAME;
    } else if (text[at] == '"' || text[at] == '\'') {
        reader->kind = TOKEN_STRING;
        at = skip_quoted(source, at);
    } else if (skip_long_bracket(source, at) != at) {
        reader->kind = TOKEN_STRING;
        at = skip_long_bracket(source, at);
    } else {
        reader->kind = TOKEN_SIGN;
        /* Of the longer signs only these matter here: `=` begins values, `==` and its like do not. */
        bool is_pair = at + 1 < source->size && (text[at + 1] == '=' || text[at + 1] == text[at]) &&
                       strchr("=~<>.:/", text[at]) != NULL;
        at += is_pair ? 2 : 1;
    }
    reader->to = at;
}

static bool is(const struct reader *reader, const char *word)
{
    size_t size = strlen(word);
    return reader->kind != TOKEN_STRING && reader->to - reader->from == size &&
           memcmp(reader->source->text + reader->from, word, size) == 0;
}

static bool take(struct reader *reader, const char *word)
{
    if (!is(reader, word))
        return false;
    next(reader);
    return true;
}

static void expect(struct reader *reader, const char *word)
{
    if (!take(reader, word))
        reader->failed = true;
}

/* ---- Expressions ---- */

static void enter(struct reader *reader)
{
    if (++reader->depth > LUA_SOURCE_MOST_DEPTH)
        reader->failed = true;
}

static void read_table(struct reader *reader)
{
    enter(reader);
    expect(reader, "{");
    while (!reader->failed && reader->kind != TOKEN_END && !is(reader, "}")) {
        size_t entry = add_piece(reader, LUA_ENTRY, reader->from, reader->from);
        size_t name_from = reader->from, name_to = reader->to;
        bool is_name = reader->kind == TOKEN_NAME;
        enter(reader);
        read_expression(reader);
        if (is(reader, "=")) {
            next(reader);
            if (is_name) {
                reader->source->pieces[entry].name_from = name_from;
                reader->source->pieces[entry].name_to = name_to;
            }
            read_expression(reader);
        }
        reader->depth--;
        if (!is(reader, "}") && !take(reader, ",") && !take(reader, ";"))
            reader->failed = true;
        reader->source->pieces[entry].to = reader->behind;
    }
    expect(reader, "}");
    reader->depth--;
}

static void read_list(struct reader *reader)
{
    do
        read_expression(reader);
    while (!reader->failed && take(reader, ","));
}

static void read_arguments(struct reader *reader)
{
    enter(reader);
    expect(reader, "(");
    if (!is(reader, ")"))
        read_list(reader);
    expect(reader, ")");
    reader->depth--;
}

/* Behind `function` or its name. */
static void read_function_body(struct reader *reader)
{
    enter(reader);
    expect(reader, "(");
    while (!reader->failed && reader->kind != TOKEN_END && !is(reader, ")"))
        next(reader);
    expect(reader, ")");
    read_block(reader);
    expect(reader, "end");
    reader->depth--;
}

/* What follows a value and belongs to it: calls, fields, indices. */
static void read_suffixes(struct reader *reader)
{
    while (!reader->failed) {
        if (is(reader, ".") || is(reader, ":")) {
            next(reader);
            next(reader);
        } else if (is(reader, "[")) {
            next(reader);
            read_expression(reader);
            expect(reader, "]");
        } else if (is(reader, "(")) {
            read_arguments(reader);
        } else if (is(reader, "{")) {
            read_table(reader);
        } else if (reader->kind == TOKEN_STRING) {
            add_piece(reader, LUA_STRING, reader->from, reader->to);
            next(reader);
        } else {
            return;
        }
    }
}

static void read_value(struct reader *reader)
{
    while (take(reader, "not") || take(reader, "-") || take(reader, "#") || take(reader, "~"))
        ;
    if (reader->kind == TOKEN_NUMBER) {
        add_piece(reader, LUA_NUMBER, reader->from, reader->to);
        next(reader);
    } else if (reader->kind == TOKEN_STRING) {
        add_piece(reader, LUA_STRING, reader->from, reader->to);
        next(reader);
    } else if (is(reader, "{")) {
        read_table(reader);
    } else if (take(reader, "function")) {
        read_function_body(reader);
    } else if (is(reader, "(")) {
        read_arguments(reader);
        read_suffixes(reader);
    } else if (is(reader, "[")) { /* The key of an entry. */
        next(reader);
        read_expression(reader);
        expect(reader, "]");
    } else if (reader->kind == TOKEN_NAME) {
        next(reader);
        read_suffixes(reader);
    } else if (is(reader, "nil") || is(reader, "true") || is(reader, "false") || is(reader, "...") ||
               is(reader, "..")) {
        next(reader);
        take(reader, "."); /* The third dot of `...`. */
    } else {
        reader->failed = true;
    }
}

static bool is_operator(const struct reader *reader)
{
    static const char *const operators[] = {"+",  "-",  "*",  "/",  "//", "%",  "^", "&", "|",   "~", "<<",
                                            ">>", "..", "==", "~=", "<=", ">=", "<", ">", "and", "or"};
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
        if (is(reader, operators[i]))
            return true;
    return false;
}

static void read_expression(struct reader *reader)
{
    if (reader->depth > LUA_SOURCE_MOST_DEPTH)
        reader->failed = true;
    do
        read_value(reader);
    while (!reader->failed && is_operator(reader) && (next(reader), true));
}

/* ---- Statements ---- */

static void read_if(struct reader *reader)
{
    do {
        next(reader);
        read_expression(reader);
        expect(reader, "then");
        read_block(reader);
    } while (!reader->failed && is(reader, "elseif"));
    if (take(reader, "else"))
        read_block(reader);
    expect(reader, "end");
}

static void read_loop(struct reader *reader)
{
    while (!reader->failed && reader->kind != TOKEN_END && !is(reader, "in") && !is(reader, "=") &&
           !is(reader, "while"))
        next(reader);
    next(reader);
    read_list(reader);
    expect(reader, "do");
    read_block(reader);
    expect(reader, "end");
}

/* `local` is taken. */
static void read_local(struct reader *reader, size_t statement)
{
    if (take(reader, "function")) {
        next(reader);
        read_function_body(reader);
        return;
    }
    reader->failed = reader->failed || reader->kind != TOKEN_NAME;
    reader->source->pieces[statement].name_from = reader->from;
    reader->source->pieces[statement].name_to = reader->to;
    while (!reader->failed && (reader->kind == TOKEN_NAME || is(reader, ",") || is(reader, "<") || is(reader, ">"))) {
        size_t behind = reader->to;
        bool was_name = reader->kind == TOKEN_NAME;
        next(reader);
        if (was_name && behind != reader->from && reader->kind == TOKEN_NAME)
            return; /* A declaration without a value ends before the next statement's name. */
    }
    if (take(reader, "="))
        read_list(reader);
}

static void read_statement(struct reader *reader)
{
    size_t statement = add_piece(reader, LUA_STATEMENT, reader->from, reader->from);
    enter(reader);
    if (is(reader, "if")) {
        read_if(reader);
    } else if (is(reader, "for") || is(reader, "while")) {
        read_loop(reader);
    } else if (take(reader, "do")) {
        read_block(reader);
        expect(reader, "end");
    } else if (take(reader, "repeat")) {
        read_block(reader);
        expect(reader, "until");
        read_expression(reader);
    } else if (take(reader, "function")) {
        while (!reader->failed && reader->kind != TOKEN_END && !is(reader, "("))
            next(reader);
        read_function_body(reader);
    } else if (take(reader, "local")) {
        read_local(reader, statement);
    } else if (take(reader, "return")) {
        if (reader->kind != TOKEN_END && !is(reader, "end") && !is(reader, "else") && !is(reader, "elseif") &&
            !is(reader, "until") && !is(reader, ";"))
            read_list(reader);
    } else if (!take(reader, "break")) {
        read_list(reader);
        if (take(reader, "="))
            read_list(reader);
    }
    take(reader, ";");
    reader->depth--;
    reader->source->pieces[statement].to = reader->behind;
}

/* The statements up to the keyword that ends their block. */
static void read_block(struct reader *reader)
{
    size_t block = add_piece(reader, LUA_BLOCK, reader->from, reader->from);
    enter(reader);
    while (!reader->failed && reader->kind != TOKEN_END && !is(reader, "end") && !is(reader, "else") &&
           !is(reader, "elseif") && !is(reader, "until"))
        read_statement(reader);
    reader->depth--;
    if (reader->behind > reader->source->pieces[block].from)
        reader->source->pieces[block].to = reader->behind;
}

/* ---- For others ---- */

bool lua_source_parse(const char *text, size_t size, struct lua_source *ret_source)
{
    *ret_source = (struct lua_source){.text = text, .size = size};
    struct reader reader = {.source = ret_source};
    next(&reader);
    read_block(&reader);
    if (!reader.failed && reader.kind == TOKEN_END)
        return true;
    lua_source_release(ret_source);
    return false;
}

void lua_source_release(struct lua_source *source)
{
    memory_free(source->pieces);
    *source = (struct lua_source){0};
}

const struct lua_piece *lua_source_entry(const struct lua_source *source, const char *name)
{
    const struct lua_piece *found = NULL;
    for (size_t i = 0; i < source->count; i++) {
        const struct lua_piece *piece = &source->pieces[i];
        if (piece->kind == LUA_ENTRY && piece->name_to - piece->name_from == strlen(name) &&
            memcmp(source->text + piece->name_from, name, strlen(name)) == 0 &&
            (found == NULL || piece->depth < found->depth))
            found = piece;
    }
    return found;
}

static bool contains(const struct lua_source *source, const struct lua_piece *piece, const char *word, size_t size,
                     bool as_variable)
{
    for (size_t at = piece->from; at + size <= piece->to; at++) {
        char before = at == 0 ? ' ' : source->text[at - 1];
        bool begins = !is_word(before) && (!as_variable || (before != '.' && before != ':' && before != '"'));
        bool ends = at + size >= source->size || !is_word(source->text[at + size]);
        if (begins && ends && memcmp(source->text + at, word, size) == 0)
            return true;
    }
    return false;
}

bool lua_source_mentions(const struct lua_source *source, const struct lua_piece *piece, const char *word,
                         size_t word_size)
{
    return contains(source, piece, word, word_size, false);
}

bool lua_source_uses(const struct lua_source *source, const struct lua_piece *piece, const char *name, size_t name_size)
{
    return contains(source, piece, name, name_size, true);
}
