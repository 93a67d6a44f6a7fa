/* The REST API of 2011 as it is known, call by call: what is sent as its clients and gateways send it, and the whole
 * answer, with the types of its members. The life of an app is in test_captured.c. */
#include "tests/core/cloud_controller/story.h"
#include "tests/support/captured.h"

#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Who calls: "ada", "eve", "admin", "admin for ada" (Proxy-User), "gateway" (by its token), "nobody" (no token). The
 * call: "METHOD PATH BODY". The answer: "STATUS BODY"; JSON as in tests/support/captured.h, all else as it stands.
 * "gateway answers", "staging" and "time" do not call; they set what the world does from then on. */
struct row {
    const char *who, *call, *answer;
};

#define OWN(code, text) "{\"code\":" #code ",\"description\":\"" text "\"}"
#define APP_NOT_FOUND "404 " OWN(301, "Application not found")
#define FORBIDDEN "403 " OWN(200, "Operation not permitted")
#define NOTHING "200  " /* One blank. */

/* ---- The player ---- */

static const char *token_of(const struct story *story, const char *who)
{
    if (strncmp(who, "ada", 3) == 0)
        return story->ada;
    if (strncmp(who, "eve", 3) == 0)
        return story->eve;
    return strncmp(who, "admin", 5) == 0 ? story->admin : NULL;
}

static int call(struct story *story, const char *who, const char *words)
{
    char method[8], path[200];
    sscanf(words, "%7s %199s", method, path);
    const char *body = words + strlen(method) + 1 + strlen(path);
    body += *body == ' ';
    struct text headers = {0};
    text_add_string(&headers, "Content-Type: application/json\r\nAccept: application/json\r\nUser-Agent: Ruby\r\n");
    if (token_of(story, who) != NULL)
        text_addf(&headers, "Authorization: %s\r\n", token_of(story, who));
    if (strcmp(who, "gateway") == 0)
        text_add_string(&headers, "X-VCAP-Service-Token: shared\r\n");
    const char *proxied = strstr(who, " for ");
    if (proxied != NULL)
        text_addf(&headers, "Proxy-User: %s@example.org\r\n", proxied + 5);
    struct town_controller *controller = &story->town.controllers[0];
    struct town_conn *conn = town_begin(controller, method, path, text_string(&headers), body);
    text_free(&headers);
    for (int waits = 0; waits < 600 && conn->outbound.size == 0; waits++)
        town_pass_ms(&story->town, 100);
    return town_finish(controller, conn);
}

static struct io_bytes bytes_of(const char *text)
{
    return (struct io_bytes){(const uint8_t *)text, strlen(text)};
}

static void expect(struct story *story, const struct row *row)
{
    int status = call(story, row->who, row->call);
    const char *body = town_body(&story->town);
    const char *expected = row->answer + strcspn(row->answer, " ");
    expected += *expected == ' ';
    bool is_json = *expected == '{' || *expected == '[';
    struct text why = {0};
    bool match = status == atoi(row->answer) &&
                 (is_json ? captured_matches(bytes_of(expected), bytes_of(body), &why) : strcmp(expected, body) == 0);
    const char *type = is_json         ? "Content-Type: application/json"
                       : status == 204 ? "HTTP/1.1 204"
                                       : "Content-Type: text/";
    if (!match || town_header(&story->town, type) == NULL)
        fail_msg("%s: %s:\n  v1 says %s\n  ours    %d %s\n  %s", row->who, row->call, row->answer, status,
                 text_string(&story->town.response), text_string(&why));
    text_free(&why);
}

static void play(struct story *story, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].who, "gateway answers") == 0 || strcmp(rows[i].who, "file viewer answers") == 0)
            story->town.viewer_answer = rows[i].call;
        else if (strcmp(rows[i].who, "a dea has it") == 0)
            town_answer(&story->town, "dea.find.droplet", rows[i].call);
        else if (strcmp(rows[i].who, "upload") == 0)
            assert_int_equal(town_upload(&story->town, story->ada, rows[i].call, rows[i].answer), 200);
        else if (strcmp(rows[i].who, "staging") == 0)
            story->town.staging_fails = strcmp(rows[i].call, "fails") == 0;
        else if (strcmp(rows[i].who, "gateway is told") == 0)
            assert_non_null(strstr(text_string(&story->town.viewer_request), rows[i].call));
        else if (strcmp(rows[i].who, "header") == 0)
            assert_non_null(town_header(&story->town, rows[i].call));
        else
            expect(story, &rows[i]);
    }
}

