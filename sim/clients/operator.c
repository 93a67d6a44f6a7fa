#include "sim/cloud_state.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/components.h"
#include "core/wire/message.h"

#include <stdio.h>
#include <string.h>

#define OPERATOR_EMAIL "operator@cupola.test"
#define OPERATOR_PASSWORD "a simulated secret"
#define API_HOST "api.cupola.test"

/* Set-up is tried again after this, until the cloud is there. */
#define SET_UP_PAUSE_NS (NS_PER_S / 2)
enum { MOST_SET_UP_TRIES = 120, MOST_VARIABLES = 64 };

/* Whose command it is. */
enum { OPERATOR, COLLEAGUE, PEOPLE };

/* One command: WAITING --its turn--> RUNNING --the client exits--> over. */
struct operation {
    struct cloud *cloud;
    struct operation *older;
    struct person *person;
    Cupola__ClientConfig *config; /* Given to us. */
    struct process *process;
    uint64_t number;
    const char *label;
    bool is_set_up;   /* Of the plan; the next one follows when it has succeeded. */
    bool may_fail;    /* What is pushed cannot come up. */
    bool met_another; /* About the same app. */
    uint32_t tries;
    uint64_t began_ns;
    bool is_over;
    int status;
    struct text result;
};

static void on_turn(struct wake *wake);
static void on_client_end(struct process *process);

void operators_init(struct cloud *cloud)
{
    static const char *const names[PEOPLE] = {"cloud.operator", "cloud.colleague"};
    for (size_t i = 0; i < PEOPLE; i++) {
        cloud->people[i].cloud = cloud;
        cloud->people[i].turn = (struct wake){.happen = on_turn, .key = random_named(cloud->seed, names[i]).key};
    }
    static const char *const commands[] = {"register", "login"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
        config.command = (char *)commands[i];
        config.email = (char *)OPERATOR_EMAIL;
        config.password = (char *)OPERATOR_PASSWORD;
        operator_run(cloud, &config, NULL)->is_set_up = true;
    }
    for (size_t i = 0; i < cloud->plan.app_count; i++) {
        const struct app_plan *app = &cloud->apps[i];
        if (app->is_not_pushed)
            continue;
        const struct operation *before = cloud->operations;
        operator_push(cloud, app);
        for (struct operation *at = cloud->operations; at != before; at = at->older) {
            at->is_set_up = true;
            at->may_fail = app->never_binds || app->exit_after_boot_ns > 0 || app->crash_after_mean_ns > 0;
        }
    }
}

void operators_release(struct cloud *cloud)
{
    while (cloud->operations != NULL) {
        struct operation *operation = cloud->operations;
        cloud->operations = operation->older;
        cupola__client_config__free_unpacked(operation->config, NULL);
        text_free(&operation->result);
        memory_free(operation);
    }
    memory_free(cloud->token);
}

/* ---- The bits of an app ---- */

static void fill_duration(Cupola__SimDuration *message, const struct distribution *distribution)
{
    cupola__sim_duration__init(message);
    message->has_kind = true;
    message->kind = distribution->kind;
    message->has_share_ppm = true;
    message->share_ppm = distribution->share_ppm;
    message->has_first_ns = true;
    message->first_ns = distribution->first_ns;
    message->has_second = true;
    message->second = distribution->second;
}

static bool is_unsaid(const struct distribution *distribution)
{
    return distribution->kind == DISTRIBUTION_CONSTANT && distribution->first_ns == 0;
}

