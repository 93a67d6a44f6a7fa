#include "core/dea/instances/environment.h"

#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/base/text.h"
#include "core/base/wall_time.h"
#include "core/dea/dea.h"
#include "core/wire/json.h"

#include <stdbool.h>
#include <string.h>

struct list {
    char **items; /* Ended by NULL. */
    size_t count;
};

static void add(struct list *list, const char *name, const char *value)
{
    struct text text = {0};
    text_add_string(&text, name);
    text_add_char(&text, '=');
    text_add_string(&text, value);
    list->items = memory_grow(list->items, list->count == 0 ? 0 : (list->count + 1) * sizeof(char *),
                              (list->count + 2) * sizeof(char *));
    list->items[list->count++] = memory_copy_bytes(text_string(&text), text.size);
    text_free(&text);
}

static void add_number(struct list *list, const char *name, int64_t number)
{
    struct text text = {0};
    text_addf(&text, "%lld", (long long)number);
    add(list, name, text_string(&text));
    text_free(&text);
}

static void add_and_free(struct list *list, const char *name, struct text *value)
{
    add(list, name, text_string(value));
    text_free(value);
}

/* ---- JSON values ---- */

/* Appends `"name":"value"` behind a comma where one is needed; nothing for an absent value. */
static void add_member(struct text *json, const char *name, const char *value)
{
    if (value == NULL)
        return;
    const char *last = json->size == 0 ? "" : text_string(json) + json->size - 1;
    if (*last != '{' && *last != '[')
        text_add_char(json, ',');
    json_write_string(json, name);
    text_add_char(json, ':');
    json_write_string(json, value);
}

static void add_strings(struct text *json, const char *name, char *const *strings, size_t count)
{
    text_addf(json, ",\"%s\":[", name);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text_add_char(json, ',');
        json_write_string(json, strings[i]);
    }
    text_add_char(json, ']');
}

static void add_time(struct text *json, const char *name, int64_t wall_s)
{
    text_addf(json, ",\"%s\":\"", name);
    wall_time_add(json, wall_s);
    text_add_char(json, '"');
}

/* VCAP_APPLICATION, and VMC_APP_INSTANCE which older apps read. Sizes are bytes here, as in v1. */
static void write_application(struct text *json, const struct instance *instance)
{
    const Cupola__DeaStart *order = instance->order;
    text_add_char(json, '{');
    add_member(json, "instance_id", instance->id);
    text_addf(json, ",\"instance_index\":%d", instance->index);
    add_member(json, "name", order->name);
    add_strings(json, "uris", order->uris, order->n_uris);
    add_strings(json, "users", order->users, order->n_users);
    add_member(json, "version", order->version);
    add_member(json, "runtime", order->runtime);
    add_time(json, "start", instance->state_timestamp_s);
    text_addf(json, ",\"state_timestamp\":%lld", (long long)instance->state_timestamp_s);
    text_addf(json, ",\"port\":%u", instance->port);
    text_addf(json, ",\"limits\":{\"fds\":%d,\"mem\":%lld,\"disk\":%lld}", order->limits->fds,
              (long long)order->limits->mem << 20, (long long)order->limits->disk << 20);
    add_member(json, "host", instance->dea->host);
    text_add_char(json, '}');
}

static void write_credentials(struct text *json, const char *name, const Cupola__ServiceBinding *service)
{
    text_addf(json, ",\"%s\":{", name);
    for (size_t i = 0; i < service->n_credentials; i++) {
        const Cupola__JsonValue *value = service->credentials[i]->value;
        if (i > 0)
            text_add_char(json, ',');
        json_write_string(json, service->credentials[i]->key);
        text_add_char(json, ':');
        text_add_string(json, value == NULL || value->json == NULL ? "null" : value->json); /* Numbers stay numbers. */
    }
    text_add_char(json, '}');
}

static bool is_first_of_label(const Cupola__DeaStart *order, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (order->services[i]->label != NULL && strcmp(order->services[i]->label, order->services[index]->label) == 0)
            return false;
    return true;
}

static void write_bound_service(struct text *json, const Cupola__ServiceBinding *service)
{
    text_add_char(json, '{');
    add_member(json, "name", service->name);
    add_member(json, "label", service->label);
    add_member(json, "plan", service->plan);
    add_member(json, "plan_option", service->plan_option);
    add_strings(json, "tags", service->tags, service->n_tags);
    write_credentials(json, "credentials", service);
    text_add_char(json, '}');
}

