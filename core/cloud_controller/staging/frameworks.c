#include "core/cloud_controller/staging/frameworks.h"

#include "core/base/assert.h"
#include "core/wire/json.h"

#include <string.h>

enum { MAX_RUNTIMES = 5 };

struct runtime {
    const char *name;
    const char *version;
};

static const struct runtime runtimes[] = {
    {"ruby18", "1.8.7"}, {"ruby19", "1.9.2p180"}, {"node", "0.4.12"},  {"node06", "0.6.8"},        {"java", "1.6"},
    {"php", "5.3"},      {"python26", "2.6.5"},   {"python3", "3.11"}, {"erlangR14B02", "R14B02"}, {"shell", "5.2"},
    {"groovy", "2.4"},   {"scala", "2.11"},
};

struct framework {
    const char *name;
    const char *runtimes[MAX_RUNTIMES]; /* The default first. */
    const char *detection;              /* JSON: an array of one-key objects, glob -> regular expression or true. */
};

static const struct framework frameworks[] = {
    {"sinatra",
     {"ruby18", "ruby19"},
     "[{\"*.rb\":\"require 'sinatra'|require \\\"sinatra\\\"\"},"
     "{\"config/environment.rb\":false}]"},
    {"rails3", {"ruby18", "ruby19"}, "[{\"config/application.rb\":true},{\"config/environment.rb\":true}]"},
    {"node", {"node", "node06"}, "[{\"*.js\":\".\"}]"},
    {"spring", {"java"}, "[{\"*.war\":true}]"},
    {"grails", {"java"}, "[{\"*.war\":true}]"},
    {"lift", {"java"}, "[{\"*.war\":true}]"},
    {"java_web", {"java"}, "[{\"*.war\":true}]"},
    {"otp_rebar", {"erlangR14B02"}, "[{\"releases/*/*.rel\":\".\"}]"},
    {"php", {"php"}, "[{\"*.php\":true}]"},
    {"wsgi", {"python3", "python26"}, "[{\"wsgi.py\":true}]"},
    {"django", {"python3", "python26"}, "[{\"manage.py\":true},{\"settings.py\":true}]"},
    {"python", {"python3", "python26"}, "[{\"*.py\":true}]"},
    {"java", {"java"}, "[{\"*.jar\":true},{\"*.java\":\".\"}]"},
    {"groovy", {"groovy", "java"}, "[{\"*.groovy\":true}]"},
    {"scala", {"scala", "java"}, "[{\"*.scala\":true}]"},
    {"rack", {"ruby19", "ruby18"}, "[{\"config.ru\":true}]"},
    {"standalone", {"shell", "python3", "node", "ruby19", "java"}, "[]"},
    {"static", {"python3"}, "[{\"index.html\":true}]"},
};

/* What clients of 2010 put into staging.model; their stack is any text, so that it says nothing. */
static const struct {
    const char *model;
    const char *framework;
} legacy_models[] = {
    {"http://b20nine.com/unknown", "sinatra"},
    {"nodejs/1.0", "node"},
    {"rails/1.0", "rails3"},
    {"spring_web/1.0", "spring"},
    {"grails/1.0", "grails"},
    {"lift/1.0", "lift"},
    {"java_web/1.0", "java_web"},
};

enum { FRAMEWORK_COUNT = sizeof frameworks / sizeof frameworks[0] };
enum { RUNTIME_COUNT = sizeof runtimes / sizeof runtimes[0] };
enum { LEGACY_COUNT = sizeof legacy_models / sizeof legacy_models[0] };

/* The runtimes of a framework, built in or configured. */
struct runtime_list {
    char *const *names;
    size_t count;
};

static bool find_framework(const struct controller *controller, const char *name, const char **ret_name,
                           struct runtime_list *ret_list)
{
    const Cupola__CloudControllerConfig *config = controller->config;
    for (size_t i = 0; i < config->n_frameworks; i++) {
        const Cupola__FrameworkConfig *added = config->frameworks[i];
        if (added->name != NULL && added->n_runtimes > 0 && strcmp(added->name, name) == 0) {
            *ret_name = added->name;
            *ret_list = (struct runtime_list){added->runtimes, added->n_runtimes};
            return true;
        }
    }
    for (size_t i = 0; i < FRAMEWORK_COUNT; i++) {
        if (strcmp(frameworks[i].name, name) != 0)
            continue;
        size_t count = 0;
        while (count < MAX_RUNTIMES && frameworks[i].runtimes[count] != NULL)
            count++;
        *ret_name = frameworks[i].name;
        *ret_list = (struct runtime_list){(char *const *)(uintptr_t)frameworks[i].runtimes, count};
        return true;
    }
    return false;
}

