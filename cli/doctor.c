/* `cupola doctor`: looks at this machine and the cloud in use, and says what is wrong and what to do about it. */
#include "cli/client/request.h"
#include "cli/commands.h"
#include "cli/home.h"
#include "cli/terminal.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { LEAST_FREE_MB = 512 };

struct visit {
    unsigned problems;
};

static void good(const char *what, const char *detail)
{
    printf("%sok%s      %s%s%s\n", terminal_color(32), terminal_color(0), what, detail[0] == '\0' ? "" : ": ", detail);
}

static void bad(struct visit *visit, const char *what, const char *advice)
{
    visit->problems++;
    printf("%swrong%s   %s\n        %s\n", terminal_color(31), terminal_color(0), what, advice);
}

static void hint(const char *what, const char *advice)
{
    printf("%shint%s    %s\n        %s\n", terminal_color(33), terminal_color(0), what, advice);
}

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

/* ---- This machine ---- */

static void look_at_programs(void)
{
    static const char *const programs[][2] = {
        {"node", "Node.js apps"},
        {"python3", "Python apps"},
        {"ruby", "Ruby apps"},
        {"java", "Java apps"},
        {"bwrap", "apps in containers of their own"},
    };
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        char text[120], advice[160];
        snprintf(text, sizeof text, "%s is there for %s", programs[i][0], programs[i][1]);
        if (is_in_path(programs[i][0])) {
            good(text, "");
            continue;
        }
        snprintf(text, sizeof text, "%s is missing", programs[i][0]);
        snprintf(advice, sizeof advice, "only needed where DEAs run %s: install the Debian package", programs[i][1]);
        hint(text, advice);
    }
}

static void look_at_disk(struct visit *visit)
{
    struct statvfs disk;
    const char *folder = home_folder();
    if (folder == NULL)
        return; /* It has been said why. */
    if (statvfs(folder, &disk) != 0) {
        bad(visit, "the disk of the settings folder cannot be looked at", "check that its file system is mounted");
        return;
    }
    unsigned long long free_mb = (unsigned long long)disk.f_bavail * disk.f_frsize >> 20;
    char text[160];
    snprintf(text, sizeof text, "%s has %llu MB free", folder, free_mb);
    if (free_mb >= LEAST_FREE_MB)
        good(text, "");
    else
        bad(visit, text, "make room: packages and droplets need some");
}

/* Apps are served at names below the cloud's domain: each needs a wildcard record, or a line in /etc/hosts. */
static void look_at_name(const char *host)
{
    struct addrinfo *found = NULL, wish = {.ai_socktype = SOCK_STREAM};
    char text[320];
    if (getaddrinfo(host, NULL, &wish, &found) == 0) {
        snprintf(text, sizeof text, "the name %s is known here", host);
        good(text, "");
        freeaddrinfo(found);
        return;
    }
    snprintf(text, sizeof text, "the name %s is not known here", host);
    hint(text,
         "browsers on this machine need it in DNS or /etc/hosts; `cupola` itself connects to the target's address");
}

/* ---- The cloud ---- */

static void look_at_cloud(struct visit *visit, struct request *request)
{
    struct text result = {0};
    char text[400];
    const Cupola__CliTarget *target = home_current(request->home);
    if (target == NULL) {
        bad(visit, "no cloud is chosen",
            "`cupola up` starts one here; `cupola target http://api.YOUR.CLOUD` chooses one");
        return;
    }
    snprintf(text, sizeof text, "%s:%u", target->address, target->port);
    good("a cloud is chosen", text);
    if (target->host_header != NULL)
        look_at_name(target->host_header);
    int status = request_run(request, "info", &result);
    if (status != CLI_OK)
        bad(visit, "it does not answer as a cloud controller", "check that it is up, and `cupola target`");
    else if (strstr(text_string(&result), "\"user\":") != NULL)
        good("it answers, and knows you", request->config.email == NULL ? "" : request->config.email);
    else
        bad(visit, "it answers, but you are not logged in there", "`cupola login` or `cupola register`");
    text_free(&result);
}

int cli_doctor(int argc, char **argv)
{
    static const struct request_spec spec = {
        .usage = "usage: cupola doctor\n\nLooks at this machine and at the cloud in use, and says what is wrong. Exit\n"
                 "status 1 if anything is.\n\nExamples:\n  cupola doctor\n",
    };
    struct request request;
    struct visit visit = {0};
    int status = request_parse(&request, &spec, argc, argv);
    if (status < 0) {
        look_at_disk(&visit);
        look_at_programs();
        look_at_cloud(&visit, &request);
        if (visit.problems == 0)
            puts("Nothing is wrong.");
        status = visit.problems == 0 ? CLI_OK : CLI_FAILED;
    }
    request_release(&request);
    return status;
}
