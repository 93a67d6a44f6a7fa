/* Histories that some order of calls explains, and histories that none does. */
#include "sim/checks/linearizability.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct app_state first = {true, 1, 0};

static struct app_call read_call(uint64_t began, uint64_t ended, int instances, int variable)
{
    return (struct app_call){CALL_READ, CALL_DONE, began, ended, {true, instances, variable}};
}

static struct app_call scale(uint64_t began, uint64_t ended, int instances)
{
    return (struct app_call){CALL_SCALE, CALL_DONE, began, ended, {.instances = instances}};
}

static struct app_call set(uint64_t began, uint64_t ended, int variable)
{
    return (struct app_call){CALL_UPDATE_ENV, CALL_DONE, began, ended, {.variable = variable}};
}

static struct app_call unknown(struct app_call call)
{
    call.outcome = CALL_UNKNOWN;
    return call;
}

#define JUDGE(...)                                                                                                     \
    history_is_linearizable((struct app_call[]){__VA_ARGS__},                                                          \
                            sizeof((struct app_call[]){__VA_ARGS__}) / sizeof(struct app_call), first, NULL)

static void what_is_concurrent_may_come_in_any_order(void **state)
{
    (void)state;
    assert_true(JUDGE(read_call(0, 1, 1, 0)));
    assert_true(JUDGE(scale(0, 10, 2), read_call(1, 2, 1, 0), read_call(3, 4, 2, 0)));
    assert_true(JUDGE(scale(0, 10, 2), set(0, 10, 7), read_call(1, 5, 1, 7), read_call(6, 12, 2, 7)));
}

static void what_has_returned_is_seen_by_what_begins_later(void **state)
{
    (void)state;
    assert_false(JUDGE(scale(0, 10, 2), read_call(11, 12, 1, 0)));
    assert_false(JUDGE(scale(0, 10, 2), read_call(1, 2, 2, 0), read_call(3, 4, 1, 0))); /* There and back. */
    assert_false(JUDGE(set(0, 5, 7), set(6, 9, 8), read_call(10, 11, 1, 7)));
    assert_false(JUDGE(read_call(0, 1, 3, 0)));                                 /* Nobody has said so. */
    assert_false(JUDGE(set(0, 5, 7), scale(6, 9, 2), read_call(10, 11, 2, 0))); /* One change lost the other. */
}

static void what_nobody_knows_may_have_happened_late_or_never(void **state)
{
    (void)state;
    assert_true(JUDGE(unknown(scale(0, 10, 2)), read_call(11, 12, 1, 0), read_call(13, 14, 2, 0)));
    assert_true(JUDGE(unknown(scale(0, 10, 2)), read_call(11, 12, 1, 0)));
    assert_false(JUDGE(unknown(scale(5, 10, 2)), read_call(1, 2, 2, 0)));
    assert_false(JUDGE(unknown(scale(0, 10, 2)), read_call(11, 12, 2, 0), read_call(13, 14, 1, 0)));
}

static void a_deleted_app_stays_deleted(void **state)
{
    (void)state;
    struct app_call delete = {CALL_DELETE, CALL_DONE, 0, 5, {0}};
    struct app_call no_app = {CALL_READ, CALL_NO_APP, 6, 7, {0}};
    struct app_call early = {CALL_SCALE, CALL_NO_APP, 1, 2, {.instances = 3}};
    assert_true(JUDGE(delete, no_app));
    assert_true(JUDGE(delete, early, no_app));
    assert_false(JUDGE(no_app));
    assert_false(JUDGE(delete, read_call(6, 7, 1, 0)));
    assert_true(JUDGE(delete, unknown(scale(6, 9, 2)), no_app));
    assert_false(JUDGE(delete, scale(6, 9, 2)));
}

static void the_guilty_call_is_named(void **state)
{
    (void)state;
    struct text why = {0};
    struct app_call calls[] = {scale(0, 10000000, 2), read_call(20000000, 30000000, 2, 0), set(40000000, 50000000, 9),
                               read_call(60000000, 70000000, 2, 0), read_call(80000000, 90000000, 2, 9)};
    assert_false(history_is_linearizable(calls, 5, first, &why));
    assert_non_null(strstr(text_string(&why), "\"read 2 instances, variable 0 60..70 ms\""));
    assert_non_null(strstr(text_string(&why), "\"update variable to 9 40..50 ms\""));
    text_free(&why);
}

/* Many calls at once, half of them lost: the memory of what was tried keeps the search short. */
static void a_long_history_is_judged_quickly(void **state)
{
    (void)state;
    struct app_call calls[HISTORY_CALLS_MOST];
    for (size_t i = 0; i < HISTORY_CALLS_MOST; i++) {
        uint64_t began = i * 10;
        calls[i] = i % 4 == 3   ? read_call(began, began + 35, 1, (int)(i - 1))
                   : i % 4 == 2 ? set(began, began + 9, (int)i)
                                : unknown(set(began, began + 9, (int)i));
    }
    assert_true(history_is_linearizable(calls, HISTORY_CALLS_MOST, first, NULL));
    calls[63].state.variable = 5;
    assert_true(
        history_is_linearizable(calls, HISTORY_CALLS_MOST, first, NULL)); /* The lost call may have come late. */
    calls[63].state.variable = 6;
    assert_false(history_is_linearizable(calls, HISTORY_CALLS_MOST, first, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_concurrent_may_come_in_any_order),
        cmocka_unit_test(what_has_returned_is_seen_by_what_begins_later),
        cmocka_unit_test(what_nobody_knows_may_have_happened_late_or_never),
        cmocka_unit_test(a_deleted_app_stays_deleted),
        cmocka_unit_test(the_guilty_call_is_named),
        cmocka_unit_test(a_long_history_is_judged_quickly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