static bool is_runtime(const struct controller *controller, const char *name)
{
    for (size_t i = 0; i < RUNTIME_COUNT; i++)
        if (strcmp(runtimes[i].name, name) == 0)
            return true;
    const Cupola__CloudControllerConfig *config = controller->config;
    for (size_t i = 0; i < config->n_frameworks; i++)
        for (size_t j = 0; j < config->frameworks[i]->n_runtimes; j++)
            if (strcmp(config->frameworks[i]->runtimes[j], name) == 0)
                return true;
    return false;
}

bool cc_frameworks_choose(const struct controller *controller, const char *framework, const char *runtime,
                          struct staging_choice *ret_choice, struct refusal *ret_refusal)
{
    if (framework == NULL || *framework == '\0') {
        cc_refusal_set(ret_refusal, ERROR_FRAMEWORK, "NONE", NULL);
        return false;
    }
    for (size_t i = 0; i < LEGACY_COUNT; i++) {
        if (strcmp(legacy_models[i].model, framework) == 0) {
            framework = legacy_models[i].framework;
            runtime = NULL;
            break;
        }
    }
    struct runtime_list list;
    if (!find_framework(controller, framework, &ret_choice->framework, &list)) {
        cc_refusal_set(ret_refusal, ERROR_APP_INVALID_AT, "staging.framework: not known", NULL);
        return false;
    }
    ret_choice->runtime = list.names[0];
    if (runtime == NULL || *runtime == '\0')
        return true;
    for (size_t i = 0; i < list.count; i++) {
        if (strcmp(list.names[i], runtime) == 0) {
            ret_choice->runtime = list.names[i];
            return true;
        }
    }
    if (is_runtime(controller, runtime))
        cc_refusal_set(ret_refusal, ERROR_RUNTIME, runtime, framework);
    else
        cc_refusal_set(ret_refusal, ERROR_APP_INVALID_AT, "staging.runtime: not known", NULL);
    return false;
}

/* ---- GET /info ---- */

static const char *runtime_version(const char *name)
{
    for (size_t i = 0; i < RUNTIME_COUNT; i++)
        if (strcmp(runtimes[i].name, name) == 0)
            return runtimes[i].version;
    return "";
}

static void write_framework(struct text *json, const char *name, const struct runtime_list *list, const char *detection)
{
    json_write_string(json, name);
    text_add_string(json, ":{\"name\":");
    json_write_string(json, name);
    text_add_string(json, ",\"runtimes\":[");
    for (size_t i = 0; i < list->count; i++) {
        text_add_string(json, i > 0 ? ",{\"name\":" : "{\"name\":");
        json_write_string(json, list->names[i]);
        text_add_string(json, ",\"version\":");
        json_write_string(json, runtime_version(list->names[i]));
        text_add_string(json, ",\"description\":");
        json_write_string(json, list->names[i]);
        text_add_char(json, '}');
    }
    text_addf(json, "],\"appservers\":[],\"detection\":%s}", detection);
}

void cc_frameworks_write(const struct controller *controller, struct text *json)
{
    const Cupola__CloudControllerConfig *config = controller->config;
    text_add_char(json, '{');
    bool is_first = true;
    for (size_t i = 0; i < FRAMEWORK_COUNT + config->n_frameworks; i++) {
        const char *wanted = i < FRAMEWORK_COUNT ? frameworks[i].name : config->frameworks[i - FRAMEWORK_COUNT]->name;
        const char *name = NULL;
        struct runtime_list list;
        if (wanted == NULL || !find_framework(controller, wanted, &name, &list))
            continue;
        if (!is_first)
            text_add_char(json, ',');
        is_first = false;
        write_framework(json, name, &list, i < FRAMEWORK_COUNT ? frameworks[i].detection : "[]");
    }
    text_add_char(json, '}');
}

void cc_runtimes_write(const struct controller *controller, struct text *json)
{
    (void)controller;
    text_add_char(json, '{');
    for (size_t i = 0; i < RUNTIME_COUNT; i++) {
        if (i > 0)
            text_add_char(json, ',');
        json_write_string(json, runtimes[i].name);
        text_add_string(json, ":{\"version\":");
        json_write_string(json, runtimes[i].version);
        text_add_char(json, '}');
    }
    text_add_char(json, '}');
}
