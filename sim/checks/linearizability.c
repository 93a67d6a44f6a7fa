#include "sim/checks/linearizability.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/random.h"

#include <string.h>

/* A place of the search: which calls have happened, and what the app is after them. */
struct node {
    uint64_t happened; /* Bit by bit. */
    struct app_state state;
};

struct search {
    const struct app_call *calls;
    size_t count;
    struct node *seen; /* Open addressing; where nothing led on. An empty place has happened == UINT64_MAX. */
    size_t seen_count, capacity;
};

/* ---- What the app does ---- */

static bool same_state(struct app_state a, struct app_state b)
{
    return a.exists == b.exists && (!a.exists || (a.instances == b.instances && a.variable == b.variable));
}

/* False: the app would have answered something else. */
static bool happen(const struct app_call *call, struct app_state *state)
{
    if (call->outcome == CALL_NO_APP)
        return !state->exists;
    if (call->kind == CALL_READ)
        return same_state(*state, call->state);
    if (!state->exists)
        return call->outcome == CALL_UNKNOWN; /* Then it was refused, and nobody heard it. */
    if (call->kind == CALL_SCALE)
        state->instances = call->state.instances;
    else if (call->kind == CALL_UPDATE_ENV)
        state->variable = call->state.variable;
    else
        state->exists = false;
    return true;
}

/* ---- What was tried in vain ---- */

static size_t place_of(const struct search *search, const struct node *node)
{
    uint64_t hash =
        random_mix(random_mix(node->happened, (uint64_t)node->state.instances << 32 | (uint32_t)node->state.variable),
                   node->state.exists);
    size_t place = (size_t)hash & (search->capacity - 1);
    while (search->seen[place].happened != UINT64_MAX &&
           (search->seen[place].happened != node->happened || !same_state(search->seen[place].state, node->state)))
        place = (place + 1) & (search->capacity - 1);
    return place;
}

static void make_room(struct search *search)
{
    struct search old = *search;
    search->capacity = old.capacity == 0 ? 256 : old.capacity * 2;
    search->seen = memory_new(search->capacity * sizeof *search->seen);
    memset(search->seen, 0xff, search->capacity * sizeof *search->seen);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.seen[i].happened != UINT64_MAX)
            search->seen[place_of(search, &old.seen[i])] = old.seen[i];
    memory_free(old.seen);
}

/* False: we were there before. */
static bool note(struct search *search, const struct node *node)
{
    if (search->seen_count * 2 >= search->capacity)
        make_room(search);
    size_t place = place_of(search, node);
    if (search->seen[place].happened != UINT64_MAX)
        return false;
    search->seen[place] = *node;
    search->seen_count++;
    return true;
}

/* ---- The search ---- */

/* Whether every call with a known outcome has happened. */
static bool is_over(const struct search *search, uint64_t happened)
{
    for (size_t i = 0; i < search->count; i++)
        if (search->calls[i].outcome != CALL_UNKNOWN && (happened >> i & 1) == 0)
            return false;
    return true;
}

/* What comes next has begun before anything else that is still to come has ended. */
static uint64_t latest_begin(const struct search *search, uint64_t happened)
{
    uint64_t earliest_end_ns = UINT64_MAX;
    for (size_t i = 0; i < search->count; i++) {
        const struct app_call *call = &search->calls[i];
        if ((happened >> i & 1) == 0 && call->outcome != CALL_UNKNOWN && call->ended_ns < earliest_end_ns)
            earliest_end_ns = call->ended_ns;
    }
    return earliest_end_ns;
}

/* What changes nothing, fits and may come next comes next: no other order is any better. */
static bool is_plain(const struct app_call *call)
{
    return call->kind == CALL_READ || call->outcome == CALL_NO_APP;
}

static bool may_be_next(const struct search *search, const struct node *node, size_t i, uint64_t latest_ns)
{
    return (node->happened >> i & 1) == 0 && search->calls[i].began_ns <= latest_ns;
}

static void take_plain(const struct search *search, struct node *node)
{
    bool again = true;
    while (again) {
        again = false;
        uint64_t latest_ns = latest_begin(search, node->happened);
        for (size_t i = 0; i < search->count && !again; i++) {
            again = is_plain(&search->calls[i]) && may_be_next(search, node, i, latest_ns) &&
                    happen(&search->calls[i], &node->state);
            if (again)
                node->happened |= UINT64_C(1) << i;
        }
    }
}

