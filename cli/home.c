#include "cli/home.h"

#include "cli/terminal.h"
#include "core/base/memory.h"
#include "core/wire/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *home_folder(void)
{
    static char folder[4096];
    const char *given = getenv("CUPOLA_HOME"), *user = getenv("HOME");
    if (given != NULL && given[0] != 0)
        snprintf(folder, sizeof folder, "%s", given);
    else
        snprintf(folder, sizeof folder, "%s/.cupola", user == NULL ? "." : user);
    if (mkdir(folder, 0700) == 0 || errno == EEXIST)
        return folder;
    terminal_error("cannot create %s: %s; set CUPOLA_HOME to a folder that you may write", folder, strerror(errno));
    return NULL;
}

static bool file_path(char *ret_path, size_t size)
{
    const char *folder = home_folder();
    return folder != NULL && snprintf(ret_path, size, "%s/cupola.json", folder) < (int)size;
}

static Cupola__CliHome *empty_home(void)
{
    Cupola__CliHome *home = memory_new(sizeof *home);
    cupola__cli_home__init(home);
    return home;
}

Cupola__CliHome *home_read(void)
{
    char path[4200];
    if (!file_path(path, sizeof path))
        return NULL;
    FILE *file = fopen(path, "rb");
    if (file == NULL && errno == ENOENT)
        return empty_home();
    struct text content = {0};
    if (file != NULL) {
        size_t size = fread(text_room(&content, 1 << 20), 1, 1 << 20, file);
        text_grow(&content, size);
        fclose(file);
    }
    struct json_error error = {.text = "it cannot be read"};
    struct io_bytes bytes = {(const uint8_t *)text_string(&content), content.size};
    Cupola__CliHome *home =
        file == NULL ? NULL : (Cupola__CliHome *)json_read(&cupola__cli_home__descriptor, bytes, JSON_LENIENT, &error);
    if (home == NULL)
        terminal_error("%s: %s; mend or delete it", path, error.text);
    text_free(&content);
    return home;
}

bool home_write(const Cupola__CliHome *home)
{
    char path[4200], fresh[4210];
    if (!file_path(path, sizeof path))
        return false;
    snprintf(fresh, sizeof fresh, "%s.new", path);
    struct text content = {0};
    json_write_pretty(&content, &home->base);
    int file = open(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0600); /* Tokens are secrets. */
    bool ok = file >= 0 && write(file, text_string(&content), content.size) == (ssize_t)content.size;
    if (file >= 0)
        ok = close(file) == 0 && ok;
    ok = ok && rename(fresh, path) == 0;
    if (!ok)
        terminal_error("cannot write %s: %s", path, strerror(errno));
    text_free(&content);
    return ok;
}

void home_free(Cupola__CliHome *home)
{
    if (home != NULL)
        cupola__cli_home__free_unpacked(home, NULL);
}

void home_set(char **field, const char *value)
{
    if (*field != NULL && (*field)[0] != 0)
        free(*field);
    *field = value == NULL ? NULL : memory_copy_text(value);
}

static Cupola__CliTarget *find_target(const Cupola__CliHome *home, const char *url)
{
    for (size_t i = 0; i < home->n_targets; i++)
        if (home->targets[i]->url != NULL && strcmp(home->targets[i]->url, url) == 0)
            return home->targets[i];
    return NULL;
}

Cupola__CliTarget *home_current(const Cupola__CliHome *home)
{
    return home->current == NULL ? NULL : find_target(home, home->current);
}

Cupola__CliTarget *home_choose(Cupola__CliHome *home, const char *url)
{
    Cupola__CliTarget *target = find_target(home, url);
    if (target == NULL) {
        target = memory_new(sizeof *target);
        cupola__cli_target__init(target);
        target->url = memory_copy_text(url);
        size_t size = home->n_targets * sizeof(Cupola__CliTarget *);
        home->targets = memory_grow(home->targets, size, size + sizeof(Cupola__CliTarget *));
        home->targets[home->n_targets++] = target;
    }
    home_set(&home->current, url);
    return target;
}

static void add_member(struct text *json, const char *key, const char *value)
{
    if (value == NULL)
        return;
    text_addf(json, ",\"%s\":", key);
    json_write_string(json, value);
}

void home_write_target(struct text *json, const Cupola__CliTarget *target, bool is_current, bool with_token)
{
    text_addf(json, "{\"current\":%s", is_current ? "true" : "false");
    add_member(json, "url", target->url);
    add_member(json, "address", target->address);
    text_addf(json, ",\"port\":%u", target->port);
    add_member(json, "email", target->email);
    add_member(json, "proxy_user", target->proxy_user);
    if (with_token)
        add_member(json, "token", target->token);
    text_add_char(json, '}');
}
