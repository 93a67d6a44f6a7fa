/* `cupola doctor`: looks at this machine and the cloud in use, and says what is wrong and what to do about it. */
#include "cli/client/print.h"
#include "cli/client/request.h"
#include "cli/commands.h"
#include "cli/home.h"
#include "cli/terminal.h"
#include "core/proto/rest.pb-c.h"
#include "core/wire/json.h"
#include "drivers/real/real.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { LEAST_FREE_MB = 512, LEAST_MEMORY_MB = 512, LEAST_FILES = 4096 };

/* What is wrong has to be mended; what is hinted at matters to some only. */
enum finding { FINDING_OK = 1, FINDING_HINT, FINDING_WRONG };
static const struct {
    const char *name;
    int color;
} findings[] = {[FINDING_OK] = {"ok", 32}, [FINDING_HINT] = {"hint", 33}, [FINDING_WRONG] = {"wrong", 31}};

struct visit {
    unsigned problems;
    bool json;
    struct text list; /* For --json: the findings. */
};

/* `advice` is "" for what is in order. */
static void tell(struct visit *visit, enum finding finding, const char *what, const char *advice)
{
    visit->problems += finding == FINDING_WRONG;
    if (!visit->json) {
        printf("%s%-8s%s%s\n", terminal_color(findings[finding].color), findings[finding].name, terminal_color(0),
               what);
        if (advice[0] != '\0')
            printf("        %s\n", advice);
        return;
    }
    text_addf(&visit->list, "%s{\"finding\":\"%s\",\"what\":", visit->list.size > 0 ? "," : "", findings[finding].name);
    json_write_string(&visit->list, what);
    text_add_string(&visit->list, ",\"advice\":");
    json_write_string(&visit->list, advice);
    text_add_char(&visit->list, '}');
}

/* ---- This machine ---- */

static bool is_in_path(const char *program)
{
    const char *path = getenv("PATH");
    char name[512];
    while (path != NULL && *path != '\0') {
        size_t size = strcspn(path, ":");
        snprintf(name, sizeof name, "%.*s/%s", (int)size, path, program);
        if (access(name, X_OK) == 0)
            return true;
        path += size + (path[size] == ':');
    }
    return false;
}

static void look_at_programs(struct visit *visit)
{
    static const char *const programs[][2] = {
        {"node", "Node.js apps"},
        {"npm", "what Node.js apps depend on"},
        {"python3", "Python apps, static files"},
        {"gunicorn", "WSGI apps"},
        {"ruby", "Ruby apps"},
        {"puma", "Rack and Rails apps"},
        {"java", "Java apps"},
        {"javac", "Java sources"},
        {"groovyc", "Groovy apps"},
        {"scalac", "Scala apps"},
        {"php", "PHP apps"},
        {"erl", "Erlang apps"},
    };
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        char text[120], advice[160];
        bool is_there = is_in_path(programs[i][0]);
        snprintf(text, sizeof text, "%s is %s for %s", programs[i][0], is_there ? "there" : "missing", programs[i][1]);
        snprintf(advice, sizeof advice, "only needed where DEAs run %s: install the Debian package", programs[i][1]);
        tell(visit, is_there ? FINDING_OK : FINDING_HINT, text, is_there ? "" : advice);
    }
}

static void look_at_disk(struct visit *visit, const char *folder)
{
    struct statvfs disk;
    if (statvfs(folder, &disk) != 0) {
        tell(visit, FINDING_WRONG, "the disk of the settings folder cannot be looked at",
             "check that its file system is mounted");
        return;
    }
    unsigned long long free_mb = (unsigned long long)disk.f_bavail * disk.f_frsize >> 20;
    bool is_enough = free_mb >= LEAST_FREE_MB;
    char text[4200];
    snprintf(text, sizeof text, "%s has %llu MB free", folder, free_mb);
    tell(visit, is_enough ? FINDING_OK : FINDING_WRONG, text,
         is_enough ? "" : "make room: packages and droplets need some");
}

