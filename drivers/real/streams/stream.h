/* TCP connections and listeners of a component.
 *
 *   CONNECTING, HANDSHAKING --> OPEN --CLOSE--> FLUSHING --all sent--> LINGERING --peer ends, or time is up--> GONE
 *   CONNECTING, OPEN --failure, abort, both sides finished--> GONE
 *
 * CLOSED is told when a stream enters LINGERING or GONE: its id is free from then on. LINGERING reads and drops what
 * the peer still sends, because closing a socket with unread bytes resets it and may destroy our last answer on its way
 * (RFC 9112, 9.6). Limits: STREAM_STALL_NS without progress in FLUSHING, STREAM_LINGER_NS in LINGERING, and at most
 * STREAMS_LEAVING_MOST streams in both.
 */
#ifndef CUPOLA_DRIVERS_REAL_STREAMS_STREAM_H
#define CUPOLA_DRIVERS_REAL_STREAMS_STREAM_H

#include "core/base/duration.h"
#include "drivers/real/driver.h"
#include "drivers/real/streams/tls.h"

#define STREAM_STALL_NS (10 * NS_PER_S)
#define STREAM_LINGER_NS (2 * NS_PER_S)

enum {
    STREAMS_LEAVING_MOST = 4096,
    LISTEN_BACKLOG = 4096,
    READ_BUFFER_SIZE = 65536,
    READ_ROOM_LEAST = 8192,          /* Less room than this behind kept bytes: a new buffer. */
    STREAMS_UNFLUSHED_MOST = 524288, /* Bytes that may wait for the next read of a bulk transfer: fewer wake-ups. */
    WRITE_PIECES_MOST = 64,          /* Slices in one writev. */
    WRITE_BYTES_MOST = 524288,       /* Bytes in one writev: progress is seen at least so often. */
    ACCEPTS_A_ROUND = 64,
    STREAM_PEER_SIZE = 80,
};

enum stream_state {
    STREAM_CONNECTING = 1,
    STREAM_HANDSHAKING, /* Accepted; the component does not know it yet. */
    STREAM_OPEN,
    STREAM_FLUSHING,
    STREAM_LINGERING,
    STREAM_GONE,
};

struct blob_send;
struct blob_receive;

/* What waits to be sent: a slice, or the content of a blob in its place among them. */
struct outgoing {
    struct slice slice;
    struct blob_send *blob; /* NULL for a slice of the component. */
};

struct stream {
    uv_tcp_t tcp;
    struct real_driver *driver;
    struct io_conn id;
    enum stream_state state;

    bool in_table;  /* The component may name it. */
    bool resolving; /* The name is being looked up; the memory must stay. */
    bool handle_closed;
    bool read_wanted;  /* A READ that was not answered yet. */
    bool uv_reading;   /* libuv watches for bytes. */
    bool peer_ended;   /* The socket has given its end... */
    bool end_told;     /* ...and the component knows. */
    bool finish_asked; /* FINISH: after the queue is empty... */
    bool finish_sent;  /* ...the peer is told. */
    bool cut;          /* Ends with RST. */

    /* Ring of what waits; `sent_size` bytes of the first are gone already. */
    struct outgoing *queue;
    size_t queue_first, queue_count, queue_capacity;
    size_t sent_size;
    uv_write_t write;
    size_t write_size;         /* In flight; 0 if none. */
    struct buffer *write_hold; /* The piece of a blob that is in flight; NULL if it is the component's bytes. */
    struct blob_receive *receive;
    struct tls *tls; /* NULL on a plain connection. */

    /* News for the component. */
    bool has_news;
    size_t written;  /* Not told yet. */
    bool is_awaited; /* Something among it or in the queue is, or had to wait: WRITTEN tells. */
    bool closed;     /* CLOSED is to be told... */
    enum io_status closed_status;
    struct stream *next_news;

    bool is_dirty; /* Has something new in its queue; flushed at the end of the step... */
    struct stream *next_dirty;
    uint64_t sent_round; /* ...unless something was sent in this round of the loop: then at its end. */

