/* What the model says about apps. */
#include "tests/core/cloud_controller/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void write_names(struct text *text, const char *key, const char *format, unsigned bits)
{
    text_addf(text, "\"%s\":[", key);
    bool is_first = true;
    for (unsigned i = 0; i < 8; i++) {
        if ((bits >> i & 1) == 0)
            continue;
        char name[40];
        snprintf(name, sizeof name, format, i);
        text_addf(text, "%s\"%s\"", is_first ? "" : ",", name);
        is_first = false;
    }
    text_add_char(text, ']');
}

static bool is_others(const struct model *model, const struct person *person, unsigned uris)
{
    for (size_t i = 0; i < PEOPLE; i++)
        for (size_t j = 0; j < NAMES; j++)
            if (&model->people[i] != person && model->people[i].apps[j].exists &&
                (model->people[i].apps[j].uris & uris) != 0)
                return true;
    return false;
}

static int memory_of(const struct model_app *app)
{
    return app->exists && app->started ? app->instances * app->memory : 0;
}

/* Of one that is not an admin: admins have more than these stories use. */
static struct verdict judge_quota(const struct model *model, const struct person *person, const struct model_app *old,
                                  const struct model_app *new)
{
    bool is_free = person == &model->people[ADMIN];
    int count = 0, others = 0;
    for (size_t i = 0; i < NAMES; i++) {
        count += person->apps[i].exists;
        others += &person->apps[i] == old ? 0 : memory_of(&person->apps[i]);
    }
    if (!old->exists && !is_free && count >= APPS_MOST)
        return (struct verdict){403, 601};
    bool needs_more = memory_of(new) > memory_of(old);
    if (!is_free && needs_more && others + memory_of(new) > MEMORY_MOST)
        return (struct verdict){403, 600};
    if (!is_free && model_count_bits(new->uris) > URIS_MOST &&
        model_count_bits(new->uris) > model_count_bits(old->uris))
        return (struct verdict){403, 602};
    return (struct verdict){200, 0};
}

static struct verdict judge_size(const struct model_app *new)
{
    bool is_sound = new->instances >= 0 && new->memory >= 1 && new->memory <= 65536;
    return is_sound ? (struct verdict){200, 0} : (struct verdict){400, 300};
}

static void draw_size(struct model *model, struct model_app *app)
{
    static const int memories[] = {64, 64, 128, 256, 512, 0, 70000};
    app->instances = model_roll(model, 6) - (model_roll(model, 8) == 0);
    app->memory = memories[model_roll(model, 7)];
}

void model_create_app(struct model *model, struct person *person, int name)
{
    static const char *const frameworks[] = {"node", "node", "node", "node", "sinatra", "", "cobol"};
    static const int faults[] = {0, 0, 0, 0, 0, 308, 300};
    struct model_app *old = &person->apps[name], new = {.exists = true, .lock = 1};
    int framework = model_roll(model, 7);
    draw_size(model, &new);
    new.started = model_roll(model, 3) == 0;
    new.uris = (unsigned)(model_roll(model, 1 << HOSTS) & model_roll(model, 1 << HOSTS));
    struct verdict verdict = judge_size(&new);
    if (verdict.status == 200)
        verdict = judge_quota(model, person, old, &new);
    if (verdict.status == 200 && faults[framework] != 0)
        verdict = (struct verdict){400, faults[framework]};
    if (verdict.status == 200 && is_others(model, person, new.uris))
        verdict = (struct verdict){400, 701};
    if (old->exists)
        verdict = (struct verdict){400, 300};
    struct text body = {0};
    text_addf(&body, "{\"name\":\"app%d\",\"staging\":{\"framework\":\"%s\"},\"instances\":%d,\"state\":\"%s\",", name,
              frameworks[framework], new.instances, new.started ? "STARTED" : "STOPPED");
    text_addf(&body, "\"resources\":{\"memory\":%d},", new.memory);
    write_names(&body, "uris", "h%u.cupola.test", new.uris);
    text_add_char(&body, '}');
    if (!person->exists)
        verdict = (struct verdict){403, 200};
    if (verdict.status == 200) {
        verdict.status = 302;
        *old = new;
    }
    model_expect_verdict(model, person, "POST", "/apps", text_string(&body), verdict);
    text_free(&body);
}

/* Some of the keys; those that are not there stay, but for services. */
static void draw_change(struct model *model, struct model_app *new, struct text *body)
{
    if (model_roll(model, 2) == 0) {
        new->started = model_roll(model, 2) == 0;
        text_addf(body, "\"state\":\"%s\",", new->started ? "STARTED" : "STOPPED");
    }
    if (model_roll(model, 2) == 0) {
        draw_size(model, new);
        text_addf(body, "\"instances\":\"%d\",\"resources\":{\"memory\":%d},", new->instances, new->memory);
    }
    if (model_roll(model, 3) == 0) {
        new->uris = (unsigned)(model_roll(model, 1 << HOSTS) & model_roll(model, 1 << HOSTS));
        write_names(body, "uris", "H%u.Cupola.test", new->uris);
        text_add_char(body, ',');
    }
    if (model_roll(model, 3) == 0) {
        new->env = 1 + model_roll(model, 3);
        text_addf(body, "\"env\":[\"A=%d\",\"A=%d\"],", new->env, new->env);
    }
    new->services = model_roll(model, 2) == 0 ? 0 : (unsigned)model_roll(model, 1 << SERVICES);
    write_names(body, "services", "s%u", new->services);
}

