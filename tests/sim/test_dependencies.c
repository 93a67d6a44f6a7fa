/* Histories of several objects: which of them fit one order, and how the others are named. */
#include "sim/checks/dependencies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* "r x 1" or "w x 1", two of them at most. */
static void add(struct dependencies *history, const char *name, uint64_t from, uint64_t to, const char *first,
                const char *second)
{
    struct dependency_access accesses[2];
    char objects[2][8];
    size_t count = 0;
    const char *const texts[] = {first, second};
    for (size_t i = 0; i < 2 && texts[i] != NULL; i++, count++) {
        char kind;
        unsigned version;
        assert_int_equal(sscanf(texts[i], "%c %7s %u", &kind, objects[i], &version), 3);
        accesses[i] = (struct dependency_access){objects[i], version, kind == 'w'};
    }
    dependencies_add(history, name, from, to, accesses, count);
}

static void expect_order(struct dependencies *history)
{
    struct text cycle = {0};
    if (!dependencies_have_order(history, &cycle))
        fail_msg("%s", text_string(&cycle));
    text_free(&cycle);
    dependencies_free(history);
}

static void expect_cycle(struct dependencies *history, const char *kind, const char *part)
{
    struct text cycle = {0};
    assert_false(dependencies_have_order(history, &cycle));
    if (strncmp(text_string(&cycle), kind, strlen(kind)) != 0 || strstr(text_string(&cycle), part) == NULL)
        fail_msg("expected %s ... %s, found %s", kind, part, text_string(&cycle));
    text_free(&cycle);
    dependencies_free(history);
}

static void what_follows_each_other_has_an_order(void **state)
{
    (void)state;
    struct dependencies *history = dependencies_new();
    expect_order(dependencies_new());
    add(history, "a", 1, 2, "w x 1", NULL);
    add(history, "b", 3, 4, "w y 1", "r x 1");
    add(history, "c", 5, 6, "r x 1", "r y 1");
    add(history, "d", 7, 8, "w x 5", NULL);
    expect_order(history);
}

static void of_two_at_once_either_may_be_first(void **state)
{
    (void)state;
    struct dependencies *history = dependencies_new();
    add(history, "write", 1, 10, "w x 2", NULL);
    add(history, "early look", 2, 9, "r x 1", NULL);
    add(history, "late look", 2, 9, "r x 2", NULL);
    expect_order(history);
}

static void a_look_that_comes_too_late_is_named(void **state)
{
    (void)state;
    struct dependencies *history = dependencies_new();
    add(history, "write", 1, 2, "w x 2", NULL);
    add(history, "look", 3, 4, "r x 1", NULL);
    expect_cycle(history, "G-single in real time", "'look' (0.000 s) -rw x at 1-> ");
}

/* Two see two writes in different orders: no single object shows it, nor does the time. */
static void a_fork_across_objects_is_named(void **state)
{
    (void)state;
    struct dependencies *history = dependencies_new();
    add(history, "write x", 1, 20, "w x 1", NULL);
    add(history, "write y", 1, 20, "w y 1", NULL);
    add(history, "sees x", 1, 20, "r x 1", "r y 0");
    add(history, "sees y", 1, 20, "r x 0", "r y 1");
    expect_cycle(history, "G2", "'sees y'");
}

static void crossed_writes_are_named(void **state)
{
    (void)state;
    struct dependencies *history = dependencies_new();
    add(history, "one", 1, 20, "w x 1", "w y 2");
    add(history, "other", 1, 20, "w x 2", "w y 1");
    expect_cycle(history, "G0: ", "'other' (0.000 s) -ww y at 1-> ");
}

static void each_seeing_the_other_is_named(void **state)
{
    (void)state;
    struct dependencies *history = dependencies_new();
    add(history, "one", 1, 20, "w x 1", "r y 1");
    add(history, "other", 1, 20, "w y 1", "r x 1");
    expect_cycle(history, "G1c: ", "wr");
}

static void the_shortest_of_many_is_told(void **state)
{
    (void)state;
    struct dependencies *history = dependencies_new();
    for (unsigned i = 0; i < 400; i++) {
        char name[16], access[16];
        snprintf(name, sizeof name, "write %u", i);
        snprintf(access, sizeof access, "w x %u", i + 1);
        add(history, name, 10 * i, 10 * i + 5, access, NULL);
    }
    add(history, "late", 4000, 4001, "r x 7", NULL);
    expect_cycle(history, "G-single in real time", "'late' (0.000 s) -rw x at 7-> 'write 7' (0.000 s) -rt-> ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_follows_each_other_has_an_order),
        cmocka_unit_test(of_two_at_once_either_may_be_first),
        cmocka_unit_test(a_look_that_comes_too_late_is_named),
        cmocka_unit_test(a_fork_across_objects_is_named),
        cmocka_unit_test(crossed_writes_are_named),
        cmocka_unit_test(each_seeing_the_other_is_named),
        cmocka_unit_test(the_shortest_of_many_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
