/* What clients and components of 2011 said to a cloud controller, and what it said: on the bus, as captured, and to
 * clients ("< STATUS BODY"), with the types that vmc reads. */
#include "tests/core/cloud_controller/story.h"
#include "tests/support/captured.h"

#include "core/base/memory.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Rails' body for nothing is one blank. */
#define NOTHING "< 200  "
/* $V is the app's version. */
#define DEA "0-f1d3e43cfc4271838ebb3dc0ee2640ee"
#define DISCOVER                                                                                                       \
    "< dea.discover {\"droplet\":1,\"limits\":{\"mem\":64,\"disk\":\"*int\",\"fds\":256},\"name\":\"shop\","           \
    "\"runtime\":\"node\",\"sha\":\"*\"}"
#define START(index)                                                                                                   \
    "< dea." DEA ".start {\"droplet\":1,\"name\":\"shop\",\"uris\":[\"shop.cupola.test\"],\"runtime\":\"node\","       \
    "\"framework\":\"node\",\"sha1\":\"*\",\"executableFile\":\"*\",\"executableUri\":\"*\",\"version\":\"*\","        \
    "\"services\":[],\"limits\":{\"mem\":64,\"disk\":\"*int\",\"fds\":256},\"env\":[\"FOO=bar baz\"],\"users\":["      \
    "\"ada@example.org\"],\"index\":" #index "}"
#define APP(running, state)                                                                                            \
    "< 200 {\"name\":\"shop\",\"staging\":{\"model\":\"node\",\"stack\":\"node\"},\"uris\":[\"shop.cupola.test\"],"    \
    "\"instances\":2,\"runningInstances\":" #running ",\"resources\":{\"memory\":64,\"disk\":\"*int\",\"fds\":256},"   \
    "\"state\":\"" state "\",\"services\":[],\"version\":\"*\",\"env\":[\"FOO=bar baz\"],\"meta\":{\"version\":"       \
    "\"*int\",\"created\":\"*int\"}}"
#define FOUND(index)                                                                                                   \
    "{\"dea\":\"" DEA "\",\"version\":\"$V\",\"droplet\":1,\"instance\":\"ce5f37e526f1b511fda7f861f63a989" #index      \
    "\",\"index\":" #index ",\"state\":\"RUNNING\",\"state_timestamp\":1795376065,\"file_uri\":\"http://127.0.0.1:"    \
    "24345/droplets/\",\"credentials\":[\"9a3ac518dd26866347d9de2b37f6572f\",\"c79aa5f44f506638956d8e7c88484e19\"],"   \
    "\"staged\":\"hello-0-ce5f37e526f1b511fda7f861f63a9898\",\"stats\":{\"name\":\"shop\",\"host\":\"127.0.0.1\","     \
    "\"port\":39039,\"uris\":[\"shop.cupola.test\"],\"uptime\":6.558235806,\"mem_quota\":67108864,\"disk_quota\":"     \
    "134217728,\"fds_quota\":256,\"cores\":2,\"usage\":{\"time\":\"2026-11-22 19:34:31 +0000\",\"cpu\":0.8,"           \
    "\"mem\":18604.0,\"disk\":32768}}}"
#define STATS                                                                                                          \
    "{\"state\":\"RUNNING\",\"stats\":{\"name\":\"shop\",\"host\":\"127.0.0.1\",\"port\":39039,\"uris\":["             \
    "\"shop.cupola.test\"],\"uptime\":\"*number\",\"mem_quota\":67108864,\"disk_quota\":134217728,\"fds_quota\":256,"  \
    "\"cores\":2,\"usage\":{\"time\":\"*\",\"cpu\":\"*number\",\"mem\":\"*number\",\"disk\":32768}}}"