#define PLAY(rows) play(*state, rows, sizeof rows / sizeof rows[0])

static int begin(void **state)
{
    story_begin_with_all(state);
    struct story *story = *state;
    story_trust_gateway(story);
    return 0;
}

/* ---- Info, users and tokens ---- */

static const struct row users[] = {
    {"nobody", "GET /info",
     "200 {\"name\":\"vcap\",\"build\":2222,\"support\":\"*\",\"version\":\"0.999\",\"description\":\"*\"}"},
    {"admin", "GET /info",
     "200 {\"user\":\"admin@example.org\",\"limits\":{\"memory\":32768,\"app_uris\":16,\"services\":32,\"apps\":200},"
     "\"usage\":{\"memory\":0,\"apps\":0,\"services\":0},\"frameworks\":{\"rails3\":{\"name\":\"rails3\",\"runtimes\":["
     "{\"name\":\"*\",\"version\":\"*\",\"description\":\"*\"},{\"name\":\"*\",\"version\":\"*\",\"description\":\"*\"}"
     "],"
     "\"appservers\":[],\"detection\":[{\"config/application.rb\":true},{\"config/environment.rb\":true}]}}}"},
    {"ada", "GET /info/runtimes", "200 {\"ruby18\":{\"version\":\"1.8.7\"},\"java\":{\"version\":\"1.6\"}}"},
    {"ada", "GET /info/services", "200 {}"},
    {"nobody", "GET /info/services", FORBIDDEN},

    {"nobody", "POST /users {\"email\":\"kim@example.org\",\"password\":\"secret\"}", "204"},
    {"nobody", "POST /users {\"email\":\"kim@example.org\",\"password\":\"secret\"}",
     "400 {\"code\":100,\"description\":\"*\"}"},
    {"nobody", "POST /users {\"email\":\"kim\",\"password\":\"x\"}", "400 {\"code\":100,\"description\":\"*\"}"},
    {"nobody", "POST /users {\"email\":\"lee@example.org\"}", "500 {\"code\":111,\"description\":\"*\"}"},
    {"nobody", "POST /users nonsense", "400 {\"code\":100,\"description\":\"*\"}"},
    {"nobody", "POST /users/kim@example.org/tokens {\"password\":\"secret\"}", "200 {\"token\":\"*\"}"},
    {"nobody", "POST /users/kim%40example.org/tokens {\"password\":\"secret\"}", "200 {\"token\":\"*\"}"},
    {"nobody", "POST /users/kim@example.org/tokens {\"password\":\"wrong\"}", FORBIDDEN},
    {"nobody", "POST /users/lee@example.org/tokens {\"password\":\"secret\"}", FORBIDDEN},
    {"nobody", "POST /users/kim@example.org/tokens nonsense", "400 {\"code\":100,\"description\":\"*\"}"},
    {"nobody for kim", "POST /users/kim@example.org/tokens {\"password\":\"secret\"}", "200 {\"token\":\"*\"}"},
    {"ada", "GET /users/ada@example.org", "200 {\"email\":\"ada@example.org\",\"admin\":false}"},
    {"ada", "PUT /users/ada%40example.org {\"email\":\"ada@example.org\",\"password\":\"other\"}", "204"},
    {"nobody", "POST /users/ada@example.org/tokens {\"password\":\"other\"}", "200 {\"token\":\"*\"}"},
    {"ada", "GET /users", FORBIDDEN},
    {"admin", "GET /users",
     "200 [{\"email\":\"*\",\"admin\":true,\"apps\":[]},{\"email\":\"*\",\"admin\":false,\"apps\":[]},"
     "{\"email\":\"*\",\"admin\":false,\"apps\":[]},{\"email\":\"*\",\"admin\":false,\"apps\":[]}]"},
    {"admin for ada", "GET /apps", "200 []"},
    {"admin for ada", "GET /info", "200 {\"user\":\"ada@example.org\",\"limits\":{\"memory\":2048}}"},
    {"admin for lee", "GET /apps", "403 " OWN(201, "User not found")},
    {"eve for ada", "GET /apps", FORBIDDEN},
    {"nobody for ada", "GET /apps", FORBIDDEN},
    {"ada", "DELETE /users/kim@example.org", FORBIDDEN},
    {"admin", "DELETE /users/kim@example.org", "204"},
    {"admin", "DELETE /users/kim@example.org", "403 " OWN(201, "User not found")},
    {"nobody", "GET /nowhere", "404  "},
};

