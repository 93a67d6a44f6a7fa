#include "cli/client/package.h"

#include "cli/client/scratch.h"
#include "cli/terminal.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- What stays at home ---- */

static bool is_left_out(const FTSENT *entry)
{
    static const char *const names[] = {".git", ".hg", ".svn", ".DS_Store", "__pycache__"};
    const char *name = entry->fts_name;
    size_t size = strlen(name);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    /* As the client of 2011 did: *~, #*#, *.log. */
    return size > 0 && (name[size - 1] == '~' || (size > 1 && name[0] == '#' && name[size - 1] == '#') ||
                        (size > 4 && strcmp(name + size - 4, ".log") == 0));
}

/* Files in the order of their names: the same folder gives the same zip. */
static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* ---- Writing ---- */

static bool write_content(struct archive *zip, const char *path)
{
    char block[65536];
    int file = open(path, O_RDONLY);
    ssize_t size = -1;
    while (file >= 0 && !scratch_is_interrupted() && (size = read(file, block, sizeof block)) > 0)
        if (archive_write_data(zip, block, (size_t)size) != size)
            break;
    if (file >= 0)
        close(file);
    return file >= 0 && size == 0;
}

static bool write_link_target(struct archive_entry *entry, const char *path)
{
    char target[4096];
    ssize_t size = readlink(path, target, sizeof target - 1);
    if (size < 0)
        return false;
    target[size] = 0;
    archive_entry_set_symlink(entry, target);
    return true;
}

static bool write_entry(struct archive *zip, const FTSENT *file, const char *name)
{
    struct archive_entry *entry = archive_entry_new();
    bool is_file = file->fts_info == FTS_F, ok = true;
    archive_entry_set_pathname(entry, name);
    archive_entry_set_mode(entry, file->fts_statp->st_mode);
    archive_entry_set_mtime(entry, 315532800, 0); /* 1980, the first moment that zip knows. */
    if (is_file)
        archive_entry_set_size(entry, file->fts_statp->st_size);
    else
        ok = write_link_target(entry, file->fts_accpath);
    ok = ok && archive_write_header(zip, entry) == ARCHIVE_OK && (!is_file || write_content(zip, file->fts_accpath));
    archive_entry_free(entry);
    return ok;
}

bool package_walk(const char *folder, bool (*act)(void *context, const FTSENT *file, const char *name), void *context)
{
    char *roots[] = {(char *)(uintptr_t)folder, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    bool ok = walk != NULL;
    for (FTSENT *file; ok && !scratch_is_interrupted() && (file = fts_read(walk)) != NULL;) {
        if (file->fts_level > 0 && is_left_out(file)) {
            fts_set(walk, file, FTS_SKIP);
        } else if (file->fts_info == FTS_F || file->fts_info == FTS_SL || file->fts_info == FTS_SLNONE) {
            const char *name = file->fts_path + strlen(folder);
            ok = act(context, file, name + strspn(name, "/"));
        } else if (file->fts_info == FTS_DNR || file->fts_info == FTS_ERR || file->fts_info == FTS_NS) {
            terminal_error("cannot read %s: %s", file->fts_path, strerror(file->fts_errno));
            ok = false;
        }
    }
    if (walk != NULL)
        fts_close(walk);
    return ok;
}

struct zipping {
    struct archive *zip;
    bool (*is_elsewhere)(const void *context, const char *name);
    const void *context;
    unsigned count;
};

static bool add_file(void *context, const FTSENT *file, const char *name)
{
    struct zipping *zipping = context;
    if (zipping->is_elsewhere != NULL && zipping->is_elsewhere(zipping->context, name))
        return true;
    errno = 0;
    bool ok = write_entry(zipping->zip, file, name);
    if (!ok && !scratch_is_interrupted())
        terminal_error("cannot pack %s: %s", file->fts_path,
                       errno != 0 ? strerror(errno) : archive_error_string(zipping->zip));
    zipping->count += ok;
    return ok;
}

bool package_zip(const char *folder, const char *into, bool (*is_elsewhere)(const void *context, const char *name),
                 const void *context, struct text *ret_path, unsigned *ret_file_count)
{
    struct stat facts;
    if (stat(folder, &facts) != 0 || !S_ISDIR(facts.st_mode)) {
        terminal_error("%s: %s; --path names the folder of your app", folder,
                       errno != 0 ? strerror(errno) : "it is not a folder");
        return false;
    }
    text_addf(ret_path, "%s/upload-%d.zip", into, (int)getpid());
    struct archive *zip = archive_write_new();
    archive_write_set_format_zip(zip);
    bool ok = archive_write_open_filename(zip, text_string(ret_path)) == ARCHIVE_OK;
    if (!ok)
        terminal_error("cannot write %s: %s", text_string(ret_path), archive_error_string(zip));
    struct zipping zipping = {.zip = zip, .is_elsewhere = is_elsewhere, .context = context};
    ok = ok && package_walk(folder, add_file, &zipping);
    *ret_file_count = zipping.count;
    ok = archive_write_close(zip) == ARCHIVE_OK && ok && !scratch_is_interrupted();
    archive_write_free(zip);
    if (ok && *ret_file_count == 0)
        terminal_error("%s has no files; --path names the folder of your app", folder);
    if (!ok || *ret_file_count == 0)
        unlink(text_string(ret_path));
    return ok && *ret_file_count > 0;
}

/* ---- What it is ---- */

static bool has_file(const char *folder, const char *pattern)
{
    struct text path = {0};
    glob_t found = {0};
    text_addf(&path, "%s/%s", folder, pattern);
    bool has = glob(text_string(&path), GLOB_NOSORT, NULL, &found) == 0;
    globfree(&found);
    text_free(&path);
    return has;
}

const char *package_framework(const char *folder)
{
    /* The first that is there counts. */
    static const struct {
        const char *pattern;
        const char *framework;
    } signs[] = {{"package.json", "node"},
                 {"config/environment.rb", "rails3"},
                 {"config.ru", "rack"},
                 {"Gemfile", "sinatra"},
                 {"WEB-INF", "java_web"},
                 {"*.war", "java_web"},
                 {"*.jsp", "java_web"},
                 {"manage.py", "django"},
                 {"wsgi.py", "wsgi"},
                 {"requirements.txt", "python"},
                 {"app.py", "python"},
                 {"main.py", "python"},
                 {"server.js", "node"},
                 {"app.js", "node"},
                 {"index.js", "node"},
                 {"main.js", "node"},
                 {"*.rb", "sinatra"},
                 {"*.groovy", "groovy"},
                 {"*.scala", "scala"},
                 {"*.jar", "java"},
                 {"*.java", "java"},
                 {"src/*.erl", "otp_rebar"},
                 {"releases/*/*.rel", "otp_rebar"},
                 {"index.php", "php"},
                 {"public/index.php", "php"},
                 {"Procfile", "standalone"},
                 {"index.html", "static"}};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (has_file(folder, signs[i].pattern))
            return signs[i].framework;
    return NULL;
}

void package_name(const char *folder, struct text *ret_name)
{
    char *absolute = realpath(folder, NULL);
    const char *slash = absolute == NULL ? NULL : strrchr(absolute, '/');
    for (const char *at = slash == NULL ? "app" : slash + 1; *at != 0; at++) {
        bool is_allowed = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
                          *at == '-' || *at == '_';
        text_add_char(ret_name, is_allowed ? *at : '-');
    }
    free(absolute);
}
