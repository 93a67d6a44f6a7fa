#include "tests/core/cloud_controller/story.h"

#include "core/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

int story_begin(void **state)
{
    struct story *story = memory_new(sizeof *story);
    *state = story;
    town_open(&story->town);
    town_answer(&story->town, "dea.discover", HELLO);
    story->ada = town_token(&story->town, "ada@example.org");
    return 0;
}

int story_begin_with_all(void **state)
{
    story_begin(state);
    struct story *story = *state;
    story->eve = town_token(&story->town, "eve@example.org");
    story->admin = town_token(&story->town, "admin@example.org");
    return 0;
}

int story_end(void **state)
{
    struct story *story = *state;
    town_close(&story->town);
    memory_free(story->ada);
    memory_free(story->eve);
    memory_free(story->admin);
    memory_free(story);
    return 0;
}

void story_trust_gateway(struct story *story)
{
    static Cupola__ServiceConfig redis;
    static Cupola__ServiceConfig *services[] = {&redis};
    cupola__service_config__init(&redis);
    redis.name = (char *)(uintptr_t) "redis";
    redis.token = (char *)(uintptr_t) "shared";
    town_kill(&story->town.controllers[0]);
    story->town.config.builtin_services = services;
    story->town.config.n_builtin_services = 1;
    town_revive(&story->town.controllers[0]);
}

int story_call(struct story *story, const char *method, const char *path, const char *body)
{
    return town_request(&story->town, story->ada, method, path, body);
}

void story_expect_as(struct story *story, const char *token, const char *method, const char *path, const char *body,
                     int status, const char *part)
{
    int found = town_request(&story->town, token, method, path, body);
    if (found != status || strstr(town_body(&story->town), part) == NULL)
        fail_msg("%s %s %s: expected %d %s, found %d %s", method, path, body, status, part, found,
                 town_body(&story->town));
}

void story_expect(struct story *story, const char *method, const char *path, const char *body, int status,
                  const char *part)
{
    story_expect_as(story, story->ada, method, path, body, status, part);
}

void story_create(struct story *story, const char *description)
{
    assert_int_equal(story_call(story, "POST", "/apps", description), 302);
    assert_int_equal(town_upload(&story->town, story->ada, "shop", "bits"), 200);
}

void story_push(struct story *story, const char *description)
{
    story_create(story, description);
    assert_int_equal(story_call(story, "PUT", "/apps/shop", "{\"state\":\"STARTED\"}"), 200);
}

void story_push_long_ago(struct story *story, const char *description)
{
    story_push(story, description);
    town_pass_ms(&story->town, 10000);
    town_forget(&story->town);
}

struct controller_app_view story_look_at(const struct story *story, size_t controller)
{
    struct controller_app_view view;
    assert_true(controller_view_find_app(story->town.controllers[controller].machine, "shop", &view));
    return view;
}

struct controller_app_view story_look(const struct story *story)
{
    return story_look_at(story, 0);
}

void story_let_run(struct story *story, int count)
{
    for (int i = 0; i < count; i++) {
        char found[120];
        snprintf(found, sizeof found, "{\"dea\":\"dea1\",\"droplet\":1,\"index\":%d,\"state\":\"RUNNING\"}", i);
        town_answer_also(&story->town, "dea.find.droplet", found);
    }
}

const char *story_with_version(const struct story *story, const char *before, const char *after)
{
    static char text[1000];
    snprintf(text, sizeof text, "%s\"version\":\"%s\"%s", before, story_look(story).version, after);
    return text;
}

void story_complain(struct story *story, const char *indices)
{
    char after[100];
    snprintf(after, sizeof after, ",\"indices\":%s}", indices);
    town_tell(&story->town, "cloudcontrollers.hm.requests",
              story_with_version(story, "{\"droplet\":1,\"op\":\"start\",\"last_updated\":1,", after));
}