void model_change_app(struct model *model, struct person *person, int name)
{
    static const char *const env_faults[] = {"VCAP_X=1", "A B=1", "nothing"};
    static const struct verdict env_verdicts[] = {{403, 200}, {400, 100}, {400, 100}};
    struct model_app *old = &person->apps[name], new = *old;
    struct text body = {0};
    char path[32];
    snprintf(path, sizeof path, "/apps/app%d", name);
    text_add_char(&body, '{');
    draw_change(model, &new, &body);
    int env_fault = model_roll(model, 12), lock = model_roll(model, 3) == 0 ? model_roll(model, 3) - 1 : 0;
    if (model_roll(model, 2) == 0)
        text_addf(&body, ",\"meta\":{\"version\":%d}", old->lock + lock);
    else
        lock = 0;
    if (env_fault < 3)
        text_addf(&body, ",\"env\":[\"%s\"]", env_faults[env_fault]);
    text_add_char(&body, '}');
    struct verdict verdict = judge_size(&new);
    if (verdict.status == 200)
        verdict = judge_quota(model, person, old, &new);
    if (verdict.status == 200 && new.uris != old->uris && is_others(model, person, new.uris))
        verdict = (struct verdict){400, 701};
    if ((new.services & ~person->services) != 0)
        verdict = (struct verdict){404, 500};
    if (lock != 0)
        verdict = (struct verdict){400, 102};
    if (!old->exists)
        verdict = (struct verdict){404, 301};
    if (env_fault < 3)
        verdict = env_verdicts[env_fault];
    if (!person->exists)
        verdict = (struct verdict){403, 200};
    new.lock++;
    if (verdict.status == 200)
        *old = new;
    model_expect_verdict(model, person, "PUT", path, text_string(&body), verdict);
    text_free(&body);
}

static struct verdict judge_known(const struct person *person, const struct model_app *app)
{
    if (!person->exists)
        return (struct verdict){403, 200};
    return app->exists ? (struct verdict){200, 0} : (struct verdict){404, 301};
}

/* In any order: a service that goes leaves its place to the last one. */
static void look_at_bindings(struct model *model, const struct model_app *app)
{
    const char *list = strstr(town_body(&model->town), "\"services\":[");
    assert_non_null(list);
    size_t size = strcspn(list, "]"), commas = 0;
    for (size_t i = 0; i < size; i++)
        commas += list[i] == ',';
    bool is_right = commas + (app->services != 0) == model_count_bits(app->services);
    for (unsigned service = 0; service < SERVICES && is_right; service++) {
        char name[16];
        snprintf(name, sizeof name, "\"s%u\"", service);
        is_right = (memmem(list, size, name, strlen(name)) != NULL) == ((app->services >> service & 1) != 0);
    }
    if (!is_right)
        fail_msg("seed %llu, step %d: expected the services %#x in %s", (unsigned long long)model->seed, model->step,
                 app->services, town_body(&model->town));
}

void model_look_at_app(struct model *model, const struct person *person, int name)
{
    const struct model_app *app = &person->apps[name];
    char path[32];
    snprintf(path, sizeof path, "/apps/app%d", name);
    model_expect_verdict(model, person, "GET", path, "", judge_known(person, app));
    if (!person->exists || !app->exists)
        return;
    struct text parts[3] = {{0}};
    write_names(&parts[0], "uris", "h%u.cupola.test", app->uris);
    text_addf(&parts[1], "\"env\":[");
    if (app->env != 0)
        text_addf(&parts[1], "\"A=%d\"", app->env);
    text_addf(&parts[1], "],\"meta\":{\"version\":%d", app->lock);
    text_addf(&parts[2], "\"instances\":%d,", app->instances);
    look_at_bindings(model, app);
    for (size_t i = 0; i < 3; i++) {
        if (strstr(town_body(&model->town), text_string(&parts[i])) == NULL)
            fail_msg("seed %llu, step %d: %s of %s: expected %s in %s", (unsigned long long)model->seed, model->step,
                     path, person->email, text_string(&parts[i]), town_body(&model->town));
        text_free(&parts[i]);
    }
    char size[64];
    snprintf(size, sizeof size, "\"resources\":{\"memory\":%d,", app->memory);
    assert_non_null(strstr(town_body(&model->town), size));
    assert_non_null(strstr(town_body(&model->town), app->started ? "\"STARTED\"" : "\"STOPPED\""));
}

void model_upload(struct model *model, const struct person *person, int name)
{
    static const char *const bits[] = {"bits", "other bits", "bad bits"};
    char app[16];
    int kind = model_roll(model, 3);
    snprintf(app, sizeof app, "app%d", name);
    int status = town_upload(&model->town, person->token, app, bits[kind]);
    struct verdict verdict = judge_known(person, &person->apps[name]);
    assert_int_equal(status, verdict.status == 200 && kind == 2 ? 500 : verdict.status);
}

void model_delete_app(struct model *model, struct person *person, int name)
{
    char path[32];
    snprintf(path, sizeof path, "/apps/app%d", name);
    struct verdict verdict = judge_known(person, &person->apps[name]);
    person->apps[name] = (struct model_app){0};
    model_expect_verdict(model, person, "DELETE", path, "", verdict);
}
