#include "cli/client/print.h"

#include "cli/commands.h"
#include "cli/terminal.h"
#include "core/proto/client.pb-c.h"
#include "core/proto/rest.pb-c.h"
#include "core/wire/json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

ProtobufCMessage *print_parse(const struct text *result, const ProtobufCMessageDescriptor *descriptor,
                              const char *wrapper)
{
    struct text json = {0};
    struct json_error error;
    if (wrapper != NULL)
        text_addf(&json, "{\"%s\":%s}", wrapper, text_string(result));
    else
        text_add_string(&json, text_string(result));
    ProtobufCMessage *message =
        json_read(descriptor, (struct io_bytes){(const uint8_t *)text_string(&json), json.size}, JSON_LENIENT, &error);
    if (message == NULL)
        terminal_error("the cloud's answer is not understood: %s", error.text);
    text_free(&json);
    return message;
}

static const char *health_color(const Cupola__RestApp *app)
{
    if (app->state == NULL || strcmp(app->state, "STARTED") != 0)
        return terminal_color(2);
    return terminal_color(app->runninginstances >= app->instances ? 32 : app->runninginstances > 0 ? 33 : 31);
}

static void print_app_line(const Cupola__RestApp *app)
{
    bool is_started = app->state != NULL && strcmp(app->state, "STARTED") == 0;
    char running[32] = "?";
    if (app->has_runninginstances || !is_started)
        snprintf(running, sizeof running, "%d", app->runninginstances);
    printf("%-24s %s%-8s %s/%d%s  %4dM  ", app->name, health_color(app), app->state == NULL ? "?" : app->state, running,
           app->instances, terminal_color(0), app->resources == NULL ? 0 : app->resources->memory);
    for (size_t i = 0; i < app->n_uris; i++)
        printf("%s%s", i > 0 ? ", " : "", app->uris[i]);
    putchar('\n');
}

static void print_framework(const Cupola__RestFramework *framework)
{
    printf("  %-14s", framework->name);
    for (size_t i = 0; i < framework->n_runtimes; i++)
        printf("%s%s", i > 0 ? ", " : "", framework->runtimes[i]->name);
    putchar('\n');
}

int print_info(const struct text *result)
{
    Cupola__RestInfo *info = (Cupola__RestInfo *)print_parse(result, &cupola__rest_info__descriptor, NULL);
    if (info == NULL)
        return CLI_FAILED;
    printf("%s %s, build %d; support: %s\n", info->description, info->version, info->build, info->support);
    if (info->user != NULL && info->usage != NULL && info->limits != NULL) {
        printf("Logged in as %s.\n", info->user);
        printf("  memory        %d of %d MB\n", info->usage->memory, info->limits->memory);
        printf("  started apps  %d of %d\n", info->usage->apps, info->limits->apps);
        if (info->health != NULL && info->health->freshness != NULL)
            printf("  health        %s\n", info->health->freshness);
        for (size_t i = 0; info->health != NULL && i < info->health->n_brakes; i++)
            printf("                held back: %s\n", info->health->brakes[i]);
        printf("Frameworks and their runtimes, the usual one first:\n");
        for (size_t i = 0; i < info->n_frameworks; i++)
            if (info->frameworks[i]->value != NULL)
                print_framework(info->frameworks[i]->value);
    } else {
        puts("Not logged in; `cupola login` shows more.");
    }
    cupola__rest_info__free_unpacked(info, NULL);
    return CLI_OK;
}

int print_apps(const struct text *result)
{
    Cupola__RestApps *apps = (Cupola__RestApps *)print_parse(result, &cupola__rest_apps__descriptor, "apps");
    if (apps == NULL)
        return CLI_FAILED;
    if (apps->n_apps == 0)
        puts("No apps yet; `cupola push NAME` uploads the folder you are in.");
    for (size_t i = 0; i < apps->n_apps; i++)
        print_app_line(apps->apps[i]);
    cupola__rest_apps__free_unpacked(apps, NULL);
    return CLI_OK;
}

int print_app(const struct text *result)
{
    Cupola__RestApp *app = (Cupola__RestApp *)print_parse(result, &cupola__rest_app__descriptor, NULL);
    if (app == NULL)
        return CLI_FAILED;
    print_app_line(app);
    printf("  framework %s, runtime %s, version %s\n",
           app->staging != NULL && app->staging->model != NULL ? app->staging->model : "?",
           app->staging != NULL && app->staging->stack != NULL ? app->staging->stack : "?",
           app->version == NULL ? "?" : app->version);
    cupola__rest_app__free_unpacked(app, NULL);
    return CLI_OK;
}

