#include "sim/search/shrink_values.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The innermost piece of a kind around a piece; NULL if there is none. */
static const struct lua_piece *find_around(const struct lua_source *source, const struct lua_piece *piece,
                                           enum lua_piece_kind kind)
{
    const struct lua_piece *found = NULL;
    for (size_t i = 0; i < source->count; i++) {
        const struct lua_piece *around = &source->pieces[i];
        if (around->kind == kind && around != piece && around->from <= piece->from && around->to >= piece->to &&
            (found == NULL || around->depth > found->depth))
            found = around;
    }
    return found;
}

static bool is_entry_of(const struct lua_source *source, const struct lua_piece *entry, const char *const *names)
{
    for (; entry != NULL && *names != NULL; names++)
        if (entry->name_to - entry->name_from == strlen(*names) &&
            memcmp(source->text + entry->name_from, *names, strlen(*names)) == 0)
            return true;
    return false;
}

static bool mentions(const struct lua_source *source, const struct lua_piece *piece, const char *word)
{
    return piece != NULL && lua_source_mentions(source, piece, word, strlen(word));
}

/* ---- Numbers: two candidates each, 1 and the half ---- */

static void smaller_number(const struct lua_source *source, const struct lua_piece *piece, bool of_components,
                           bool halves, struct text *ret_value)
{
    static const char *const components[] = {"deas",     "old_deas",    "routers", "controllers", "health_managers",
                                             "gateways", "bus_servers", "zones",   NULL};
    static const char *const values[] = {"instances", "rate", NULL};
    const struct lua_piece *entry = find_around(source, piece, LUA_ENTRY);
    const struct lua_piece *step = find_around(source, piece, LUA_STATEMENT);
    bool is_argument = mentions(source, step, "scale") && (entry == NULL || entry->depth < step->depth);
    uint64_t number = strtoull(source->text + piece->from, NULL, 10);
    bool is_count =
        of_components ? is_entry_of(source, entry, components) : is_entry_of(source, entry, values) || is_argument;
    if (!is_count || number <= 1 || memchr(source->text + piece->from, '.', piece->to - piece->from) != NULL ||
        (halves && number <= 3))
        return;
    text_addf(ret_value, "%llu", (unsigned long long)(halves ? number / 2 : 1));
}

/* ---- Times ---- */

/* Milliseconds of a text such as "12.5s"; 0 if it is none. */
static uint64_t milliseconds_of(const char *text, size_t size)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}};
    uint64_t whole = 0, thousandths = 0, scale = 1000;
    size_t at = 0;
    for (; at < size && text[at] >= '0' && text[at] <= '9' && whole < UINT32_MAX; at++)
        whole = whole * 10 + (uint64_t)(text[at] - '0');
    if (at == 0)
        return 0;
    if (at < size && text[at] == '.') {
        for (at++; at < size && text[at] >= '0' && text[at] <= '9'; at++) {
            scale /= 10;
            thousandths += scale * (uint64_t)(text[at] - '0');
        }
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (size - at == strlen(units[i].unit) && memcmp(text + at, units[i].unit, size - at) == 0)
            return whole * units[i].ms + thousandths * units[i].ms / 1000;
    return 0;
}

static void write_time(uint64_t ms, struct text *ret_value)
{
    if (ms >= 1000)
        text_addf(ret_value, "\"%llus\"", (unsigned long long)(ms / 1000)); /* Whole seconds read well. */
    else
        text_addf(ret_value, "\"%llums\"", (unsigned long long)ms);
}

enum { SHORT = 0, HALF, ROUND, TIME_CHOICES }; /* What a time may become. */

static void smaller_time(const struct lua_source *source, const struct lua_piece *piece, size_t choice, bool is_bound,
                         struct text *ret_value)
{
    static const char *const names[] = {"duration", "delay", NULL};
    const struct lua_piece *entry = find_around(source, piece, LUA_ENTRY);
    const struct lua_piece *step = find_around(source, piece, LUA_STATEMENT);
    uint64_t ms = milliseconds_of(source->text + piece->from + 1, piece->to - piece->from - 2);
    bool is_in_step = step != NULL && (entry == NULL || entry->depth < step->depth);
    bool is_wait = is_in_step && mentions(source, step, "wait") && !mentions(source, step, "wait_until");
    bool is_of_fault = is_entry_of(source, entry, names) && step != NULL && entry->depth > step->depth;
    bool is_limit = is_in_step && mentions(source, step, "wait_until");
    if (ms == 0 || (is_bound ? !is_limit : !is_wait && !is_of_fault))
        return;
    uint64_t least = is_bound ? 60000 : 1000;
    bool is_odd = ms > 1000 && ms % 1000 != 0;
    if (choice == ROUND && is_odd && !is_bound)
        write_time((ms + 999) / 1000 * 1000, ret_value); /* "3s" says more than "2538ms". */
    uint64_t smaller = choice == HALF ? ms / 2 : least;
    if (choice != ROUND && smaller < ms && (!is_bound || smaller >= 5000) && (choice == SHORT || ms > 2 * least))
        write_time(smaller, ret_value);
}

/* ---- Two waits ---- */

