/* Random calls, valid and not, against a model of what the REST API says: each answer has the code that the model
 * expects, and what is there at the end, also after restarts, is what the model has. */
#include "tests/core/cloud_controller/town.h"

#include "core/base/memory.h"
#include "core/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STORIES = 200, STEPS = 250, PEOPLE = 3, NAMES = 3, HOSTS = 4, SERVICES = 3 };
enum { MEMORY_MOST = 1024, APPS_MOST = 2, URIS_MOST = 2, SERVICES_MOST = 2 };
enum { ADMIN = 0, BOB = 2 /* Comes and goes. */ };

#define MADE                                                                                                           \
    "{\"service_id\":\"s1\",\"data\":{\"plan\":\"free\"},\"configuration\":{},\"credentials\":{\"password\":\"p\"}}"

struct model_app {
    bool exists, started;
    int instances, memory, lock, env;
    unsigned uris, services; /* Bits. */
};

struct person {
    const char *email;
    bool exists;
    char *token;
    struct model_app apps[NAMES];
    unsigned services;
};

struct model {
    struct town town;
    struct random_stream random;
    struct person people[PEOPLE];
    uint64_t seed;
    int step;
};

static const char *const emails[PEOPLE] = {"admin@example.org", "ada@example.org", "bob@example.org"};

static int roll(struct model *model, int sides)
{
    return (int)random_below(&model->random, (uint64_t)sides);
}

static unsigned count_bits(unsigned bits)
{
    return (unsigned)__builtin_popcount(bits);
}

/* ---- Calls ---- */

/* `code` 0: the answer has none. */
static void expect(struct model *model, const char *token, const char *method, const char *path, const char *body,
                   int status, int code)
{
    char part[32];
    snprintf(part, sizeof part, "{\"code\":%d,", code);
    int found = town_request(&model->town, token, method, path, body);
    bool has_code =
        strncmp(town_body(&model->town), code == 0 ? "{\"code\":" : part, strlen(code == 0 ? "{\"code\":" : part)) == 0;
    if (found != status || has_code != (code != 0))
        fail_msg("seed %llu, step %d: %s %s %s: expected %d with code %d, found %d: %s",
                 (unsigned long long)model->seed, model->step, method, path, body, status, code, found,
                 town_body(&model->town));
}

struct verdict {
    int status, code;
};

static void expect_verdict(struct model *model, const struct person *person, const char *method, const char *path,
                           const char *body, struct verdict verdict)
{
    expect(model, person->token, method, path, body, verdict.status, verdict.code);
}

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

/* ---- What the model says about apps ---- */

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
    if (!is_free && count_bits(new->uris) > URIS_MOST && count_bits(new->uris) > count_bits(old->uris))
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
    app->instances = roll(model, 6) - (roll(model, 8) == 0);
    app->memory = memories[roll(model, 7)];
}

static void create_app(struct model *model, struct person *person, int name)
{
    static const char *const frameworks[] = {"node", "node", "node", "node", "sinatra", "", "cobol"};
    static const int faults[] = {0, 0, 0, 0, 0, 308, 300};
    struct model_app *old = &person->apps[name], new = {.exists = true, .lock = 1};
    int framework = roll(model, 7);
    draw_size(model, &new);
    new.started = roll(model, 3) == 0;
    new.uris = (unsigned)(roll(model, 1 << HOSTS) & roll(model, 1 << HOSTS));
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
    expect_verdict(model, person, "POST", "/apps", text_string(&body), verdict);
    text_free(&body);
}

/* Some of the keys; those that are not there stay, but for services. */
static void draw_change(struct model *model, struct model_app *new, struct text *body)
{
    if (roll(model, 2) == 0) {
        new->started = roll(model, 2) == 0;
        text_addf(body, "\"state\":\"%s\",", new->started ? "STARTED" : "STOPPED");
    }
    if (roll(model, 2) == 0) {
        draw_size(model, new);
        text_addf(body, "\"instances\":\"%d\",\"resources\":{\"memory\":%d},", new->instances, new->memory);
    }
    if (roll(model, 3) == 0) {
        new->uris = (unsigned)(roll(model, 1 << HOSTS) & roll(model, 1 << HOSTS));
        write_names(body, "uris", "H%u.Cupola.test", new->uris);
        text_add_char(body, ',');
    }
    if (roll(model, 3) == 0) {
        new->env = 1 + roll(model, 3);
        text_addf(body, "\"env\":[\"A=%d\",\"A=%d\"],", new->env, new->env);
    }
    new->services = roll(model, 2) == 0 ? 0 : (unsigned)roll(model, 1 << SERVICES);
    write_names(body, "services", "s%u", new->services);
}

