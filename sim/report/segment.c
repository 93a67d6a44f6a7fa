/* What a segment says, in a few words: the bus protocol and HTTP, as far as a reader of a report wants to know. */
#include "sim/report/recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *message_class_name(enum message_class class)
{
    static const char *const names[MESSAGE_CLASS_COUNT] = {"bus", "rest", "request"};
    return names[class];
}

/* The bytes of the first line, without its end; false if the line does not end here. */
static bool take_line(struct io_bytes *bytes, const char **ret_line, size_t *ret_size)
{
    const uint8_t *end = memchr(bytes->data, '\n', bytes->size);
    if (end == NULL)
        return false;
    size_t size = (size_t)(end - bytes->data);
    *ret_line = (const char *)bytes->data;
    *ret_size = size > 0 && bytes->data[size - 1] == '\r' ? size - 1 : size;
    bytes->data += size + 1;
    bytes->size -= size + 1;
    return true;
}

static bool begins(const char *line, size_t size, const char *word)
{
    return size >= strlen(word) && memcmp(line, word, strlen(word)) == 0;
}

static void take_payload(struct io_bytes *bytes, const char *line, size_t size, struct segment_message *message)
{
    const char *number = line + size;
    while (number > line && number[-1] >= '0' && number[-1] <= '9')
        number--;
    char digits[24];
    snprintf(digits, sizeof digits, "%.*s", (int)(line + size - number), number);
    size_t told = strtoul(digits, NULL, 10);
    message->payload = (const char *)bytes->data;
    message->payload_size = told < bytes->size ? told : bytes->size;
    size_t whole = told + 2 < bytes->size ? told + 2 : bytes->size; /* With its line end. */
    bytes->data += whole;
    bytes->size -= whole;
}

static enum said_kind take_bus_line(struct io_bytes *bytes, const char *line, size_t size,
                                    struct segment_message *message)
{
    static const struct {
        const char *verb, *words;
        bool has_payload;
    } verbs[] = {{"PUB ", "publish", true},        {"MSG ", "deliver", true},      {"SUB ", "subscribe", false},
                 {"UNSUB ", "unsubscribe", false}, {"CONNECT ", "connect", false}, {"INFO ", "info", false},
                 {"-ERR ", "error", false}};
    if (begins(line, size, "PING") || begins(line, size, "PONG") || begins(line, size, "+OK"))
        return SAID_PING;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (!begins(line, size, verbs[i].verb))
            continue;
        const char *subject = line + strlen(verbs[i].verb);
        size_t rest = size - strlen(verbs[i].verb);
        const char *space = memchr(subject, ' ', rest);
        bool tells_all = verbs[i].verb[0] == '-';
        size_t length = space != NULL && !tells_all ? (size_t)(space - subject) : rest;
        if (subject[0] == '{') /* CONNECT and INFO. */
            snprintf(message->words, sizeof message->words, "%s", verbs[i].words);
        else
            snprintf(message->words, sizeof message->words, "%s %.*s", verbs[i].words, (int)length, subject);
        message->class = MESSAGE_BUS;
        if (verbs[i].has_payload)
            take_payload(bytes, line, size, message);
        return SAID_MESSAGE;
    }
    return SAID_NOTHING;
}

/* The value of "Host:" in what follows the first line; "" if it is not there. */
static void find_host(struct io_bytes bytes, char ret_host[64])
{
    const char *line;
    size_t size;
    ret_host[0] = 0;
    while (take_line(&bytes, &line, &size) && size > 0) {
        if (begins(line, size, "Host: ") || begins(line, size, "host: "))
            snprintf(ret_host, 64, "%.*s", (int)(size - 6), line + 6);
    }
}

static enum said_kind take_http(struct io_bytes *bytes, const char *line, size_t size, struct segment_message *message)
{
    message->class = MESSAGE_REQUEST;
    if (begins(line, size, "HTTP/1.")) {
        snprintf(message->words, sizeof message->words, "%.*s", (int)(size > 9 ? size - 9 : 0), line + 9);
    } else {
        const char *space = memchr(line, ' ', size);
        size_t tail = strlen(" HTTP/1.1");
        if (space == NULL || size < tail || memcmp(line + size - tail, " HTTP/1.", tail - 1) != 0 ||
            (size_t)(space - line) >= size - tail)
            return SAID_NOTHING;
        char host[64];
        find_host(*bytes, host);
        snprintf(message->words, sizeof message->words, "%.*s %s%.*s", (int)(space - line), line, host,
                 (int)((size_t)(line + size - tail - space) - 1), space + 1);
    }
    const uint8_t *body = memmem(bytes->data, bytes->size, "\r\n\r\n", 4);
    if (body != NULL) {
        message->payload = (const char *)body + 4;
        message->payload_size = bytes->size - (size_t)(body + 4 - bytes->data);
    }
    bytes->size = 0; /* One to a segment is what our clients do. */
    return SAID_MESSAGE;
}

enum said_kind segment_take_message(struct io_bytes *bytes, struct segment_message *ret_message)
{
    const char *line;
    size_t size;
    memset(ret_message, 0, sizeof *ret_message);
    if (bytes->size == 0)
        return SAID_NOTHING;
    struct io_bytes rest = *bytes;
    if (!take_line(&rest, &line, &size)) {
        bytes->size = 0;
        return SAID_MORE;
    }
    enum said_kind kind = take_bus_line(&rest, line, size, ret_message);
    if (kind == SAID_NOTHING)
        kind = take_http(&rest, line, size, ret_message);
    *bytes = rest;
    if (kind != SAID_NOTHING)
        return kind;
    bytes->size = 0;
    return SAID_MORE;
}