static const char *const a_life[] = {
    "! answer dea.discover {\"id\":\"" DEA "\",\"ip\":\"127.0.0.1\",\"port\":24345,\"version\":0.99}",
    "! GET /info",
    "< 200 {\"name\":\"vcap\",\"build\":2222,\"support\":\"*\",\"version\":\"*\",\"description\":\"*\",\"user\":"
    "\"ada@example.org\",\"limits\":{\"memory\":2048,\"app_uris\":4,\"services\":16,\"apps\":20},\"usage\":{\"memory\":"
    "0,"
    "\"apps\":0,\"services\":0},\"frameworks\":{\"sinatra\":{\"name\":\"sinatra\",\"runtimes\":[{\"name\":\"ruby18\","
    "\"version\":\"1.8.7\",\"description\":\"*\"},{\"name\":\"ruby19\",\"version\":\"1.9.2p180\",\"description\":\"*\"}"
    "],"
    "\"appservers\":[],\"detection\":[{\"*.rb\":\"*\"},{\"config/environment.rb\":false}]}}}",
    "! GET /apps/shop",
    "< 404 {\"code\":301,\"description\":\"Application not found\"}",
    "! POST /apps {\"name\":\"shop\",\"staging\":{\"framework\":\"node\",\"runtime\":null},\"uris\":["
    "\"shop.cupola.test\"],\"instances\":2,\"resources\":{\"memory\":64},\"env\":[\"FOO=bar baz\"]}",
    "< 302 {\"result\":\"success\",\"redirect\":\"http://api.cupola.test/apps/shop\"}",
    "! POST /resources [{\"size\":70000,\"sha1\":\"0123456789012345678901234567890123456789\",\"fn\":\"/tmp/x\"}]",
    "< 200 []",
    "! upload",
    "! GET /apps/shop",
    APP(0, "STOPPED"),
    "! GET /apps/shop/instances",
    "< 200 {\"instances\":[]}",
    "! GET /apps/shop/stats",
    "< 200 {}",
    "! PUT /apps/shop {\"state\":\"STARTED\"}",
    "< droplet.updated {\"droplet\":1}",
    DISCOVER,
    START(0),
    START(1),
    NOTHING,
    /* What components of 2011 answer is what its clients are told. */
    "! answer healthmanager.health {\"droplet\":1,\"version\":\"$V\",\"healthy\":2}",
    "! GET /apps/shop",
    "< healthmanager.health {\"droplets\":[{\"droplet\":1,\"version\":\"*\"}]}",
    APP(2, "STARTED"),
    "! answer dea.find.droplet " FOUND(0),
    "! also dea.find.droplet " FOUND(1),
    "! GET /apps/shop/stats",
    "< dea.find.droplet {\"droplet\":1,\"version\":\"*\",\"states\":[\"RUNNING\"],\"include_stats\":true}",
    "< 200 {\"0\":" STATS ",\"1\":" STATS "}",
    "! answer healthmanager.status {\"indices\":[{\"index\":0,\"since\":1795377206}]}",
    "! GET /apps/shop/instances",
    "< healthmanager.status {\"droplet\":1,\"version\":\"*\",\"state\":\"FLAPPING\"}",
    "< 200 {\"instances\":[{\"index\":0,\"state\":\"*\",\"since\":\"*int\"},{\"index\":1,\"state\":\"*\",\"since\":"
    "\"*int\"}]}",
    "! answer healthmanager.status {\"instances\":[{\"instance\":\"i5\",\"since\":1795376845}]}",
    "! GET /apps/shop/crashes",
    "< healthmanager.status {\"droplet\":1,\"version\":\"*\",\"state\":\"CRASHED\"}",
    "< 200 {\"crashes\":[{\"instance\":\"i5\",\"since\":1795376845}]}",
    /* A health manager of 2011 complains, when no start can be under way any more. */
    "! 60000",
    "> cloudcontrollers.hm.requests {\"droplet\":1,\"op\":\"START\",\"last_updated\":$U,\"version\":\"$V\","
    "\"indices\":[1]}",
    DISCOVER,
    START(1),
    "> cloudcontrollers.hm.requests {\"droplet\":1,\"op\":\"START\",\"last_updated\":$U,\"version\":\"zz\","
    "\"indices\":[1]}",
    "> cloudcontrollers.hm.requests {\"droplet\":1,\"op\":\"STOP\",\"last_updated\":$U,\"instances\":["
    "\"2bc3f4ecef53789118b633ef8661392f\"]}",
    "< dea.stop {\"droplet\":1,\"instances\":[\"2bc3f4ecef53789118b633ef8661392f\"]}",
    /* v1 stops whatever it has not; ours only what its journal has had: ids are given in order. */
    "> cloudcontrollers.hm.requests {\"droplet\":77,\"op\":\"STOP\",\"last_updated\":0,\"instances\":[\"i77\"]}",
    "- dea.stop {\"droplet\":77}",
    "> router.start {\"id\":\"f55c3d3945ba210f478618b363ec4212\",\"version\":0.98}",
    "< router.register {\"host\":\"*\",\"port\":\"*int\",\"uris\":[\"api.cupola.test\"],\"tags\":{\"component\":"
    "\"CloudController\"}}",
    /* The client changes it. */
    "! PUT /apps/shop {\"instances\":1}",
    "< droplet.updated {\"droplet\":1}",
    "< dea.stop {\"droplet\":1,\"version\":\"*\",\"indices\":[1]}",
    NOTHING,
    "! PUT /apps/shop {\"uris\":[\"shop.cupola.test\",\"new.cupola.test\"]}",
    "< droplet.updated {\"droplet\":1}",
    /* v1's has the whole description of the app, of which a DEA reads these two. */
    "< dea.update {\"droplet\":1,\"uris\":[\"new.cupola.test\",\"shop.cupola.test\"]}",
    NOTHING,
    "! PUT /apps/shop {\"meta\":{\"version\":1}}",
    "< 400 {\"code\":102,\"description\":\"Optimistic locking failure\"}",
    "! PUT /apps/shop {\"state\":\"STOPPED\"}",
    "< droplet.updated {\"droplet\":1}",
    "< dea.stop {\"droplet\":1}",
    NOTHING,
    "! DELETE /apps/shop",
    "< droplet.updated {\"droplet\":1}",
    NOTHING,
    "> cloudcontrollers.hm.requests {\"droplet\":1,\"op\":\"STOP\",\"last_updated\":0,\"instances\":[\"i1\"]}",
    "< dea.stop {\"droplet\":1}",
    NULL,
};

