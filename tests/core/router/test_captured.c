/* What a router of 2011 was told on a real bus, and what it made of it: ours makes the same of it ("table": how many
 * hosts, and the ports behind each). */
#include "tests/core/router/rig.h"
#include "tests/support/captured.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUTE(subject, port, uris, more)                                                                               \
    "> router." subject " {\"dea\":\"d6cd1c163b4b77311bc5d8b8fecb6d4a\",\"host\":\"127.0.0.1\",\"port\":" #port        \
    ",\"uris\":[" uris "]" more "}"
#define REGISTER(port, uris)                                                                                           \
    ROUTE("register", port, uris, ",\"tags\":{\"framework\":\"sinatra\",\"runtime\":\"python3\"}")
#define UNREGISTER(port, uris) ROUTE("unregister", port, uris, "")
#define BOTH "\"hello.vcap.me\",\"Alias.vcap.me\""

static const char *const a_life[] = {
    "! it starts",
    "< vcap.component.announce "
    "{\"type\":\"Router\",\"index\":null,\"uuid\":\"*\",\"host\":\"*\",\"credentials\":[\"*\","
    "\"*\"],\"start\":\"*\"}",
    "< router.start {\"id\":\"*\",\"version\":0.98}",
    "< table {\"hosts\":0}",
    "? vcap.component.discover ",
    "< _INBOX {\"type\":\"Router\",\"uuid\":\"*\",\"host\":\"*\",\"credentials\":[\"*\",\"*\"],\"start\":\"*\","
    "\"uptime\":\"*\"}",
    "> router.register {\"host\": \"127.0.0.1\", \"port\": 24022, \"uris\": [\"api.vcap.me\"], \"tags\": "
    "{\"component\": \"CloudController\"}}",
    "< table {\"hosts\":1,\"api.vcap.me\":[24022]}",
    REGISTER(39039, BOTH),
    "< table {\"hosts\":3,\"hello.vcap.me\":[39039],\"alias.vcap.me\":[39039]}",
    REGISTER(36113, BOTH),
    "< table {\"hosts\":3,\"hello.vcap.me\":[39039,36113],\"alias.vcap.me\":[39039,36113]}",
    /* Said again, it changes nothing. */
    REGISTER(36113, BOTH),
    REGISTER(39039, "\"new.vcap.me\""),
    "< table {\"hosts\":4,\"new.vcap.me\":[39039]}",
    UNREGISTER(39039, "\"Alias.vcap.me\""),
    "< table {\"hosts\":4,\"alias.vcap.me\":[36113]}",
    REGISTER(36113, "\"new.vcap.me\""),
    "< table {\"hosts\":4,\"new.vcap.me\":[39039,36113]}",
    /* The last endpoint of a host: v1 answers 404 from then on, ours remembers that there was one. */
    UNREGISTER(36113, "\"Alias.vcap.me\""),
    "< table {\"hosts\":3}",
    REGISTER(39039, ""),
    UNREGISTER(39039, "\"hello.vcap.me\",\"new.vcap.me\""),
    "< table {\"hosts\":3,\"hello.vcap.me\":[36113],\"new.vcap.me\":[36113]}",
    /* What deafened v1's router for good: nonsense. */
    "> router.register {\"host\":\"127.0.0.1\",\"port\":39039}",
    "> router.register {\"host\":\"127.0.0.1\",\"port\":39039,\"uris\":\"hello.vcap.me\"}",
    "> router.register {\"host\":\"127.0.0.1\",\"port\":39039,\"uris\":[null]}",
    "> router.unregister []",
    "> router.register ",
    "> router.unregister {",
    UNREGISTER(36113, "\"hello.vcap.me\",\"new.vcap.me\""),
    "< table {\"hosts\":1,\"api.vcap.me\":[24022]}",
    NULL,
};

struct listener {
    struct rig *rig;
    size_t heard; /* Of what the router has said. */
    char table[1000];
};

/* As JSON; the hosts and their endpoints in the order of the table. */
static void write_table(const struct rig *rig, char *ret_json, size_t size)
{
    struct route_cursor cursor = {0};
    struct route_view view;
    char last[100] = "";
    size_t used = (size_t)snprintf(ret_json, size, "{\"hosts\":%zu", router_route_count(rig->machine));
    while (router_next_route(rig->machine, &cursor, &view)) {
        if (strcmp(view.host, last) != 0)
            used += (size_t)snprintf(ret_json + used, size - used, "%s,\"%s\":[%u", last[0] == 0 ? "" : "]", view.host,
                                     view.endpoint_port);
        else
            used += (size_t)snprintf(ret_json + used, size - used, ",%u", view.endpoint_port);
        snprintf(last, sizeof last, "%s", view.host);
    }
    snprintf(ret_json + used, size - used, "%s}", last[0] == 0 ? "" : "]");
}

static void say(void *world, const char *subject, const char *reply, const char *payload)
{
    struct listener *listener = world;
    if (reply == NULL)
        rig_publish(listener->rig, subject, payload);
    else
        rig_ask(listener->rig, subject, reply, payload);
}

static void happen(void *world, const char *words)
{
    struct listener *listener = world;
    assert_string_equal(words, "it starts");
    rig_run(listener->rig);
}

/* "PUB subject [reply] size\r\npayload\r\n" of all that it has said since. */
static struct text take_said(void *world)
{
    struct listener *listener = world;
    struct text said = {0};
    const char *all = rig_bus_said(listener->rig);
    const char *at = all + listener->heard;
    while ((at = strstr(at, "PUB ")) != NULL) {
        char subject[100], second[100] = "", third[100] = "";
        char *line = memory_copy_bytes(at, strcspn(at, "\r"));
        int count = sscanf(line, "PUB %99s %99s %99s", subject, second, third);
        size_t size = strtoul(count == 3 ? third : second, NULL, 10);
        at += strlen(line) + 2;
        memory_free(line);
        text_addf(&said, "%s %.*s\n", subject, (int)size, at);
        at += size;
    }
    listener->heard = strlen(all);
    char table[sizeof listener->table];
    write_table(listener->rig, table, sizeof table);
    if (strcmp(table, listener->table) != 0)
        text_addf(&said, "table %s\n", table);
    memcpy(listener->table, table, sizeof table);
    return said;
}

static void a_router_makes_the_same_of_what_it_hears(void **state)
{
    (void)state;
    struct listener listener = {.rig = rig_new()};
    struct captured_world world = {.world = &listener, .say = say, .happen = happen, .take_said = take_said};
    captured_play(&world, a_life);
    rig_free(listener.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_router_makes_the_same_of_what_it_hears),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
