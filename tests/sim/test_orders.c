/* The search through orders against an enumerator that knows nothing of it: three nodes that send each other messages.
 *
 * A node that gets a message may send more. Two orders come to the same if every node gets the same messages in the
 * same order; the enumerator plays every order, writes down what each node got, and counts what is different.
 */
#include "sim/search/orders.h"

#include "core/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NODES = 3, MOST_MESSAGES = 12, MOST_ORDERS = 200000 };

struct toy {
    struct toy_message {
        int to;
        int hops; /* Messages that follow from it, one after another. */
        uint64_t id;
    } messages[MOST_MESSAGES];
    size_t count;
    uint64_t got[NODES]; /* A chained hash of what each got. */
};

static void send(struct toy *toy, int to, int hops, uint64_t cause)
{
    assert_true(toy->count < MOST_MESSAGES);
    toy->messages[toy->count++] = (struct toy_message){to, hops, random_mix(cause, (uint64_t)to * 10 + (uint64_t)hops)};
}

static void begin(struct toy *toy, const int hops[NODES][2])
{
    memset(toy, 0, sizeof *toy);
    for (int node = 0; node < NODES; node++)
        for (int i = 0; i < 2; i++)
            if (hops[node][i] > 0)
                send(toy, node, hops[node][i], (uint64_t)i + 100);
}

static void deliver(struct toy *toy, size_t index)
{
    struct toy_message message = toy->messages[index];
    memmove(&toy->messages[index], &toy->messages[index + 1], (toy->count - index - 1) * sizeof message);
    toy->count--;
    toy->got[message.to] = random_mix(toy->got[message.to], message.id);
    if (message.hops > 1)
        send(toy, (message.to + 1) % NODES, message.hops - 1, message.id);
}

/* ---- The enumerator ---- */

struct outcomes {
    uint64_t all;
    uint64_t seen[MOST_ORDERS];
    size_t count;
};

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void enumerate(const struct toy *toy, struct outcomes *outcomes)
{
    if (toy->count == 0) {
        assert_true(outcomes->all < MOST_ORDERS);
        outcomes->seen[outcomes->all++] = random_mix(random_mix(toy->got[0], toy->got[1]), random_mix(toy->got[2], 7));
    }
    for (size_t i = 0; i < toy->count; i++) {
        struct toy next = *toy;
        deliver(&next, i);
        enumerate(&next, outcomes);
    }
}

static size_t count_different(struct outcomes *outcomes)
{
    qsort(outcomes->seen, outcomes->all, sizeof outcomes->seen[0], compare);
    size_t count = 0;
    for (size_t i = 0; i < outcomes->all; i++)
        count += i == 0 || outcomes->seen[i] != outcomes->seen[i - 1];
    return count;
}

/* ---- The search ---- */

static _Noreturn void play(struct orders *orders, const int hops[NODES][2])
{
    struct toy toy;
    begin(&toy, hops);
    while (toy.count > 0) {
        struct order_choice choices[MOST_MESSAGES];
        for (size_t i = 0; i < toy.count; i++)
            choices[i] = (struct order_choice){toy.messages[i].id, (uint64_t)toy.messages[i].to};
        deliver(&toy, orders_choose(orders, choices, toy.count));
    }
    /* A bug that only one order of the messages to a node shows. */
    struct toy one;
    begin(&one, hops);
    while (one.count > 0)
        deliver(&one, one.count - 1);
    orders_end(orders, toy.got[0] == one.got[0] ? "node 0 got the last first" : NULL);
    _exit(0);
}

static struct orders_totals search(const int hops[NODES][2], struct orders orders)
{
    orders.totals = orders_share();
    orders.totals->running = 1;
    pid_t child = fork();
    if (child == 0)
        play(&orders, hops);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    return *orders.totals;
}

static void expect_as_enumerated(const int hops[NODES][2], uint32_t jobs, uint64_t least_saving)
{
    static struct outcomes outcomes;
    struct toy toy;
    begin(&toy, hops);
    outcomes.all = 0;
    enumerate(&toy, &outcomes);
    size_t different = count_different(&outcomes);
    struct orders_totals totals = search(hops, (struct orders){.depth = ORDERS_MOST_DEPTH, .jobs = jobs});
    assert_int_equal(totals.runs, different);
    assert_true(outcomes.all >= least_saving * totals.runs);
}

static void every_different_order_is_visited_once(void **state)
{
    (void)state;
    static const int pings[NODES][2] = {{1, 1}, {1, 1}, {1, 0}};
    static const int chains[NODES][2] = {{2, 0}, {2, 0}, {2, 0}};
    static const int wide[NODES][2] = {{2, 1}, {1, 1}, {1, 1}};
    expect_as_enumerated(pings, 1, 10);
    expect_as_enumerated(chains, 1, 1);
    expect_as_enumerated(chains, 4, 1);
    expect_as_enumerated(wide, 2, 10);
}

static void without_reduction_every_order_is_visited(void **state)
{
    (void)state;
    static const int pings[NODES][2] = {{1, 1}, {1, 1}, {1, 0}};
    struct orders_totals totals =
        search(pings, (struct orders){.depth = ORDERS_MOST_DEPTH, .jobs = 2, .is_unreduced = true});
    assert_int_equal(totals.runs, 120);
    assert_int_equal(totals.cut, 0);
}

static void a_failing_order_can_be_played_again(void **state)
{
    (void)state;
    static const int pings[NODES][2] = {{1, 1}, {1, 1}, {1, 0}};
    struct orders_totals found = search(pings, (struct orders){.depth = ORDERS_MOST_DEPTH, .jobs = 1});
    assert_true(found.failed > 0 && found.failed < found.runs);
    assert_string_equal(found.failure, "node 0 got the last first");
    struct orders_totals again = search(
        pings, (struct orders){
                   .depth = ORDERS_MOST_DEPTH, .jobs = 1, .given = found.choices, .given_count = found.choice_count});
    assert_int_equal(again.runs, 1);
    assert_int_equal(again.failed, 1);
}

static void beyond_the_depth_there_is_one_order(void **state)
{
    (void)state;
    static const int pings[NODES][2] = {{1, 1}, {1, 1}, {1, 0}};
    struct orders_totals totals = search(pings, (struct orders){.depth = 1, .jobs = 1, .is_unreduced = true});
    assert_int_equal(totals.runs, 5);
    totals = search(pings, (struct orders){.depth = 0, .jobs = 1});
    assert_int_equal(totals.runs, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_different_order_is_visited_once),
        cmocka_unit_test(without_reduction_every_order_is_visited),
        cmocka_unit_test(a_failing_order_can_be_played_again),
        cmocka_unit_test(beyond_the_depth_there_is_one_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
