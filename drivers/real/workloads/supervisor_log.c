#include "drivers/real/workloads/supervisor_log.h"

#include "core/base/duration.h"
#include "drivers/real/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PIECE = 256 * 1024, LEFT_OVER_PIECES = 16 };

static char piece[PIECE]; /* The supervisor has one thread. */

/* ---- Files, in a folder that somebody else may have filled with traps ---- */

static int open_inside(const struct supervisor_log *log, const char *path, uint64_t flags)
{
    struct open_how how = {.flags = flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                           .mode = (flags & O_CREAT) != 0 ? 0644 : 0,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, log->folder, path, &how, sizeof how);
}

static void open_file(struct supervisor_log *log, struct log_stream *stream)
{
    struct path path = path_of("logs/%s.log", stream->name);
    struct stat info;
    stream->file = open_inside(log, path.text, O_WRONLY | O_CREAT | O_APPEND);
    if (stream->file >= 0 && (fstat(stream->file, &info) != 0 || !S_ISREG(info.st_mode))) {
        close(stream->file);
        stream->file = -1;
    }
    stream->size = stream->file >= 0 ? (uint64_t)info.st_size : 0;
}

static void rotate(struct supervisor_log *log, struct log_stream *stream)
{
    int folder = open_inside(log, "logs", O_RDONLY | O_DIRECTORY);
    for (uint32_t i = log->settings.files; folder >= 0 && i > 0; i--) {
        struct path to = path_of("%s.log.%u", stream->name, i), from = path_of("%s.log.%u", stream->name, i - 1);
        renameat(folder, i > 1 ? from.text : path_of("%s.log", stream->name).text, folder, to.text);
    }
    if (folder >= 0 && log->settings.files == 0)
        unlinkat(folder, path_of("%s.log", stream->name).text, 0);
    if (folder >= 0)
        close(folder);
    if (stream->file >= 0)
        close(stream->file);
    open_file(log, stream);
}

/* ---- Writing ---- */

static uint64_t count_lines(const char *bytes, size_t size)
{
    uint64_t count = 0;
    const char *end = bytes + size;
    while ((bytes = memchr(bytes, '\n', (size_t)(end - bytes))) != NULL) {
        count++;
        bytes++;
    }
    return count;
}

static void lose(struct log_stream *stream, const char *bytes, size_t size)
{
    stream->lost_lines += count_lines(bytes, size);
    stream->lost_bytes += size;
}

static void append(struct log_stream *stream, const char *bytes, size_t size)
{
    if (size == 0)
        return;
    if (stream->file < 0 || files_write_all(stream->file, bytes, size) != 0) {
        stream->has_no_room = stream->is_mid_line = true; /* Perhaps a part was written. */
        lose(stream, bytes, size);
        return;
    }
    stream->size += size;
    stream->total_bytes += size;
    stream->is_mid_line = bytes[size - 1] != '\n';
}

/* The bytes up to and with the last newline among the first `most`; 0 if there is none. */
static size_t whole_lines(const char *bytes, size_t size, uint64_t most)
{
    const char *newline = memrchr(bytes, '\n', size < most ? size : (size_t)most);
    return newline == NULL ? 0 : (size_t)(newline + 1 - bytes);
}

/* Files end with a line, unless a single one is longer than a file. */
static void write_rotated(struct supervisor_log *log, struct log_stream *stream, const char *bytes, size_t size)
{
    while (size > 0) {
        uint64_t room = log->settings.file_bytes > stream->size ? log->settings.file_bytes - stream->size : 0;
        if (size <= room) {
            append(stream, bytes, size);
            return;
        }
        size_t fits = whole_lines(bytes, size, room);
        if (fits == 0 && stream->is_mid_line)
            fits = room > 0 ? (size_t)room : whole_lines(bytes, size, UINT64_MAX);
        if (fits == 0 && stream->size == 0)
            fits = room < size ? (size_t)room : size;
        append(stream, bytes, fits);
        bytes += fits;
        size -= fits;
        rotate(log, stream);
    }
}

/* ---- The rate ---- */

static void refill(const struct supervisor_log *log, struct log_stream *stream, uint64_t now_ns)
{
    uint64_t rate = log->settings.bytes_per_s;
    uint64_t passed_ns = now_ns - stream->refilled_ns;
    uint64_t more = passed_ns >= NS_PER_S ? rate : rate / 1000 * (passed_ns / NS_PER_MS);
    if (more == 0)
        return;
    stream->tokens = stream->tokens + more < rate ? stream->tokens + more : rate;
    stream->refilled_ns = now_ns;
}