/* As the controller has told it last. */
static long long last_updated;

/* $V and $U stand for what only the controller knows. */
static struct text fill_in(const struct story *story, const char *words)
{
    struct text filled = {0};
    for (; *words != '\0'; words++) {
        if (strncmp(words, "$V", 2) == 0)
            text_add_string(&filled, story_look(story).version);
        else if (strncmp(words, "$U", 2) == 0)
            text_addf(&filled, "%lld", last_updated);
        else
            text_add_char(&filled, *words);
        words += *words == '$';
    }
    return filled;
}

static void say(void *world, const char *subject, const char *reply, const char *payload)
{
    struct story *story = world;
    struct text filled = fill_in(story, payload);
    (void)reply;
    town_tell(&story->town, subject, text_string(&filled));
    text_free(&filled);
    town_pass_ms(&story->town, 500);
}

static void answer(struct story *story, const char *words, bool also)
{
    struct text filled = fill_in(story, words);
    char subject[64];
    sscanf(text_string(&filled), "%63s", subject);
    const char *payload = text_string(&filled) + strlen(subject) + 1;
    if (also)
        town_answer_also(&story->town, subject, payload);
    else
        town_answer(&story->town, subject, payload);
    text_free(&filled);
}

/* vmc's pause between two commands. */
static void request(struct story *story, const char *words)
{
    char method[8], path[100];
    sscanf(words, "%7s %99s", method, path);
    const char *body = words + strlen(method) + 1 + strlen(path);
    int status = story_call(story, method, path, *body == ' ' ? body + 1 : body);
    text_addf(&story->town.said, "%d %s\n", status, *body == '\0' || *body == ' ' ? town_body(&story->town) : "");
}

static void happen(void *world, const char *words)
{
    struct story *story = world;
    if (strncmp(words, "answer ", 7) == 0)
        answer(story, words + 7, false);
    else if (strncmp(words, "also ", 5) == 0)
        answer(story, words + 5, true);
    else if (strcmp(words, "upload") == 0)
        assert_int_equal(town_upload(&story->town, story->ada, "shop", "bits"), 200);
    else if (isdigit((unsigned char)words[0]))
        town_pass_ms(&story->town, (uint64_t)atoll(words));
    else
        request(story, words);
}

static struct text take_said(void *world)
{
    struct story *story = world;
    struct text said = story->town.said;
    const char *told = strstr(text_string(&said), "\"last_updated\":");
    if (told != NULL)
        last_updated = atoll(told + strlen("\"last_updated\":"));
    story->town.said = (struct text){0};
    return said;
}

static void the_life_of_an_app_is_as_it_was(void **state)
{
    /* The test's own words are among them; ours asks again who does not answer, and tells of changes that v1 does not.
     */
    static const char *const more[] = {"_INBOX",
                                       "cloudcontrollers.hm.requests",
                                       "router.start",
                                       "dea.discover",
                                       "droplet.updated",
                                       "healthmanager.status",
                                       "healthmanager.health",
                                       "dea.find.droplet",
                                       "dea.update",
                                       "router.register",
                                       NULL};
    struct captured_world world = {.world = *state, .say = say, .happen = happen, .take_said = take_said, .more = more};
    town_forget(&((struct story *)*state)->town);
    captured_play(&world, a_life);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_life_of_an_app_is_as_it_was, story_begin, story_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
