/* One byte stream of a component, and the listener that accepts them.
 *
 *   CLOSED --conn_connect--> CONNECTING --on_connected--> OPEN --conn_close--> CLOSING --on_closed--> CLOSED
 *   CLOSED --conn_accept-------------------------------> OPEN
 *   CONNECTING, OPEN --the peer or the network ends it--> CLOSED (on_closed tells why)
 *
 * `on_closed` is called exactly once a life and is the last call: there the owner may free the conn, or connect it
 * again. Nothing is called between conn_close and on_closed (except the cancelled ops of blob transfers).
 */
#ifndef CUPOLA_CORE_MACHINE_CONN_H
#define CUPOLA_CORE_MACHINE_CONN_H

#include "core/machine/machine.h"
#include "core/machine/op.h"

enum conn_state { CONN_CLOSED = 0, CONN_CONNECTING, CONN_OPEN, CONN_CLOSING };

struct conn_handlers {
    void (*on_connected)(struct conn *conn); /* NULL for conns that are only accepted. */
    /* Answers one conn_read. The slice is lent, never empty. */
    void (*on_bytes)(struct conn *conn, struct slice bytes);
    /* The peer sends no more; answers one conn_read. */
    void (*on_end)(struct conn *conn);
    /* unsent_bytes has fallen to 0. NULL: nobody waits for that, and the driver may be late to tell what has left. */
    void (*on_drained)(struct conn *conn);
    /* status is IO_OK after our own conn_close. */
    void (*on_closed)(struct conn *conn, enum io_status status);
};

struct carriage;

struct conn {
    const struct conn_handlers *handlers;
    struct machine *machine;
    struct carriage *carriage; /* Who carries its bytes; NULL: the driver. */
    enum conn_state state;
    size_t unsent_bytes; /* Written and not yet known to be gone: what back-pressure looks at. */
    bool is_patient;     /* on_drained may be late, unless bytes had to wait. Set it while the conn is OPEN. */

    /* Private. */
    struct io_conn id;
    bool reading;
    bool finished;
};

/* Opens a stream to host:port. The conn must be CLOSED (zeroed). */
void conn_connect(struct machine *machine, struct conn *conn, const struct conn_handlers *handlers, const char *host,
                  uint16_t port);
/* The same through TLS, with settings of that name of the driver's; on_connected is called after the handshake. The
 * peer's certificate must be for server_name, or for `host` if that is NULL. */
void conn_connect_tls(struct machine *machine, struct conn *conn, const struct conn_handlers *handlers,
                      const char *host, uint16_t port, const char *tls, const char *server_name);
/* Secures an open connection on which nothing is being read. What is written from now on goes through TLS. `done` tells
 * the subject of the peer's certificate as data; if it failed, on_closed follows. `server_name` as above, or NULL on a
 * connection that was accepted. */
void conn_start_tls(struct conn *conn, struct op *op, const char *tls, const char *server_name, op_done *done);
/* Takes over an accepted connection. */
void conn_accept(struct machine *machine, struct conn *conn, const struct conn_handlers *handlers, struct io_conn id);
/* Allows one more on_bytes or on_end. Nothing if one is allowed already. */
void conn_read(struct conn *conn);
/* Sends the slice; its reference is given. Dropped if the conn is not OPEN. */
void conn_write(struct conn *conn, struct slice given);
/* Copies and sends. */
void conn_write_bytes(struct conn *conn, const void *bytes, size_t size);
void conn_write_string(struct conn *conn, const char *string);
/* Sends and empties a text. */
void conn_write_text(struct conn *conn, struct text *text);
/* No more writes from us; the peer sees the end after what was written. */
void conn_finish(struct conn *conn);
/* Ends it; what was written is still sent. Nothing if it is CLOSED or CLOSING. */
void conn_close(struct conn *conn);
/* Ends it at once; the peer sees a reset. */
void conn_abort(struct conn *conn);

/* BLOB_SEND and BLOB_RECEIVE, see core/io.h. The conn must be OPEN. If it closes first the op ends as cancelled. */
void conn_send_blob(struct conn *conn, struct op *op, const char *digest, op_done *done);
void conn_receive_blob(struct conn *conn, struct op *op, uint64_t size, op_done *done);

/* ---- Conns within another one ----
 *
 * A conn may be a stream of something larger (core/http2) instead of a connection of the driver's. Its owner notices no
 * difference: what it asks for goes to the carriage's class, which answers with conn_carried_*. None of these answers
 * may be given while the owner is asking: they come from late work or from another event. */

struct carriage_class {
    void (*read)(struct carriage *carriage);                      /* Allows one conn_carried_bytes. */
    void (*write)(struct carriage *carriage, struct slice given); /* Answered by conn_carried_written. */
    void (*finish)(struct carriage *carriage);
    void (*close)(struct carriage *carriage, bool abort); /* Answered by conn_carried_closed. */
};

struct carriage {
    const struct carriage_class *class;
    struct conn *conn; /* NULL while it carries none. */
};

/* Begins the life of a conn on a carriage: CONN_CONNECTING or CONN_OPEN. */
void conn_carry(struct machine *machine, struct conn *conn, const struct conn_handlers *handlers,
                struct carriage *carriage, enum conn_state state);
void conn_carried_connected(struct conn *conn);
void conn_carried_bytes(struct conn *conn, struct slice lent);
/* No bytes follow. Needs a READ, as bytes do. */
void conn_carried_end(struct conn *conn);
void conn_carried_written(struct conn *conn, size_t size);
/* The last word; the carriage carries nothing afterwards. */
void conn_carried_closed(struct conn *conn, enum io_status status);
/* Another owner takes an open connection of the driver's over. `from` is CLOSED afterwards, without a call. */
void conn_hand_over(struct conn *from, struct conn *to, const struct conn_handlers *handlers);

/* ---- Listener ---- */

struct listener {
    /* Takes the connection with conn_accept, or refuses it with conn_refuse. `peer` is lent. */
    void (*on_accepted)(struct listener *listener, struct io_conn id, const char *peer);
    /* Listening on `port`, or not: then status says why and nothing will be accepted. */
    void (*on_listening)(struct listener *listener, enum io_status status, uint16_t port);
    struct machine *machine;

    /* Private. */
    struct io_listener id;
    struct op op;
    UT_hash_handle hh;
};

/* Set the two handlers first; `listener` is kept. */
void listener_open(struct machine *machine, struct listener *listener, const char *host, uint16_t port);
/* The same for TLS connections, with settings of that name of the driver's. */
void listener_open_tls(struct machine *machine, struct listener *listener, const char *host, uint16_t port,
                       const char *tls);
void listener_close(struct listener *listener);
/* Closes an accepted connection that nobody wants, after sending `farewell` (may be ""). */
void conn_refuse(struct machine *machine, struct io_conn id, const char *farewell);

/* For core/machine. */
void conns_dispatch(struct machine *machine, const struct event *event);
/* Frees the conns that conn_refuse made; all others belong to their owners. Before these free them. */
void conns_free_refused(struct machine *machine);

#endif
