/* The log streams of one workload: what it writes to standard output and error comes through pipes and goes, in order,
 * into logs/stdout.log and logs/stderr.log below its directory.
 *
 * A file that has reached file_bytes is renamed to NAME.log.1, the former one to NAME.log.2, and so on; `files` of them
 * are kept. Each stream may write bytes_per_s, with a burst of one second's worth: a flood in one drowns nothing in the
 * other. What comes beyond that is thrown away for a second and counted in lines, in the stream itself:
 *
 *     cupola: 31215 lines (4 MB) lost: more than 1048576 bytes/s
 *
 * So is what the disk had no room for.
 *
 * Invariant: lines in the files + lines told as lost = lines written, as long as the files can be written.
 * The folder belongs to the workload: links in it are not followed.
 */
#ifndef CUPOLA_DRIVERS_REAL_WORKLOADS_SUPERVISOR_LOG_H
#define CUPOLA_DRIVERS_REAL_WORKLOADS_SUPERVISOR_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_settings {
    uint64_t file_bytes;
    uint32_t files;       /* Rotated ones, beside the one being written. */
    uint64_t bytes_per_s; /* 0: no limit. */
};

enum log_stream_id { LOG_STDOUT, LOG_STDERR, LOG_STREAMS };

struct log_stream {
    const char *name;      /* "stdout" */
    int pipe;              /* -1: at its end. */
    int file;              /* -1: cannot be written. */
    uint64_t size;         /* Of the file. */
    uint64_t total_bytes;  /* Written since the begin. */
    bool is_mid_line;      /* The last byte written was no newline. */
    bool skips_to_newline; /* The begin of this line was lost. */
    uint64_t lost_lines, lost_bytes;
    bool has_no_room; /* Some of them because the file could not be written. */
    uint64_t tokens;  /* Bytes that may be written now. */
    uint64_t refilled_ns;
    bool is_losing;
    uint64_t losing_until_ns;
};

struct supervisor_log {
    struct log_settings settings;
    int folder; /* The workload's directory. */
    struct log_stream streams[LOG_STREAMS];
};

/* `folder` is the workload's directory, `pipes` the reading ends, not blocking; all are given. */
void supervisor_log_open(struct supervisor_log *log, const struct log_settings *settings, int folder,
                         const int pipes[LOG_STREAMS], uint64_t now_ns);
/* Reads what has come on a stream, a bounded amount. False if nothing had. */
bool supervisor_log_pump(struct supervisor_log *log, enum log_stream_id id, uint64_t now_ns);
/* When supervisor_log_tick wants to be called next; UINT64_MAX: never. */
uint64_t supervisor_log_due_ns(const struct supervisor_log *log);
/* Tells losses when their second is over. */
void supervisor_log_tick(struct supervisor_log *log, uint64_t now_ns);
/* Reads what is left in the pipes, and tells what is untold. */
void supervisor_log_drain(struct supervisor_log *log, uint64_t now_ns);
/* Adds a last line of our own, if there is one. */
void supervisor_log_end(struct supervisor_log *log, const char *last_line);

#endif
