/* What a DEA of 2011 was told on a real bus, and what it said: ours says it too. */
#include "tests/core/dea/stage.h"
#include "tests/support/captured.h"

#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_TAINT_MS = 260 /* So long a DEA may wait before it answers dea.discover. */ };

#define VERSION STAGE_DIGEST "-1"
#define DISCOVER                                                                                                       \
    "? dea.discover {\"droplet\": 7, \"limits\": {\"mem\": 64, \"disk\": 128, \"fds\": 256}, \"name\": \"hello\", "    \
    "\"runtime\": \"python3\", \"sha\": \"" STAGE_DIGEST "\"}"
#define HELLO "{\"id\":\"" STAGE_UUID "\",\"ip\":\"*\",\"port\":24345,\"version\":\"*number\"}"
#define APP                                                                                                            \
    "\"droplet\": 7, \"name\": \"hello\", \"runtime\": \"python3\", \"framework\": \"sinatra\", \"sha1\": "            \
    "\"" STAGE_DIGEST "\", \"executableFile\": \"/nonexistent/shared/droplets/" STAGE_DIGEST                           \
    "\", \"executableUri\": \"http://127.0.0.1:9022/staged_droplets/7/" STAGE_DIGEST "\", \"version\": \"" VERSION     \
    "\", \"services\": [{\"name\": \"mydb\", \"type\": \"database\", \"label\": \"mysql-5.1\", \"vendor\": "           \
    "\"mysql\", "                                                                                                      \
    "\"version\": \"5.1\", \"tags\": [\"mysql\"], \"plan\": \"free\", \"plan_option\": null, \"credentials\": "        \
    "{\"hostname\": \"127.0.0.1\", \"port\": 3306, \"name\": \"d1\", \"user\": \"u\", \"password\": \"p\"}}], "        \
    "\"limits\": {\"mem\": 64, \"disk\": 128, \"fds\": 256}, \"env\": [\"FOO=bar baz\", \"QUOTED='x y'\"], "           \
    "\"users\": [\"foo@bar.com\"]"
#define BOTH "\"uris\":[\"hello.vcap.me\",\"Alias.vcap.me\"]"
#define START(index) "> dea." STAGE_UUID ".start {" APP ", " BOTH ", \"index\": " #index "}"
#define BEAT(index, state)                                                                                             \
    "{\"droplet\":7,\"version\":\"" VERSION "\",\"instance\":\"*\",\"index\":" #index ",\"state\":\"" state            \
    "\",\"state_timestamp\":\"*int\"}"
#define ROUTE(sign, uris)                                                                                              \
    sign " router.register {\"dea\":\"" STAGE_UUID "\",\"host\":\"*\",\"port\":\"*int\"," uris                         \
         ",\"tags\":{\"framework\":\"sinatra\",\"runtime\":\"python3\"}}"
#define REGISTER(uris) ROUTE("<", uris)
#define OF_V1_ONLY(uris) ROUTE("-", uris)
#define OF_OURS_ONLY(uris) ROUTE("+", uris)
#define UNREGISTER(uris) "< router.unregister {\"dea\":\"" STAGE_UUID "\",\"host\":\"*\",\"port\":\"*int\"," uris "}"
#define FOUND(index, state, more)                                                                                      \
    "< _INBOX {\"dea\":\"" STAGE_UUID "\",\"version\":\"" VERSION                                                      \
    "\",\"droplet\":7,\"instance\":\"*\",\"index\":" #index ",\"state\":\"" state                                      \
    "\",\"state_timestamp\":\"*int\",\"file_uri\":\"*\",\"credentials\":[\"*\",\"*\"],"                                \
    "\"staged\":\"*\"" more "}"
#define QUOTAS "\"uptime\":\"*number\",\"mem_quota\":67108864,\"disk_quota\":134217728,\"fds_quota\":256"
#define USAGE "\"usage\":{\"time\":\"*\",\"cpu\":\"*number\",\"mem\":\"*number\",\"disk\":\"*int\"}"
#define STATS                                                                                                          \
    ",\"stats\":{\"name\":\"hello\",\"host\":\"*\",\"port\":\"*int\"," BOTH "," QUOTAS ",\"cores\":\"*int\"," USAGE "}"
#define STATUS(reserved, clients)                                                                                      \
    "< _INBOX {\"id\":\"" STAGE_UUID "\",\"ip\":\"*\",\"port\":24345,\"version\":\"*number\",\"max_memory\":4096,"     \
    "\"reserved_memory\":" #reserved ",\"used_memory\":\"*number\",\"num_clients\":" #clients "}"
#define EXITED(index, reason, more)                                                                                    \
    "< droplet.exited {\"droplet\":7,\"version\":\"" VERSION "\",\"instance\":\"*\",\"index\":" #index                 \
    ",\"reason\":\"" reason "\"" more "}"

