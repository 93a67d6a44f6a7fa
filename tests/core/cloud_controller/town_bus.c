/* The bus of the town: just enough of the NATS protocol. */
#include "tests/core/cloud_controller/town_inside.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct town_conn *town_bus_conn(struct town_controller *controller)
{
    for (size_t i = 0; i < TOWN_CONNS; i++)
        if (controller->conns[i].id != 0 && controller->conns[i].port == 4222 && controller->conns[i].is_open)
            return &controller->conns[i];
    return NULL;
}

static bool matches(const char *pattern, const char *subject)
{
    size_t size = strlen(pattern);
    if (size > 0 && (pattern[size - 1] == '*' || pattern[size - 1] == '>'))
        return strncmp(pattern, subject, size - 1) == 0;
    return strcmp(pattern, subject) == 0;
}

static void deliver(struct town_controller *controller, uint64_t id, const char *subject, const char *reply,
                    const char *payload)
{
    struct town_conn *conn = town_bus_conn(controller);
    if (conn == NULL)
        return;
    struct text line = {0};
    text_addf(&line, "MSG %s %llu %s%s%zu\r\n%s\r\n", subject, (unsigned long long)id, reply, *reply != '\0' ? " " : "",
              strlen(payload), payload);
    town_push_bytes(controller, conn, text_string(&line), line.size);
    text_free(&line);
}

/* Of a queue group the first member hears it. */
static void publish(struct town *town, const char *subject, const char *reply, const char *payload, bool to_all)
{
    text_addf(&town->said, "%s %s\n", subject, payload);
    if (*reply != '\0')
        snprintf(town->asks_back, sizeof town->asks_back, "%s", reply);
    const char *served = "";
    for (size_t i = 0; i < town->controller_count; i++) {
        struct town_controller *controller = &town->controllers[i];
        for (size_t j = 0; j < TOWN_SUBSCRIPTIONS && controller->machine != NULL; j++) {
            if (!controller->subscriptions[j].used || !matches(controller->subscriptions[j].subject, subject))
                continue;
            if (*controller->subscriptions[j].queue != '\0' && *served != '\0' && !to_all)
                continue;
            if (*controller->subscriptions[j].queue != '\0')
                served = controller->subscriptions[j].queue;
            deliver(controller, controller->subscriptions[j].id, subject, reply, payload);
        }
    }
    for (size_t i = 0; i < town->answer_count && *reply != '\0'; i++)
        if (matches(town->answers[i].subject, subject))
            for (size_t times = 0; times < town->answers[i].times; times++)
                publish(town, reply, "", text_string(&town->answers[i].payload), false);
}

static void subscribe(struct town_controller *controller, char *arguments[], size_t count)
{
    for (size_t i = 0; i < TOWN_SUBSCRIPTIONS; i++) {
        if (controller->subscriptions[i].used)
            continue;
        controller->subscriptions[i].used = true;
        snprintf(controller->subscriptions[i].subject, sizeof controller->subscriptions[i].subject, "%s", arguments[0]);
        snprintf(controller->subscriptions[i].queue, sizeof controller->subscriptions[i].queue, "%s",
                 count == 3 ? arguments[1] : "");
        controller->subscriptions[i].id = strtoull(arguments[count - 1], NULL, 10);
        return;
    }
    assert_unreachable();
}

static void unsubscribe(struct town_controller *controller, uint64_t id)
{
    for (size_t i = 0; i < TOWN_SUBSCRIPTIONS; i++)
        if (controller->subscriptions[i].used && controller->subscriptions[i].id == id)
            controller->subscriptions[i].used = false;
}

static size_t split(char *line, char *ret_words[5])
{
    size_t count = 0;
    for (char *word = strtok(line, " "); word != NULL && count < 5; word = strtok(NULL, " "))
        ret_words[count++] = word;
    return count;
}

