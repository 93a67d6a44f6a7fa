#include "sim/search/shrink_prove.h"

#include "core/base/memory.h"
#include "sim/lua/source.h"

#include <string.h>

enum { MOST_STEPS = 64 };

struct step {
    const struct lua_piece *piece;
    uint64_t needs; /* Bits of earlier steps. */
};

struct prover {
    struct shrink *shrink;
    struct lua_source source;
    struct step steps[MOST_STEPS];
    size_t count;
    uint64_t sets[SHRINK_MOST_BATCH]; /* To be played together. */
    size_t set_count;
    uint64_t tries;
    bool has_found, is_over;
};

static bool needs(const struct lua_source *source, const struct lua_piece *step, const struct lua_piece *earlier)
{
    bool stands_in = step->from >= earlier->from && step->to <= earlier->to;
    size_t size = earlier->name_to - earlier->name_from;
    return stands_in || (size > 0 && lua_source_uses(source, step, source->text + earlier->name_from, size));
}

static bool read_steps(struct prover *prover)
{
    const struct lua_source *source = &prover->source;
    const struct lua_piece *run = lua_source_entry(source, "run");
    for (size_t i = 0; run != NULL && i < source->count; i++) {
        const struct lua_piece *piece = &source->pieces[i];
        if (piece->kind != LUA_STATEMENT || piece->from < run->from || piece->to > run->to)
            continue;
        if (prover->count == MOST_STEPS)
            return false;
        struct step *step = &prover->steps[prover->count];
        step->piece = piece;
        for (size_t j = 0; j < prover->count; j++)
            step->needs |= (uint64_t)needs(source, piece, prover->steps[j].piece) << j;
        prover->count++;
    }
    return prover->count > 0;
}

static void write_set(const struct prover *prover, uint64_t set, struct text *ret_text)
{
    const struct lua_source *source = &prover->source;
    size_t at = 0;
    for (size_t i = 0; i < prover->count; i++) {
        const struct lua_piece *piece = prover->steps[i].piece;
        if ((set >> i & 1) != 0 || piece->from < at)
            continue;
        text_add(ret_text, source->text + at, piece->from - at);
        at = piece->to;
    }
    text_add(ret_text, source->text + at, source->size - at);
}

static void play_sets(struct prover *prover)
{
    struct text texts[SHRINK_MOST_BATCH] = {0};
    struct shrink *shrink = prover->shrink;
    for (size_t i = 0; i < prover->set_count; i++)
        write_set(prover, prover->sets[i], &texts[i]);
    if (prover->set_count > 0)
        prover->has_found = shrink->find(shrink->context, texts, prover->set_count) < prover->set_count;
    for (size_t i = 0; i < prover->set_count; i++)
        text_free(&texts[i]);
    prover->tries += prover->set_count;
    prover->set_count = 0;
    prover->is_over = prover->is_over || shrink->is_enough(shrink->context);
}

/* All sets of `size` more steps, from step `from` on. */
static void choose(struct prover *prover, uint64_t set, size_t from, size_t size)
{
    if (size == 0) {
        prover->sets[prover->set_count++] = set;
        if (prover->set_count == prover->shrink->batch || prover->set_count == SHRINK_MOST_BATCH)
            play_sets(prover);
        return;
    }
    for (size_t i = from; i + size <= prover->count && !prover->has_found && !prover->is_over; i++)
        if ((prover->steps[i].needs & ~set) == 0)
            choose(prover, set | UINT64_C(1) << i, i + 1, size - 1);
}

void shrink_prove(struct shrink *shrink, const struct text *first, size_t steps, struct shrink_proof *ret_proof)
{
    struct prover *prover = memory_new(sizeof *prover);
    prover->shrink = shrink;
    *ret_proof = (struct shrink_proof){0};
    if (lua_source_parse(text_string(first), first->size, &prover->source)) {
        prover->is_over = !read_steps(prover);
        for (size_t size = 0; size < steps && !prover->is_over && !prover->has_found; size++) {
            choose(prover, 0, 0, size);
            play_sets(prover);
            ret_proof->least = prover->has_found ? size : prover->is_over ? ret_proof->least : size + 1;
        }
        ret_proof->is_exact = prover->has_found || ret_proof->least == steps;
        ret_proof->tries = prover->tries;
        lua_source_release(&prover->source);
    }
    memory_free(prover);
}