static const char *const a_life[] = {
    "! it starts",
    "< vcap.component.announce {\"type\":\"DEA\",\"index\":null,\"uuid\":\"" STAGE_UUID
    "\",\"host\":\"*\",\"credentials\":[\"*\",\"*\"],\"start\":\"*\"}",
    "< dea.start " HELLO,
    "? vcap.component.discover ",
    "< _INBOX {\"type\":\"DEA\",\"uuid\":\"" STAGE_UUID
    "\",\"host\":\"*\",\"credentials\":[\"*\",\"*\"],\"start\":\"*\",\"uptime\":\"*\"}",
    "? dea.status {}",
    STATUS(0, 0),
    DISCOVER,
    "< _INBOX " HELLO,
    START(0),
    "< dea.heartbeat {\"droplets\":[" BEAT(0, "RUNNING") "]}",
    REGISTER(BOTH),
    DISCOVER,
    "< _INBOX " HELLO,
    START(1),
    "< dea.heartbeat {\"droplets\":[" BEAT(1, "RUNNING") "]}",
    REGISTER(BOTH),
    "! 3000",
    "? dea.status {}",
    STATUS(128, 2),
    "? dea.find.droplet {\"droplet\": 7}",
    FOUND(0, "RUNNING", ""),
    FOUND(1, "RUNNING", ""),
    "? dea.find.droplet {\"droplet\": 7, \"version\": \"" VERSION
    "\", \"states\": [\"RUNNING\"], \"include_stats\": true}",
    FOUND(0, "RUNNING", STATS),
    FOUND(1, "RUNNING", STATS),
    "? dea.find.droplet {\"droplet\": 7, \"indices\": [1]}",
    FOUND(1, "RUNNING", ""),
    "? dea.find.droplet {\"droplet\": 7, \"version\": \"zz\"}",
    "? dea.find.droplet {\"droplet\": \"7\"}",
    "? dea.find.droplet {\"droplet\": 7, \"states\": [\"running\"]}",
    "? droplet.status {}",
    "< _INBOX {\"name\":\"hello\",\"host\":\"*\",\"port\":\"*int\"," BOTH "," QUOTAS "," USAGE "}",
    "< _INBOX {\"name\":\"hello\",\"host\":\"*\",\"port\":\"*int\"," BOTH "," QUOTAS "," USAGE "}",
    /* v1 registers what is new and takes back what is old, in this order; ours takes back first and registers all that
     * counts now, which routers take for a refreshment. */
    "> dea.update {" APP ", \"uris\": [\"hello.vcap.me\", \"new.vcap.me\"]}",
    OF_V1_ONLY("\"uris\":[\"new.vcap.me\"]"),
    UNREGISTER("\"uris\":[\"Alias.vcap.me\"]"),
    OF_OURS_ONLY("\"uris\":[\"hello.vcap.me\",\"new.vcap.me\"]"),
    OF_V1_ONLY("\"uris\":[\"new.vcap.me\"]"),
    UNREGISTER("\"uris\":[\"Alias.vcap.me\"]"),
    OF_OURS_ONLY("\"uris\":[\"hello.vcap.me\",\"new.vcap.me\"]"),
    "> dea.update {" APP ", \"uris\": []}",
    OF_V1_ONLY("\"uris\":[]"),
    UNREGISTER("\"uris\":[\"hello.vcap.me\",\"new.vcap.me\"]"),
    OF_OURS_ONLY("\"uris\":[]"),
    OF_V1_ONLY("\"uris\":[]"),
    UNREGISTER("\"uris\":[\"hello.vcap.me\",\"new.vcap.me\"]"),
    OF_OURS_ONLY("\"uris\":[]"),
    /* After an empty list v1 is silent, and its app without routes until the next router.start. */
    "> dea.update {" APP ", \"uris\": [\"hello.vcap.me\"]}",
    OF_OURS_ONLY("\"uris\":[\"hello.vcap.me\"]"),
    OF_OURS_ONLY("\"uris\":[\"hello.vcap.me\"]"),
    "! the first one ends",
    UNREGISTER("\"uris\":[\"hello.vcap.me\"]"),
    EXITED(0, "CRASHED", ",\"crash_timestamp\":\"*int\""),
    "? dea.find.droplet {\"droplet\": 7}",
    FOUND(0, "CRASHED", ""),
    FOUND(1, "RUNNING", ""),
    "? dea.find.droplet {\"droplet\": 7, \"states\": [\"CRASHED\"]}",
    FOUND(0, "CRASHED", ""),
    "? dea.status {}",
    STATUS(64, 1),
    "? droplet.status {}",
    "< _INBOX {\"name\":\"hello\",\"host\":\"*\",\"port\":\"*int\",\"uris\":[\"hello.vcap.me\"]," QUOTAS "," USAGE "}",
    "> router.start {\"id\":\"75f0d07f14d90f7b2406dc9efbd13166\",\"version\":0.98}",
    "! 2000",
    REGISTER("\"uris\":[\"hello.vcap.me\"]"),
    "> dea.stop {\"droplet\": 7, \"version\": \"" VERSION "\", \"indices\": [1]}",
    UNREGISTER("\"uris\":[\"hello.vcap.me\"]"),
    EXITED(1, "STOPPED", ""),
    "? dea.find.droplet {\"droplet\": 7}",
    FOUND(0, "CRASHED", ""),
    "> dea.stop {\"droplet\": 7}",
    "? dea.find.droplet {\"droplet\": 7}",
    "> dea.stop {\"droplet\": 7}",
    "> dea.stop {\"droplet\": 99}",
    "? dea.status {}",
    STATUS(0, 0),
    NULL,
};

