#include "sim/search/shrink.h"

#include "core/base/memory.h"
#include "sim/lua/source.h"
#include "sim/search/shrink_values.h"

#include <string.h>

enum pass {
    PASS_BOUNDS = 0,
    PASS_CHUNKS,
    PASS_FAULTS,
    PASS_STATEMENTS,
    PASS_UNWRAP,
    PASS_ENTRIES,
    PASS_PICKS,
    PASS_NUMBERS,
    PASS_TIMES,
    PASS_COMMENTS,
    PASS_COUNT,
};

/* ---- Which steps are there ---- */

static bool mentions(const struct lua_source *source, const struct lua_piece *piece, const char *word)
{
    return lua_source_mentions(source, piece, word, strlen(word));
}

static bool mentions_any(const struct lua_source *source, const struct lua_piece *piece, const char *const *words)
{
    for (; *words != NULL; words++)
        if (mentions(source, piece, *words))
            return true;
    return false;
}

static bool is_inside(const struct lua_piece *piece, const struct lua_piece *around)
{
    return around != NULL && piece->from >= around->from && piece->to <= around->to && piece != around;
}

static bool is_fault(const struct lua_source *source, const struct lua_piece *piece)
{
    static const char *const words[] = {"fault",  "kill", "power_off", "partition", "pause", "keep_down",
                                        "reboot", "stop", "evacuate",  "restart",   NULL};
    return mentions_any(source, piece, words);
}

static bool is_undo(const struct lua_source *source, const struct lua_piece *piece)
{
    static const char *const words[] = {"mend", "mend_everything", "power_on", "start", NULL};
    return mentions_any(source, piece, words);
}

/* The statements of `run`: all of them, or only those that stand in no other. */
static size_t find_steps(const struct lua_source *source, bool outermost, const struct lua_piece **ret_steps)
{
    const struct lua_piece *run = lua_source_entry(source, "run");
    size_t count = 0, least = SIZE_MAX;
    for (size_t i = 0; i < source->count; i++) {
        const struct lua_piece *piece = &source->pieces[i];
        if (piece->kind != LUA_STATEMENT || !is_inside(piece, run))
            continue;
        least = piece->depth < least ? piece->depth : least;
        if (outermost && piece->depth != least)
            continue;
        if (ret_steps != NULL)
            ret_steps[count] = piece;
        count++;
    }
    return count;
}

size_t shrink_step_count(const char *text, size_t size)
{
    struct lua_source source;
    if (!lua_source_parse(text, size, &source))
        return 0;
    size_t count = find_steps(&source, false, NULL);
    lua_source_release(&source);
    return count;
}

/* ---- Cutting ---- */