    struct stream *next_leaving, *previous_leaving;
    uint64_t leave_by_ns;

    uv_connect_t connect;
    uv_getaddrinfo_t lookup;
};

/* ---- Effects ---- */

void listening_open(struct real_driver *driver, const struct effect *effect);
void listening_close(struct real_driver *driver, struct io_listener id);
void stream_connect(struct real_driver *driver, const struct effect *effect);
void stream_read(struct stream *stream);
void stream_write(struct stream *stream, struct slice given, bool is_awaited);
void stream_finish(struct stream *stream);
void stream_close(struct stream *stream, bool abort);

/* The stream of an id that the component may name, or NULL when its CLOSED is queued but not told yet. */
struct stream *stream_find(const struct real_driver *driver, struct io_conn id);

/* ---- Among the files of this module ---- */

/* A new stream with an initialised handle; NULL if there are too many. */
struct stream *stream_new(struct real_driver *driver);
/* The id is taken: the table knows the stream now. */
void stream_put(struct stream *stream, struct io_conn id);
struct io_conn stream_free_odd_id(struct real_driver *driver);
/* "10.0.0.7:51324" */
void stream_name_peer(const struct stream *stream, char ret_peer[STREAM_PEER_SIZE]);
/* Watches the socket, if it does not yet. */
void stream_read_on(struct stream *stream);
/* Where bytes for the component may be put. */
uv_buf_t stream_read_room(struct real_driver *driver);
/* Bytes for whoever waits for them are in the room: a transfer, or the component. Within the round of a step. */
void stream_take_bytes(struct stream *stream, size_t size);
void stream_peer_ended(struct stream *stream);
/* How many bytes have left and were not told: now they are. */
size_t stream_take_written(struct stream *stream);
/* Not sent yet; there must be no blob among it. */
size_t stream_queued_bytes(struct stream *stream);
/* The peer's end, and decrypted bytes: somebody waits for what is here. */
bool stream_end_is_due(const struct stream *stream);
bool stream_tls_is_due(const struct stream *stream);
/* Lets the socket go. */
void stream_close_handle(struct stream *stream);
void streams_start_sweep(struct real_driver *driver);
/* Watches for bytes again after a pause of blob_transfer.c. */
void stream_resume_reading(struct stream *stream);
/* Frees it once nobody points to it: not libuv, the look-up of its name, the table, the list of news. */
void stream_free_if_unused(struct stream *stream);
/* Frees a stream that was never put. */
void stream_discard(struct stream *stream);
/* The world ended it. */
void stream_fail(struct stream *stream, enum io_status status);
void stream_add_news(struct stream *stream);
/* Sends what can be sent. Nothing if a write is in flight. */
void stream_flush(struct stream *stream);
void stream_mark_dirty(struct stream *stream);
/* The queue is empty: do what waited for that. */
void stream_drained(struct stream *stream);
/* Puts a blob in its place in the queue. */
void stream_enqueue_blob(struct stream *stream, struct blob_send *blob);
/* Drops the queue from the first blob on; their operations end as cancelled. */
void stream_cancel_blobs(struct stream *stream);
void stream_release_queue(struct stream *stream);

/* ---- For driver.c and blobs.c ---- */

/* The disk has caught up: connections that were not read because of it are read again. */
void streams_resume_reading(struct real_driver *driver);

/* Sends what the step has written, and what waits if it is much. */
void streams_flush(struct real_driver *driver);
/* Sends all: the loop is about to sleep. */
void streams_end_round(struct real_driver *driver);
/* One round of news has ended: tells our starter of new listeners (DriverConfig.notify). */
void listenings_notify(struct real_driver *driver);
/* Before the listeners close: takes what they have accepted and left for the next round. */
void listenings_accept_waiting(struct real_driver *driver);
void listenings_close_all(struct real_driver *driver);
/* Delivers one piece of stream news; false if there is none. */
bool streams_deliver_news(struct real_driver *driver);
/* Cuts everything: the component is no more. Those that it closed with bytes unsent get a moment for them. */
void streams_close_all(struct real_driver *driver);

#endif
