#include "drivers/sim/network/old_wire.h"

#include <string.h>

/* Subjects that came later. */
static const char *const later_subjects[] = {
    "router.digest",
    "dea.*.routes",
    "dea.discover.stage",
    "dea.*.stage",
    "dea.*.probe",
    "dea.*.tell",
    "dea.*.evacuate",
    "cloudcontroller.uris",
    "healthmanager.beat",
    "healthmanager.crashes",
    "healthmanager.freshness",
};

/* Fields that came later, at any depth of a message, with a blank before and after each (core/proto/bus.proto). */
static const struct {
    const char *subject;
    const char *fields;
    bool had_no_reply;
} later_fields[] = {
    {"router.start", " wants_table ", true},
    {"router.register",
     " app private_instance_id index version epoch zone balance balance_header protocol life sequence ", false},
    {"router.unregister",
     " app private_instance_id index version epoch zone balance balance_header protocol life sequence ", false},
    {"dea.start", " lease_address life zone ", false},
    {"dea.discover", " count ", false},
    {"dea.*.start", " epoch health singleton grace_ms balance balance_header protocol ", true},
    {"dea.stop", " epoch wanted_epochs ", false},
    {"dea.update", " sequence ", false},
    {"dea.heartbeat", " epoch crashes is_unready dea complete lease_address life zone sequence ", false},
    {"droplet.exited", " epoch detail dea life sequence exit_code signal ", false},
    {"cloudcontrollers.hm.requests", " reason epochs ", false},
    {"_INBOX.>", " lease_address life zone siblings load_permille room ", false},
};

enum { LATER_SUBJECTS = sizeof later_subjects / sizeof *later_subjects };
enum { LATER_FIELDS = sizeof later_fields / sizeof *later_fields };

bool old_wire_knows(struct nats_text subject)
{
    for (size_t i = 0; i < LATER_SUBJECTS; i++) {
        if (nats_subject_covers(nats_text_of(later_subjects[i]), subject))
            return false;
    }
    return true;
}

/* LATER_FIELDS if nothing of it came later. */
static size_t find_row(struct nats_text subject)
{
    size_t row = 0;
    while (row < LATER_FIELDS && !nats_subject_covers(nats_text_of(later_fields[row].subject), subject))
        row++;
    return row;
}

bool old_wire_is_answered(struct nats_text subject)
{
    size_t row = find_row(subject);
    return row == LATER_FIELDS || !later_fields[row].had_no_reply;
}

/* ---- JSON, as our own writer makes it: compact and valid ---- */

static size_t string_size(const char *at, size_t size)
{
    size_t i = 1;
    while (i < size && at[i] != '"')
        i += at[i] == '\\' ? 2 : 1;
    return i < size ? i + 1 : size;
}

/* Everything up to the comma or bracket that ends it. */
static size_t value_size(const char *at, size_t size)
{
    size_t i = 0, depth = 0;
    while (i < size && (depth > 0 || strchr(",}]", at[i]) == NULL)) {
        if (at[i] == '"') {
            i += string_size(at + i, size - i);
            continue;
        }
        depth += at[i] == '{' || at[i] == '[';
        depth -= at[i] == '}' || at[i] == ']';
        i++;
    }
    return i;
}

/* `key` with its quotes. */
static bool is_later(const char *fields, const char *key, size_t size)
{
    char word[66];
    if (size < 3 || size > sizeof word - 2)
        return false;
    memcpy(word, key, size);
    word[0] = word[size - 1] = ' ';
    word[size] = 0;
    return strstr(fields, word) != NULL;
}

static void strip_value(const char *fields, const char *at, size_t size, struct text *text);

static void strip_object(const char *fields, const char *at, size_t size, struct text *text)
{
    text_add_char(text, '{');
    const char *comma = "";
    size_t i = 1;
    while (i + 1 < size) {
        size_t key = string_size(at + i, size - i);
        size_t value = i + key + 1 < size ? value_size(at + i + key + 1, size - i - key - 1) : 0;
        if (!is_later(fields, at + i, key)) {
            text_add_string(text, comma);
            text_add(text, at + i, key);
            text_add_char(text, ':');
            strip_value(fields, at + i + key + 1, value, text);
            comma = ",";
        }
        i += key + 1 + value + 1;
    }
    text_add_char(text, '}');
}

static void strip_value(const char *fields, const char *at, size_t size, struct text *text)
{
    if (size >= 2 && at[0] == '{') {
        strip_object(fields, at, size, text);
        return;
    }
    if (size < 2 || at[0] != '[') {
        text_add(text, at, size);
        return;
    }
    text_add_char(text, '[');
    for (size_t i = 1; i + 1 < size;) {
        size_t value = value_size(at + i, size - i);
        strip_value(fields, at + i, value, text);
        i += value;
        text_add_char(text, at[i++]); /* The comma, or the bracket at the end. */
    }
    if (size == 2)
        text_add_char(text, ']');
}

void old_wire_strip(struct nats_text subject, const uint8_t *payload, size_t size, struct text *ret_payload)
{
    size_t row = find_row(subject);
    const char *at = (const char *)payload;
    if (row == LATER_FIELDS || size < 2 || at[0] != '{' || at[size - 1] != '}')
        text_add(ret_payload, payload, size);
    else
        strip_object(later_fields[row].fields, at, size, ret_payload);
}