static bool find_order(struct search *search, struct node node)
{
    take_plain(search, &node);
    if (is_over(search, node.happened))
        return true;
    if (!note(search, &node))
        return false;
    uint64_t latest_ns = latest_begin(search, node.happened);
    for (size_t i = 0; i < search->count; i++) {
        struct node next = {node.happened | UINT64_C(1) << i, node.state};
        if (may_be_next(search, &node, i, latest_ns) && happen(&search->calls[i], &next.state) &&
            find_order(search, next))
            return true;
    }
    return false;
}

/* A change with an unknown outcome that no answer shows may as well never have happened, as values are used once. */
static bool is_unseen(const struct app_call *calls, size_t count, const struct app_call *call)
{
    if (call->outcome != CALL_UNKNOWN || call->kind != CALL_UPDATE_ENV)
        return call->outcome == CALL_UNKNOWN && call->kind == CALL_READ;
    for (size_t i = 0; i < count; i++) {
        bool is_shown = calls[i].kind == CALL_READ && calls[i].outcome == CALL_DONE &&
                        calls[i].state.variable == call->state.variable;
        if (is_shown)
            return false;
    }
    return true;
}

static bool has_order(const struct app_call *calls, size_t count, struct app_state first)
{
    struct app_call seen[HISTORY_CALLS_MOST];
    struct search search = {.calls = seen};
    for (size_t i = 0; i < count; i++)
        if (!is_unseen(calls, count, &calls[i]))
            seen[search.count++] = calls[i];
    bool is_found = find_order(&search, (struct node){0, first});
    memory_free(search.seen);
    return is_found;
}

/* ---- In words ---- */

static void describe(const struct app_call *call, struct text *why)
{
    static const char *const kinds[] = {
        [CALL_READ] = "read", [CALL_SCALE] = "scale", [CALL_UPDATE_ENV] = "update", [CALL_DELETE] = "delete"};
    text_addf(why, "%s", kinds[call->kind]);
    if (call->kind == CALL_READ && call->outcome == CALL_DONE)
        text_addf(why, " %d instances, variable %d", call->state.instances, call->state.variable);
    else if (call->kind == CALL_SCALE)
        text_addf(why, " to %d", call->state.instances);
    else if (call->kind == CALL_UPDATE_ENV)
        text_addf(why, " variable to %d", call->state.variable);
    text_addf(why, call->outcome == CALL_NO_APP ? " (no such app)" : call->outcome == CALL_UNKNOWN ? " (unknown)" : "");
    text_addf(why, " %llu..%llu ms", (unsigned long long)(call->began_ns / NS_PER_MS),
              (unsigned long long)(call->ended_ns / NS_PER_MS));
}

/* The calls that began before a moment; those that had not ended by then have an unknown outcome. */
static size_t beginning(const struct app_call *calls, size_t count, uint64_t until_ns, struct app_call *ret_calls)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (calls[i].began_ns > until_ns)
            continue;
        ret_calls[kept] = calls[i];
        if (calls[i].outcome != CALL_UNKNOWN && calls[i].ended_ns > until_ns)
            ret_calls[kept].outcome = CALL_UNKNOWN;
        kept++;
    }
    return kept;
}

/* The first call whose answer fits no order of those before it, and what was said around it. */
static void explain(const struct app_call *calls, size_t count, struct app_state first, struct text *why)
{
    struct app_call some[HISTORY_CALLS_MOST];
    const struct app_call *guilty = NULL;
    for (size_t i = 0; i < count; i++) {
        if (calls[i].outcome == CALL_UNKNOWN || (guilty != NULL && calls[i].ended_ns >= guilty->ended_ns))
            continue;
        size_t kept = beginning(calls, count, calls[i].ended_ns, some);
        if (!has_order(some, kept, first))
            guilty = &calls[i];
    }
    if (guilty == NULL)
        return;
    text_add_string(why, "no order of the calls explains \"");
    describe(guilty, why);
    text_add_string(why, "\" after");
    for (size_t i = 0; i < count; i++) {
        bool is_near = calls[i].began_ns <= guilty->ended_ns && calls[i].kind != CALL_READ && &calls[i] != guilty;
        if (!is_near || why->size > 600)
            continue;
        text_add_string(why, " \"");
        describe(&calls[i], why);
        text_add_string(why, "\"");
    }
}

bool history_is_linearizable(const struct app_call *calls, size_t count, struct app_state first, struct text *ret_why)
{
    assert_that(count <= HISTORY_CALLS_MOST);
    if (has_order(calls, count, first))
        return true;
    if (ret_why != NULL)
        explain(calls, count, first, ret_why);
    return false;
}
