/* The bus of the stage: just enough of the NATS protocol, and what the DEA said there. */
#include "tests/core/dea/stage_inside.h"

#include "core/base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void bus_line(struct stage *stage, uint32_t id, const char *line)
{
    struct text *inbound = &stage->conns[id].inbound;
    char subject[96];
    unsigned long long number;
    if (strncmp(line, "PING", 4) == 0) {
        text_add_string(inbound, "PONG\r\n");
    } else if (sscanf(line, "SUB %95s %llu", subject, &number) == 2) {
        assert_that(stage->subscription_count < STAGE_SUBSCRIPTIONS);
        strcpy(stage->subscriptions[stage->subscription_count].subject, subject);
        stage->subscriptions[stage->subscription_count++].id = number;
    }
    if (sscanf(line, "UNSUB %llu", &number) == 1) {
        for (size_t i = 0; i < stage->subscription_count; i++)
            if (stage->subscriptions[i].id == number)
                stage->subscriptions[i] = stage->subscriptions[--stage->subscription_count];
    }
    stage_feed(stage, id);
}

static void note_question(struct stage *stage, const char *subject, const char *reply)
{
    if (stage->asked_count == STAGE_QUESTIONS) {
        stage->asked_count--;
        memmove(&stage->asked[0], &stage->asked[1], sizeof stage->asked - sizeof stage->asked[0]);
    }
    snprintf(stage->asked[stage->asked_count].subject, sizeof stage->asked[0].subject, "%.90s", subject);
    snprintf(stage->asked[stage->asked_count++].reply, sizeof stage->asked[0].reply, "%.60s", reply);
}

void stage_bus_hear(struct stage *stage, uint32_t id)
{
    struct text *out = &stage->conns[id].outbound;
    for (;;) {
        const char *line = text_string(out);
        const char *end = strstr(line, "\r\n");
        if (end == NULL)
            return;
        size_t size = (size_t)(end - line) + 2;
        char subject[128], second[128];
        size_t payload;
        if (strncmp(line, "PUB ", 4) == 0) {
            int fields = sscanf(line, "PUB %127s %127s %zu\r\n", subject, second, &payload);
            if (fields < 3)
                payload = strtoul(second, NULL, 10);
            else if (out->size >= size + payload + 2)
                note_question(stage, subject, second);
            if (out->size < size + payload + 2)
                return;
            text_addf(&stage->said, "%s %.*s\n", subject, (int)payload, line + size);
            size += payload + 2;
        } else {
            bus_line(stage, id, line);
        }
        text_consume(out, size);
    }
}

void stage_tell(struct stage *stage, const char *subject, const char *reply, const char *payload)
{
    for (size_t i = 0; i < stage->subscription_count; i++) {
        if (strcmp(stage->subscriptions[i].subject, subject) != 0)
            continue;
        for (uint32_t id = 0; id < STAGE_CONNS; id++) {
            struct stage_conn *conn = &stage->conns[id];
            if (conn->port != STAGE_PORT_BUS || !conn->is_open)
                continue;
            text_addf(&conn->inbound, "MSG %s %llu %s%s%zu\r\n%s\r\n", subject,
                      (unsigned long long)stage->subscriptions[i].id, reply == NULL ? "" : reply,
                      reply == NULL ? "" : " ", strlen(payload), payload);
            stage_feed(stage, id);
        }
    }
    stage_settle(stage);
}

void stage_order(struct stage *stage, int index, int epoch)
{
    stage_order_with(stage, index, epoch, "");
}

void stage_order_with(struct stage *stage, int index, int epoch, const char *members)
{
    char payload[2048];
    snprintf(payload, sizeof payload,
             "{\"droplet\":7,\"name\":\"hello\",\"uris\":[\"hello.cupola.test\"],\"runtime\":\"node\","
             "\"framework\":\"node\",\"sha1\":\"" STAGE_DIGEST "\",\"executableFile\":\"/none\","
             "\"executableUri\":\"http://127.0.0.1:9022/staged_droplets/7/" STAGE_DIGEST "\","
             "\"version\":\"" STAGE_DIGEST "-1\",\"services\":[],\"limits\":{\"mem\":64,\"disk\":128,\"fds\":256},"
             "\"env\":[\"FOO=bar baz\",\"QUOTED='x y'\",\"nonsense\"],\"users\":[\"foo@bar.com\"],\"index\":%d,"
             "\"epoch\":%d%s}",
             index, epoch, members);
    stage_tell(stage, "dea." STAGE_UUID ".start", NULL, payload);
}

void stage_forget(struct stage *stage)
{
    text_clear(&stage->said);
}

/* The next line of that subject with that part, from `at`; NULL: none. */
static const char *next_said(const char *at, const char *subject, const char *part)
{
    while (*at != 0) {
        size_t size = strcspn(at, "\n");
        size_t subject_size = strlen(subject);
        const char *found = strstr(at, part);
        if (strncmp(at, subject, subject_size) == 0 && at[subject_size] == ' ' && found != NULL && found < at + size)
            return at;
        at += size + (at[size] == '\n');
    }
    return NULL;
}

size_t stage_heard(const struct stage *stage, const char *subject, const char *part)
{
    size_t count = 0;
    const char *at = text_string(&stage->said);
    while ((at = next_said(at, subject, part)) != NULL) {
        count++;
        at += strcspn(at, "\n");
    }
    return count;
}

bool stage_heard_before(const struct stage *stage, const char *earlier, const char *later)
{
    const char *first = next_said(text_string(&stage->said), earlier, "");
    const char *second = next_said(text_string(&stage->said), later, "");
    return first != NULL && second != NULL && first < second;
}