static struct slice pack_behaviour(const struct app_plan *app)
{
    Cupola__SimApp message = CUPOLA__SIM_APP__INIT;
    Cupola__SimDuration boot, response, stop;
    struct distribution usual_boot = distribution_lognormal(400 * NS_PER_MS, 300000);
    struct distribution usual_response = distribution_exponential(NS_PER_MS, 2 * NS_PER_MS);
    struct distribution usual_stop = distribution_exponential(5 * NS_PER_MS, 20 * NS_PER_MS);
    fill_duration(&boot, is_unsaid(&app->boot) ? &usual_boot : &app->boot);
    fill_duration(&response, is_unsaid(&app->response) ? &usual_response : &app->response);
    fill_duration(&stop, is_unsaid(&app->stop) ? &usual_stop : &app->stop);
    message.name = (char *)app->name;
    message.boot = &boot;
    message.response = &response;
    message.stop = &stop;
    message.has_crash_after_mean_ns = true;
    message.crash_after_mean_ns = app->crash_after_mean_ns;
    message.has_exit_after_boot_ns = true;
    message.exit_after_boot_ns = app->exit_after_boot_ns;
    message.has_never_binds = true;
    message.never_binds = app->never_binds;
    message.has_ignores_term = true;
    message.ignores_term = app->ignores_term;
    message.has_memory_bytes = true;
    message.memory_bytes = app->memory_bytes;
    message.has_memory_growth_bytes_per_s = true;
    message.memory_growth_bytes_per_s = app->memory_growth_bytes_per_s;
    message.has_response_bytes = true;
    message.response_bytes = app->response_bytes;
    message.has_shows_environment = message.shows_environment = app->environment != NULL;
    struct slice slice = {.size = cupola__sim_app__get_packed_size(&message)};
    slice.buffer = buffer_new(slice.size);
    cupola__sim_app__pack(&message, slice.buffer->bytes);
    return slice;
}

/* ---- Asking ---- */

static struct operation *ask(struct person *person, const Cupola__ClientConfig *given, const struct app_plan *behaviour)
{
    struct cloud *cloud = person->cloud;
    Cupola__ClientConfig config = *given;
    Cupola__Endpoint target = CUPOLA__ENDPOINT__INIT;
    char digest[BLOB_DIGEST_SIZE];
    if (config.target == NULL) {
        target.host = (char *)(uintptr_t)BALANCER_ADDRESS;
        target.has_port = true;
        target.port = ROUTER_PORT;
        config.target = &target;
    }
    if (config.host_header == NULL || config.host_header[0] == 0)
        config.host_header = (char *)API_HOST;
    if (behaviour != NULL) {
        struct slice bits = pack_behaviour(behaviour);
        config.has_bits_size = true;
        config.bits_size = bits.size;
        blob_store_put(cloud->client_blobs, bits, digest);
        config.bits = digest;
    }
    struct operation *operation = memory_new(sizeof *operation);
    operation->cloud = cloud;
    operation->person = person;
    operation->config = message_copy(&config.base);
    operation->number = cloud->operations == NULL ? 0 : cloud->operations->number + 1;
    operation->status = -1;
    operation->older = cloud->operations;
    char label[48];
    snprintf(label, sizeof label, "operator-%llu", (unsigned long long)operation->number);
    operation->label = world_keep_label(cloud->world, label);
    cloud->operations = operation;
    if (person->running == NULL)
        world_wake_in(cloud->world, &person->turn, 0);
    return operation;
}

struct operation *operator_run(struct cloud *cloud, const Cupola__ClientConfig *config,
                               const struct app_plan *behaviour)
{
    return ask(&cloud->people[OPERATOR], config, behaviour);
}

struct operation *operator_run_beside(struct cloud *cloud, const Cupola__ClientConfig *config)
{
    return ask(&cloud->people[COLLEAGUE], config, NULL);
}

/* ---- Taking turns ---- */

static void create_process(struct operation *operation)
{
    struct cloud *cloud = operation->cloud;
    Cupola__ClientConfig *config = operation->config;
    char *token = config->token;
    if ((token == NULL || token[0] == 0) && cloud->token != NULL)
        config->token = cloud->token;
    struct text packed = {0};
    size_t size = cupola__client_config__get_packed_size(config);
    text_grow(&packed, cupola__client_config__pack(config, text_room(&packed, size)));
    config->token = token;
    char name[64];
    snprintf(name, sizeof name, operation->tries == 0 ? "%s" : "%s.%u", operation->label, operation->tries);
    struct process_options options = {
        .name = name,
        .class = &client_class,
        .config = {(const uint8_t *)text_string(&packed), packed.size},
        .host = cloud->outside,
        .blobs = cloud->client_blobs,
        .keeps_traces = cloud->plan.keep_traces,
    };
    operation->process = process_create(cloud->world, &options);
    operation->process->on_end = on_client_end;
    operation->process->owner = operation;
    text_free(&packed);
    process_start(operation->process, 0);
}

