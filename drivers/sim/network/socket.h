/* One end of a simulated TCP connection, at the level of bytes.
 *
 *   connect: CONNECTING --answer--> OPEN          accept: WAITING --socket_accept--> OPEN
 *   OPEN --socket_close--> FLUSHING --all sent--> LINGERING --the peer's end, or some seconds--> GONE
 *   any --reset, give-up, abort, drop, power loss--> GONE
 *
 * Model: what is written leaves in segments of drawn sizes as long as the peer's window has room; a segment takes the
 * path's latency and the link's bandwidth; it is sent again with doubling pauses while the path is blocked or the host
 * is dark, and given up as Linux does. Reading is demand: what arrived waits in the window. A segment that finds no
 * socket is answered by a reset if its host has power, and by nothing if it has none: half-open connections are found
 * out by those who write.
 *
 * The owner is called from wakes only, never from within a call of its own. on_closed is the last word; after it the
 * owner must not touch the socket again.
 */
#ifndef CUPOLA_DRIVERS_SIM_NETWORK_SOCKET_H
#define CUPOLA_DRIVERS_SIM_NETWORK_SOCKET_H

#include "core/base/random.h"
#include "core/io.h"
#include "drivers/sim/network/segments.h"
#include "drivers/sim/queue.h"

struct host;
struct port;
struct process;
struct socket;

struct socket_handlers {
    void (*on_connected)(struct socket *socket);
    void (*on_bytes)(struct socket *socket, struct slice lent);
    void (*on_end)(struct socket *socket);
    void (*on_written)(struct socket *socket, size_t size);
    void (*on_sent)(struct socket *socket, uint64_t tag); /* The last byte of a socket_send has left. */
    void (*on_closed)(struct socket *socket, enum io_status status);
};

enum socket_state {
    SOCKET_VOID = 0, /* The far end of a connect that has not arrived. */
    SOCKET_CONNECTING,
    SOCKET_WAITING, /* For its listener to take it. */
    SOCKET_OPEN,
    SOCKET_FLUSHING,
    SOCKET_LINGERING,
    SOCKET_GONE,
};

struct socket {
    const struct socket_handlers *handlers; /* NULL without an owner. */
    void *owner;
    struct process *process; /* The component behind it, whose pauses hold its calls back; NULL for other owners. */
    const char *label;       /* Who that is, for reports; static or as long as the world. */
    struct host *host;
    struct port *port; /* WAITING: the listener. */
    uint16_t number;   /* Its port number. */
    enum socket_state state;

    /* Private. */
    struct socket *peer;
    struct wake notify; /* The owner's next call. */
    struct wake arrive; /* The next segment on its way here; before there is a connection: the knock of the peer. */
    struct wake leave;  /* Flushing or lingering has lasted long enough. */
    struct segments in; /* The first `arrived` of them have. */
    uint32_t arrived;
    size_t in_bytes;       /* Of `in`: arrived or not. */
    size_t unacknowledged; /* Of the peer's bytes that arrived here: the way back is blocked. */
    struct segments out;
    size_t written;    /* Bytes left and not yet told. */
    size_t untold;     /* Bytes left that nobody awaits: told only with others, or by socket_take_untold. */
    bool is_quiet;     /* What leaves now is untold. */
    uint64_t sent_tag; /* Told next, 0: none. */
    size_t read_most;  /* The demand; 0: none. */
    uint64_t last_arrival_ns;
    uint64_t link_free_ns;
    uint64_t retransmission_ns; /* The next pause of those who send here; 0 while all goes well. */
    uint64_t stalled_since_ns;
    size_t window;
    struct random_stream random;
    uint32_t knocks;
    bool is_connected_news, is_end_told, is_finishing, is_end_sent, has_failed;
    bool is_lost; /* The network forgot this connection: nothing passes and nobody is told. */
    enum io_status failure;
    struct socket *previous, *next; /* Of the host. */
};

/* Always returns a socket, also if nobody is there: then on_closed follows. */
struct socket *socket_connect(struct host *host, const struct socket_handlers *handlers, void *owner,
                              struct process *process, const char *label, const char *address, uint16_t number);
/* In port.on_accepted: takes it. Who does not, resets it. */
void socket_accept(struct socket *socket, const struct socket_handlers *handlers, void *owner, const char *label);
/* "10.0.0.7:51324" of the far end. */
void socket_print_peer(const struct socket *socket, char *ret_text, size_t size);

/* Allows one on_bytes of at most that many bytes, or on_end. */
void socket_read(struct socket *socket, size_t most);
void socket_write(struct socket *socket, struct slice given);
/* As socket_write, but on_written need not follow if all of it leaves at once and little is untold (core/io.h, rule 5).
 */
void socket_write_quietly(struct socket *socket, struct slice given);
/* How much of what was written quietly has left and was not told: now it is. */
size_t socket_take_untold(struct socket *socket);
/* Sends the slice in its place among the writes; answered by on_sent instead of on_written. `tag` is not 0. */
void socket_send(struct socket *socket, struct slice given, uint64_t tag);
/* The owner is told that so many bytes more have left, though they never will. */
void socket_seem_written(struct socket *socket, size_t size);
void socket_finish(struct socket *socket);
void socket_close(struct socket *socket, bool abort);
/* The owner has died: the system closes in its stead. No call follows. */
void socket_drop(struct socket *socket);
/* The host has lost its power, or the connection table its memory: the end is gone and nobody is told. */
void socket_vanish(struct socket *socket);
/* The network forgets the connection (a NAT that lost its table): both ends believe in it, and nothing passes. */
void socket_lose(struct socket *socket);
/* The network resets both ends (a firewall, a NAT). */
void socket_cut(struct socket *socket);
/* Something between the two ends the connection in good order: each sees the end of the other. */
void socket_end_both(struct socket *socket);
/* The owner runs again after a pause: what waits for it may come. */
void socket_wake_owner(struct socket *socket);

/* A listener has gone: what it had not taken yet is reset. */
void sockets_forget_port(struct host *host, struct port *port);

struct world;
void sockets_free_buried(struct world *world);

/* For flow.c. */
void socket_notify(struct socket *socket);
/* What it would be told at this moment it is told now: outside of any step. */
void socket_notify_at_once(struct socket *socket);
void socket_fail(struct socket *socket, enum io_status status);
void socket_leave(struct socket *socket);
void socket_flushed(struct socket *socket);
void socket_end_linger(struct socket *socket);
/* For socket.c: flow.c */
void flow_pump(struct socket *from);
void flow_answer(struct socket *from, enum segment_kind kind);
void flow_arrive(struct wake *wake);
/* The host takes bytes again: those who waited for it send. */
void flow_open(struct host *host);
bool flow_take(struct socket *socket, size_t most, struct slice *ret_given);

#endif
