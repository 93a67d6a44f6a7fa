#include "tests/core/health_manager/stage_inside.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/components.h"
#include "core/proto/bus.pb-c.h"
#include "core/proto/config.pb-c.h"
#include "core/wire/json.h"
#include "tests/core/health_manager/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BUS_PORT = 4222 };

/* ---- The bus, spoken by hand ---- */

static void start_bus(struct stage *stage)
{
    Cupola__Endpoint listen = CUPOLA__ENDPOINT__INIT;
    listen.has_port = true;
    listen.port = BUS_PORT;
    Cupola__BusServerConfig config = CUPOLA__BUS_SERVER_CONFIG__INIT;
    config.listen = &listen;
    stage->bus = world_start(stage->world, &bus_server_class, &config.base);
    stage->stream = world_dial(stage->world, BUS_PORT);
    assert_non_null(stage->stream);
    world_send(stage->stream, "CONNECT {\"verbose\":false}\r\nSUB cloudcontroller.desired cc 1\r\n"
                              "SUB cloudcontrollers.hm.requests cc 2\r\nSUB answers.> 3\r\nSUB dea.*.tell 4\r\n"
                              "SUB dea.*.probe 5\r\nSUB vcap.component.announce 6\r\n"
                              "SUB healthmanager.start 7\r\n");
}

void stage_say(struct stage *stage, const char *subject, const char *payload)
{
    struct text line = {0};
    text_addf(&line, "PUB %s %zu\r\n%s\r\n", subject, strlen(payload), payload);
    world_send(stage->stream, text_string(&line));
    text_free(&line);
}

/* ---- The controllers ---- */

void stage_add_app_json(struct text *json, const struct stage_app *app)
{
    text_addf(json,
              "{\"droplet\":%d,\"version\":\"%s\",\"state\":\"%s\",\"instances\":%d,\"last_updated\":%d,"
              "\"framework\":\"node\",\"runtime\":\"node06\",\"memory\":64,\"staged\":%s}",
              app->droplet, app->version, app->state, app->instances, 1000 + app->droplet,
              app->is_staged ? "true" : "false");
    if (app->is_singleton) {
        json->size--; /* Its closing brace. */
        text_add_string(json, ",\"singleton\":true}");
    }
}

static void answer_desired(struct stage *stage, const char *reply, const char *payload)
{
    const char *after = strstr(payload, "\"after_droplet\":");
    int after_droplet = after == NULL ? 0 : atoi(after + strlen("\"after_droplet\":"));
    struct text json = {0};
    text_addf(&json, "{\"sequence\":%d,\"apps\":[", stage->sequence);
    int page = 0;
    bool is_last = true;
    for (int id = after_droplet + 1; id < 1000; id++) {
        for (size_t i = 0; i < stage->app_count; i++) {
            if (stage->apps[i].droplet != id || stage->apps[i].is_gone)
                continue;
            if (page == 2) { /* Small pages, so that there are many. */
                is_last = false;
                continue;
            }
            text_add_string(&json, page++ > 0 ? "," : "");
            stage_add_app_json(&json, &stage->apps[i]);
        }
    }
    text_addf(&json, "],\"last\":%s}", is_last ? "true" : "false");
    stage_say(stage, reply, text_string(&json));
    text_free(&json);
}

static void note_complaint(struct stage *stage, const char *payload)
{
    struct json_error error;
    struct io_bytes bytes = {.data = (const uint8_t *)payload, .size = strlen(payload)};
    Cupola__HealthManagerRequest *request =
        (Cupola__HealthManagerRequest *)json_read(&cupola__health_manager_request__descriptor, bytes, 0, &error);
    if (request == NULL)
        fail_msg("%s: %s", payload, error.text);
    text_addf(&stage->complaints, "%s %d ", request->op, (int)request->droplet);
    if (strcmp(request->op, "START") == 0)
        text_addf(&stage->complaints, "%s ", request->version);
    text_add_char(&stage->complaints, '[');
    for (size_t i = 0; i < request->n_indices; i++)
        text_addf(&stage->complaints, "%s%d", i > 0 ? "," : "", request->indices[i]);
    for (size_t i = 0; i < request->n_instances; i++)
        text_addf(&stage->complaints, "%s%s", i > 0 ? "," : "", request->instances[i]);
    text_addf(&stage->complaints, "]%s: %s\n", request->flapping ? " flapping" : "", request->reason);
    protobuf_c_message_free_unpacked(&request->base, NULL);
}

static void answer_probe(struct stage *stage, const char *reply)
{
    char json[64];
    snprintf(json, sizeof json, "{\"dea\":\"x\",\"verdict\":\"%s\"}", stage->verdict);
    stage_say(stage, reply, json);
}

