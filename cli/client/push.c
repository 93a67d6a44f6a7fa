/* `cupola push`: from a folder to a URL. */
#include "cli/client/fingerprints.h"
#include "cli/client/manifest.h"
#include "cli/client/package.h"
#include "cli/client/request.h"
#include "cli/client/scratch.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "drivers/real/real.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { INTERRUPTED = 130 }; /* As the shell tells of a process that Ctrl-C has ended. */

static const struct request_spec push_spec = {
    .usage =
        "usage: cupola push [APP] [--path FOLDER] [options]\n"
        "\n"
        "Uploads the folder of an app, stages it and waits until it runs. An app that is there already gets the new\n"
        "bits by a rolling update, without a gap.\n"
        "\n"
        "A file cupola.yml (or manifest.yml) in the folder may say name, instances, memory, framework, runtime,\n"
        "command, urls and env; options win over it.\n"
        "\n"
        "  --path FOLDER       the app's folder (default: the one you are in)\n"
        "  --instances N       how many (default 1)\n"
        "  --memory SIZE       of each instance: 64M, 1G (default 128M)\n"
        "  --url HOST          host name to serve it at (default: APP.DOMAIN of the target); may be repeated\n"
        "  --framework NAME    node, python, static, ... (default: by the files in the folder)\n"
        "  --runtime NAME      (default: the framework's own)\n"
        "  --command COMMAND   how to start it, instead of the framework's guess\n"
        "  --env NAME=VALUE    a variable; may be repeated\n"
        "  --no-start          upload only\n"
        "\n"
        "Examples:\n"
        "  cupola push\n"
        "  cupola push shop --path ./shop --instances 3 --memory 256M\n"
        "  cupola push worker --command 'python3 worker.py --port $PORT'\n",
    .options = OPTION_PATH | OPTION_INSTANCES | OPTION_MEMORY | OPTION_URL | OPTION_FRAMEWORK | OPTION_RUNTIME |
               OPTION_START_COMMAND | OPTION_ENV | OPTION_NO_START,
    .least_words = 0,
    .most_words = 1,
};

/* NAME.DOMAIN, where the domain is the target's host without its first label. */
static void add_default_url(struct request *request, struct text *url)
{
    const char *host = request->config.host_header;
    const char *dot = host == NULL ? NULL : strchr(host, '.');
    size_t size = dot == NULL ? 0 : strcspn(dot, ":");
    if (request->config.n_uris > 0 || dot == NULL)
        return;
    text_addf(url, "%s%.*s", request->config.app, (int)size, dot);
    request->uris[request->config.n_uris++] = (char *)(uintptr_t)text_string(url);
}

/* Asks the controller for the large files that it has. A folder all of whose files it has sends one again: the form of
 * an upload without any is one that not every controller understands. */
static bool find_known(struct request *request, struct fingerprints *prints)
{
    struct text asked = {0}, answer = {0};
    if (!fingerprints_read(prints, request->folder))
        return false;
    if (prints->count == 0)
        return true;
    fingerprints_write(prints, false, &asked);
    request->config.resources = (char *)(uintptr_t)text_string(&asked);
    bool ok = request_run(request, "match", &answer) == CLI_OK;
    if (ok)
        fingerprints_take(prints, &answer);
    request->config.resources = NULL;
    text_free(&asked);
    text_free(&answer);
    return ok;
}

/* Zips what the controller does not have and puts it among the blobs of this push. */
static bool import_bits(struct request *request, const struct fingerprints *prints, char ret_digest[41])
{
    struct text zip = {0}, error = {0}, line = {0};
    unsigned files = 0;
    uint64_t size = 0;
    scratch_note_interrupts();
    bool ok = package_zip(request->folder, request->data_dir, fingerprints_is_there, prints, &zip, &files);
    if (ok) {
        ok = real_blob_import(request->data_dir, text_string(&zip), ret_digest, &size, &error) == IO_OK;
        unlink(text_string(&zip));
        if (!ok)
            terminal_error("%s", text_string(&error));
    }
    ok = ok && !scratch_is_interrupted();
    if (ok) {
        request->config.bits = ret_digest;
        request->config.has_bits_size = 1;
        request->config.bits_size = size;
        text_addf(&line, "uploading %u files, %llu KB", files, (unsigned long long)(size / 1024 + 1));
        terminal_progress(text_string(&line));
    }
    text_free(&zip);
    text_free(&error);
    text_free(&line);
    return ok;
}

