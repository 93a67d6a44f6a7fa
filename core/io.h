/* The boundary: everything a component learns is an event, everything it does is an effect.
 *
 *     machine_step(component, event, effects)      one event in, its effects out
 *
 * A driver (drivers/real on libuv, drivers/sim in simulated time) carries out every effect of a step, in order, and
 * only then brings the next event. The same component code runs on both; nothing below core/ knows which.
 *
 * Rules that both sides keep (docs/architecture.md tells why):
 *   1. step is not re-entrant, and cannot fail: what the world does wrong is an event, what we do wrong asserts.
 *   2. An effect with an operation id is answered by exactly one EVENT_DONE with that id: ok, error or cancelled. Some
 *      say more before it, by EVENT_OUTPUT.
 *   3. A connection lives from CONNECT or ACCEPTED until CLOSED, which comes exactly once: unasked when the peer or the
 *      network ended it, or as the answer to CLOSE. It is the last word on that id, which may then be used again.
 *      After CLOSE the driver delivers nothing else for the id (except the cancelled DONEs of its blob transfers).
 *   4. Reading is demand: one READ effect allows one BYTES or END event. No demand, no bytes: that is back-pressure.
 *   5. Every WRITE is answered by WRITTEN with the number of bytes that left, possibly for several writes at once,
 *      unless CLOSED comes first. Of a WRITE that nobody awaits, what left without having to wait may also be told by
 *      the next BYTES of the connection; until then up to IO_UNTOLD_MOST such bytes are not told at all.
 *   6. Events lend: memory in an event is valid until step returns (a buffer may be kept by taking a reference).
 *      Effects give: a buffer in an effect is owned by the driver; strings are copied into the effect list.
 *   7. Effects on one target happen in order. Between targets nothing is promised: what depends on a thing being
 *      durable is emitted when its DONE has come.
 */
#ifndef CUPOLA_CORE_IO_H
#define CUPOLA_CORE_IO_H

#include "core/base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Handles. One-member structs, so that one kind cannot be passed for another; 0 is "none".
 * Connection ids index tables on both sides: the component takes even ids for the connections it opens, the driver
 * odd ids for those it accepts, each the smallest one free. */
struct io_conn {
    uint32_t id;
};
struct io_listener {
    uint32_t id;
};
struct io_op {
    uint64_t id;
};
/* A blob that is being written; named by the component until BLOB_COMMIT or BLOB_DISCARD. */
struct io_blob {
    uint32_t id;
};

/* Bytes that belong to somebody else (lent). */
struct io_bytes {
    const uint8_t *data;
    size_t size;
};

/* How an operation or a connection ended. Drivers translate errno into these where it happens. */
enum io_status {
    IO_OK = 0,
    IO_CANCELLED,   /* The component stopped, or the connection under the operation was closed. */
    IO_REFUSED,     /* Nobody listens there. */
    IO_UNREACHABLE, /* No such host, no route, name not known. */
    IO_RESET,       /* The peer or the network cut the connection. */
    IO_TIMED_OUT,
    IO_IN_USE,    /* The address or the name is taken. */
    IO_NOT_FOUND, /* No such blob, file, workload. */
    IO_CONFLICT,  /* The journal has moved on past the expected sequence number. */
    IO_CORRUPT,   /* What was read is not what was written. */
    IO_FULL,      /* Disk, table or quota is full. */
    IO_DENIED,    /* The operating system forbids it. */
    IO_INVALID,   /* What was asked makes no sense to the driver; data carries the reason as text. */
    IO_FAILED,    /* Anything else; data carries the reason as text. */
};

/* The status as a word for people and traces, for example "refused". Static. */
const char *io_status_name(enum io_status status);

/* What a TLS handshake has agreed on; all NULL on a plain connection. Lent. */
struct io_tls {
    const char *server_name; /* The name the client asked for, or "". */
    const char *protocol;    /* By ALPN, "h2"; or "". */
    const char *subject;     /* Of the peer's certificate, which was verified: "CN=dea-7,O=cupola"; or "". */
};

/* See rule 5. */
enum { IO_UNTOLD_MOST = 1024 };

/* ---- Events --------------------------------------------------------------------------------------------------- */