static void users_and_tokens(void **state)
{
    PLAY(users);
}

/* ---- Apps ---- */

#define NODE "\"staging\":{\"framework\":\"node\",\"runtime\":null}"
#define STAGED_AS(framework, runtime)                                                                                  \
    "200 {\"staging\":{\"model\":\"" framework "\",\"stack\":\"" runtime "\"},\"uris\":[],\"instances\":0,"            \
    "\"runningInstances\":0,\"resources\":{\"memory\":256,\"disk\":2048,\"fds\":256},\"state\":\"STOPPED\","           \
    "\"services\":[],\"version\":\"*\",\"env\":[],\"meta\":{\"version\":1,\"created\":\"*int\"}}"
#define LEGACY(name, model, framework, runtime)                                                                        \
    {"admin", "POST /apps {\"name\":\"" name "\",\"staging\":{\"model\":\"" model "\",\"stack\":\"thin start\"}}",     \
     "302 {\"result\":\"success\",\"redirect\":\"http://api.cupola.test/apps/" name "\"}"},                            \
    {                                                                                                                  \
        "admin", "GET /apps/" name, STAGED_AS(framework, runtime)                                                      \
    }

static const struct row apps[] = {
    {"nobody", "GET /apps", FORBIDDEN},
    {"ada", "GET /apps", "200 []"},
    {"ada",
     "POST /apps {\"name\":\"shop\"," NODE ",\"uris\":[\"http://Shop.cupola.test\",\"a.cupola.test\"],\"instances\":"
     "\"1\",\"resources\":{\"memory\":64},\"debug\":null,\"console\":true}",
     "302 {\"result\":\"success\",\"redirect\":\"http://api.cupola.test/apps/shop\"}"},
    {"header", "Location: http://api.cupola.test/apps/shop\r\n", NULL},
    {"ada", "GET /apps/shop",
     "200 {\"name\":\"shop\",\"staging\":{\"model\":\"node\",\"stack\":\"node\"},\"uris\":[\"a.cupola.test\","
     "\"shop.cupola.test\"],\"instances\":1,\"runningInstances\":0,\"resources\":{\"memory\":64,\"disk\":2048,\"fds\":"
     "256},\"state\":\"STOPPED\",\"services\":[],\"version\":\"*\",\"env\":[],\"meta\":{\"version\":1,\"created\":"
     "\"*int\"}}"},
    {"ada", "GET /apps", "200 [{\"name\":\"shop\",\"runningInstances\":null,\"meta\":{\"version\":1}}]"},
    {"eve", "GET /apps/shop", APP_NOT_FOUND},
    {"ada", "POST /apps {\"name\":\"a b\"," NODE "}", "400 {\"code\":300,\"description\":\"*\"}"},
    {"ada", "POST /apps {\"name\":\"x\",\"staging\":{\"framework\":\"cobol\"}}",
     "400 {\"code\":300,\"description\":\"*\"}"},
    {"ada", "POST /apps {\"name\":\"x\",\"staging\":{\"framework\":\"node\",\"runtime\":\"cobol\"}}",
     "400 {\"code\":300,\"description\":\"*\"}"},
    {"ada", "POST /apps {\"name\":\"x\",\"staging\":{\"framework\":\"node\",\"runtime\":\"java\"}}",
     "400 " OWN(307, "Invalid runtime specification [java] for framework: 'node'")},
    {"ada", "POST /apps {\"name\":\"x\",\"staging\":{}}", "400 " OWN(308, "Invalid framework description: 'NONE'")},
    {"eve", "POST /apps {\"name\":\"x\"," NODE ",\"uris\":[\"shop.cupola.test\"]}",
     "400 " OWN(701, "The URI: \\\"shop.cupola.test\\\" has already been taken or reserved")},
    {"eve", "POST /apps {\"name\":\"x\"," NODE ",\"uris\":[\"shop.cupola.test:8080\"]}",
     "403 " OWN(702, "External URIs are not enabled for this account")},
    {"eve", "GET /apps", "200 []"},
    {"ada",
     "PUT /apps/shop {\"uris\":[\"a.cupola.test\",\"b.cupola.test\",\"c.cupola.test\",\"d.cupola.test\","
     "\"e.cupola.test\"]}",
     "403 " OWN(602, "Too many URIs: 5, you're allowed: 4")},
    {"ada", "PUT /apps/shop {\"state\":\"STARTED\",\"instances\":33}",
     "403 " OWN(600, "Not enough memory capacity, you're allowed: 2048M")},
    {"ada", "PUT /apps/shop {\"instances\":2,\"meta\":{\"version\":0}}", "400 " OWN(102, "Optimistic locking failure")},
    {"ada", "PUT /apps/shop {\"env\":[\"A=1\",\"B=2 3\",\"A=1\"],\"meta\":{\"version\":1}}", NOTHING},
    {"ada", "PUT /apps/shop {\"env\":[\"VCAP_A=1\"]}", FORBIDDEN},
    {"ada", "GET /apps/shop", "200 {\"env\":[\"A=1\",\"B=2 3\"],\"instances\":1,\"meta\":{\"version\":2}}"},
    {"ada", "PUT /apps/new-name {\"name\":\"new-name\",\"instances\":1}", APP_NOT_FOUND}, /* vmc rename. */
    {"ada", "GET /apps/shop/application", APP_NOT_FOUND},
    {"ada", "POST /resources {}", "200 []"},
    {"ada", "POST /resources [{\"size\":1,\"sha1\":\"0123\",\"fn\":\"/tmp/x\"}]", "200 []"},
    LEGACY("one", "http://b20nine.com/unknown", "sinatra", "ruby18"),
    LEGACY("two", "nodejs/1.0", "node", "node"),
    LEGACY("three", "rails/1.0", "rails3", "ruby18"),
    LEGACY("four", "spring_web/1.0", "spring", "java"),
    LEGACY("five", "grails/1.0", "grails", "java"),
    LEGACY("six", "lift/1.0", "lift", "java"),
    LEGACY("seven", "java_web/1.0", "java_web", "java"),
    {"ada", "DELETE /apps/shop", NOTHING},
    {"ada", "DELETE /apps/shop", APP_NOT_FOUND},
};