static void describe(const struct operation *operation, struct text *text)
{
    const Cupola__ClientConfig *config = operation->config;
    text_add_string(text, config->command);
    if (config->app != NULL && config->app[0] != 0)
        text_addf(text, " %s", config->app);
    if (config->has_instances)
        text_addf(text, " to %d", config->instances);
}

static struct operation *find_next(const struct person *person)
{
    struct operation *found = NULL;
    for (struct operation *at = person->cloud->operations; at != NULL; at = at->older) {
        if (!at->is_over && at->person == person)
            found = at;
    }
    return found;
}

/* Two that are about one app at the same time. */
static void note_meeting(struct cloud *cloud)
{
    struct operation *one = cloud->people[OPERATOR].running, *other = cloud->people[COLLEAGUE].running;
    if (one == NULL || other == NULL || one->config->app == NULL || other->config->app == NULL ||
        strcmp(one->config->app, other->config->app) != 0)
        return;
    one->met_another = other->met_another = true;
}

static void on_turn(struct wake *wake)
{
    struct person *person = container_of(wake, struct person, turn);
    struct cloud *cloud = person->cloud;
    cloud->world->change_count++;
    struct operation *operation = find_next(person);
    if (cloud->is_finishing || operation == NULL) {
        person->running = NULL;
        return;
    }
    person->running = operation;
    note_meeting(cloud);
    operation->began_ns = cloud_now_ns(cloud);
    if (operation->tries == 0) {
        struct text text = {0};
        describe(operation, &text);
        story_add(cloud, STORY_OPERATOR, LOG_INFO, operation->label, text_string(&text));
        text_free(&text);
    }
    create_process(operation);
}

/* The client prints {"token": "..."} when it has logged in. */
static void keep_token(struct cloud *cloud, const char *result)
{
    char token[512];
    const char *at = strstr(result, "\"token\"");
    if (at == NULL || sscanf(at, "\"token\" : \"%511[^\"]", token) != 1)
        return;
    memory_free(cloud->token);
    cloud->token = memory_copy_text(token);
}

static void tell_end(const struct operation *operation)
{
    struct text text = {0};
    describe(operation, &text);
    if (operation->status == 0)
        text_add_string(&text, " is done");
    else
        text_addf(&text, " failed: %.400s", text_string(&operation->result));
    story_add(operation->cloud, STORY_OPERATOR, operation->status == 0 ? LOG_INFO : LOG_WARNING, operation->label,
              text_string(&text));
    text_free(&text);
}

static void on_client_end(struct process *process)
{
    struct operation *operation = process->owner;
    struct cloud *cloud = operation->cloud;
    operation->status = process->end == PROCESS_EXITED ? process->exit_status : -2;
    text_clear(&operation->result);
    text_add(&operation->result, text_string(&process->exit_data), process->exit_data.size);
    bool is_good = operation->status == 0;
    if (!is_good && operation->is_set_up && !operation->may_fail && operation->tries < MOST_SET_UP_TRIES &&
        !cloud->is_finishing) {
        operation->tries++;
        world_wake_in(cloud->world, &operation->person->turn, SET_UP_PAUSE_NS);
        return;
    }
    operation->is_over = true;
    if (is_good && strcmp(operation->config->command, "login") == 0)
        keep_token(cloud, text_string(&operation->result));
    tell_end(operation);
    promises_note(cloud, operation->config, is_good, !operation->met_another);
    if (is_good) {
        struct text what = {0};
        describe(operation, &what);
        dependencies_note(cloud, text_string(&what), operation->config->command, text_string(&operation->result),
                          operation->began_ns);
        text_free(&what);
    }
    if (!is_good && operation->is_set_up && !operation->may_fail && !cloud->is_finishing)
        cloud_violate(cloud, "set_up", "%s of the plan failed: %.400s", operation->config->command,
                      text_string(&operation->result));
    operation->person->running = NULL;
    world_wake_in(cloud->world, &operation->person->turn, 0);
}

/* ---- Short forms ---- */

static struct operation *run_on_app(struct cloud *cloud, const char *command, const char *app)
{
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.command = (char *)command;
    config.app = (char *)app;
    return operator_run(cloud, &config, NULL);
}