/* The logins that are kept there are as good as passwords. */
static void look_at_settings(struct visit *visit, const char *folder)
{
    struct stat info;
    char path[4200], text[4300], advice[4300];
    snprintf(path, sizeof path, "%s/cupola.json", folder);
    if (access(folder, W_OK) != 0) {
        snprintf(text, sizeof text, "%s cannot be written", folder);
        tell(visit, FINDING_WRONG, text, "nothing is remembered: mend its rights, or set CUPOLA_HOME");
    } else if (stat(path, &info) == 0 && (info.st_mode & 077) != 0) {
        snprintf(text, sizeof text, "%s can be read by others, and your logins with it", path);
        snprintf(advice, sizeof advice, "chmod 600 %s, then `cupola logout --everywhere` takes them all back", path);
        tell(visit, FINDING_WRONG, text, advice);
    } else {
        tell(visit, FINDING_OK, "your logins can be read by you alone", "");
    }
}

static void look_at_containers(struct visit *visit)
{
    struct text why_not = {0};
    bool is_possible = real_workloads_possible("bubblewrap", "runc", &why_not);
    if (is_possible)
        tell(visit, FINDING_OK, "apps can run in containers of their own here", "");
    else
        tell(visit, FINDING_HINT, "apps cannot run in containers here: only where DEAs run is that of interest",
             why_not.size > 0 ? text_string(&why_not) : "install bubblewrap, and run DEAs as root");
    text_free(&why_not);
}

/* Of /proc/meminfo, in MB; 0: it does not say. */
static unsigned long long memory_at_hand(void)
{
    unsigned long long kilobytes = 0;
    char line[200];
    FILE *file = fopen("/proc/meminfo", "r");
    while (file != NULL && kilobytes == 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "MemAvailable:", 13) == 0)
            kilobytes = strtoull(line + 13, NULL, 10);
    if (file != NULL)
        fclose(file);
    return kilobytes >> 10;
}

static void look_at_limits(struct visit *visit)
{
    struct rlimit files;
    char text[120];
    unsigned long long memory_mb = memory_at_hand();
    bool is_enough = memory_mb == 0 || memory_mb >= LEAST_MEMORY_MB;
    snprintf(text, sizeof text, "%llu MB of memory are at hand", memory_mb);
    tell(visit, is_enough ? FINDING_OK : FINDING_HINT, text,
         is_enough ? "" : "a cloud with a few apps wants half a gigabyte");
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    is_enough = files.rlim_max >= LEAST_FILES;
    snprintf(text, sizeof text, "a process may open %llu files", (unsigned long long)files.rlim_max);
    tell(visit, is_enough ? FINDING_OK : FINDING_HINT, text,
         is_enough ? "" : "each connection of a router takes one: raise `ulimit -Hn` where one runs");
}

/* Apps are served at names below the cloud's domain: each needs a wildcard record, or a line in /etc/hosts. */
static void look_at_name(struct visit *visit, const char *host)
{
    struct addrinfo *found = NULL, wish = {.ai_socktype = SOCK_STREAM};
    char name[256], text[320];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(host, ":"), host);
    bool is_known = getaddrinfo(name, NULL, &wish, &found) == 0;
    snprintf(text, sizeof text, "the name %s is %s here", name, is_known ? "known" : "not known");
    tell(visit, is_known ? FINDING_OK : FINDING_HINT, text,
         is_known ? ""
                  : "browsers on this machine need it in DNS or /etc/hosts; `cupola` itself connects to the target's "
                    "address");
    if (is_known)
        freeaddrinfo(found);
}

/* ---- The cloud ---- */

static void look_at_health(struct visit *visit, const Cupola__RestInfo *info)
{
    char text[600];
    const Cupola__RestFreshness *health = info->health;
    if (health == NULL)
        return;
    bool is_fresh = health->has_hosts && health->fresh_hosts == health->hosts;
    snprintf(text, sizeof text, "its health: %s", health->freshness == NULL ? "nobody tells" : health->freshness);
    tell(visit, is_fresh ? FINDING_OK : FINDING_WRONG, text,
         is_fresh ? "" : "whoever runs the cloud looks at its health managers, and at the hosts that are silent");
    for (size_t i = 0; i < health->n_brakes; i++) {
        snprintf(text, sizeof text, "healing is held back: %s", health->brakes[i]);
        tell(visit, FINDING_WRONG, text, "whoever runs the cloud knows more: docs/operations.md, \"What to watch\"");
    }
}