int print_environment(const struct text *result)
{
    Cupola__RestApp *app = (Cupola__RestApp *)print_parse(result, &cupola__rest_app__descriptor, NULL);
    if (app == NULL)
        return CLI_FAILED;
    for (size_t i = 0; i < app->n_env; i++)
        puts(app->env[i]);
    cupola__rest_app__free_unpacked(app, NULL);
    return CLI_OK;
}

static const char *moment(int64_t since, char *ret_text, size_t size)
{
    time_t seconds = (time_t)since;
    struct tm local;
    if (since <= 0 || localtime_r(&seconds, &local) == NULL || strftime(ret_text, size, "%F %T", &local) == 0)
        snprintf(ret_text, size, "-");
    return ret_text;
}

int print_instances(const struct text *result)
{
    Cupola__RestInstances *instances =
        (Cupola__RestInstances *)print_parse(result, &cupola__rest_instances__descriptor, NULL);
    if (instances == NULL)
        return CLI_FAILED;
    for (size_t i = 0; i < instances->n_instances; i++) {
        const Cupola__RestInstance *instance = instances->instances[i];
        char since[32];
        bool runs = instance->state != NULL && strcmp(instance->state, "RUNNING") == 0;
        printf("%4d  %s%-9s%s since %s  %s\n", instance->index, terminal_color(runs ? 32 : 33),
               instance->state == NULL ? "?" : instance->state, terminal_color(0),
               moment(instance->since, since, sizeof since), instance->reason == NULL ? "" : instance->reason);
    }
    cupola__rest_instances__free_unpacked(instances, NULL);
    return CLI_OK;
}

static void print_stat_line(const char *index, const Cupola__RestStat *stat)
{
    const Cupola__InstanceStats *stats = stat->stats;
    if (stats == NULL) {
        printf("%4s  %s\n", index, stat->state == NULL ? "?" : stat->state);
        return;
    }
    printf("%4s  %s:%d  up %.0f s", index, stats->host == NULL ? "?" : stats->host, stats->port, stats->uptime);
    if (stats->usage != NULL)
        printf("  cpu %.1f%%  memory %.1f of %lld MB  disk %.1f MB", stats->usage->cpu, stats->usage->mem / 1024,
               (long long)(stats->mem_quota >> 20), (double)stats->usage->disk / (1 << 20));
    putchar('\n');
}

int print_stats(const struct text *result)
{
    Cupola__RestStats *stats = (Cupola__RestStats *)print_parse(result, &cupola__rest_stats__descriptor, "stats");
    if (stats == NULL)
        return CLI_FAILED;
    for (size_t i = 0; i < stats->n_stats; i++)
        if (stats->stats[i]->value != NULL)
            print_stat_line(stats->stats[i]->key, stats->stats[i]->value);
    cupola__rest_stats__free_unpacked(stats, NULL);
    return CLI_OK;
}

int print_crashes(const struct text *result)
{
    Cupola__RestCrashes *crashes = (Cupola__RestCrashes *)print_parse(result, &cupola__rest_crashes__descriptor, NULL);
    if (crashes == NULL)
        return CLI_FAILED;
    if (crashes->n_crashes == 0)
        puts("No crashed instances.");
    for (size_t i = 0; i < crashes->n_crashes; i++) {
        char since[32];
        const Cupola__RestCrash *crash = crashes->crashes[i];
        printf("%s  crashed %s%s%s\n", crash->instance, moment(crash->since, since, sizeof since),
               crash->reason == NULL ? "" : "  ", crash->reason == NULL ? "" : crash->reason);
    }
    cupola__rest_crashes__free_unpacked(crashes, NULL);
    return CLI_OK;
}

static void print_event(const Cupola__RestEvent *event)
{
    char at[32];
    printf("%s  %s%s%s", moment(event->at, at, sizeof at), terminal_color(1), event->kind == NULL ? "?" : event->kind,
           terminal_color(0));
    if (event->has_index)
        printf(" instance %d", event->index);
    if (event->text != NULL)
        printf(": %s", event->text);
    if (event->actor != NULL)
        printf(" (%s)", event->actor);
    putchar('\n');
}

int print_one_event(const struct text *result)
{
    Cupola__RestEvent *event = (Cupola__RestEvent *)print_parse(result, &cupola__rest_event__descriptor, NULL);
    if (event == NULL)
        return CLI_FAILED;
    print_event(event);
    cupola__rest_event__free_unpacked(event, NULL);
    return CLI_OK;
}