/* VCAP_SERVICES: {label: [service, ...], ...} */
static void write_services_by_label(struct text *json, const Cupola__DeaStart *order)
{
    text_add_char(json, '{');
    bool is_first = true;
    for (size_t i = 0; i < order->n_services; i++) {
        if (order->services[i]->label == NULL || !is_first_of_label(order, i))
            continue;
        if (!is_first)
            text_add_char(json, ',');
        is_first = false;
        json_write_string(json, order->services[i]->label);
        text_add_string(json, ":[");
        for (size_t j = i; j < order->n_services; j++) {
            if (order->services[j]->label == NULL || strcmp(order->services[j]->label, order->services[i]->label) != 0)
                continue;
            if (j > i)
                text_add_char(json, ',');
            write_bound_service(json, order->services[j]);
        }
        text_add_char(json, ']');
    }
    text_add_char(json, '}');
}

/* VMC_SERVICES: [service, ...] with the names of before. */
static void write_services(struct text *json, const Cupola__DeaStart *order)
{
    text_add_char(json, '[');
    for (size_t i = 0; i < order->n_services; i++) {
        const Cupola__ServiceBinding *service = order->services[i];
        text_add_string(json, i > 0 ? ",{" : "{");
        add_member(json, "name", service->name != NULL ? service->name : "");
        add_member(json, "type", service->type);
        add_member(json, "vendor", service->vendor);
        add_member(json, "version", service->version);
        add_member(json, "tier", service->plan);
        write_credentials(json, "options", service);
        text_add_char(json, '}');
    }
    text_add_char(json, ']');
}

/* ---- The list ---- */

static const char *find_credential(const Cupola__ServiceBinding *service, const char *name)
{
    for (size_t i = 0; i < service->n_credentials; i++)
        if (strcmp(service->credentials[i]->key, name) == 0 && service->credentials[i]->value != NULL)
            return service->credentials[i]->value->text;
    return NULL;
}

/* VMC_MYSQL=host:port */
static void add_vendor_address(struct list *list, const Cupola__ServiceBinding *service)
{
    const char *host = find_credential(service, "hostname");
    if (host == NULL)
        host = find_credential(service, "host");
    const char *port = find_credential(service, "port");
    if (service->vendor == NULL || host == NULL || port == NULL)
        return;
    struct text name = {0};
    text_add_string(&name, "VMC_");
    for (const char *c = service->vendor; *c != 0; c++) {
        bool is_lower = *c >= 'a' && *c <= 'z';
        bool is_plain = (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        text_add_char(&name, is_lower ? (char)(*c - 'a' + 'A') : is_plain ? *c : '_');
    }
    struct text address = {0};
    text_addf(&address, "%s:%s", host, port);
    add(list, text_string(&name), text_string(&address));
    text_free(&address);
    text_free(&name);
}

static void add_services(struct list *list, const Cupola__DeaStart *order)
{
    struct text json = {0};
    write_services_by_label(&json, order);
    add_and_free(list, "VCAP_SERVICES", &json);
    write_services(&json, order);
    add_and_free(list, "VMC_SERVICES", &json);
    for (size_t i = 0; i < order->n_services; i++)
        add_vendor_address(list, order->services[i]);
}

/* The user's own come last, so that they win where a name is given twice. */
static void add_of_user(struct list *list, const Cupola__DeaStart *order)
{
    for (size_t i = 0; i < order->n_env; i++) {
        const char *equals = strchr(order->env[i], '=');
        if (equals == NULL || equals == order->env[i])
            continue; /* v1 hung for ever on such an entry; it sets nothing. */
        char *name = memory_copy_bytes(order->env[i], (size_t)(equals - order->env[i]));
        size_t size =
            mutation_is(DEA_PASTES_THE_ENVIRONMENT) ? strcspn(equals + 1, " \n\t\"'`$&|;<>()\\") : strlen(equals + 1);
        char *value = memory_copy_bytes(equals + 1, size);
        add(list, name, value);
        memory_free(value);
        memory_free(name);
    }
}

char **dea_environment_new(const struct instance *instance)
{
    const Cupola__DeaStart *order = instance->order;
    struct list list = {0};
    struct text json = {0};
    write_application(&json, instance);
    add(&list, "VCAP_APPLICATION", text_string(&json));
    add(&list, "VCAP_APP_HOST", instance->dea->host);
    add_number(&list, "VCAP_APP_PORT", instance->port);
    add_number(&list, "PORT", instance->port);
    add_services(&list, order);
    add(&list, "VMC_WARNING_WARNING", "All VMC_* environment variables are deprecated, please use VCAP_* versions.");
    add_and_free(&list, "VMC_APP_INSTANCE", &json);
    add(&list, "VMC_APP_NAME", order->name);
    add(&list, "VMC_APP_ID", instance->id);
    add(&list, "VMC_APP_VERSION", order->version);
    add(&list, "VMC_APP_HOST", instance->dea->host);
    add_number(&list, "VMC_APP_PORT", instance->port);
    add_of_user(&list, order);
    return list.items;
}

void dea_environment_free(char **variables)
{
    for (size_t i = 0; variables[i] != NULL; i++)
        memory_free(variables[i]);
    memory_free(variables);
}
