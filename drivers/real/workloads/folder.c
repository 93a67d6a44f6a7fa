#include "drivers/real/workloads/folder.h"

#include "drivers/real/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { RECORD_BYTES_MOST = 16 << 20 };

static const char record_magic[] = "cupola-workload 1 ";

bool workload_folder(const char *data_dir, const char *workload, struct path *ret_folder)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    size_t size = strlen(workload);
    *ret_folder = path_of("%s/workloads/%s", data_dir, workload);
    return size > 0 && size < WORKLOAD_NAME_SIZE && strspn(workload, allowed) == size;
}

enum io_status workload_write_file(const struct path *folder, const char *name, struct io_bytes content,
                                   struct text *ret_reason)
{
    struct path path = path_of("%s/%s", folder->text, name), temporary = path_of("%s/%s.new", folder->text, name);
    int file = open(temporary.text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool is_written = file >= 0 && files_write_all(file, content.data, content.size) == 0;
    int error = errno;
    if (file >= 0)
        close(file);
    if (is_written && rename(temporary.text, path.text) == 0)
        return IO_OK;
    error = is_written ? errno : error;
    if (ret_reason != NULL)
        text_addf(ret_reason, "write %s: %s", path.text, strerror(error));
    return status_of_errno(error);
}

static enum io_status replace(const struct path *folder, const char *name, const struct text *content,
                              struct text *ret_reason)
{
    struct io_bytes bytes = {(const uint8_t *)text_string(content), content->size};
    return workload_write_file(folder, name, bytes, ret_reason);
}

static bool read_small(const struct path *folder, const char *name, struct text *ret_content)
{
    struct path path = path_of("%s/%s", folder->text, name);
    return files_read(path.text, RECORD_BYTES_MOST, ret_content, NULL) == IO_OK;
}

enum io_status workload_write_record(const struct path *folder, const char *kind, struct io_bytes note,
                                     struct text *ret_reason)
{
    struct text record = {0};
    text_addf(&record, "%s%s\n", record_magic, kind);
    text_add(&record, note.data, note.size);
    enum io_status status = replace(folder, "record", &record, ret_reason);
    text_free(&record);
    return status;
}

enum io_status workload_read_record(const struct path *folder, char ret_kind[16], struct text *ret_note)
{
    struct text record = {0};
    enum io_status status = read_small(folder, "record", &record) ? IO_CORRUPT : IO_NOT_FOUND;
    const char *text = text_string(&record);
    size_t magic_size = sizeof record_magic - 1;
    const char *newline = memchr(text, '\n', record.size);
    if (newline != NULL && strncmp(text, record_magic, magic_size) == 0 && newline - text - (long)magic_size < 16) {
        snprintf(ret_kind, 16, "%.*s", (int)(newline - text - (long)magic_size), text + magic_size);
        text_add(ret_note, newline + 1, record.size - (size_t)(newline + 1 - text));
        status = IO_OK;
    }
    text_free(&record);
    return status;
}

bool workload_write_pids(const struct path *folder, const struct workload_pids *pids)
{
    char boot[40];
    process_boot_id(boot);
    struct text text = {0};
    text_addf(&text, "%s %d %llu %d %llu %s\n", boot, (int)pids->supervisor.pid,
              (unsigned long long)pids->supervisor.start_ticks, (int)pids->main.pid,
              (unsigned long long)pids->main.start_ticks, pids->group);
    bool is_written = replace(folder, "pids", &text, NULL) == IO_OK;
    text_free(&text);
    return is_written;
}

bool workload_read_pids(const struct path *folder, struct workload_pids *ret_pids)
{
    char boot[40], found_boot[40], group[CGROUP_NAME_SIZE] = "";
    process_boot_id(boot);
    struct text text = {0};
    int supervisor, main;
    unsigned long long supervisor_start, main_start;
    bool is_found = read_small(folder, "pids", &text) &&
                    sscanf(text_string(&text), "%39s %d %llu %d %llu %79s", found_boot, &supervisor, &supervisor_start,
                           &main, &main_start, group) >= 5 &&
                    strcmp(boot, found_boot) == 0;
    text_free(&text);
    if (is_found)
        *ret_pids = (struct workload_pids){.supervisor = {supervisor, supervisor_start}, .main = {main, main_start}};
    if (is_found)
        memcpy(ret_pids->group, group, sizeof group);
    return is_found;
}

bool workload_write_status(const struct path *folder, const struct workload_status *status)
{
    struct text text = {0};
    text_addf(&text, "%d %d %d\n", status->exit_code, status->signal, (int)status->breach);
    bool is_written = replace(folder, "status", &text, NULL) == IO_OK;
    text_free(&text);
    return is_written;
}

bool workload_read_status(const struct path *folder, struct workload_status *ret_status)
{
    struct text text = {0};
    int exit_code, signal, breach;
    bool is_found = read_small(folder, "status", &text) &&
                    sscanf(text_string(&text), "%d %d %d", &exit_code, &signal, &breach) == 3 && breach >= 0 &&
                    breach <= BREACH_PROCESSES;
    text_free(&text);
    if (is_found)
        *ret_status = (struct workload_status){exit_code, signal, (enum workload_breach)breach};
    return is_found;
}