/* One complete "MSG subject sid [reply] size\r\npayload\r\n"; 0 if there is none yet. */
static size_t take_message(struct stage *stage, const char *bytes)
{
    char subject[128], reply[128] = "", rest[128] = "";
    int sid, size;
    const char *line_end = strstr(bytes, "\r\n");
    if (line_end == NULL)
        return 0;
    size_t head = (size_t)(line_end - bytes) + 2;
    if (strncmp(bytes, "PING", 4) == 0)
        world_send(stage->stream, "PONG\r\n");
    if (strncmp(bytes, "MSG ", 4) != 0)
        return head; /* INFO, PING. */
    char *line = memory_copy_bytes(bytes, head - 2);
    int count = sscanf(line, "MSG %127s %d %127s %127s", subject, &sid, reply, rest);
    memory_free(line);
    assert_true(count >= 3);
    size = atoi(count == 4 ? rest : reply);
    if (strlen(bytes) < head + (size_t)size + 2)
        return 0;
    char *payload = memory_copy_bytes(bytes + head, (size_t)size);
    if (sid == 2 || sid == 3 || sid == 6 || sid == 7)
        text_addf(&stage->heard, "%s %s\n", sid == 3 ? "_INBOX" : subject, payload);
    if (sid == 1 && stage->controllers_answer)
        answer_desired(stage, reply, payload);
    else if (sid == 2)
        note_complaint(stage, payload);
    else if (sid == 3)
        text_addf(&stage->answers, "%s\n", payload);
    else if (sid == 4)
        text_addf(&stage->complaints, "TELL %.1s\n", subject + strlen("dea."));
    else if (sid == 5 && stage->verdict != NULL)
        answer_probe(stage, reply);
    memory_free(payload);
    return head + (size_t)size + 2;
}

void stage_play(struct stage *stage)
{
    world_settle(stage->world);
    struct text *received = world_received(stage->stream);
    size_t taken;
    while (received->size > 0 && (taken = take_message(stage, text_string(received))) > 0)
        text_consume(received, taken);
}

struct text stage_take_heard(struct stage *stage)
{
    stage_play(stage);
    struct text heard = stage->heard;
    stage->heard = (struct text){0};
    return heard;
}

/* ---- Time and expectations ---- */

static void advance(struct stage *stage, uint64_t duration_ns)
{
    const uint64_t slice_ns = 50 * NS_PER_MS;
    while (duration_ns > 0) {
        uint64_t part_ns = duration_ns < slice_ns ? duration_ns : slice_ns;
        world_advance(stage->world, part_ns);
        stage_play(stage);
        duration_ns -= part_ns;
    }
}

void after(struct stage *stage, const char *duration)
{
    char *unit;
    double seconds = strtod(duration, &unit);
    assert_string_equal(unit, "s");
    advance(stage, (uint64_t)(seconds * 1000) * NS_PER_MS);
}

void beats_for(struct stage *stage, const char *line, int seconds)
{
    for (; seconds > 0; seconds -= 10) {
        given(stage, line);
        advance(stage, 10 * NS_PER_S);
    }
}

void expect_complaints(struct stage *stage, const char *lines)
{
    stage_play(stage);
    assert_string_equal(text_string(&stage->complaints), lines);
    text_clear(&stage->complaints);
}

void forget_complaints(struct stage *stage)
{
    text_clear(&stage->complaints);
}

void expect_state(struct stage *stage, int droplet, int index, const char *state)
{
    struct hm_index_view view;
    assert_true(hm_view_index(stage->health_manager, droplet, (size_t)index, &view));
    assert_string_equal(view.state, state);
}

void stage_ask(struct stage *stage, const char *subject, const char *json)
{
    struct text line = {0};
    text_addf(&line, "PUB %s answers.x %zu\r\n%s\r\n", subject, strlen(json), json);
    world_send(stage->stream, text_string(&line));
    text_free(&line);
    stage_play(stage);
}

void expect_answer_part(struct stage *stage, const char *subject, const char *json, const char *part)
{
    stage_ask(stage, subject, json);
    if (strstr(text_string(&stage->answers), part) == NULL)
        fail_msg("not in the answer: %s\n%s", part, text_string(&stage->answers));
    text_clear(&stage->answers);
}

void expect_answers(struct stage *stage, const char *subject, const char *json, const char *answers)
{
    stage_ask(stage, subject, json);
    assert_string_equal(text_string(&stage->answers), answers);
    text_clear(&stage->answers);
}

/* ---- The stage itself ---- */

struct stage *stage_at_start(void)
{
    struct stage *stage = memory_new(sizeof *stage);
    stage->world = world_new();
    stage->sequence = 10;
    stage->controllers_answer = true;
    start_bus(stage);
    health_manager_starts(stage);
    return stage;
}