/* One line that the controller wrote, and the payload behind it. False: not whole yet. */
static bool take_line(struct town_controller *controller, struct town_conn *conn)
{
    const char *bytes = text_string(&conn->outbound);
    const char *end = strstr(bytes, "\r\n");
    if (end == NULL)
        return false;
    char *line = memory_copy_bytes(bytes, (size_t)(end - bytes));
    size_t used = (size_t)(end - bytes) + 2;
    char *words[5] = {NULL};
    size_t count = split(line, words);
    bool is_whole = true;
    if (count == 0) {
        /* An empty line. */
    } else if (strcmp(words[0], "PUB") == 0) {
        size_t size = strtoul(words[count - 1], NULL, 10);
        is_whole = conn->outbound.size >= used + size + 2;
        if (is_whole) {
            char *payload = memory_copy_bytes(bytes + used, size);
            text_consume(&conn->outbound, used + size + 2);
            publish(controller->town, words[1], count == 4 ? words[2] : "", payload, false);
            memory_free(payload);
            used = 0;
        }
    } else if (strcmp(words[0], "SUB") == 0) {
        subscribe(controller, words + 1, count - 1);
    } else if (strcmp(words[0], "UNSUB") == 0 && count == 2) {
        unsubscribe(controller, strtoull(words[1], NULL, 10));
    } else if (strcmp(words[0], "PING") == 0) {
        town_push_bytes(controller, conn, "PONG\r\n", 6);
    }
    memory_free(line);
    if (is_whole)
        text_consume(&conn->outbound, used);
    return is_whole;
}

void town_bus_take(struct town_controller *controller, struct town_conn *conn)
{
    while (take_line(controller, conn))
        ;
}

/* ---- For tests ---- */

void town_answer_times(struct town *town, const char *subject, const char *payload, size_t times)
{
    struct town_answer *answer = NULL;
    for (size_t i = 0; i < town->answer_count; i++)
        if (strcmp(town->answers[i].subject, subject) == 0)
            answer = &town->answers[i];
    if (answer == NULL) {
        assert_that(town->answer_count < TOWN_ANSWERS);
        answer = &town->answers[town->answer_count++];
    }
    snprintf(answer->subject, sizeof answer->subject, "%s", subject);
    text_clear(&answer->payload);
    text_add_string(&answer->payload, payload);
    answer->times = times;
}

char *town_droplet_path(const struct town *town)
{
    const char *uri = strstr(text_string(&town->said), "\"executableUri\":\"http://");
    assert_that(uri != NULL);
    const char *path = strchr(uri + strlen("\"executableUri\":\"http://"), '/');
    return memory_copy_bytes(path, strcspn(path, "\""));
}

void town_answer_also(struct town *town, const char *subject, const char *payload)
{
    assert_that(town->answer_count < TOWN_ANSWERS);
    struct town_answer *answer = &town->answers[town->answer_count++];
    snprintf(answer->subject, sizeof answer->subject, "%s", subject);
    text_clear(&answer->payload);
    text_add_string(&answer->payload, payload);
    answer->times = 1;
}

void town_answer(struct town *town, const char *subject, const char *payload)
{
    town_answer_times(town, subject, payload, 1);
}

void town_forget_answers(struct town *town)
{
    for (size_t i = 0; i < town->answer_count; i++)
        text_free(&town->answers[i].payload);
    town->answer_count = 0;
}

void town_tell(struct town *town, const char *subject, const char *payload)
{
    publish(town, subject, "", payload, false);
    town_settle(town);
}

void town_tell_all(struct town *town, const char *subject, const char *payload)
{
    publish(town, subject, "", payload, true);
    town_settle(town);
}

size_t town_heard(const struct town *town, const char *subject, const char *part)
{
    size_t count = 0;
    size_t subject_size = strlen(subject);
    const char *line = text_string(&town->said);
    while (*line != '\0') {
        const char *end = strchr(line, '\n');
        const char *found = strstr(line, part);
        if (strncmp(line, subject, subject_size) == 0 && line[subject_size] == ' ' && found != NULL && found <= end)
            count++;
        line = end + 1;
    }
    return count;
}

void town_forget(struct town *town)
{
    text_clear(&town->said);
}