static void apps_are_made_changed_and_deleted(void **state)
{
    PLAY(apps);
}

/* Every command of vmc reads an app, changes it, and writes back all of it. */
static void what_was_read_can_be_written_back(void **state)
{
    struct story *story = *state;
    story_create(story, SHOP);
    story_call(story, "PUT", "/apps/shop", "{\"env\":[\"A=1\"],\"state\":\"STARTED\"}");
    for (int version = 2; version < 5; version++) {
        char part[40];
        snprintf(part, sizeof part, "\"meta\":{\"version\":%d,", version);
        story_expect(story, "GET", "/apps/shop", "", 200, part);
        char *read = memory_copy_text(town_body(&story->town));
        story_expect(story, "PUT", "/apps/shop", read, 200, " ");
        assert_string_equal(town_body(&story->town), " ");
        memory_free(read);
    }
    story_expect(story, "GET", "/apps/shop", "", 200, "\"env\":[\"A=1\"]");
    assert_non_null(strstr(town_body(&story->town), "\"uris\":[\"shop.cupola.test\"],\"instances\":2,"));
    assert_non_null(strstr(town_body(&story->town), "\"state\":\"STARTED\""));
}

/* ---- Files, and an update ---- */

#define HAS                                                                                                            \
    "{\"dea\":\"d\",\"droplet\":1,\"index\":0,\"state\":\"RUNNING\",\"file_uri\":\"http://10.0.0.1:24345/droplets/\"," \
    "\"credentials\":[\"a\",\"b\"],\"staged\":\"shop-0-abc\"}"