static void tell_loss(struct supervisor_log *log, struct log_stream *stream)
{
    char line[160], why[48] = "no room to write them";
    if (stream->lost_bytes == 0)
        return;
    if (stream->file < 0)
        open_file(log, stream);
    if (stream->file < 0)
        return; /* It stays counted. */
    if (!stream->has_no_room)
        snprintf(why, sizeof why, "more than %" PRIu64 " bytes/s", log->settings.bytes_per_s);
    int size = snprintf(line, sizeof line, "%scupola: %" PRIu64 " lines (%" PRIu64 " bytes) lost: %s\n",
                        stream->is_mid_line ? "\n" : "", stream->lost_lines, stream->lost_bytes, why);
    if (files_write_all(stream->file, line, (size_t)size) != 0)
        return; /* The same. */
    stream->size += (uint64_t)size;
    stream->total_bytes += (uint64_t)size;
    stream->is_mid_line = stream->has_no_room = false;
    stream->lost_lines = stream->lost_bytes = 0;
}

static void begin_to_lose(struct log_stream *stream, uint64_t now_ns)
{
    stream->is_losing = true;
    stream->losing_until_ns = now_ns + NS_PER_S;
}

/* Its begin was thrown away: so is the rest of the line. Returns the bytes of it. */
static size_t skip_line(struct log_stream *stream, const char *bytes, size_t size)
{
    if (!stream->skips_to_newline)
        return 0;
    const char *newline = memchr(bytes, '\n', size);
    size_t skipped = newline == NULL ? size : (size_t)(newline + 1 - bytes);
    stream->skips_to_newline = newline == NULL;
    lose(stream, bytes, skipped);
    return skipped;
}

static void take(struct supervisor_log *log, struct log_stream *stream, const char *bytes, size_t size, uint64_t now_ns)
{
    if (!stream->is_losing) {
        size_t skipped = skip_line(stream, bytes, size);
        bytes += skipped;
        size -= skipped;
        if (!stream->skips_to_newline)
            tell_loss(log, stream);
        bool is_within = log->settings.bytes_per_s == 0 || size <= stream->tokens;
        size_t kept = is_within ? size : whole_lines(bytes, size, stream->tokens);
        write_rotated(log, stream, bytes, kept);
        stream->tokens -= kept < stream->tokens ? kept : stream->tokens;
        if (is_within)
            return;
        bytes += kept;
        size -= kept;
        begin_to_lose(stream, now_ns);
    }
    lose(stream, bytes, size);
    stream->skips_to_newline = bytes[size - 1] != '\n';
}

/* ---- Life ---- */

void supervisor_log_open(struct supervisor_log *log, const struct log_settings *settings, int folder,
                         const int pipes[LOG_STREAMS], uint64_t now_ns)
{
    static const char *const names[] = {[LOG_STDOUT] = "stdout", [LOG_STDERR] = "stderr"};
    *log = (struct supervisor_log){.settings = *settings, .folder = folder};
    if (log->settings.file_bytes == 0)
        log->settings.file_bytes = UINT64_MAX;
    for (size_t i = 0; i < LOG_STREAMS; i++) {
        log->streams[i] = (struct log_stream){
            .name = names[i], .pipe = pipes[i], .tokens = settings->bytes_per_s, .refilled_ns = now_ns};
        open_file(log, &log->streams[i]);
    }
}

bool supervisor_log_pump(struct supervisor_log *log, enum log_stream_id id, uint64_t now_ns)
{
    struct log_stream *stream = &log->streams[id];
    if (stream->pipe < 0)
        return false;
    ssize_t got = read(stream->pipe, piece, sizeof piece);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got <= 0) {
        close(stream->pipe);
        stream->pipe = -1;
        return false;
    }
    refill(log, stream, now_ns);
    supervisor_log_tick(log, now_ns);
    take(log, stream, piece, (size_t)got, now_ns);
    return true;
}

uint64_t supervisor_log_due_ns(const struct supervisor_log *log)
{
    uint64_t due_ns = UINT64_MAX;
    for (size_t i = 0; i < LOG_STREAMS; i++) {
        const struct log_stream *stream = &log->streams[i];
        if (stream->is_losing && stream->losing_until_ns < due_ns)
            due_ns = stream->losing_until_ns;
    }
    return due_ns;
}

void supervisor_log_tick(struct supervisor_log *log, uint64_t now_ns)
{
    for (size_t i = 0; i < LOG_STREAMS; i++) {
        struct log_stream *stream = &log->streams[i];
        if (!stream->is_losing || now_ns < stream->losing_until_ns)
            continue;
        stream->is_losing = false;
        refill(log, stream, now_ns);
        if (!stream->skips_to_newline)
            tell_loss(log, stream);
    }
}

void supervisor_log_drain(struct supervisor_log *log, uint64_t now_ns)
{
    for (size_t i = 0; i < LOG_STREAMS; i++) {
        for (int round = 0; round < LEFT_OVER_PIECES && supervisor_log_pump(log, (enum log_stream_id)i, now_ns);
             round++) {
        }
        tell_loss(log, &log->streams[i]);
    }
}

void supervisor_log_end(struct supervisor_log *log, const char *last_line)
{
    struct log_stream *errors = &log->streams[LOG_STDERR];
    if (last_line[0] == 0)
        return;
    if (errors->file < 0)
        open_file(log, errors);
    if (errors->file < 0)
        return;
    if (errors->is_mid_line)
        write_rotated(log, errors, "\n", 1);
    write_rotated(log, errors, last_line, strlen(last_line));
}