/* The milliseconds of `cloud:wait("2s")`; 0 if the piece is something else. */
static uint64_t waits_for(const struct lua_source *source, const struct lua_piece *piece)
{
    static const char begin[] = "cloud:wait(\"", end[] = "\")";
    const char *text = source->text + piece->from;
    size_t size = piece->to - piece->from, fixed = sizeof begin + sizeof end - 2;
    if (piece->kind != LUA_STATEMENT || size <= fixed || memcmp(text, begin, sizeof begin - 1) != 0 ||
        memcmp(text + size - sizeof end + 1, end, sizeof end - 1) != 0)
        return 0;
    return milliseconds_of(text + sizeof begin - 1, size - fixed);
}

static bool find_joint(const struct lua_source *source, size_t index, size_t *ret_from, size_t *ret_to,
                       struct text *ret_value)
{
    const struct lua_piece *first = &source->pieces[index], *second = first + 1;
    const struct lua_piece *end = source->pieces + source->count;
    while (second < end && (second->to <= first->to || second->kind == LUA_COMMENT))
        second++;
    uint64_t one = waits_for(source, first), other = second == end ? 0 : waits_for(source, second);
    if (one == 0 || other == 0)
        return true;
    *ret_from = first->from;
    *ret_to = second->to;
    text_add_string(ret_value, "cloud:wait(");
    write_time((one + other + 999) / 1000 * 1000, ret_value);
    text_add_char(ret_value, ')');
    return true;
}

/* ---- Steps that only hand something on ---- */

static bool is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The only place behind `from` where the name is used; the text's end if it is none or more. */
static const char *find_only_use(const struct lua_source *source, size_t from, const char *name, size_t size)
{
    const char *end = source->text + source->size, *found = end;
    for (const char *at = source->text + from; at + size < end; at++) {
        if (memcmp(at, name, size) != 0 || is_word(at[-1]) || is_word(at[size]))
            continue;
        if (found != end)
            return end;
        found = at;
    }
    return found;
}

/* local victim = cloud.deas[1]   victim:kill()      -> cloud.deas[1]:kill() */
static void inline_local(const struct lua_source *source, const struct lua_piece *piece, size_t *ret_to,
                         struct text *ret_value)
{
    const char *name = source->text + piece->name_from;
    size_t size = piece->name_to - piece->name_from;
    const char *value = memmem(name + size, piece->to - piece->name_to, "= ", 2);
    const char *use = find_only_use(source, piece->to, name, size);
    bool is_simple = value != NULL && memchr(name, ',', (size_t)(value - name)) == NULL &&
                     strncmp(value + 2, "function", 8) != 0 && value[2] != '{' && value[2] != '"';
    bool is_used = use != source->text + source->size && use[-1] != '.';
    if (!is_simple || !is_used || strncmp(use + size, ":mend", 5) == 0) /* Mended at once is another scenario. */
        return;
    const char *behind = source->text + piece->to;
    behind += strspn(behind, " \n");
    *ret_to = (size_t)(use + size - source->text);
    text_add(ret_value, behind, (size_t)(use - behind));
    text_add(ret_value, value + 2, (size_t)(source->text + piece->to - value - 2));
}

/* cloud:record("time", cloud:wait_until(...))       -> cloud:wait_until(...) */
static void unwrap_record(const struct lua_source *source, const struct lua_piece *piece, struct text *ret_value)
{
    static const char begin[] = "cloud:record(\"";
    const char *text = source->text + piece->from, *end = source->text + piece->to;
    if ((size_t)(end - text) <= sizeof begin || memcmp(text, begin, sizeof begin - 1) != 0 || end[-1] != ')')
        return;
    const char *value = memmem(text, (size_t)(end - text), "\", cloud:", 9);
    if (value != NULL)
        text_add(ret_value, value + 3, (size_t)(end - 1 - value - 3));
}

static void find_inline(const struct lua_source *source, const struct lua_piece *piece, size_t *ret_to,
                        struct text *ret_value)
{
    if (piece->kind != LUA_STATEMENT)
        return;
    if (piece->name_to > piece->name_from && strncmp(source->text + piece->from, "local ", 6) == 0 &&
        strncmp(source->text + piece->from, "local function", 14) != 0)
        inline_local(source, piece, ret_to, ret_value);
    else
        unwrap_record(source, piece, ret_value);
}

bool shrink_value(const struct lua_source *source, enum shrink_value_kind kind, size_t index, size_t *ret_from,
                  size_t *ret_to, struct text *ret_value)
{
    bool is_number = kind == SHRINK_NUMBER || kind == SHRINK_COMPONENTS;
    size_t choices = is_number ? 2 : TIME_CHOICES;
    if ((kind == SHRINK_INLINE ? index : index / choices) >= source->count)
        return false;
    if (kind == SHRINK_JOIN)
        return index < source->count && find_joint(source, index, ret_from, ret_to, ret_value);
    const struct lua_piece *piece = &source->pieces[kind == SHRINK_INLINE ? index : index / choices];
    *ret_from = piece->from;
    *ret_to = piece->to;
    if (kind == SHRINK_INLINE)
        find_inline(source, piece, ret_to, ret_value);
    else if (is_number && piece->kind == LUA_NUMBER)
        smaller_number(source, piece, kind == SHRINK_COMPONENTS, index % choices != 0, ret_value);
    else if (!is_number && piece->kind == LUA_STRING)
        smaller_time(source, piece, index % choices, kind == SHRINK_BOUND, ret_value);
    return true;
}