enum event_kind {
    EVENT_START = 1,       /* Always the first event, once. */
    EVENT_EVACUATE,        /* Hand over what runs here to others, then finish as after STOP (SIGUSR2, as in v1). */
    EVENT_STOP,            /* A polite request to finish; the component answers with EXIT when it is done. */
    EVENT_DEADLINE,        /* now_ns has reached the deadline that the component set last. */
    EVENT_ACCEPTED,        /* Somebody connected to a listener. */
    EVENT_CONNECTED,       /* A CONNECT succeeded. (One that fails ends with CLOSED.) */
    EVENT_BYTES,           /* Bytes that the peer sent, after a READ. */
    EVENT_END,             /* The peer has finished sending; we may still send. Answers a READ too. */
    EVENT_WRITTEN,         /* So many more bytes of our WRITEs have left. */
    EVENT_CLOSED,          /* The last word on a connection, asked for by CLOSE or not. */
    EVENT_DONE,            /* The answer to an effect with an operation id. */
    EVENT_JOURNAL_ENTRY,   /* The next journal entry in order; also those that this component appended itself. */
    EVENT_WORKLOAD_FOUND,  /* One per surviving workload, after WORKLOAD_LIST and before its DONE. */
    EVENT_WORKLOAD_EXITED, /* A workload's process has ended, for whatever reason. */

    /* Kinds are numbers in traces: what is new comes last. */
    EVENT_OUTPUT,           /* What an operation under way has to say before its DONE (STAGE). */
    EVENT_JOURNAL_SNAPSHOT, /* What all entries up to `sequence` come to; instead of those that are not kept any more.
                             */
};

/* The limit that a workload was killed for. In traces: only add at the end. */
enum workload_breach {
    BREACH_NONE = 0,
    BREACH_MEMORY,
    BREACH_DISK,
    BREACH_PROCESSES, /* It went on starting processes beyond its share. */
};

struct event {
    enum event_kind kind;
    uint64_t now_ns; /* Monotonic; starts anywhere, never goes back within one life of the component. */
    int64_t wall_ns; /* Wall clock, since 1970; may jump. */
    union {
        struct {
            struct io_bytes config; /* The component's configuration message (core/proto/config.proto), packed. */
            struct io_bytes saved;  /* What SAVE wrote last, or empty. */
            uint64_t seed[2];       /* Entropy; the only source of randomness. */
        } start;
        struct {
            struct io_listener listener;
            struct io_conn conn;
            const char *peer; /* "10.0.0.7:51324" */
            struct io_tls tls;
        } accepted;
        struct {
            struct io_conn conn;
            struct io_tls tls;
        } connected;
        struct {
            struct io_conn conn;
            struct slice slice; /* Lent; keep it by buffer_ref(slice.buffer). Never empty. */
            size_t written;     /* So many bytes of our WRITEs have left before, and were not told. */
        } bytes;
        struct {
            struct io_conn conn;
        } end;
        struct {
            struct io_conn conn;
            size_t size;
        } written;
        struct {
            struct io_conn conn;
            enum io_status status; /* IO_OK after our own CLOSE, or when both sides had finished. */
        } closed;
        struct {
            struct io_op op;
            enum io_status status;
            uint64_t number;      /* Meaning depends on the effect: a port, a sequence number, a size. */
            struct io_bytes data; /* Likewise: a digest, a file's content, the reason of a failure. */
        } done;
        struct {
            uint64_t sequence; /* Counts from 1 without gaps. */
            struct io_bytes data;
        } journal_entry; /* JOURNAL_SNAPSHOT too: the next entry is the one after it. */
        struct {
            const char *workload; /* The name it was started under. */
            bool running;         /* false: its process ended while nobody watched; its files are still here. */
            struct io_bytes note; /* What WORKLOAD_START was given to remember. */
        } workload_found;
        struct {
            const char *workload;
            int exit_code; /* -1 if killed by a signal. */
            int signal;    /* 0 if it exited by itself. */
            enum workload_breach breach;
        } workload_exited;
        struct {
            struct io_op op;
            struct io_bytes data; /* The next bytes, in order; never empty. */
        } output;
    };
};

/* ---- Effects -------------------------------------------------------------------------------------------------- */

enum effect_kind {
    EFFECT_LISTEN = 1, /* DONE: number = the port (useful when port 0 was asked for). */
    EFFECT_UNLISTEN,   /* No ACCEPTED after this. */
    EFFECT_CONNECT,    /* Answered by CONNECTED or CLOSED. No time-out of its own: set a deadline and CLOSE. */
    EFFECT_READ,
    EFFECT_WRITE,
    EFFECT_FINISH, /* We send no more after what is written; the peer sees END. */
    EFFECT_CLOSE,

    EFFECT_DEADLINE, /* The one next deadline; replaces the former. UINT64_MAX: none. */

    EFFECT_SAVE, /* Replace the component's own small state, durably. DONE when it is on disk. */

    EFFECT_JOURNAL_FOLLOW, /* Deliver every entry after `sequence`, for ever; where the next one is not kept any more,
                              the snapshot that stands for it. DONE once, when first caught up. */
    EFFECT_JOURNAL_APPEND, /* Durable compare-and-append. DONE: number = sequence; comes after its JOURNAL_ENTRY.
                              IO_CONFLICT if the head was not `sequence`. An empty slice appends nothing: DONE
                              only tells whether `sequence` still is the head. */