void health_manager_starts(struct stage *stage)
{
    Cupola__Endpoint server = CUPOLA__ENDPOINT__INIT;
    server.has_port = true;
    server.port = BUS_PORT;
    Cupola__Endpoint *servers[] = {&server};
    Cupola__BusConfig bus = CUPOLA__BUS_CONFIG__INIT;
    bus.servers = servers;
    bus.n_servers = 1;
    Cupola__HealthManagerConfig config = CUPOLA__HEALTH_MANAGER_CONFIG__INIT;
    config.bus = &bus;
    world_restore_saved(stage->world);
    stage->health_manager = world_start(stage->world, &health_manager_class, &config.base);
}

void health_manager_dies(struct stage *stage)
{
    world_kill(stage->world, stage->health_manager);
    stage->health_manager = NULL;
}

struct stage *stage_new(void)
{
    struct stage *stage = stage_at_start();
    after(stage, "40s");
    expect_complaints(stage, "");
    return stage;
}

void stage_free(struct stage *stage)
{
    world_free(stage->world);
    text_free(&stage->complaints);
    text_free(&stage->answers);
    text_free(&stage->heard);
    memory_free(stage);
}

void bus_goes_away(struct stage *stage)
{
    world_kill(stage->world, stage->bus);
    stage_play(stage);
}

void bus_comes_back(struct stage *stage)
{
    start_bus(stage);
}

struct machine *stage_health_manager(struct stage *stage)
{
    return stage->health_manager;
}

size_t stage_warnings(const struct stage *stage)
{
    return world_logged(stage->world, LOG_WARNING);
}

/* ---- Hosts ---- */

struct stage_host *stage_host_of(struct stage *stage, const char *dea)
{
    assert_true(dea[0] >= 'a' && dea[0] <= 'z' && dea[1] == '\0');
    return &stage->hosts[dea[0] - 'a'];
}

void host_starts(struct stage *stage, const char *dea)
{
    struct stage_host *host = stage_host_of(stage, dea);
    Cupola__Endpoint endpoint = CUPOLA__ENDPOINT__INIT;
    endpoint.has_port = true;
    endpoint.port = (uint32_t)(FIRST_HOST_PORT + dea[0]);
    host->has_lease = true;
    host->lives++;
    host->sequence = 0;
    host->machine = world_start(stage->world, &fake_host_class, &endpoint.base);
    snprintf(fake_host_of(host->machine)->life, sizeof fake_host_of(host->machine)->life, "life%d", host->lives);
}

void host_stalls(struct stage *stage, const char *dea, bool stalls)
{
    fake_host_of(stage_host_of(stage, dea)->machine)->is_stalled = stalls;
}

void host_loses_agent(struct stage *stage, const char *dea)
{
    world_kill(stage->world, stage_host_of(stage, dea)->machine);
    stage_host_of(stage, dea)->machine = NULL;
    stage_play(stage);
}

/* Its end of the connections goes without a word: here it just never answers again. */
void host_dies(struct stage *stage, const char *dea)
{
    if (stage_host_of(stage, dea)->machine != NULL)
        host_stalls(stage, dea, true);
    world_swallow(stage->world, (uint16_t)(FIRST_HOST_PORT + dea[0]), true);
}

void host_comes_back(struct stage *stage, const char *dea)
{
    world_swallow(stage->world, (uint16_t)(FIRST_HOST_PORT + dea[0]), false);
    host_stalls(stage, dea, false);
}

bool host_hears_unable(struct stage *stage, const char *dea)
{
    return fake_host_of(stage_host_of(stage, dea)->machine)->hears_unable;
}

unsigned host_grants(struct stage *stage, const char *dea)
{
    return fake_host_of(stage_host_of(stage, dea)->machine)->grants;
}

void expect_host(struct stage *stage, const char *dea, const char *state)
{
    stage_play(stage);
    assert_string_equal(hm_view_host_state(stage->health_manager, dea), state);
}

void descriptors_run_out(struct stage *stage, bool run_out)
{
    world_lacks_descriptors(stage->world, run_out);
}

void helpers_say(struct stage *stage, const char *verdict)
{
    stage->verdict = verdict;
}

/* ---- Other health managers ---- */

void other_beats_for(struct stage *stage, bool is_elder, int seconds)
{
    char json[128];
    snprintf(json, sizeof json, "{\"id\":\"other\",\"since_ns\":%s,\"is_ready\":true}",
             is_elder ? "1" : "1900000000000000000");
    for (int i = 0; i < 2 * seconds; i++) {
        stage_say(stage, "healthmanager.beat", json);
        advance(stage, 500 * NS_PER_MS);
    }
}
