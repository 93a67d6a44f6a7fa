/* The text of a scenario, taken apart: which bytes are a statement, an entry of a table, a number.
 *
 * Enough of Lua's grammar to cut a piece out and leave a text that still means something; whoever cuts finds out by
 * loading it. No Lua is run here. Limits: LUA_SOURCE_MOST_DEPTH nested brackets and blocks.
 */
#ifndef CUPOLA_SIM_LUA_SOURCE_H
#define CUPOLA_SIM_LUA_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

enum { LUA_SOURCE_MOST_DEPTH = 100 };

enum lua_piece_kind {
    LUA_STATEMENT = 1, /* With a `;` behind it. */
    LUA_BLOCK,         /* The inner statements of if, for, while, do, repeat or function: without its keywords. */
    LUA_ENTRY,         /* An entry of a table with the separator behind it; name: its key, if it has one. */
    LUA_NUMBER,
    LUA_STRING,  /* With its quotes. */
    LUA_COMMENT, /* With the line end behind it. */
};

struct lua_piece {
    enum lua_piece_kind kind;
    size_t from, to;           /* Bytes; `to` is the first behind it. */
    size_t depth;              /* Statements, blocks and entries around it. */
    size_t name_from, name_to; /* Of an entry's key, or of the local that a statement declares; equal: none. */
};

/* In the order of `from`; those that contain others come before them. */
struct lua_source {
    const char *text; /* Lent. */
    size_t size;
    struct lua_piece *pieces;
    size_t count, capacity;
};

/* False if the text is not understood; nothing needs to be released then. */
bool lua_source_parse(const char *text, size_t size, struct lua_source *ret_source);
void lua_source_release(struct lua_source *source);
/* The entry of that key in the outermost table that has one (`run` in the scenario's table); NULL if there is none. */
const struct lua_piece *lua_source_entry(const struct lua_source *source, const char *name);
/* Whether the bytes of a piece contain that word, as a word. */
bool lua_source_mentions(const struct lua_source *source, const struct lua_piece *piece, const char *word,
                         size_t word_size);
/* The same for a variable: the name of a field or method is none. */
bool lua_source_uses(const struct lua_source *source, const struct lua_piece *piece, const char *name,
                     size_t name_size);

#endif