static void look_at_apps(struct visit *visit, struct request *request)
{
    struct text result = {0};
    char text[400], advice[400];
    Cupola__RestApps *apps = NULL;
    if (request_run(request, "apps", &result) == CLI_OK)
        apps = (Cupola__RestApps *)print_parse(&result, &cupola__rest_apps__descriptor, "apps");
    size_t short_of = 0;
    for (size_t i = 0; apps != NULL && i < apps->n_apps; i++) {
        const Cupola__RestApp *app = apps->apps[i];
        if (app->name == NULL || app->state == NULL || strcmp(app->state, "STARTED") != 0 ||
            (app->has_runninginstances && app->runninginstances >= app->instances))
            continue;
        short_of++;
        snprintf(text, sizeof text, "%d of %d instances of %s run", (int)app->runninginstances, (int)app->instances,
                 app->name);
        snprintf(advice, sizeof advice, "`cupola instances %s`, `cupola crashes %s` and `cupola logs %s` tell why",
                 app->name, app->name, app->name);
        tell(visit, FINDING_WRONG, text, advice);
    }
    if (apps != NULL && short_of == 0)
        tell(visit, FINDING_OK, "all of your apps that are started run", "");
    if (apps != NULL)
        cupola__rest_apps__free_unpacked(apps, NULL);
    text_free(&result);
}

static void look_at_login(struct visit *visit, struct request *request, const struct text *result)
{
    char text[400];
    Cupola__RestInfo *info = (Cupola__RestInfo *)print_parse(result, &cupola__rest_info__descriptor, NULL);
    if (info == NULL || info->user == NULL) {
        tell(visit, FINDING_WRONG, "it answers, but you are not logged in there",
             "`cupola login` or `cupola register`");
    } else {
        snprintf(text, sizeof text, "it answers, and knows you: %s", info->user);
        tell(visit, FINDING_OK, text, "");
        look_at_health(visit, info);
        look_at_apps(visit, request);
    }
    if (info != NULL)
        cupola__rest_info__free_unpacked(info, NULL);
}

static void look_at_cloud(struct visit *visit, struct request *request)
{
    struct text result = {0};
    char text[400];
    const Cupola__CliTarget *target = home_current(request->home);
    if (target == NULL || target->address == NULL) {
        tell(visit, FINDING_WRONG, "no cloud is chosen",
             "`cupola up` starts one here; `cupola target http://api.YOUR.CLOUD` chooses one");
        return;
    }
    snprintf(text, sizeof text, "a cloud is chosen: %s:%u", target->address, target->port);
    tell(visit, FINDING_OK, text, "");
    if (target->host_header != NULL)
        look_at_name(visit, target->host_header);
    if (request_run(request, "info", &result) != CLI_OK)
        tell(visit, FINDING_WRONG, "it does not answer as a cloud controller",
             "check that it is up, and `cupola target`");
    else
        look_at_login(visit, request, &result);
    text_free(&result);
}

static void finish(struct visit *visit)
{
    if (visit->json)
        printf("{\"problems\":%u,\"findings\":[%s]}\n", visit->problems, text_string(&visit->list));
    else if (visit->problems == 0)
        puts("Nothing is wrong.");
    terminal_failure_is_told();
    text_free(&visit->list);
}

int cli_doctor(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage =
            "usage: cupola doctor [--json]\n\nLooks at this machine, at the cloud in use and at your apps there, "
            "and says what is wrong and what to do.\nExit status 1 if anything is.\n\nExamples:\n  cupola doctor\n",
    };
    struct request request;
    struct visit visit = {0};
    int status = request_parse(&request, &spec, argc, argv);
    const char *folder = status < 0 ? home_folder() : NULL;
    if (folder != NULL) {
        visit.json = request.json;
        request.json = false; /* What goes wrong on the way is a finding, and not the answer. */
        look_at_disk(&visit, folder);
        look_at_settings(&visit, folder);
        look_at_limits(&visit);
        look_at_containers(&visit);
        look_at_programs(&visit);
        look_at_cloud(&visit, &request);
        finish(&visit);
        status = visit.problems == 0 ? CLI_OK : CLI_FAILED;
    }
    request_release(&request);
    return status;
}
