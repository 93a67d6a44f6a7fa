#include "sim/search/shrink.h"

#include "core/base/memory.h"
#include "sim/lua/source.h"
#include "sim/search/shrink_decisions.h"
#include "sim/search/shrink_values.h"

#include <string.h>

enum pass {
    PASS_CHUNKS = 0,
    PASS_BOUNDS,
    PASS_FAULTS,
    PASS_STATEMENTS,
    PASS_UNWRAP,
    PASS_JOIN,
    PASS_INLINE,
    PASS_COMPONENTS,
    PASS_ENTRIES,
    PASS_DECISIONS,
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
    bool is_whom; /* It says otherwise who is meant. */
};

/* The text as it is now, and what a run of it comes to (NULL: nobody knows). */
struct look {
    struct lua_source source;
    const struct cause_slice *slice;
};

struct candidate {
    struct text text;
    size_t index; /* In its pass. */
    bool is_whom;
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
static bool cut_step(struct cut *cut, size_t index, bool faults_only, bool has_control)
{
    const struct lua_piece **steps = memory_new((cut->source->count + 1) * sizeof *steps);
    size_t count = find_steps(cut->source, false, steps);
    const struct lua_piece *run = lua_source_entry(cut->source, "run");
    if (index < count) {
        const struct lua_piece *step = steps[count - 1 - index];
        bool is_free = has_control || !is_undo(cut->source, step) || !is_fault(cut->source, run);
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

static bool decide(struct cut *cut, const struct cause_slice *slice, size_t index, struct text *value)
{
    struct shrink_change change = {0};
    if (!shrink_decision(cut->source, slice, index, &change))
        return false;
    *value = change.value;
    if (value->size > 0) {
        memset(cut->marks + change.from, 1, change.to - change.from);
        cut->insert_at = change.from;
        cut->insert = text_string(value);
        cut->insert_size = value->size;
        cut->is_whom = change.is_whom;
    }
    return true;
}

/* The passes that change one value each. */
static const enum shrink_value_kind value_of_pass[PASS_COUNT] = {
    [PASS_BOUNDS] = SHRINK_BOUND,          [PASS_JOIN] = SHRINK_JOIN,      [PASS_INLINE] = SHRINK_INLINE,
    [PASS_COMPONENTS] = SHRINK_COMPONENTS, [PASS_NUMBERS] = SHRINK_NUMBER, [PASS_TIMES] = SHRINK_TIME,
};

static bool make_candidate(const struct shrink *shrink, const struct look *look, enum pass pass, size_t index,
                           struct candidate *ret_candidate)
{
    const struct lua_source *source = &look->source;
    struct text value = {0};
    struct cut cut = {.source = source, .marks = memory_new(source->size + 1)};
    bool is_there = false;
    if (value_of_pass[pass] != 0)
        is_there =
            (pass != PASS_BOUNDS || shrink->has_control) && change_value(&cut, index, value_of_pass[pass], &value);
    else if (pass == PASS_CHUNKS)
        is_there = cut_chunk(&cut, index);
    else if (pass == PASS_FAULTS || pass == PASS_STATEMENTS)
        is_there = cut_step(&cut, index, pass == PASS_FAULTS, shrink->has_control);
    else if (pass == PASS_UNWRAP)
        is_there = unwrap(&cut, index);
    else if (pass == PASS_ENTRIES)
        is_there = cut_entry(&cut, index);
    else if (pass == PASS_DECISIONS)
        is_there = decide(&cut, look->slice, index, &value);
    else
        is_there = cut_comments(&cut, index);
    *ret_candidate = (struct candidate){.index = index, .is_whom = cut.is_whom};
    if (memchr(cut.marks, 1, source->size) != NULL)
        build(&cut, &ret_candidate->text);
    memory_free(cut.marks);
    text_free(&value);
    return is_there;
}

/* ---- The search ---- */

/* The next candidates of a pass from *index on, as many as are asked for at once. */
static size_t gather(const struct shrink *shrink, const struct look *look, enum pass pass, size_t *index,
                     struct text *ret_texts, struct candidate *ret_candidates)
{
    size_t count = 0;
    while (count < shrink->batch && count < SHRINK_MOST_BATCH) {
        struct candidate *candidate = &ret_candidates[count];
        if (!make_candidate(shrink, look, pass, *index, candidate))
            break;
        if (candidate->text.size > 0)
            ret_texts[count++] = candidate->text;
        ++*index;
    }
    return count;
}

/* Who is meant may change only if that is as sure with other seeds. */
static bool is_as_sure(const struct shrink *shrink, const struct text *text, const struct candidate *candidate)
{
    if (!candidate->is_whom || shrink->count_elsewhere == NULL)
        return true;
    return shrink->count_elsewhere(shrink->context, &candidate->text) >= shrink->count_elsewhere(shrink->context, text);
}

/* One look at the text as it is now: true if a candidate has taken its place. *index: where to go on. */
static bool look_once(struct shrink *shrink, const struct look *look, enum pass pass, struct text *text, size_t *index,
                      bool *ret_is_over)
{
    struct text texts[SHRINK_MOST_BATCH] = {0};
    struct candidate candidates[SHRINK_MOST_BATCH];
    size_t count = gather(shrink, look, pass, index, texts, candidates);
    size_t found = count == 0 ? 0 : shrink->find(shrink->context, texts, count);
    shrink->tries += count;
    bool is_taken = found < count && is_as_sure(shrink, text, &candidates[found]);
    if (is_taken) {
        text_free(text);
        *text = texts[found];
        texts[found] = (struct text){0};
        *index = candidates[found].index; /* What followed has moved to here. */
    } else if (found < count) {
        *index = candidates[found].index + 1;
    }
    for (size_t i = 0; i < count; i++)
        text_free(&texts[i]);
    *ret_is_over = count == 0;
    return is_taken;
}

/* What the run comes to is worth knowing where a share is drawn. */
static const struct cause_slice *look_at_run(const struct shrink *shrink, enum pass pass, const struct text *text,
                                             struct cause_slice *slice)
{
    bool wants = pass == PASS_DECISIONS && shrink->look != NULL && strstr(text_string(text), "amount") != NULL;
    return wants && shrink->look(shrink->context, text, slice) ? slice : NULL;
}

/* One pass over the text; true if it became smaller. */
static bool run_pass(struct shrink *shrink, enum pass pass, struct text *text)
{
    struct cause_slice *slice = memory_new(sizeof *slice);
    bool changed = false, is_taken = true, is_over = false;
    struct look look = {0};
    for (size_t index = 0; !is_over && !shrink->is_enough(shrink->context);) {
        if (is_taken)
            look.slice = look_at_run(shrink, pass, text, slice);
        if (!lua_source_parse(text_string(text), text->size, &look.source))
            break;
        is_taken = look_once(shrink, &look, pass, text, &index, &is_over);
        lua_source_release(&look.source);
        changed = changed || is_taken;
    }
    memory_free(slice);
    return changed;
}

/* ---- The causal slice ---- */

static bool is_line_within(const struct lua_source *source, const struct lua_piece *step, size_t line)
{
    size_t at = 1;
    for (size_t i = 0; i < step->from; i++)
        at += source->text[i] == '\n';
    size_t last = at;
    for (size_t i = step->from; i + 1 < step->to; i++)
        last += source->text[i] == '\n';
    return line >= at && line <= last;
}

/* What a step does is in the slice if one of the first `kept` deeds is done there; a step that does nothing is kept. */
static bool is_outside(const struct lua_source *source, const struct lua_piece *step, const struct cause_slice *slice,
                       size_t kept)
{
    bool does = false;
    for (size_t i = 0; i < slice->count; i++) {
        if (!is_line_within(source, step, slice->deeds[i].line))
            continue;
        if (i < kept)
            return false;
        does = true;
    }
    return does && !is_undo(source, step);
}

static size_t cut_slice(const struct lua_source *source, const struct cause_slice *slice, size_t kept,
                        struct text *ret_text)
{
    struct cut cut = {.source = source, .marks = memory_new(source->size + 1)};
    const struct lua_piece **steps = memory_new((source->count + 1) * sizeof *steps);
    size_t count = find_steps(source, true, steps), gone = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_outside(source, steps[i], slice, kept))
            continue;
        gone += cut.marks[steps[i]->from] == 0;
        mark_step(&cut, steps[i]);
    }
    if (gone > 0)
        build(&cut, ret_text);
    memory_free(steps);
    memory_free(cut.marks);
    return gone;
}

/* The likeliest deed alone, the two likeliest, the four ... and all that are in the cone: the fewest that suffice. */
static void run_slice(struct shrink *shrink, struct text *text)
{
    struct cause_slice *slice = memory_new(sizeof *slice);
    struct lua_source source;
    if (shrink->look == NULL || !shrink->look(shrink->context, text, slice) ||
        !lua_source_parse(text_string(text), text->size, &source)) {
        memory_free(slice);
        return;
    }
    size_t in_cone = 0, count = 0, gone[SHRINK_MOST_BATCH] = {0};
    struct text texts[SHRINK_MOST_BATCH] = {0};
    while (in_cone < slice->count && slice->deeds[in_cone].is_in_cone)
        in_cone++;
    for (size_t kept = 0; count < SHRINK_MOST_BATCH; kept = kept == 0 ? 1 : 2 * kept) {
        kept = kept < in_cone ? kept : in_cone;
        gone[count] = cut_slice(&source, slice, kept, &texts[count]);
        count += texts[count].size > 0;
        if (kept == in_cone)
            break;
    }
    size_t found = count == 0 ? 0 : shrink->find(shrink->context, texts, count);
    shrink->tries += count;
    shrink->deeds = slice->count;
    if (found < count) {
        text_free(text);
        *text = texts[found];
        texts[found] = (struct text){0};
        shrink->sliced = gone[found];
    }
    for (size_t i = 0; i < count; i++)
        text_free(&texts[i]);
    lua_source_release(&source);
    memory_free(slice);
}

void shrink_scenario(struct shrink *shrink, struct text *text)
{
    if (!shrink->is_enough(shrink->context))
        run_slice(shrink, text);
    for (bool changed = true; changed && !shrink->is_enough(shrink->context);) {
        changed = false;
        for (int pass = 0; pass < PASS_COUNT; pass++)
            changed = run_pass(shrink, (enum pass)pass, text) || changed;
    }
}