/* What it is must be known before its first instance starts. */
static struct operation *start_with_settings(struct cloud *cloud, const char *app, const char *settings)
{
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.command = (char *)"settings";
    config.app = (char *)app;
    config.settings = (char *)(uintptr_t)settings;
    operator_run(cloud, &config, NULL);
    return run_on_app(cloud, "start", app);
}

struct operation *operator_push(struct cloud *cloud, const struct app_plan *app)
{
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.command = (char *)"push";
    config.app = (char *)app->name;
    config.framework = (char *)(app->framework == NULL ? "node" : app->framework);
    config.runtime = (char *)(app->runtime == NULL ? "node" : app->runtime);
    config.has_instances = true;
    config.instances = app->instances == 0 ? 1 : (int32_t)app->instances;
    config.has_memory_mb = true;
    config.memory_mb = app->memory_mb == 0 ? 64 : (int32_t)app->memory_mb;
    char uri[300];
    char *uris[] = {uri};
    if (app->host != NULL)
        snprintf(uri, sizeof uri, "%s", app->host);
    else
        snprintf(uri, sizeof uri, "%s.cupola.test", app->name);
    config.n_uris = 1;
    config.uris = uris;
    char *environment[MOST_VARIABLES];
    config.env = environment;
    for (const char *at = app->environment; at != NULL && *at != 0 && config.n_env < MOST_VARIABLES;
         at += strlen(at) + 1)
        environment[config.n_env++] = (char *)(uintptr_t)at;
    const char *settings = app->settings == NULL && app->is_singleton ? "{\"singleton\":true}" : app->settings;
    config.has_no_start = true;
    config.no_start = settings != NULL;
    struct operation *push = operator_run(cloud, &config, app);
    return settings != NULL ? start_with_settings(cloud, app->name, settings) : push;
}

struct operation *operator_scale(struct cloud *cloud, const char *app, uint32_t instances)
{
    Cupola__ClientConfig config = CUPOLA__CLIENT_CONFIG__INIT;
    config.command = (char *)"scale";
    config.app = (char *)app;
    config.has_instances = true;
    config.instances = (int32_t)instances;
    return operator_run(cloud, &config, NULL);
}

struct operation *operator_stop(struct cloud *cloud, const char *app)
{
    return run_on_app(cloud, "stop", app);
}

/* ---- Looking ---- */

bool operation_is_over(const struct operation *operation)
{
    return operation->is_over;
}

const char *operation_client(const struct operation *operation)
{
    return operation->label;
}

int operation_status(const struct operation *operation)
{
    return operation->is_over ? operation->status : -1;
}

const char *operation_result(const struct operation *operation)
{
    return operation->is_over ? text_string(&operation->result) : "";
}

bool operation_over(struct cloud *cloud, void *operation, struct text *ret_why)
{
    (void)cloud;
    const struct operation *asked = operation;
    if (!asked->is_over && ret_why != NULL) {
        describe(asked, ret_why);
        text_add_string(ret_why, " is under way");
    }
    return asked->is_over;
}

bool operators_idle(struct cloud *cloud, void *context, struct text *ret_why)
{
    (void)context;
    for (size_t i = 0; i < PEOPLE; i++) {
        struct operation *operation = find_next(&cloud->people[i]);
        if (operation != NULL)
            return operation_over(cloud, operation, ret_why);
    }
    return true;
}

bool operators_rest(const struct cloud *cloud)
{
    return cloud->people[OPERATOR].running == NULL && cloud->people[COLLEAGUE].running == NULL;
}

bool operation_leaves_alone(const struct cloud *cloud, const char *app)
{
    for (size_t i = 0; i < PEOPLE; i++) {
        const struct operation *running = cloud->people[i].running;
        if (running != NULL && running->config->app != NULL && strcmp(running->config->app, app) == 0)
            return false;
    }
    return true;
}

void operators_stop(struct cloud *cloud)
{
    for (size_t i = 0; i < PEOPLE; i++) {
        struct operation *running = cloud->people[i].running;
        if (running != NULL && running->process != NULL)
            process_stop(running->process);
    }
}