    EFFECT_BLOB_OPEN,    /* Begin to write a blob. Failures surface at BLOB_COMMIT. */
    EFFECT_BLOB_WRITE,   /* Append the slice. */
    EFFECT_BLOB_COMMIT,  /* Make it durable under its digest. DONE: number = size, data = SHA-1 as 40 hex digits. */
    EFFECT_BLOB_DISCARD, /* Forget it. */
    EFFECT_BLOB_SEND,    /* Blob -> connection, without crossing the boundary. DONE: number = bytes sent.
                            Keeps its place among the WRITEs of the connection; its bytes are not in WRITTEN. */
    EFFECT_BLOB_RECEIVE, /* Connection -> blob: the next `size` bytes that the peer sends, after those already
                            delivered. DONE: number = size, data = digest. No READ may be outstanding. */
    EFFECT_BLOB_STAT,    /* DONE: number = size, or IO_NOT_FOUND. */
    EFFECT_BLOB_DELETE,  /* DONE, also if it was not there. */

    EFFECT_STAGE,         /* Package blob (zip) -> droplet blob (tgz). DONE: number = droplet size, data = digest;
                             IO_INVALID or IO_FAILED: data = the staging log, which OUTPUT tells as it grows. */
    EFFECT_HASH_PASSWORD, /* Slow salted hash, off the loop. DONE: data = the hash text. Given the stored hash as
                             `salt`, the result equals it exactly if the password is right. */

    EFFECT_WORKLOAD_LIST,      /* DONE after one WORKLOAD_FOUND each. */
    EFFECT_WORKLOAD_START,     /* DONE: number = process id, once the process runs. IO_NOT_FOUND: no such droplet. */
    EFFECT_WORKLOAD_SIGNAL,    /* To all its processes. No answer: EXITED tells. Nothing if it is gone. */
    EFFECT_WORKLOAD_REMOVE,    /* Kill what is left of it and delete its files. DONE. No EXITED after it. */
    EFFECT_WORKLOAD_MEASURE,   /* All that run. DONE: data = a packed cupola.WorkloadUsages (core/proto/workload.proto).
                                */
    EFFECT_WORKLOAD_READ_FILE, /* DONE: data = at most `size` bytes from `offset` of a file below its directory, or a
                                  listing in the v1 format of a directory; number = the file's whole size. */

    EFFECT_LOG,  /* A line for people. */
    EFFECT_EXIT, /* The component is done; no event follows. */

    /* Kinds are numbers in traces: what is new comes last. */
    EFFECT_START_TLS, /* Secures an open connection: what was written before goes as it is, all that follows through
                         TLS; we are the server on a connection that was accepted. No READ may be outstanding. DONE:
                         data = the subject of the peer's certificate. If it fails, DONE and then CLOSED say so. */

    EFFECT_POOL_FIND, /* Which of `files` the pool has; names do not count. DONE: data = "1" or "0" for each line. */
    EFFECT_ASSEMBLE,  /* Upload (zip) + files from the pool -> package blob, the same for the same content; large files
                         go into the pool. DONE: number = size, data = digest. IO_NOT_FOUND: data = the file that the
                         pool no longer has; IO_INVALID, IO_FULL: data = what is wrong with the upload. */

    EFFECT_JOURNAL_SNAPSHOT, /* Stands for all entries up to `sequence`, which was delivered; durable at DONE. Those
                                that came before the snapshot before this one may go then. IO_CONFLICT: there is one of
                                that or a later sequence. */
    EFFECT_BLOB_LIST,        /* DONE: data = the digests of all blobs, one a line. */

    EFFECT_WORKLOAD_EXEC, /* Prepares a command beside the processes of a workload, with what they may see and use.
                             DONE: number = a port of this host's loopback, data = a secret: whoever connects within
                             10 s and begins with the secret and a newline has the command run, in frames of
                             core/wire/exec_frame.h; it ends with the connection. IO_NOT_FOUND: no such workload runs.
                             IO_DENIED: this kind of workload does not allow it; data = why. */
};

enum log_level { LOG_DEBUG = 1, LOG_INFO, LOG_WARNING, LOG_ERROR };

/* What a workload may use. 0 means no limit. */
struct workload_limits {
    uint64_t memory_bytes;
    uint64_t disk_bytes;
    uint32_t descriptors;
    uint32_t processes;
};