int print_events(const struct text *result)
{
    if (result->size == 0)
        return CLI_OK; /* They were printed while they came. */
    Cupola__RestEvents *events = (Cupola__RestEvents *)print_parse(result, &cupola__rest_events__descriptor, NULL);
    if (events == NULL)
        return CLI_FAILED;
    for (size_t i = 0; i < events->n_events; i++)
        print_event(events->events[i]);
    cupola__rest_events__free_unpacked(events, NULL);
    return CLI_OK;
}

int print_revisions(const struct text *result)
{
    Cupola__RestRevisions *revisions =
        (Cupola__RestRevisions *)print_parse(result, &cupola__rest_revisions__descriptor, NULL);
    if (revisions == NULL)
        return CLI_FAILED;
    if (revisions->n_revisions == 0)
        puts("It has not run yet.");
    for (size_t i = 0; i < revisions->n_revisions; i++) {
        const Cupola__RestRevision *revision = revisions->revisions[i];
        char at[32];
        printf("%c %4lld  %s  droplet %.8s  %dM  %d variables  %s\n",
               revision->revision == revisions->current ? '*' : ' ', (long long)revision->revision,
               moment(revision->at, at, sizeof at), revision->droplet == NULL ? "?" : revision->droplet,
               revision->memory, revision->variables, revision->reason == NULL ? "" : revision->reason);
    }
    cupola__rest_revisions__free_unpacked(revisions, NULL);
    return CLI_OK;
}

int print_json(const struct text *result)
{
    struct text pretty = {0};
    json_indent(&pretty, (struct io_bytes){(const uint8_t *)text_string(result), result->size});
    fputs(text_string(&pretty), stdout);
    text_free(&pretty);
    return CLI_OK;
}

static void print_content(const char *content)
{
    fputs(content, stdout);
    if (content[0] != 0 && content[strlen(content) - 1] != '\n')
        putchar('\n');
}

int print_log_line(const struct text *result)
{
    Cupola__ClientLogLine *line =
        (Cupola__ClientLogLine *)print_parse(result, &cupola__client_log_line__descriptor, NULL);
    if (line == NULL)
        return CLI_FAILED;
    const char *slash = line->path == NULL ? NULL : strchr(line->path, '/');
    printf("%s[%.8s %s]%s %s\n", terminal_color(2), line->instance == NULL ? "?" : line->instance,
           slash == NULL ? "?" : slash + 1, terminal_color(0), line->line == NULL ? "" : line->line);
    cupola__client_log_line__free_unpacked(line, NULL);
    return CLI_OK;
}

int print_logs(const struct text *result)
{
    if (result->size == 0)
        return CLI_OK; /* Everything was printed while it came. */
    Cupola__ClientLogs *logs = (Cupola__ClientLogs *)print_parse(result, &cupola__client_logs__descriptor, NULL);
    if (logs == NULL)
        return CLI_FAILED;
    if (logs->n_logs == 0)
        puts("Nothing was printed yet.");
    for (size_t i = 0; i < logs->n_logs; i++) {
        const Cupola__ClientLog *log = logs->logs[i];
        printf("%s== instance %s: %s%s\n", terminal_color(1), log->instance, log->path, terminal_color(0));
        print_content(log->content == NULL ? "" : log->content);
    }
    cupola__client_logs__free_unpacked(logs, NULL);
    return CLI_OK;
}

int print_file(const struct text *result)
{
    Cupola__ClientFile *file = (Cupola__ClientFile *)print_parse(result, &cupola__client_file__descriptor, NULL);
    if (file == NULL)
        return CLI_FAILED;
    print_content(file->content == NULL ? "" : file->content);
    cupola__client_file__free_unpacked(file, NULL);
    return CLI_OK;
}

int print_users(const struct text *result)
{
    Cupola__RestUsers *list = (Cupola__RestUsers *)print_parse(result, &cupola__rest_users__descriptor, "users");
    if (list == NULL)
        return CLI_FAILED;
    for (size_t i = 0; i < list->n_users; i++) {
        const Cupola__RestUserEntry *user = list->users[i];
        printf("%c %-32s ", user->admin ? '*' : ' ', user->email == NULL ? "?" : user->email);
        for (size_t j = 0; j < user->n_apps; j++)
            printf("%s%s", j > 0 ? ", " : "", user->apps[j]->name == NULL ? "?" : user->apps[j]->name);
        putchar('\n');
    }
    cupola__rest_users__free_unpacked(list, NULL);
    return CLI_OK;
}