#define FILES "GET /apps/shop/instances/"
#define LISTING "app/                                         -\nlogs/                                        -"

static const struct row running[] = {
    {"ada", "POST /apps {\"name\":\"shop\"," NODE ",\"instances\":1,\"resources\":{\"memory\":64}}",
     "302 {\"result\":\"success\"}"},
    {"ada", FILES "0/files/logs", "400 " OWN(305, "Operation not permitted on a stopped app")},
    {"ada", "PUT /apps/shop/update {}", "400 " OWN(305, "Operation not permitted on a stopped app")},
    {"ada", "GET /apps/shop/update", "200 {\"state\":\"CANARY_FAILED\",\"since\":\"*int\"}"},
    {"ada", "GET /apps/shop/instances", "200 {\"instances\":[]}"},
    {"ada", "GET /apps/shop/stats", "200 {}"},
    {"ada", "GET /apps/shop/crashes", "200 {\"crashes\":[]}"},
    {"upload", "shop", "bits"},
    {"staging", "fails", NULL},
    {"ada", "PUT /apps/shop {\"state\":\"STARTED\"}", "500 " OWN(310, "Staging failed: 'no'")},
    {"ada", "GET /apps/shop/update", "200 {\"state\":\"CANARY_FAILED\",\"since\":\"*int\"}"},
    {"staging", "works", NULL},
    {"ada", "PUT /apps/shop {\"state\":\"STARTED\"}", NOTHING},
    {"ada", "GET /apps/shop/instances", "200 {\"instances\":[{\"index\":0,\"state\":\"DOWN\",\"since\":\"*int\"}]}"},
    {"ada", "GET /apps/shop/stats", "200 {\"0\":{\"state\":\"DOWN\",\"since\":\"*int\"}}"},
    {"ada", "GET /apps/shop/update", "200 {\"state\":\"UPDATING\",\"since\":\"*int\"}"},
    {"ada", "PUT /apps/shop/update {\"meta\":{\"version\":1}}", "400 " OWN(102, "Optimistic locking failure")},
    {"ada", "PUT /apps/shop/update {}", "204"},
    {"ada", FILES "0/files/%2Flogs%2Fstdout.log", "500 " OWN(306, "Error retrieving file 'logs/stdout.log'")},
    {"ada", FILES "1/files/logs", "400 " OWN(304, "Could not find instance: '1'")},
    {"ada", FILES "0123456789abcdef0123456789abcdef/files/logs", "500 " OWN(306, "Error retrieving file 'logs'")},
    {"a dea has it", HAS, NULL},
    {"file viewer answers", "HTTP/1.1 200 OK\r\nContent-Length: 93\r\n\r\n" LISTING, NULL},
    {"ada", FILES "0/files", "200 " LISTING},
    {"gateway is told", "GET /droplets/shop-0-abc/ HTTP/1.1\r\n", NULL},
    {"file viewer answers", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n", NULL},
    {"ada", FILES "0/files/%2Flogs%2Fstdout.log", "200 hello\n"},
    {"gateway is told", "GET /droplets/shop-0-abc/logs/stdout.log HTTP/1.1\r\n", NULL},
    {"gateway is told", "Authorization: Basic YTpi\r\n", NULL},
    {"file viewer answers", "HTTP/1.1 404 Not Found\r\nContent-Length: 18\r\n\r\nEntity not found.\n", NULL},
    {"ada", FILES "0/files/none", "404 Entity not found.\n"},
    {"file viewer answers", "HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\n\r\nForbidden\n", NULL},
    {"ada", FILES "0/files/startup", "403 Forbidden\n"},
    {"file viewer answers", "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno", NULL},
    {"ada", FILES "0/files/logs/x", "500 " OWN(306, "Error retrieving file 'logs/x'")},
};

static void files_and_updates(void **state)
{
    PLAY(running);
}

/* ---- Services ---- */

#define ANSWERED(size, body) "HTTP/1.1 200 OK\r\nContent-Length: " #size "\r\n\r\n" body
#define MADE                                                                                                           \
    ANSWERED(82, "{\"service_id\":\"s1\",\"data\":{\"node_id\":\"n\"},\"credentials\":{\"hostname\":\"h\",\"port\":1}" \
                 "}")
#define BOUND ANSWERED(75, "{\"service_id\":\"h1\",\"configuration\":{\"a\":1},\"credentials\":{\"hostname\":\"h2\"}}")
#define DONE ANSWERED(2, "{}")
#define OFFER(more) "POST /services/v1/offerings {\"label\":\"redis-2.2\",\"url\":\"http://10.0.0.5:7000\"" more "}"
#define WANT(name)                                                                                                     \
    "POST /services "                                                                                                  \
    "{\"type\":\"key-value\",\"tier\":\"free\",\"vendor\":\"redis\",\"version\":\"2.2\",\"name\":\"" name "\"}"
#define SERVICE                                                                                                        \
    "{\"name\":\"cache\",\"type\":\"key-value\",\"vendor\":\"redis\",\"version\":\"2.2\",\"tier\":\"free\","           \
    "\"properties\":{},\"meta\":{\"created\":\"*int\",\"updated\":\"*int\",\"tags\":[\"kv\"],\"version\":1}}"
#define NOT_FOUND "404 " OWN(500, "Service not found")

static const struct row services[] = {
    {"nobody", OFFER(""), FORBIDDEN},
    {"gateway", "POST /services/v1/offerings {\"label\":\"mysql-5\",\"url\":\"http://h\"}", FORBIDDEN},
    {"gateway", "POST /services/v1/offerings {\"label\":\"redis\",\"url\":\"http://h\"}", "400 {\"errors\":\"*\"}"},
    {"gateway", "POST /services/v1/offerings {\"label\":\"redis-2.2\",\"url\":7}", "400 {\"errors\":\"*\"}"},
    {"gateway",
     OFFER(",\"description\":\"Keys\",\"info_url\":\"http://i\",\"tags\":[\"kv\"],\"plans\":[\"paid\",\"free\"],"
           "\"plan_options\":{\"size\":[\"s\",\"l\"]},\"binding_options\":[],\"acls\":{\"users\":[],\"wildcards\":["
           "\"*@example.org\"]},\"active\":true"),
     "200 {}"},
    {"ada", "GET /info/services",
     "200 {\"key-value\":{\"redis\":{\"2.2\":{\"id\":\"redis-2.2\",\"vendor\":\"redis\",\"version\":\"2.2\",\"type\":"
     "\"key-value\",\"description\":\"Keys\",\"tiers\":{\"free\":{\"options\":{\"size\":{\"type\":\"value\","
     "\"description\":\"*\",\"values\":[\"s\",\"l\"]}},\"order\":1},\"paid\":{\"options\":{},\"order\":2}}}}}}"},
    {"ada",
     "POST /services {\"type\":\"database\",\"tier\":\"free\",\"vendor\":\"mysql\",\"version\":\"5\",\"name\":\"x\"}",
     NOT_FOUND},
    {"ada", "POST /services {\"vendor\":[]}", "400 {\"description\":\"*\"}"},
    {"gateway answers", "HTTP/1.1 500 No\r\nContent-Length: 33\r\n\r\n{\"code\":30500,\"description\":\"no\"}", NULL},
    /* v1's status is 502, which its first client takes for success. */
    {"ada", WANT("cache"), "500 " OWN(503, "Unexpected response from service gateway")},
    {"gateway answers", MADE, NULL},
    {"ada", WANT("cache"), "200 {}"},
    {"gateway is told", "{\"label\":\"redis-2.2\",\"name\":\"cache\",\"plan\":\"free\",\"email\":\"ada@example.org\"}",
     NULL},
    {"ada", WANT("cache"), "400 {\"description\":\"*\"}"},
    {"ada", "GET /services", "200 [" SERVICE "]"},
    {"ada", "GET /services/cache", "200 " SERVICE},
    {"eve", "GET /services/cache", NOT_FOUND},
    {"ada", "POST /apps {\"name\":\"shop\"," NODE "}", "302 {\"result\":\"success\"}"},
    {"gateway answers", BOUND, NULL},
    {"ada", "PUT /apps/shop {\"services\":[\"cache\"]}", NOTHING},
    {"gateway is told", "{\"service_id\":\"s1\",\"label\":\"redis-2.2\",", NULL},
    {"ada", "GET /apps/shop", "200 {\"services\":[\"cache\"]}"},
    {"gateway", "GET /services/v1/offerings/redis-2.2/handles",
     "200 "
     "{\"handles\":[{\"service_id\":\"s1\",\"configuration\":{\"node_id\":\"n\"},\"credentials\":{\"hostname\":\"h\","
     "\"port\":1}},{\"service_id\":\"h1\",\"configuration\":{\"a\":1},\"credentials\":{\"hostname\":\"h2\"}}]}"},
    {"gateway",
     "POST /services/v1/offerings/redis-2.2/handles/h1 {\"service_id\":\"h1\",\"configuration\":{},\"credentials\":{"
     "\"hostname\":\"h3\"}}",
     "200 {}"},
    {"gateway",
     "POST /services/v1/offerings/redis-2.2/handles/h9 {\"service_id\":\"h9\",\"configuration\":{},\"credentials\":{}}",
     "404 " OWN(501, "Binding not found")},
    {"ada", "POST /services/v1/binding_tokens {\"service_id\":\"s1\",\"binding_options\":{}}",
     "200 {\"label\":\"redis-2.2\",\"binding_token\":\"*\"}"},
    {"nobody", "GET /services/v1/binding_tokens/none", "404 " OWN(502, "Token not found")},
    {"ada", "DELETE /services/v1/binding_tokens/none", "404 " OWN(502, "Token not found")},
    {"ada", "POST /services/v1/bindings/external {\"binding_token\":\"none\",\"app_id\":1}",
     "404 " OWN(502, "Token not found")},
    {"ada", "POST /services/v1/bindings {\"service_id\":\"s1\",\"app_id\":1,\"binding_options\":{}}",
     "200 {\"binding_token\":\"*\",\"label\":\"redis-2.2\"}"},
    {"ada", "POST /services/v1/bindings {\"service_id\":\"s1\",\"app_id\":{}}", "400 {\"errors\":\"*\"}"},
    {"ada", "DELETE /services/v1/bindings/none", "404 " OWN(501, "Binding not found")},
    {"gateway answers", DONE, NULL},
    {"ada", "DELETE /services/cache", "200 {}"},
    {"ada", "DELETE /services/cache", NOT_FOUND},
    {"ada", "GET /apps/shop", "200 {\"services\":[]}"},
    {"gateway answers", MADE, NULL},
    {"ada", "POST /services/v1/configurations {\"label\":\"redis-2.2\",\"name\":\"two\",\"plan\":\"free\"}",
     "200 {\"service_id\":\"s1\",\"data\":{\"node_id\":\"n\"},\"credentials\":{\"hostname\":\"h\",\"port\":1}}"},
    {"gateway answers", DONE, NULL},
    {"ada", "DELETE /services/v1/configurations/s1", "200 {}"},
    {"gateway", OFFER(",\"active\":false"), "200 {}"}, /* As a gateway says when it ends. */
    {"ada", "GET /info/services", "200 {}"},
    {"gateway", "DELETE /services/v1/offerings/redis-2.2", "200 {}"},
    {"gateway", "GET /services/v1/offerings/redis-2.2/handles", NOT_FOUND},
};

static void services_and_their_gateways(void **state)
{
    PLAY(services);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TABLE(name) cmocka_unit_test_setup_teardown(name, begin, story_end)
        TABLE(users_and_tokens),  TABLE(apps_are_made_changed_and_deleted), TABLE(what_was_read_can_be_written_back),
        TABLE(files_and_updates), TABLE(services_and_their_gateways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
