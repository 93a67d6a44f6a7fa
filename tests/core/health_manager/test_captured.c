/* What a health manager of 2011 was told on a real bus, and what it said: ours says it too, or sooner. */
#include "tests/core/health_manager/stage.h"
#include "tests/support/captured.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ALL                                                                                                            \
    "? healthmanager.health {\"droplets\": [{\"droplet\": 1, \"version\": \"s1-0\"}, {\"droplet\": 2, \"version\": "   \
    "\"s2-0\"}, {\"droplet\": 3, \"version\": \"s3-0\"}, {\"droplet\": 4, \"version\": \"s4-0\"}, {\"droplet\": 5, "   \
    "\"version\": \"s5-0\"}, {\"droplet\": 99, \"version\": \"s99-0\"}]}"
#define HEALTH(droplet, healthy)                                                                                       \
    "< _INBOX {\"droplet\":" #droplet ",\"version\":\"s" #droplet "-0\",\"healthy\":" #healthy "}"
#define ENTRY(id, version, name, place, condition)                                                                     \
    "{\"droplet\": " #id ", \"version\": \"" version "\", \"instance\": \"" name "\", \"index\": " #place              \
    ", \"state\": \"" condition "\", \"state_timestamp\": 1795376743}"
#define BEAT(entries) "> dea.heartbeat {\"droplets\": [" entries "]}"
#define EVERYTHING                                                                                                     \
    BEAT(ENTRY(2, "s2-0", "i2", 0, "RUNNING") ", " ENTRY(3, "s3-0", "i3", 0, "RUNNING") ", " ENTRY(                    \
        3, "s3-0", "i3x", 1,                                                                                           \
        "RUNNING") ", " ENTRY(3, "s3-old", "i3old", 0,                                                                 \
                              "RUNNING") ", " ENTRY(4, "s4-0", "i4", 0,                                                \
                                                    "RUNNING") ", " ENTRY(77, "s77-0", "i77", 0,                       \
                                                                          "RUNNING") ", " ENTRY(5, "s5-0", "i5", 0,    \
                                                                                                "RUNNING"))
#define EXIT(id, name, place, why)                                                                                     \
    "> droplet.exited {\"droplet\": " #id ", \"version\": \"s" #id "-0\", \"instance\": \"" name                       \
    "\", \"index\": " #place ", \"reason\": \"" why "\"}"
#define CRASH(id, name, when)                                                                                          \
    "> droplet.exited {\"droplet\": " #id ", \"version\": \"s" #id "-0\", \"instance\": \"" name                       \
    "\", \"index\": 0, \"reason\": \"CRASHED\", \"crash_timestamp\": " #when "}"
#define START(droplet, index)                                                                                          \
    "cloudcontrollers.hm.requests {\"droplet\":" #droplet                                                              \
    ",\"op\":\"START\",\"last_updated\":\"*int\",\"version\":\"s" #droplet "-0\",\"indices\":[" index "]}"
#define STOP(droplet, instances)                                                                                       \
    "cloudcontrollers.hm.requests {\"droplet\":" #droplet                                                              \
    ",\"op\":\"STOP\",\"last_updated\":\"*int\",\"instances\":[" instances "]}"
#define STATUS(droplet, state)                                                                                         \
    "? healthmanager.status {\"droplet\": " #droplet ", \"version\": \"s" #droplet "-0\", \"state\": \"" state "\"}"

