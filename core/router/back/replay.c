/* Requests that were delivered and lost with their instance: whether they may be delivered once more.
 *
 * An instance that ends under a request was ended by it, or by something else. It cannot be seen from the connection,
 * so it is asked: DEAs tell of each instance that was ended by an order or from outside, and answer for those that they
 * told of when we did not hear it. A loss that is explained like that counts for nothing. A request with one
 * unexplained loss is sent on at once; with a second one it waits, for a second at most, until all losses but one are
 * explained. So a request that ends whatever it is sent to ends two instances, and one that stood in the wrong places
 * finds the instance that lives.
 *
 * A host that cannot be reached any more explains itself: no request switches off a host. */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/router/back/backend.h"

enum { MOST_LOSSES = 32, MOST_UNEXPLAINED = 1, HELD_LOOK_MS = 20, HELD_MOST_MS = 1500 };

struct loss {
    uint64_t instance; /* As ends.h knows it; 0: a v1 peer, of whose end nobody tells. */
    uint32_t endpoint; /* So two of these are told apart. */
    uint32_t source;
};

struct losses {
    struct loss at[MOST_LOSSES];
    uint32_t count;
    uint64_t held_until_ns;
};

static bool is_same(const struct loss *a, const struct loss *b)
{
    return a->instance == b->instance && a->endpoint == b->endpoint;
}

/* An instance is lost once, however often it closes its connections. */
static void note_loss(struct session *session, const struct endpoint *endpoint)
{
    struct exchange *exchange = &session->exchange;
    char instance[TABLE_MAX_INSTANCE + 1];
    if (exchange->losses == NULL)
        exchange->losses = memory_new(sizeof *exchange->losses);
    endpoint_instance(&session->router->table, endpoint, instance);
    struct loss loss = {ends_hash(instance), endpoint->id, endpoint->source};
    struct losses *losses = exchange->losses;
    for (uint32_t i = 0; i < losses->count; i++) {
        if (is_same(&losses->at[i], &loss))
            return;
    }
    if (losses->count < MOST_LOSSES)
        losses->at[losses->count++] = loss;
}

static uint32_t count_unexplained(const struct session *session)
{
    const struct losses *losses = session->exchange.losses;
    uint32_t count = 0;
    for (uint32_t i = 0; losses != NULL && i < losses->count; i++)
        count += !ends_has(&session->router->ends, losses->at[i].instance);
    return count;
}

/* The word of an end may be lost, and a DEA's digest is far: those concerned are asked. */
static void ask_for_explanations(struct session *session)
{
    const struct losses *losses = session->exchange.losses;
    for (uint32_t i = 0; i < losses->count; i++) {
        if (losses->at[i].instance != 0 && !ends_has(&session->router->ends, losses->at[i].instance))
            router_doubt_source(session->router, losses->at[i].source);
    }
}

static void look_again_soon(struct session *session)
{
    ask_for_explanations(session);
    session_set_deadline(session, HELD_LOOK_MS * NS_PER_MS);
}

enum replay replay_decide(struct session *session, const struct endpoint *endpoint, enum failure failure)
{
    const struct exchange *exchange = &session->exchange;
    const struct failure_class *class = failure_class(failure);
    if (class->is_retriable)
        return REPLAY_NOW;
    if (!class->is_replayable || !exchange->is_replayable || !exchange->is_idempotent)
        return REPLAY_NEVER;
    if (failure == FAILURE_LOST || mutation_is(ROUTER_REPLAYS_CRASHES))
        return REPLAY_NOW;
    if (failure == FAILURE_CRASHED && !session->router->settings.replay_crashed)
        return REPLAY_NEVER;
    note_loss(session, endpoint);
    if (count_unexplained(session) <= MOST_UNEXPLAINED)
        return REPLAY_NOW;
    return exchange->losses->count < MOST_LOSSES ? REPLAY_WHEN_EXPLAINED : REPLAY_NEVER;
}

void replay_hold(struct session *session)
{
    session->exchange.losses->held_until_ns = session->router->machine.now_ns + HELD_MOST_MS * NS_PER_MS;
    session_move(session, SESSION_HELD);
    look_again_soon(session);
}

void replay_look(struct session *session)
{
    if (count_unexplained(session) <= MOST_UNEXPLAINED)
        request_try_next(session);
    else if (session->router->machine.now_ns >= session->exchange.losses->held_until_ns)
        session_answer_error(session, ERROR_BACKEND_FAILED, failure_class(FAILURE_CRASHED)->what);
    else
        look_again_soon(session);
}