static void change_app(struct model *model, struct person *person, int name)
{
    static const char *const env_faults[] = {"VCAP_X=1", "A B=1", "nothing"};
    static const struct verdict env_verdicts[] = {{403, 200}, {400, 100}, {400, 100}};
    struct model_app *old = &person->apps[name], new = *old;
    struct text body = {0};
    char path[32];
    snprintf(path, sizeof path, "/apps/app%d", name);
    text_add_char(&body, '{');
    draw_change(model, &new, &body);
    int env_fault = roll(model, 12), lock = roll(model, 3) == 0 ? roll(model, 3) - 1 : 0;
    if (roll(model, 2) == 0)
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
    expect_verdict(model, person, "PUT", path, text_string(&body), verdict);
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
    bool is_right = commas + (app->services != 0) == count_bits(app->services);
    for (unsigned service = 0; service < SERVICES && is_right; service++) {
        char name[16];
        snprintf(name, sizeof name, "\"s%u\"", service);
        is_right = (memmem(list, size, name, strlen(name)) != NULL) == ((app->services >> service & 1) != 0);
    }
    if (!is_right)
        fail_msg("seed %llu, step %d: expected the services %#x in %s", (unsigned long long)model->seed, model->step,
                 app->services, town_body(&model->town));
}

static void look_at_app(struct model *model, const struct person *person, int name)
{
    const struct model_app *app = &person->apps[name];
    char path[32];
    snprintf(path, sizeof path, "/apps/app%d", name);
    expect_verdict(model, person, "GET", path, "", judge_known(person, app));
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

static void upload(struct model *model, const struct person *person, int name)
{
    static const char *const bits[] = {"bits", "other bits", "bad bits"};
    char app[16];
    int kind = roll(model, 3);
    snprintf(app, sizeof app, "app%d", name);
    int status = town_upload(&model->town, person->token, app, bits[kind]);
    struct verdict verdict = judge_known(person, &person->apps[name]);
    assert_int_equal(status, verdict.status == 200 && kind == 2 ? 500 : verdict.status);
}

static void delete_app(struct model *model, struct person *person, int name)
{
    char path[32];
    snprintf(path, sizeof path, "/apps/app%d", name);
    struct verdict verdict = judge_known(person, &person->apps[name]);
    person->apps[name] = (struct model_app){0};
    expect_verdict(model, person, "DELETE", path, "", verdict);
}

/* ---- Services ---- */

static void create_service(struct model *model, struct person *person)
{
    unsigned service = (unsigned)roll(model, SERVICES), bit = 1U << service;
    bool is_known = roll(model, 6) != 0, is_free = person == &model->people[ADMIN];
    struct verdict verdict = {200, 0};
    if (!is_free && count_bits(person->services) >= SERVICES_MOST)
        verdict = (struct verdict){403, 504};
    if ((person->services & bit) != 0)
        verdict = (struct verdict){400, 0};
    if (!is_known)
        verdict = (struct verdict){404, 500};
    if (!person->exists)
        verdict = (struct verdict){403, 200};
    if (verdict.status == 200)
        person->services |= bit;
    char body[160];
    snprintf(body, sizeof body,
             "{\"type\":\"x\",\"vendor\":\"%s\",\"version\":\"2.2\",\"tier\":\"free\",\"name\":\"s%u\"}",
             is_known ? "redis" : "oracle", service);
    expect_verdict(model, person, "POST", "/services", body, verdict);
}

static void delete_service(struct model *model, struct person *person)
{
    unsigned service = (unsigned)roll(model, SERVICES), bit = 1U << service;
    struct verdict verdict = {200, 0};
    if ((person->services & bit) == 0)
        verdict = (struct verdict){404, 500};
    if (!person->exists)
        verdict = (struct verdict){403, 200};
    person->services &= ~bit;
    for (size_t i = 0; i < NAMES; i++)
        person->apps[i].services &= ~bit;
    char path[32];
    snprintf(path, sizeof path, "/services/s%u", service);
    expect_verdict(model, person, "DELETE", path, "", verdict);
}

/* ---- People ---- */

static void register_bob(struct model *model)
{
    struct person *bob = &model->people[BOB];
    bool existed = bob->exists;
    expect(model, NULL, "POST", "/users", "{\"email\":\"bob@example.org\",\"password\":\"secret\"}",
           existed ? 400 : 204, existed ? 100 : 0);
    bob->exists = true;
    memory_free(bob->token);
    bob->token = town_token(&model->town, bob->email);
}

static void delete_bob(struct model *model, const struct person *by)
{
    struct person *bob = &model->people[BOB];
    struct verdict verdict = bob->exists ? (struct verdict){204, 0} : (struct verdict){403, 201};
    if (by != &model->people[ADMIN])
        verdict = (struct verdict){403, 200};
    expect_verdict(model, by, "DELETE", "/users/bob@example.org", "", verdict);
    if (verdict.status != 204)
        return;
    bob->exists = false;
    bob->services = 0;
    memset(bob->apps, 0, sizeof bob->apps);
}

/* Calls that nobody may make, or that make no sense; nothing changes. */
static void do_wrong(struct model *model)
{
    static const struct {
        const char *method, *path, *body;
        bool is_anonymous;
        struct verdict verdict;
    } calls[] = {
        {"POST", "/users", "{\"email\":\"no address\",\"password\":\"x\"}", true, {400, 100}},
        {"POST", "/users", "{\"email\":\"x@example.org\"}", true, {500, 111}},
        {"POST", "/users", "{\"email\":", true, {400, 100}},
        {"POST", "/users/ada@example.org/tokens", "{\"password\":\"wrong\"}", true, {403, 200}},
        {"POST", "/users/nobody@example.org/tokens", "{\"password\":\"secret\"}", true, {403, 200}},
        {"PUT", "/users/admin@example.org", "{\"password\":\"mine\"}", false, {403, 200}},
        {"GET", "/users", "", false, {403, 200}},
        {"GET", "/users/admin@example.org", "", false, {403, 200}},
        {"GET", "/apps", "", true, {403, 200}},
        {"POST", "/apps", "{\"name\":\"app0\"}", true, {403, 200}},
        {"DELETE", "/apps/app0", "", true, {403, 200}},
        {"POST", "/apps", "", false, {400, 100}},
        {"POST", "/apps", "{\"name\":\"app0\"", false, {400, 100}},
        {"POST", "/apps", "[{}]", false, {400, 100}},
        {"POST", "/apps", "{\"name\":\"../app0\",\"staging\":{\"framework\":\"node\"}}", false, {400, 300}},
        {"POST", "/apps", "{\"name\":{}}", false, {400, 100}},
        {"POST", "/apps", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", false, {400, 100}},
        {"PUT", "/apps/app0", "{\"instances\":1.5}", false, {400, 100}},
        {"PUT", "/apps/app0", "{\"instances\":99999999999999999999}", false, {400, 100}},
        {"PUT", "/apps/app0", "\xff\xfe", false, {400, 100}},
        {"PUT", "/apps/nothing", "{}", false, {404, 301}},
        {"PUT", "/apps/app0%2F..", "{}", false, {404, 0}},
        {"GET", "/services/nothing", "", false, {404, 500}},
        {"PATCH", "/apps/app0", "{}", false, {404, 0}},
        {"GET", "/nowhere", "", false, {404, 0}},
    };
    size_t place = (size_t)roll(model, sizeof calls / sizeof calls[0]);
    static const char *const strangers[] = {NULL, "garbage", "00"};
    const char *token = calls[place].is_anonymous ? strangers[roll(model, 3)] : model->people[1].token;
    expect(model, token, calls[place].method, calls[place].path, calls[place].body, calls[place].verdict.status,
           calls[place].verdict.code);
}

/* ---- Stories ---- */

static void act(struct model *model)
{
    struct person *person = &model->people[roll(model, PEOPLE)];
    int name = roll(model, NAMES);
    switch (roll(model, 20)) {
    case 0:
        register_bob(model);
        break;
    case 1:
        delete_bob(model, roll(model, 2) == 0 ? &model->people[ADMIN] : &model->people[1]);
        break;
    case 2:
    case 3:
        do_wrong(model);
        break;
    case 4:
        town_kill(&model->town.controllers[0]);
        town_revive(&model->town.controllers[0]);
        break;
    case 5:
        upload(model, person, name);
        break;
    case 6:
    case 7:
        create_service(model, person);
        break;
    case 8:
        delete_service(model, person);
        break;
    case 9:
        delete_app(model, person, name);
        break;
    case 10:
    case 11:
    case 12:
        create_app(model, person, name);
        break;
    case 13:
        look_at_app(model, person, name);
        break;
    default:
        change_app(model, person, name);
    }
}

static void look_at_all(struct model *model)
{
    for (size_t i = 0; i < PEOPLE; i++) {
        const struct person *person = &model->people[i];
        for (int name = 0; name < NAMES; name++)
            look_at_app(model, person, name);
        for (unsigned service = 0; service < SERVICES && person->exists; service++) {
            char path[32];
            bool exists = (person->services >> service & 1) != 0;
            snprintf(path, sizeof path, "/services/s%u", service);
            expect(model, person->token, "GET", path, "", exists ? 200 : 404, exists ? 0 : 500);
        }
    }
}

static void offer_redis(struct model *model)
{
    struct town_controller *controller = &model->town.controllers[0];
    int status = town_finish(
        controller, town_begin(controller, "POST", "/services/v1/offerings",
                               "X-VCAP-Service-Token: shared\r\nContent-Type: application/json\r\n",
                               "{\"label\":\"redis-2.2\",\"url\":\"http://10.0.0.5:7000/\",\"plans\":[\"free\"]}"));
    assert_int_equal(status, 200);
}

static void open_town(struct model *model)
{
    static Cupola__ServiceConfig redis;
    static Cupola__ServiceConfig *services[] = {&redis};
    static char answer[300];
    town_open(&model->town);
    cupola__service_config__init(&redis);
    redis.name = (char *)(uintptr_t) "redis";
    redis.token = (char *)(uintptr_t) "shared";
    town_kill(&model->town.controllers[0]);
    Cupola__CloudControllerConfig *config = &model->town.config;
    config->builtin_services = services;
    config->n_builtin_services = 1;
    config->has_max_memory_mb = config->has_max_apps = config->has_max_uris = config->has_max_services = true;
    config->max_memory_mb = MEMORY_MOST;
    config->max_apps = APPS_MOST;
    config->max_uris = URIS_MOST;
    config->max_services = SERVICES_MOST;
    config->has_user_requests_per_s = config->has_lockout_failures = true;
    config->user_requests_per_s = config->lockout_failures = 0;
    town_revive(&model->town.controllers[0]);
    town_answer(&model->town, "dea.discover", "{\"id\":\"dea1\"}");
    snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(MADE), MADE);
    model->town.viewer_answer = answer;
    offer_redis(model);
}

static void tell_story(struct model *model, uint64_t seed)
{
    memset(model, 0, sizeof *model);
    model->seed = seed;
    model->random = random_numbered(seed, "test.model", seed);
    open_town(model);
    for (size_t i = 0; i < PEOPLE; i++) {
        model->people[i].email = emails[i];
        model->people[i].exists = true;
        model->people[i].token = town_token(&model->town, emails[i]);
    }
    for (model->step = 0; model->step < STEPS; model->step++)
        act(model);
    look_at_all(model);
    town_kill(&model->town.controllers[0]);
    town_revive(&model->town.controllers[0]);
    look_at_all(model);
    for (size_t i = 0; i < PEOPLE; i++)
        memory_free(model->people[i].token);
    town_close(&model->town);
}

static void every_answer_is_the_models(void **state)
{
    (void)state;
    struct model *model = memory_new(sizeof *model);
    const char *only = getenv("MODEL_SEED"), *stories = getenv("MODEL_STORIES");
    uint64_t first = only == NULL ? 1 : strtoull(only, NULL, 10);
    uint64_t count = only != NULL ? 1 : stories == NULL ? STORIES : strtoull(stories, NULL, 10);
    for (uint64_t seed = first; seed < first + count; seed++)
        tell_story(model, seed);
    memory_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_is_the_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
