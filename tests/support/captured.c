#include "tests/support/captured.h"

#include "core/base/memory.h"
#include "core/wire/json/parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* ---- Payloads ---- */

static bool is_text(struct io_bytes json, const char *text)
{
    return json.size == strlen(text) && memcmp(json.data, text, json.size) == 0;
}

static bool is_number(struct io_bytes json, bool is_whole)
{
    size_t size = json.size;
    for (size_t i = 0; i < size; i++)
        if (strchr(is_whole ? "-0123456789" : "-+.eE0123456789", json.data[i]) == NULL)
            return false;
    return size > 0;
}

struct members {
    struct io_bytes found;
    struct text *ret_why;
    bool match;
};

static void look_at_member(void *context, const char *key, struct io_bytes value)
{
    struct members *members = context;
    struct io_bytes found;
    if (!members->match || is_text(value, "null"))
        return;
    if (!json_find_member(members->found, key, &found)) {
        members->match = false;
        text_addf(members->ret_why, "%s is missing", key);
        return;
    }
    members->match = captured_matches(value, found, members->ret_why);
    if (!members->match)
        text_addf(members->ret_why, " (in %s)", key);
}

static bool arrays_match(struct io_bytes expected, struct io_bytes found, struct text *ret_why)
{
    struct io_bytes *wanted, *given;
    size_t wanted_count, given_count;
    if (!json_split_array(expected, &wanted, &wanted_count))
        fail_msg("no JSON: %.*s", (int)expected.size, (const char *)expected.data);
    if (!json_split_array(found, &given, &given_count)) {
        memory_free(wanted);
        text_add_string(ret_why, "no array");
        return false;
    }
    bool match = wanted_count == given_count;
    if (!match)
        text_addf(ret_why, "%zu elements instead of %zu", given_count, wanted_count);
    for (size_t i = 0; match && i < wanted_count; i++)
        match = captured_matches(wanted[i], given[i], ret_why);
    memory_free(wanted);
    memory_free(given);
    return match;
}

/* A member that is null with v1 may be absent: whoever reads it finds nothing either way. */
bool captured_matches(struct io_bytes expected, struct io_bytes found, struct text *ret_why)
{
    if (expected.size == 0 || found.size == 0)
        return expected.size == found.size;
    bool match;
    if (expected.data[0] == '{') {
        struct members members = {.found = found, .ret_why = ret_why, .match = found.data[0] == '{'};
        if (!json_each_member(expected, look_at_member, &members))
            fail_msg("no JSON: %.*s", (int)expected.size, (const char *)expected.data);
        if (!members.match && ret_why->size == 0)
            text_add_string(ret_why, "no object");
        return members.match;
    }
    if (expected.data[0] == '[')
        return arrays_match(expected, found, ret_why);
    if (is_text(expected, "\"*\""))
        match = found.data[0] == '"' && found.size > 2;
    else if (is_text(expected, "\"*int\""))
        match = is_number(found, true);
    else if (is_text(expected, "\"*number\""))
        match = is_number(found, false);
    else
        match = expected.size == found.size && memcmp(expected.data, found.data, found.size) == 0;
    if (!match)
        text_addf(ret_why, "%.*s instead of %.*s", (int)found.size, (const char *)found.data, (int)expected.size,
                  (const char *)expected.data);
    return match;
}

/* ---- Conversations ---- */

/* Those that v1's components listen to. */
static const char *const subjects[] = {
    "_INBOX",
    "router.start",
    "router.register",
    "router.unregister",
    "dea.start",
    "dea.discover",
    "dea.stop",
    "dea.update",
    "dea.heartbeat",
    "dea.find.droplet",
    "dea.status",
    "droplet.exited",
    "droplet.updated",
    "droplet.status",
    "healthmanager.start",
    "cloudcontrollers.hm.requests",
    "healthmanager.health",
    "healthmanager.status",
    "vcap.component.announce",
};

static bool is_one_of(const char *const *list, size_t count, const char *subject, size_t size)
{
    for (size_t i = 0; i < count && list[i] != NULL; i++)
        if (strlen(list[i]) == size && strncmp(list[i], subject, size) == 0)
            return true;
    return false;
}

/* "_INBOX.x" is "_INBOX". */
static size_t subject_size(const char *line)
{
    return strncmp(line, "_INBOX.", 7) == 0 ? 6 : strcspn(line, " \n");
}

static struct io_bytes payload_of(const char *line)
{
    const char *end = line + strcspn(line, "\n");
    const char *payload = line + strcspn(line, " \n");
    payload += payload < end;
    return (struct io_bytes){(const uint8_t *)payload, (size_t)(end - payload)};
}

static bool lines_match(const char *expected, const char *found, struct text *ret_why)
{
    size_t size = subject_size(expected);
    if (size != subject_size(found) || strncmp(expected, found, size) != 0)
        return false;
    return captured_matches(payload_of(expected), payload_of(found), ret_why);
}

static bool may_be_more(const struct captured_world *world, const char *line)
{
    size_t size = subject_size(line);
    bool is_of_v1 = is_one_of(subjects, sizeof subjects / sizeof subjects[0], line, size);
    return !is_of_v1 || (world->more != NULL && is_one_of(world->more, SIZE_MAX, line, size));
}

static bool is_answer(const char *line)
{
    return line != NULL && strchr("<+-", line[0]) != NULL;
}

/* The next line that ours says too. */
static const char *const *next_expected(const char *const *lines)
{
    while (*lines != NULL && **lines == '-')
        lines++;
    return lines;
}

/* Compares what was said with the answers that begin at `lines`; returns where they end. */
static const char *const *compare(const struct captured_world *world, const char *act, const char *const *lines)
{
    struct text said = world->take_said(world->world), why = {0};
    const char *at = text_string(&said);
    lines = next_expected(lines);
    for (; *at != '\0'; at += strcspn(at, "\n") + 1) {
        text_clear(&why);
        if (is_answer(*lines) && lines_match(*lines + 2, at, &why))
            lines = next_expected(lines + 1);
        else if (!may_be_more(world, at))
            fail_msg("upon %s:\n  v1 says %s\n  ours    %.*s\n  %s", act, is_answer(*lines) ? *lines : "nothing",
                     (int)strcspn(at, "\n"), at, text_string(&why));
    }
    if (is_answer(*lines))
        fail_msg("upon %s:\n  v1 says %s\n  ours says only\n%s  %s", act, *lines, text_string(&said),
                 text_string(&why));
    text_free(&said);
    text_free(&why);
    return lines;
}

void captured_play(const struct captured_world *world, const char *const *lines)
{
    while (*lines != NULL) {
        const char *act = *lines;
        struct io_bytes payload = payload_of(act + 2);
        char subject[100] = "";
        memcpy(subject, act + 2, strcspn(act + 2, " "));
        switch (act[0]) {
        case '>':
        case '?':
            world->say(world->world, subject, act[0] == '?' ? "_INBOX.captured" : NULL, (const char *)payload.data);
            break;
        case '!':
            world->happen(world->world, act + 2);
            break;
        default:
            fail_msg("what is this: %s", act);
        }
        lines = compare(world, act, lines + 1);
    }
}