/* With the port at which this target is reached, unless it is the usual one. */
static void tell_done(const struct request *request)
{
    const Cupola__ClientConfig *config = &request->config;
    if (config->no_start || config->n_uris == 0) {
        printf("%s %s\n", config->app, config->no_start ? "is uploaded" : "runs");
        return;
    }
    printf("%s runs at http://%s", config->app, config->uris[0]);
    if (request->target.port != 80)
        printf(":%u", request->target.port);
    putchar('\n');
}

/* What was there a moment ago may be gone, or lie at another controller than the one that is asked now: then all is
 * sent. */
static int upload(struct request *request, struct text *result)
{
    static const char not_kept[] = "not kept here";
    struct fingerprints prints = {0};
    struct text resources = {0};
    char digest[41];
    int status = CLI_FAILED;
    request->data_dir = scratch_open();
    bool ok = request->data_dir != NULL && find_known(request, &prints);
    if (ok && prints.count > 0)
        prints.files[0].is_there = prints.files[0].is_there && !fingerprints_are_all(&prints, request->folder);
    fingerprints_write(&prints, true, &resources);
    if (ok && import_bits(request, &prints, digest)) {
        request->config.resources = (char *)(uintptr_t)text_string(&resources);
        status = request_run_unless(request, "push", not_kept, result);
        request->config.resources = NULL;
    }
    bool is_forgiven = status == CLI_FAILED && result->size > 0 && strstr(text_string(result), not_kept) != NULL;
    fingerprints_free(&prints);
    text_free(&resources);
    if (is_forgiven && import_bits(request, &prints, digest)) {
        text_clear(result);
        status = request_run(request, "push", result);
    }
    scratch_close();
    request->data_dir = NULL;
    return scratch_is_interrupted() ? INTERRUPTED : status;
}

static int push(struct request *request)
{
    struct text name = {0}, url = {0}, result = {0};
    Cupola__ClientConfig *config = &request->config;
    if (access(request->folder, R_OK | X_OK) != 0) {
        terminal_error("%s: %s; --path names the folder of your app", request->folder, strerror(errno));
        return CLI_FAILED;
    }
    struct manifest manifest = {0};
    if (!manifest_read(&manifest, request)) {
        manifest_release(&manifest);
        return CLI_FAILED;
    }
    package_name(request->folder, &name);
    config->app = (char *)(uintptr_t)(manifest.name == NULL ? text_string(&name) : manifest.name);
    if (request->word_count > 0)
        config->app = request->words[0];
    if (config->framework == NULL)
        config->framework = (char *)(uintptr_t)package_framework(request->folder);
    if (config->framework == NULL && config->start_command != NULL)
        config->framework = (char *)(uintptr_t) "unknown";
    int status = CLI_FAILED;
    if (config->framework == NULL)
        terminal_error("%s: no known kind of app; say --framework, or --command to start it", request->folder);
    else if (request_use_target(request)) {
        add_default_url(request, &url);
        status = upload(request, &result);
    }
    if (status == CLI_OK && request->json)
        puts(text_string(&result));
    else if (status == CLI_OK)
        tell_done(request);
    manifest_release(&manifest);
    text_free(&name);
    text_free(&url);
    text_free(&result);
    return status;
}

int cli_push(int argc, char **argv)
{
    struct request request;
    int status = request_parse(&request, &push_spec, argc, argv);
    if (status < 0)
        status = push(&request);
    request_release(&request);
    return status;
}
