/* Whatever comes in whatever order: no assertion fails, and once the world agrees with itself the complaints end. */
#include "core/base/random.h"
#include "tests/core/health_manager/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { SEEDS = 20, LINES = 400 };

static void random_entry(struct random_stream *stream, char *ret_text, size_t capacity)
{
    static const char *const states[] = {"STARTING", "RUNNING", "CRASHED"};
    snprintf(ret_text, capacity, "%d/%d v%d i%d %s e%d t%d", (int)random_below(stream, 3) + 1,
             (int)random_below(stream, 3), (int)random_below(stream, 2) + 1, (int)random_below(stream, 6),
             states[random_below(stream, 3)], (int)random_below(stream, 4), (int)random_below(stream, 3) + 100);
}

static void say_something(struct stage *stage, struct random_stream *stream)
{
    static const char *const wants[] = {"x1", "x2", "x3", "stopped", "settling", "x0"};
    static const char *const reasons[] = {"CRASHED", "STOPPED", "DEA_SHUTDOWN", "DEA_EVACUATION"};
    char line[256], first[64], second[64];
    int app = (int)random_below(stream, 3) + 1;
    int version = (int)random_below(stream, 2) + 1;
    char dea = (char)('a' + random_below(stream, 2));
    random_entry(stream, first, sizeof first);
    random_entry(stream, second, sizeof second);
    switch (random_below(stream, 9)) {
    case 0:
        snprintf(line, sizeof line, "app %d v%d %s%s", app, version, wants[random_below(stream, 6)],
                 random_below(stream, 4) == 0 ? " untold" : "");
        break;
    case 1:
        snprintf(line, sizeof line, "app %d deleted", app);
        break;
    case 2:
    case 3:
        snprintf(line, sizeof line, "dea %c %s; %s", dea, first, second);
        break;
    case 4:
        snprintf(line, sizeof line, "part %c %s", dea, first);
        break;
    case 5:
        snprintf(line, sizeof line, "v1dea %s; %s", first, second);
        break;
    case 6:
        snprintf(line, sizeof line, "back %c", dea);
        break;
    case 7:
        snprintf(line, sizeof line, "exit %d/%d v%d i%d %s", app, (int)random_below(stream, 3), version,
                 (int)random_below(stream, 6), reasons[random_below(stream, 4)]);
        break;
    default:
        snprintf(line, sizeof line, "%llus", (unsigned long long)random_below(stream, 40) + 1);
        after(stage, line);
        return;
    }
    given(stage, line);
}

/* The controllers and the DEAs come to agree; then there is nothing to complain about. */
static void expect_peace(struct stage *stage)
{
    static const char beats[] = "dea a 1/0 v9 x RUNNING e50; 2/0 v9 y RUNNING e51; 2/1 v9 z RUNNING e52";
    given(stage, "app 1 v9 x1");
    given(stage, "app 2 v9 x2");
    given(stage, "app 3 v9 stopped");
    given(stage, "dea b");
    beats_for(stage, beats, 60);
    forget_complaints(stage);
    beats_for(stage, beats, 300);
    expect_complaints(stage, "");
    expect_state(stage, 1, 0, "RUNNING");
    expect_state(stage, 2, 1, "RUNNING");
}

static void nothing_that_comes_breaks_it_and_peace_is_found_again(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct random_stream stream = random_named(seed, "health_manager.any_order");
        struct stage *stage = stage_new();
        for (int i = 0; i < LINES; i++)
            say_something(stage, &stream);
        expect_peace(stage);
        stage_free(stage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_that_comes_breaks_it_and_peace_is_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