struct cut {
    const struct lua_source *source;
    uint8_t *marks; /* By byte: 1 goes. */
    size_t insert_at;
    const char *insert; /* NULL: nothing. */
    size_t insert_size;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The bytes of a piece, and its line if nothing else is on it. */
static void mark(struct cut *cut, const struct lua_piece *piece)
{
    const struct lua_source *source = cut->source;
    size_t from = piece->from, to = piece->to;
    while (from > 0 && is_blank(source->text[from - 1]))
        from--;
    bool begins_line = from == 0 || source->text[from - 1] == '\n';
    while (to < source->size && is_blank(source->text[to]))
        to++;
    bool ends_line = to == source->size || source->text[to] == '\n' || source->text[to - 1] == '\n';
    if (begins_line && ends_line)
        to += to < source->size && source->text[to] == '\n' && source->text[to - 1] != '\n';
    else if (begins_line)
        from = piece->from;
    else
        to = ends_line ? to : piece->to;
    memset(cut->marks + from, 1, to - from);
}

static void build(const struct cut *cut, struct text *ret_text)
{
    for (size_t i = 0; i < cut->source->size; i++) {
        if (cut->insert != NULL && i == cut->insert_at)
            text_add(ret_text, cut->insert, cut->insert_size);
        if (cut->marks[i] == 0)
            text_add_char(ret_text, cut->source->text[i]);
    }
}

static bool is_pair(const struct lua_source *source, const struct lua_piece *step, const struct lua_piece *other)
{
    static const char *const pairs[][2] = {{"power_off", "power_on"}, {"stop", "start"}, {"evacuate", "start"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (mentions(source, step, pairs[i][0]) && mentions(source, other, pairs[i][1]))
            return true;
    return false;
}

/* A step, with those that use what it declares (and those that use what these declare), and with what undoes it. */
static void mark_step(struct cut *cut, const struct lua_piece *step)
{
    const struct lua_source *source = cut->source;
    mark(cut, step);
    for (size_t i = 0; i < source->count; i++) {
        const struct lua_piece *other = &source->pieces[i];
        if (other->kind != LUA_STATEMENT || other->from < step->to || cut->marks[other->from] != 0)
            continue;
        bool uses = step->name_to > step->name_from &&
                    lua_source_uses(source, other, source->text + step->name_from, step->name_to - step->name_from);
        if (uses)
            mark_step(cut, other); /* Only goes on to later steps. */
        else if (is_pair(source, step, other))
            mark(cut, other);
    }
}

/* ---- Candidates, one by one. Each function makes candidate `index` of its pass; false: there are no more. An empty
 * text is no candidate. ---- */

/* The chunk of that number when chunks become half as long again and again. */
static bool cut_chunk(struct cut *cut, size_t index)
{
    const struct lua_piece **steps = memory_new((cut->source->count + 1) * sizeof *steps);
    size_t count = find_steps(cut->source, true, steps), size = count / 2;
    while (size >= 2 && index >= (count + size - 1) / size) {
        index -= (count + size - 1) / size;
        size /= 2;
    }
    bool is_one = size >= 2;
    for (size_t i = index * size; is_one && i < (index + 1) * size && i < count; i++)
        if (!is_undo(cut->source, steps[i]))
            mark_step(cut, steps[i]);
    memory_free(steps);
    return is_one;
}

/* From the last to the first: what comes late depends on what came before. */
static bool cut_step(struct cut *cut, size_t index, bool faults_only)
{
    const struct lua_piece **steps = memory_new((cut->source->count + 1) * sizeof *steps);
    size_t count = find_steps(cut->source, false, steps);
    const struct lua_piece *run = lua_source_entry(cut->source, "run");
    if (index < count) {
        const struct lua_piece *step = steps[count - 1 - index];
        bool is_free = !is_undo(cut->source, step) || !is_fault(cut->source, run);
        if (is_free && (!faults_only || is_fault(cut->source, step)))
            mark_step(cut, step);
    }
    memory_free(steps);
    return index < count;
}

/* A loop or condition becomes what it contains. */
static bool unwrap(struct cut *cut, size_t index)
{
    const struct lua_source *source = cut->source;
    const struct lua_piece *run = lua_source_entry(source, "run");
    if (index >= source->count)
        return false;
    const struct lua_piece *step = &source->pieces[index];
    if (step->kind != LUA_STATEMENT || !is_inside(step, run))
        return true;
    bool is_compound =
        strncmp(source->text + step->from, "for", 3) == 0 || strncmp(source->text + step->from, "if", 2) == 0 ||
        strncmp(source->text + step->from, "while", 5) == 0 || strncmp(source->text + step->from, "do", 2) == 0;
    for (size_t i = index + 1; is_compound && i < source->count; i++) {
        const struct lua_piece *block = &source->pieces[i];
        if (block->kind != LUA_BLOCK || block->depth != step->depth + 1 || !is_inside(block, step))
            continue;
        memset(cut->marks + step->from, 1, step->to - step->from);
        memset(cut->marks + block->from, 0, block->to - block->from);
        break;
    }
    return true;
}

static bool cut_entry(struct cut *cut, size_t index)
{
    static const char *const kept[] = {"title",    "run",     "tripped_by", "row", "weakness",
                                       "mutation", "setting", "target",     NULL};
    const struct lua_source *source = cut->source;
    if (index >= source->count)
        return false;
    const struct lua_piece *entry = &source->pieces[index];
    if (entry->kind != LUA_ENTRY)
        return true;
    size_t size = entry->name_to - entry->name_from;
    for (size_t i = 0; kept[i] != NULL; i++)
        if (size == strlen(kept[i]) && memcmp(source->text + entry->name_from, kept[i], size) == 0)
            return true;
    if (!is_inside(entry, lua_source_entry(source, "tripped_by")))
        mark(cut, entry);
    return true;
}

static bool cut_comments(struct cut *cut, size_t index)
{
    for (size_t i = 0; index == 0 && i < cut->source->count; i++)
        if (cut->source->pieces[i].kind == LUA_COMMENT)
            mark(cut, &cut->source->pieces[i]);
    return index == 0;
}

static bool change_value(struct cut *cut, size_t index, enum shrink_value_kind kind, struct text *value)
{
    size_t from = 0, to = 0;
    if (!shrink_value(cut->source, kind, index, &from, &to, value))
        return false;
    if (value->size > 0) {
        memset(cut->marks + from, 1, to - from);
        cut->insert_at = from;
        cut->insert = text_string(value);
        cut->insert_size = value->size;
    }
    return true;
}

static bool make_candidate(const struct shrink *shrink, const struct lua_source *source, enum pass pass, size_t index,
                           struct text *ret_text)
{
    struct text value = {0};
    struct cut cut = {.source = source, .marks = memory_new(source->size + 1)};
    bool is_there = false;
    if (pass == PASS_BOUNDS)
        is_there = shrink->has_control && change_value(&cut, index, SHRINK_BOUND, &value);
    else if (pass == PASS_CHUNKS)
        is_there = cut_chunk(&cut, index);
    else if (pass == PASS_FAULTS || pass == PASS_STATEMENTS)
        is_there = cut_step(&cut, index, pass == PASS_FAULTS);
    else if (pass == PASS_UNWRAP)
        is_there = unwrap(&cut, index);
    else if (pass == PASS_ENTRIES)
        is_there = cut_entry(&cut, index);
    else if (pass == PASS_PICKS)
        is_there = change_value(&cut, index, SHRINK_PICK, &value);
    else if (pass == PASS_NUMBERS)
        is_there = change_value(&cut, index, SHRINK_NUMBER, &value);
    else if (pass == PASS_TIMES)
        is_there = change_value(&cut, index, SHRINK_TIME, &value);
    else
        is_there = cut_comments(&cut, index);
    if (memchr(cut.marks, 1, source->size) != NULL)
        build(&cut, ret_text);
    memory_free(cut.marks);
    text_free(&value);
    return is_there;
}

/* ---- The search ---- */

/* The next candidates of a pass from *index on, as many as are asked for at once. `places` are their indices. */
static size_t gather(const struct shrink *shrink, const struct lua_source *source, enum pass pass, size_t *index,
                     struct text *ret_candidates, size_t *ret_places)
{
    size_t count = 0;
    while (count < shrink->batch && count < SHRINK_MOST_BATCH) {
        if (!make_candidate(shrink, source, pass, *index, &ret_candidates[count]))
            break;
        if (ret_candidates[count].size > 0)
            ret_places[count++] = *index;
        ++*index;
    }
    return count;
}

/* One pass over the text; true if it became smaller. */
static bool run_pass(struct shrink *shrink, enum pass pass, struct text *text)
{
    bool changed = false;
    for (size_t index = 0; !shrink->is_enough(shrink->context);) {
        struct lua_source source;
        if (!lua_source_parse(text_string(text), text->size, &source))
            return changed;
        struct text candidates[SHRINK_MOST_BATCH] = {0};
        size_t places[SHRINK_MOST_BATCH];
        size_t count = gather(shrink, &source, pass, &index, candidates, places);
        size_t found = count == 0 ? 0 : shrink->find(shrink->context, candidates, count);
        shrink->tries += count;
        lua_source_release(&source);
        if (found < count) {
            text_free(text);
            *text = candidates[found];
            candidates[found] = (struct text){0};
            index = places[found]; /* What followed has moved to here. */
            changed = true;
        }
        for (size_t i = 0; i < count; i++)
            text_free(&candidates[i]);
        if (count == 0)
            break;
    }
    return changed;
}

void shrink_scenario(struct shrink *shrink, struct text *text)
{
    for (bool changed = true; changed && !shrink->is_enough(shrink->context);) {
        changed = false;
        for (int pass = 0; pass < PASS_COUNT; pass++)
            changed = run_pass(shrink, (enum pass)pass, text) || changed;
    }
}
