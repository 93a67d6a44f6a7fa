/* The lines of stories, as stage.h lists them, become words on the bus. */
#include "tests/core/health_manager/stage_inside.h"

#include "core/base/memory.h"
#include "tests/core/health_manager/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct stage_app *find_app(struct stage *stage, int droplet)
{
    for (size_t i = 0; i < stage->app_count; i++)
        if (stage->apps[i].droplet == droplet)
            return &stage->apps[i];
    assert_true(stage->app_count < MAX_STAGE_APPS);
    struct stage_app *app = &stage->apps[stage->app_count++];
    *app = (struct stage_app){.droplet = droplet};
    return app;
}

static void given_app(struct stage *stage, const char *line)
{
    char version[16] = "", what[16] = "";
    int droplet;
    assert_true(sscanf(line, "app %d %15s %15s", &droplet, version, what) >= 2);
    struct stage_app *app = find_app(stage, droplet);
    app->is_gone = strcmp(version, "deleted") == 0;
    app->is_staged = strcmp(what, "settling") != 0;
    snprintf(app->version, sizeof app->version, "%s", version);
    snprintf(app->state, sizeof app->state, "%s", strcmp(what, "stopped") == 0 ? "STOPPED" : "STARTED");
    app->is_singleton = strstr(line, " singleton") != NULL;
    app->instances = what[0] == 'x' ? atoi(what + 1) : 1;
    int previous = stage->sequence;
    stage->sequence += 3; /* Other changes of the journal lie between. */
    if (strstr(line, " untold") != NULL)
        return;
    struct text json = {0};
    text_addf(&json, "{\"droplet\":%d,\"sequence\":%d,\"previous\":%d", droplet, stage->sequence, previous);
    if (!app->is_gone) {
        text_add_string(&json, ",\"app\":");
        stage_add_app_json(&json, app);
    }
    text_add_char(&json, '}');
    stage_say(stage, "droplet.updated", text_string(&json));
    text_free(&json);
}

static void add_beat(struct text *json, const char *entry)
{
    char version[16], id[40], state[16], first[24] = "", second[24] = "";
    int droplet, index;
    assert_true(sscanf(entry, " %d/%d %15s %39s %15s %23s %23s", &droplet, &index, version, id, state, first, second) >=
                5);
    text_addf(json, "{\"droplet\":%d,\"index\":%d,\"version\":\"%s\",\"instance\":\"%s\",\"state\":\"%s\"", droplet,
              index, version, id, state);
    const char *marks[] = {first, second};
    int timestamp = WALL_START_S;
    for (int i = 0; i < 2; i++) {
        if (marks[i][0] == 'e')
            text_addf(json, ",\"epoch\":%s", marks[i] + 1);
        else if (marks[i][0] == 't')
            timestamp = atoi(marks[i] + 1);
    }
    text_addf(json, ",\"state_timestamp\":%d}", timestamp);
}

/* What a DEA with a lease adds to its words. */
static void add_signature(struct stage *stage, struct text *json, const char *dea, bool is_told)
{
    if (dea[0] == '\0' || dea[1] != '\0' || !stage_host_of(stage, dea)->has_lease)
        return;
    struct stage_host *host = stage_host_of(stage, dea);
    host->sequence += is_told;
    if (host->machine != NULL)
        fake_host_of(host->machine)->sequence = host->sequence;
    text_addf(json, ",\"lease_address\":\"127.0.0.1:%d\",\"life\":\"life%d\",\"sequence\":%d", FIRST_HOST_PORT + dea[0],
              host->lives, host->sequence);
}

static void given_heartbeat(struct stage *stage, const char *dea, const char *entries, bool is_complete)
{
    struct text json = {0};
    text_add_string(&json, "{\"droplets\":[");
    char *copy = memory_copy_text(entries);
    char *rest = NULL;
    bool is_first = true;
    for (char *entry = strtok_r(copy, ";", &rest); entry != NULL; entry = strtok_r(NULL, ";", &rest)) {
        if (strspn(entry, " ") == strlen(entry))
            continue;
        text_add_string(&json, is_first ? "" : ",");
        is_first = false;
        add_beat(&json, entry);
    }
    memory_free(copy);
    text_add_char(&json, ']');
    if (dea[0] != '\0')
        text_addf(&json, ",\"dea\":\"%s\"", dea);
    if (is_complete)
        text_add_string(&json, ",\"complete\":true");
    add_signature(stage, &json, dea, !is_complete);
    text_add_char(&json, '}');
    stage_say(stage, "dea.heartbeat", text_string(&json));
    text_free(&json);
}

static void given_exit(struct stage *stage, const char *line)
{
    char version[16], id[40], reason[24], from[8] = "", dea[8] = "", lost[8] = "";
    int droplet, index;
    assert_true(sscanf(line, "exit %d/%d %15s %39s %23s %7s %7s %7s", &droplet, &index, version, id, reason, from, dea,
                       lost) >= 5);
    struct text json = {0};
    text_addf(&json,
              "{\"droplet\":%d,\"version\":\"%s\",\"instance\":\"%s\",\"index\":%d,\"reason\":\"%s\","
              "\"crash_timestamp\":1234",
              droplet, version, id, index, reason);
    if (dea[0] != '\0')
        text_addf(&json, ",\"dea\":\"%s\"", dea);
    add_signature(stage, &json, dea, true);
    text_add_char(&json, '}');
    if (lost[0] == '\0')
        stage_say(stage, "droplet.exited", text_string(&json));
    text_free(&json);
}

static void given_from_dea(struct stage *stage, const char *line)
{
    char word[16], name[16];
    int used = 0;
    assert_true(sscanf(line, "%15s %15s%n", word, name, &used) == 2);
    if (strcmp(word, "back") == 0) {
        struct text json = {0};
        text_addf(&json, "{\"id\":\"%s\",\"ip\":\"10.0.0.1\",\"port\":1,\"version\":0.99", name);
        if (stage_host_of(stage, name)->has_lease)
            text_addf(&json, ",\"lease_address\":\"127.0.0.1:%d\",\"life\":\"life%d\"", FIRST_HOST_PORT + name[0],
                      stage_host_of(stage, name)->lives);
        text_add_char(&json, '}');
        stage_say(stage, "dea.start", text_string(&json));
        text_free(&json);
    } else {
        given_heartbeat(stage, name, line + used, strcmp(word, "dea") == 0);
    }
}

void given(struct stage *stage, const char *line)
{
    int number;
    if (strncmp(line, "app ", 4) == 0) {
        given_app(stage, line);
    } else if (strncmp(line, "exit ", 5) == 0) {
        given_exit(stage, line);
    } else if (strncmp(line, "v1dea ", 6) == 0) {
        given_heartbeat(stage, "", line + 6, false);
    } else if (strcmp(line, "beat") == 0) {
        char json[64];
        snprintf(json, sizeof json, "{\"sequence\":%d,\"is_beat\":true}", stage->sequence);
        stage_say(stage, "droplet.updated", json);
    } else if (sscanf(line, "updated %d", &number) == 1) {
        char json[32];
        snprintf(json, sizeof json, "{\"droplet\":%d}", number);
        stage_say(stage, "droplet.updated", json);
    } else if (sscanf(line, "controllers at %d", &number) == 1) {
        stage->sequence = number;
    } else if (strncmp(line, "controllers ", 12) == 0) {
        stage->controllers_answer = strcmp(line, "controllers answer") == 0;
    } else {
        given_from_dea(stage, line);
    }
    stage_play(stage);
}
