#include "sim/lua/place.h"

#include "sim/lua/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t line_at(const char *text, size_t at)
{
    size_t line = 1;
    for (size_t i = 0; i < at; i++)
        line += text[i] == '\n';
    return line;
}

static bool is_named(const struct lua_source *source, const struct lua_piece *piece, const char *name, size_t size)
{
    return piece->name_to - piece->name_from == size && memcmp(source->text + piece->name_from, name, size) == 0;
}

/* The entry of that name, or of that number if it is not 0, within a piece (NULL: the whole file), the outermost. */
static const struct lua_piece *find_within(const struct lua_source *source, const struct lua_piece *around,
                                           const char *name, size_t name_size, size_t number)
{
    const struct lua_piece *found = NULL;
    size_t least = SIZE_MAX, count = 0;
    for (size_t i = 0; i < source->count; i++) {
        const struct lua_piece *piece = &source->pieces[i];
        bool is_inside = around == NULL || (piece > around && piece->to <= around->to);
        if (piece->kind != LUA_ENTRY || !is_inside)
            continue;
        if (number > 0) {
            least = least == SIZE_MAX ? piece->depth : least;
            if (piece->depth == least && ++count == number)
                return piece;
        } else if (is_named(source, piece, name, name_size) && (found == NULL || piece->depth < found->depth)) {
            found = piece;
        }
    }
    return found;
}

/* Goes the way "apps.shop.memory" or "always[2]" as far as it is there. */
static const struct lua_piece *follow(const struct lua_source *source, const char *path)
{
    const struct lua_piece *at = NULL;
    while (*path != 0) {
        size_t size = strcspn(path, ".[");
        const struct lua_piece *next = size == 0 ? at : find_within(source, at, path, size, 0);
        path += size;
        if (next != NULL && *path == '[')
            next = find_within(source, next, NULL, 0, strtoul(path + 1, NULL, 10));
        if (next == NULL)
            break;
        at = next;
        path += strcspn(path, ".");
        path += *path == '.';
    }
    return at;
}

/* What the message is about: its first word if a colon follows, and a key that it quotes. */
static size_t find_line(const char *text, size_t size, const char *message)
{
    static const char unknown[] = "unknown key '";
    size_t word = strcspn(message, " :"), line = 0;
    const char *key = strstr(message, unknown);
    char path[256];
    snprintf(path, sizeof path, "%.*s", message[word] == ':' ? (int)(word < 200 ? word : 200) : 0, message);
    if (key != NULL) {
        size_t used = strlen(path);
        key += sizeof unknown - 1;
        snprintf(path + used, sizeof path - used, "%s%.*s", used > 0 ? "." : "", (int)strcspn(key, "'"), key);
    }
    struct lua_source source;
    if (!lua_source_parse(text, size, &source))
        return 0;
    const struct lua_piece *piece = follow(&source, path);
    if (piece != NULL)
        line = line_at(text, piece->from);
    lua_source_release(&source);
    return line;
}

void lua_place_complain(const char *name, const char *text, size_t size, const char *message, struct text *ret_error)
{
    bool is_placed = strncmp(message, name, strlen(name)) == 0; /* By a line of the file itself. */
    size_t line = is_placed ? 0 : find_line(text, size, message);
    if (line > 0)
        text_addf(ret_error, "%s:%zu: ", name, line);
    else if (!is_placed)
        text_addf(ret_error, "%s: ", name);
    text_add_string(ret_error, message);
    if (strstr(message, "(global 'cupola')") != NULL)
        text_add_string(ret_error, "; the file has to begin with: local cupola = require \"cupola\"");
}
