#include "core/router/table/tags.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/wire/json.h"

#include <string.h>

struct tag_set {
    char *key; /* "framework=node;runtime=node18;" */
    uint16_t number;
    uint16_t count;
    uint16_t values[TAGS_PER_SET];
    UT_hash_handle hh;
};

static bool is_usable(const Cupola__RouterRegister__TagsEntry *tag)
{
    return tag->key != NULL && tag->value != NULL && strlen(tag->key) < TAGS_MAX_TEXT &&
           strlen(tag->value) < TAGS_MAX_TEXT;
}

/* The place of a value; TAGS_MAX_VALUES if there is no room for it. */
static size_t value_at(struct tags *tags, const char *tag, const char *value)
{
    for (size_t i = 0; i < tags->value_count; i++) {
        if (strcmp(tags->values[i].tag, tag) == 0 && strcmp(tags->values[i].value, value) == 0)
            return i;
    }
    if (tags->value_count == TAGS_MAX_VALUES)
        return TAGS_MAX_VALUES;
    if (tags->values == NULL)
        tags->values = memory_new(TAGS_MAX_VALUES * sizeof *tags->values);
    struct tag_value *added = &tags->values[tags->value_count];
    memcpy(added->tag, tag, strlen(tag));
    memcpy(added->value, value, strlen(value));
    return tags->value_count++;
}

static struct tag_set *add_set(struct tags *tags, const char *key, const Cupola__RouterRegister *message)
{
    if (tags->set_count == TAGS_MAX_SETS)
        return NULL;
    struct tag_set *set = memory_new(sizeof *set);
    set->key = memory_copy_text(key);
    set->number = (uint16_t)++tags->set_count;
    tags->sets_by_number[set->number] = set;
    HASH_ADD_KEYPTR(hh, tags->sets, set->key, strlen(set->key), set);
    for (size_t i = 0; i < message->n_tags && set->count < TAGS_PER_SET; i++) {
        if (!is_usable(message->tags[i]))
            continue;
        size_t at = value_at(tags, message->tags[i]->key, message->tags[i]->value);
        if (at < TAGS_MAX_VALUES)
            set->values[set->count++] = (uint16_t)at;
    }
    return set;
}

uint16_t tags_number(struct tags *tags, const Cupola__RouterRegister *message)
{
    struct text key = {0};
    if (message->n_tags == 0)
        return 0;
    for (size_t i = 0; i < message->n_tags && i < TAGS_PER_SET; i++) {
        if (!is_usable(message->tags[i]))
            continue;
        text_add_string(&key, message->tags[i]->key);
        text_add_char(&key, '=');
        text_add_string(&key, message->tags[i]->value);
        text_add_char(&key, ';');
    }
    struct tag_set *set = NULL;
    HASH_FIND_STR(tags->sets, text_string(&key), set);
    if (set == NULL && key.size > 0)
        set = add_set(tags, text_string(&key), message);
    text_free(&key);
    return set == NULL ? 0 : set->number;
}

void tags_count(struct tags *tags, uint16_t number, int status, uint64_t latency_ns)
{
    if (number == 0)
        return;
    const struct tag_set *set = tags->sets_by_number[number];
    int class = status / 100;
    for (uint16_t i = 0; i < set->count; i++) {
        struct tag_value *value = &tags->values[set->values[i]];
        value->requests++;
        value->samples++;
        value->latency_us += latency_ns / NS_PER_US;
        value->responses[class >= 2 && class <= 5 ? class : 0]++;
    }
}

static unsigned long long number_of(uint64_t value)
{
    return value;
}

static void write_value(const struct tag_value *value, struct text *json)
{
    json_write_string(json, value->value);
    text_addf(json, ":{\"requests\":%llu,\"latency\":{\"value\":%llu,\"samples\":%llu}", number_of(value->requests),
              number_of(value->latency_us / 1000), number_of(value->samples));
    for (int class = 2; class <= 5; class ++)
        text_addf(json, ",\"responses_%dxx\":%llu", class, number_of(value->responses[class]));
    text_addf(json, ",\"responses_xxx\":%llu}", number_of(value->responses[0]));
}

static bool is_first_of_tag(const struct tags *tags, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (strcmp(tags->values[i].tag, tags->values[at].tag) == 0)
            return false;
    }
    return true;
}

void tags_write(const struct tags *tags, struct text *json)
{
    bool is_first = true;
    text_add_char(json, '{');
    for (size_t i = 0; i < tags->value_count; i++) {
        if (!is_first_of_tag(tags, i))
            continue;
        if (!is_first)
            text_add_char(json, ',');
        is_first = false;
        json_write_string(json, tags->values[i].tag);
        text_add_string(json, ":{");
        for (size_t j = i; j < tags->value_count; j++) {
            if (strcmp(tags->values[i].tag, tags->values[j].tag) != 0)
                continue;
            if (j > i)
                text_add_char(json, ',');
            write_value(&tags->values[j], json);
        }
        text_add_char(json, '}');
    }
    text_add_char(json, '}');
}

void tags_free(struct tags *tags)
{
    struct tag_set *set, *next;
    HASH_ITER (hh, tags->sets, set, next) {
        HASH_DELETE(hh, tags->sets, set);
        memory_free(set->key);
        memory_free(set);
    }
    memory_free(tags->values);
    *tags = (struct tags){0};
}