static const char *const a_life[] = {
    "! 2s",
    "< vcap.component.announce {\"type\":\"HealthManager\",\"uuid\":\"*\",\"host\":\"*\",\"credentials\":[\"*\",\"*\"],"
    "\"start\":\"*\"}",
    "< healthmanager.start ",
    "! app 1 s1-0 x2",
    "! app 2 s2-0 stopped",
    "! app 3 s3-0 x1",
    "! app 4 s4-0 x1",
    "! app 5 s5-0 x1",
    ALL,
    HEALTH(1, 0),
    HEALTH(2, 0),
    HEALTH(3, 0),
    HEALTH(4, 0),
    HEALTH(5, 0),
    STATUS(1, "FLAPPING"),
    "< _INBOX {\"indices\":[]}",
    STATUS(1, "CRASHED"),
    "< _INBOX {\"instances\":[]}",
    STATUS(99, "CRASHED"),
    EVERYTHING,
    ALL,
    HEALTH(1, 0),
    /* v1 counts what runs, wanted or not, and told of 200 %; of ours only what is wanted is healthy. */
    "- _INBOX {\"droplet\":2,\"version\":\"s2-0\",\"healthy\":1}",
    "+ _INBOX {\"droplet\":2,\"version\":\"s2-0\",\"healthy\":0}",
    "- _INBOX {\"droplet\":3,\"version\":\"s3-0\",\"healthy\":2}",
    "+ _INBOX {\"droplet\":3,\"version\":\"s3-0\",\"healthy\":1}",
    HEALTH(4, 1),
    HEALTH(5, 1),
    "? healthmanager.health {\"droplets\": [{\"droplet\": 4, \"version\": \"zz\"}]}",
    "< _INBOX {\"droplet\":4,\"version\":\"zz\",\"healthy\":0}",
    BEAT(ENTRY(4, "s4-0", "i4dup", 0, "RUNNING")),
    "< " STOP(4, "\"i4dup\""),
    CRASH(5, "i5", 1795376845),
    "< " START(5, "0"),
    STATUS(5, "CRASHED"),
    "< _INBOX {\"instances\":[{\"instance\":\"i5\",\"since\":1795376845}]}",
    EXIT(4, "i4", 7, "CRASHED"),
    EXIT(4, "i4", 0, "DEA_EVACUATION"),
    "< " START(4, "0"),
    NULL,
};

/* Complaints come sooner than with v1, whose first ones come after 40 s; they are repeated while nobody does anything.
 */
static const char *const missing_and_surplus[] = {
    "! app 1 s1-0 x2",
    "! app 2 s2-0 stopped",
    "! app 3 s3-0 x1",
    "! app 4 s4-0 x1",
    "! app 5 s5-0 x1",
    EVERYTHING,
    "! 10s",
    "< " STOP(2, "\"i2\""),
    /* v1 names all of an app in one message; ours each with its reason. */
    "- " STOP(3, "\"i3x\",\"i3old\""),
    "+ " STOP(3, "\"i3x\""),
    "+ " STOP(3, "\"i3old\""),
    EVERYTHING,
    "! 10s",
    EVERYTHING,
    "! 10s",
    "< " START(1, "0,1"),
    NULL,
};

static void say(void *world, const char *subject, const char *reply, const char *payload)
{
    if (reply == NULL)
        stage_say(world, subject, payload);
    else
        stage_ask(world, subject, payload);
}

static void happen(void *world, const char *words)
{
    if (isdigit((unsigned char)words[0]))
        after(world, words);
    else
        given(world, words);
}

static struct text take_said(void *world)
{
    return stage_take_heard(world);
}

static void the_words_of_a_health_manager_are_as_they_were(void **state)
{
    struct stage *stage = *state = stage_at_start();
    struct captured_world world = {.world = stage, .say = say, .happen = happen, .take_said = take_said};
    captured_play(&world, a_life);
}

static void complaints_are_as_they_were(void **state)
{
    static const char *const more[] = {"cloudcontrollers.hm.requests", "vcap.component.announce", "healthmanager.start",
                                       NULL};
    struct stage *stage = *state = stage_at_start();
    struct captured_world world = {.world = stage, .say = say, .happen = happen, .take_said = take_said, .more = more};
    captured_play(&world, missing_and_surplus);
}

static int end(void **state)
{
    stage_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_words_of_a_health_manager_are_as_they_were, end),
        cmocka_unit_test_teardown(complaints_are_as_they_were, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
