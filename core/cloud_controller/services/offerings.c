#include "core/cloud_controller/services/offerings.h"

#include "core/base/memory.h"
#include "core/wire/json.h"
#include "core/wire/json/parts.h"

#include <string.h>

/* With * for anything. */
static bool matches(const char *pattern, const char *text)
{
    const char *star = NULL, *from = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            from = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static bool may_see(const Cupola__JournalOffering *value, const char *email)
{
    if (!value->active)
        return false;
    bool may = value->n_users == 0 && value->n_wildcards == 0;
    for (size_t i = 0; i < value->n_users && !may; i++)
        may = strcmp(value->users[i], email) == 0;
    for (size_t i = 0; i < value->n_wildcards && !may; i++)
        may = matches(value->wildcards[i], email);
    return may;
}

static bool is_vendor(const Cupola__JournalOffering *value, const char *vendor)
{
    size_t size = cc_label_name_size(value->label);
    return strlen(vendor) == size && strncmp(vendor, value->label, size) == 0;
}

const struct offering *cc_offerings_choose(const struct state *state, const char *email, const char *vendor,
                                           const char *version)
{
    const struct offering *any = NULL;
    for (const struct offering *one = state->services.offerings; one != NULL; one = one->hh.next) {
        if (!may_see(one->value, email) || !is_vendor(one->value, vendor))
            continue;
        if (version != NULL && strcmp(cc_label_version(one->value->label), version) == 0)
            return one;
        if (any == NULL)
            any = one;
    }
    return any;
}

/* ---- Writing ---- */

static void add_text(struct text *json, const char *key, const char *value)
{
    text_addf(json, ",\"%s\":", key);
    json_write_string(json, value == NULL ? "" : value);
}

static size_t order_of(const Cupola__JournalOffering *value, const char *plan)
{
    size_t order = 1;
    for (size_t i = 0; i < value->n_plans; i++)
        order += strcmp(value->plans[i], plan) < 0;
    return order;
}

static void write_option(void *context, const char *key, struct io_bytes values)
{
    struct text *json = context;
    if (values.size == 0 || values.data[0] != '[')
        return;
    if (text_string(json)[json->size - 1] != '{')
        text_add_char(json, ',');
    json_write_string(json, key);
    text_add_string(json, ":{\"type\":\"value\",\"description\":");
    json_write_string(json, key);
    text_add_string(json, ",\"values\":");
    text_add(json, values.data, values.size);
    text_add_char(json, '}');
}

/* What the gateway says of an option is the list of what may be chosen; it goes for every plan. */
static void write_options(const Cupola__JournalOffering *value, struct text *json)
{
    const char *options = value->plan_options == NULL ? "{}" : value->plan_options;
    text_add_char(json, '{');
    json_each_member((struct io_bytes){(const uint8_t *)options, strlen(options)}, write_option, json);
    text_add_char(json, '}');
}

static void write_offering(const Cupola__JournalOffering *value, const char *vendor, struct text *json)
{
    text_add_string(json, "{\"id\":");
    json_write_string(json, value->label);
    add_text(json, "vendor", vendor);
    add_text(json, "version", cc_label_version(value->label));
    add_text(json, "type", cc_label_type(value->label));
    add_text(json, "description", value->description);
    text_add_string(json, ",\"tiers\":{");
    for (size_t i = 0; i < value->n_plans; i++) {
        if (i > 0)
            text_add_char(json, ',');
        json_write_string(json, value->plans[i]);
        text_add_string(json, ":{\"options\":");
        write_options(value, json);
        text_addf(json, ",\"order\":%zu}", order_of(value, value->plans[i]));
    }
    text_add_string(json, "}}");
}

/* Each type and each vendor once, in the order of their first offering. */
static bool is_first(const struct offering *one, const struct state *state, const char *email, bool of_vendor)
{
    const char *label = one->value->label;
    for (const struct offering *other = state->services.offerings; other != one; other = other->hh.next) {
        const char *known = other->value->label;
        bool same_vendor = cc_label_name_size(known) == cc_label_name_size(label) &&
                           strncmp(known, label, cc_label_name_size(label)) == 0;
        bool same_type = strcmp(cc_label_type(known), cc_label_type(label)) == 0;
        if (may_see(other->value, email) && (of_vendor ? same_vendor : same_type))
            return false;
    }
    return true;
}

static void write_vendor(const struct state *state, const char *email, const char *vendor, struct text *json)
{
    bool is_next = false;
    json_write_string(json, vendor);
    text_add_string(json, ":{");
    for (const struct offering *one = state->services.offerings; one != NULL; one = one->hh.next) {
        if (!may_see(one->value, email) || !is_vendor(one->value, vendor))
            continue;
        if (is_next)
            text_add_char(json, ',');
        is_next = true;
        json_write_string(json, cc_label_version(one->value->label));
        text_add_char(json, ':');
        write_offering(one->value, vendor, json);
    }
    text_add_char(json, '}');
}

static void write_type(const struct state *state, const char *email, const char *type, struct text *json)
{
    bool is_next = false;
    text_addf(json, "\"%s\":{", type);
    for (const struct offering *one = state->services.offerings; one != NULL; one = one->hh.next) {
        if (!may_see(one->value, email) || strcmp(cc_label_type(one->value->label), type) != 0 ||
            !is_first(one, state, email, true))
            continue;
        if (is_next)
            text_add_char(json, ',');
        is_next = true;
        char *vendor = memory_copy_bytes(one->value->label, cc_label_name_size(one->value->label));
        write_vendor(state, email, vendor, json);
        memory_free(vendor);
    }
    text_add_char(json, '}');
}

void cc_offerings_write(const struct state *state, const char *email, struct text *json)
{
    bool is_next = false;
    text_add_char(json, '{');
    for (const struct offering *one = state->services.offerings; one != NULL; one = one->hh.next) {
        if (!may_see(one->value, email) || !is_first(one, state, email, false))
            continue;
        if (is_next)
            text_add_char(json, ',');
        is_next = true;
        write_type(state, email, cc_label_type(one->value->label), json);
    }
    text_add_char(json, '}');
}