#define BEGIN                                                                                                          \
    "! it starts",                                                                                                     \
        "< vcap.component.announce {\"type\":\"DEA\",\"index\":null,\"uuid\":\"" STAGE_UUID                            \
        "\",\"host\":\"*\",\"credentials\":[\"*\",\"*\"],\"start\":\"*\"}",                                            \
        "< dea.start " HELLO, START(0), "< dea.heartbeat {\"droplets\":[" BEAT(0, "RUNNING") "]}", REGISTER(BOTH)

/* SIGUSR2: others are told at once, the routes stay until the end. */
static const char *const an_evacuation[] = {
    BEGIN, "! it evacuates", EXITED(0, "DEA_EVACUATION", ""), DISCOVER, "! 35000", UNREGISTER(BOTH), NULL,
};

/* SIGTERM: v1 took its apps along; they outlive the agent of ours, and keep their routes. */
static const char *const an_end[] = {
    BEGIN,
    "! it is stopped",
    "- router.unregister {\"dea\":\"" STAGE_UUID "\",\"host\":\"*\",\"port\":\"*int\"," BOTH "}",
    "- droplet.exited {\"droplet\":7,\"index\":0,\"reason\":\"DEA_SHUTDOWN\"}",
    NULL,
};

static void say(void *world, const char *subject, const char *reply, const char *payload)
{
    stage_tell(world, subject, reply, payload);
    if (reply != NULL)
        stage_pass_ms(world, MOST_TAINT_MS);
}

static void happen(void *world, const char *words)
{
    struct stage *stage = world;
    unsigned ms;
    if (strcmp(words, "it starts") == 0)
        stage_begin_life(stage);
    else if (strcmp(words, "it evacuates") == 0)
        stage_evacuate(stage);
    else if (strcmp(words, "it is stopped") == 0)
        stage_stop(stage);
    else if (strcmp(words, "the first one ends") == 0)
        stage_end_workload(stage, &stage->workloads[0], 9);
    else if (sscanf(words, "%u", &ms) == 1)
        stage_pass_ms(stage, ms);
    stage_settle(stage);
}

static struct text take_said(void *world)
{
    struct stage *stage = world;
    struct text said = stage->said;
    stage->said = (struct text){0};
    return said;
}

static void play(const char *const *lines)
{
    static struct stage stage;
    static Cupola__RuntimeConfig python = CUPOLA__RUNTIME_CONFIG__INIT;
    static Cupola__RuntimeConfig *runtimes[] = {&python};
    static const char *const more[] = {"dea.heartbeat", NULL}; /* Ours beats also when it holds nothing. */
    stage_prepare(&stage);
    python.name = (char *)(uintptr_t) "python3";
    python.executable = (char *)(uintptr_t) "/usr/bin/python3";
    stage.config.runtimes = runtimes;
    stage.config.max_memory_mb = 4096;
    struct captured_world world = {.world = &stage, .say = say, .happen = happen, .take_said = take_said, .more = more};
    captured_play(&world, lines);
    stage_close(&stage);
}

static void the_life_of_a_dea_is_as_it_was(void **state)
{
    (void)state;
    play(a_life);
}

static void it_leaves_as_it_did_but_for_its_apps(void **state)
{
    (void)state;
    play(an_evacuation);
    play(an_end);
}

/* What the comparison is good for. */
static void a_difference_is_seen(void **state)
{
    (void)state;
    static const struct {
        const char *expected, *found;
        bool match;
    } cases[] = {
        {"{\"a\":1,\"b\":[\"x\"]}", "{\"b\":[\"x\"],\"new\":2,\"a\":1}", true},
        {"{\"a\":null}", "{}", true},
        {"{\"a\":\"*int\"}", "{\"a\":5}", true},
        {"{\"a\":\"*int\"}", "{\"a\":5.5}", false},
        {"{\"a\":\"*int\"}", "{\"a\":\"5\"}", false},
        {"{\"a\":\"*\"}", "{\"a\":5}", false},
        {"{\"a\":7}", "{\"a\":\"7\"}", false},
        {"{\"a\":1}", "{\"A\":1}", false},
        {"{\"a\":[]}", "{\"a\":{}}", false},
        {"{\"a\":[1]}", "{\"a\":[1,2]}", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct io_bytes expected = {(const uint8_t *)cases[i].expected, strlen(cases[i].expected)};
        struct io_bytes found = {(const uint8_t *)cases[i].found, strlen(cases[i].found)};
        struct text why = {0};
        if (captured_matches(expected, found, &why) != cases[i].match)
            fail_msg("%s and %s", cases[i].expected, cases[i].found);
        assert_int_equal(why.size == 0, cases[i].match);
        text_free(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_life_of_a_dea_is_as_it_was),
        cmocka_unit_test(it_leaves_as_it_did_but_for_its_apps),
        cmocka_unit_test(a_difference_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