struct effect {
    enum effect_kind kind;
    struct io_op op; /* 0 for kinds without an answer. */
    union {
        struct {
            struct io_listener listener;
            const char *host; /* Address to bind, "0.0.0.0" for all. */
            uint16_t port;    /* 0: any free one. */
            const char *tls;  /* Which of the driver's TLS settings; NULL: plain. ACCEPTED comes after the handshake. */
        } listen;
        struct {
            struct io_listener listener;
        } unlisten;
        struct {
            struct io_conn conn;
            const char *host;
            uint16_t port;
            const char *tls;         /* As for LISTEN. CONNECTED comes after the handshake. */
            const char *server_name; /* That the peer's certificate must be for; NULL: host. */
        } connect;
        struct {
            struct io_conn conn;
            const char *tls;
            const char *server_name; /* On a connection that we opened. */
        } start_tls;
        struct {
            struct io_conn conn;
        } read;
        struct {
            struct io_conn conn;
            struct slice slice; /* Given. */
            bool is_awaited;    /* Somebody wants to know when it has left. */
        } write;
        struct {
            struct io_conn conn;
        } finish;
        struct {
            struct io_conn conn;
            bool abort; /* false: what was written is still sent; true: cut now (RST). */
        } close;
        struct {
            uint64_t at_ns;
        } deadline;
        struct {
            struct slice slice; /* Given. */
        } save;
        struct {
            uint64_t sequence;
        } journal_follow;
        struct {
            uint64_t sequence;  /* The head as the component knows it. */
            struct slice slice; /* Given. */
        } journal_append;
        struct {
            uint64_t sequence;
            struct slice slice; /* Given. */
        } journal_snapshot;
        struct {
            struct io_blob blob;
            struct slice slice; /* BLOB_WRITE only. Given. */
        } blob;                 /* BLOB_OPEN, BLOB_WRITE, BLOB_COMMIT, BLOB_DISCARD. */
        struct {
            struct io_conn conn;
            const char *digest; /* BLOB_SEND only. */
            uint64_t size;      /* BLOB_RECEIVE only. */
        } blob_transfer;
        struct {
            const char *digest;
        } blob_name; /* BLOB_STAT, BLOB_DELETE. */
        struct {
            const char *digest;    /* Of the package. */
            const char *framework; /* "node", "python", ... */
            const char *runtime;
            const char *command; /* The start command that the user gave, or "". */
            uint32_t memory_mb;
        } stage;
        struct {
            const char *digest; /* ASSEMBLE only: of the uploaded zip, among this component's blobs; "": none. */
            const char *files;  /* Of the pool, one a line: "SHA1 SIZE MODE NAME", the mode in octal digits. */
        } pool;
        struct {
            const char *password;
            const char *salt; /* "" for a new hash (then entropy[] is the salt), else the stored hash. */
            uint64_t entropy[2];
        } hash_password;
        struct {
            const char *workload;    /* 32 hex digits: the instance id. */
            const char *digest;      /* Of the droplet, among this component's blobs. */
            const char *const *argv; /* Run in its directory; ended by NULL. */
            const char *const *envp; /* "K=V"; ended by NULL. The driver adds HOME and TMPDIR, whose place only it
                                        knows, and a PATH, unless they are given; nothing else. */
            const char *runtime; /* Executable that replaces %VCAP_LOCAL_RUNTIME% in the droplet's startup; or "". */
            struct workload_limits limits;
            uint16_t port;        /* Where it is expected to listen (the simulated driver needs to know). */
            struct io_bytes note; /* Kept with the workload; handed back by WORKLOAD_FOUND. */
        } workload_start;
        struct {
            const char *workload;
            int signal;
        } workload_signal;
        struct {
            const char *workload;
        } workload_name; /* WORKLOAD_REMOVE. */
        struct {
            const char *workload;
            const char *path;
            uint64_t offset;
            uint32_t size;
        } workload_read_file;
        struct {
            const char *workload;
            const char *const *argv;
            uint16_t rows, columns; /* Of its terminal; 0: it has none. */
        } workload_exec;
        struct {
            enum log_level level;
            const char *text;
        } log;
        struct {
            int status;           /* As a process's exit status. */
            struct io_bytes data; /* The result, for the caller of a one-shot component such as the client. */
        } exit;
    };
};

/* The effects of one step, in order. Owned by the driver, which empties it after draining. */
struct effects;

struct effects *effects_new(void);
void effects_free(struct effects *effects);

/* Releases every buffer that was not taken and forgets all strings. */
void effects_reset(struct effects *effects);

size_t effects_count(const struct effects *effects);
struct effect *effects_at(struct effects *effects, size_t index);

/* Takes the given buffer out of a WRITE, SAVE, JOURNAL_APPEND, JOURNAL_SNAPSHOT or BLOB_WRITE: the caller owns the
 * reference now. */
struct slice effect_take_slice(struct effect *effect);

/* Adds a zeroed effect. The result is valid until the next effects_add. */
struct effect *effects_add(struct effects *effects, enum effect_kind kind);

/* Copies into memory that lives until effects_reset. Used while filling an effect in. */
const char *effects_keep_text(struct effects *effects, const char *text);
struct io_bytes effects_keep_bytes(struct effects *effects, struct io_bytes bytes);
const char *const *effects_keep_list(struct effects *effects, const char *const *list);

#endif
