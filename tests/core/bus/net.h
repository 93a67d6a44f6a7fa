/* A network in memory for the tests of the bus: carries out the effects of a few machines, byte streams among them and
 * to the test itself. Bytes arrive in pieces whose sizes are drawn from a seed, so that every test is also a test of
 * partial reads.
 *
 *     machine  <-->  end | end  <-->  machine, or the test ("raw": net_dial, net_listen_raw)
 */
#ifndef CUPOLA_TESTS_CORE_BUS_NET_H
#define CUPOLA_TESTS_CORE_BUS_NET_H

#include "core/base/random.h"
#include "core/base/text.h"
#include "core/machine/machine.h"

enum { NET_HOSTS = 8, NET_ENDS = 256, NET_LISTENERS = 4 };

struct net;

/* One side of a stream. */
struct end {
    struct net *net;
    struct host *host; /* NULL: the test itself. */
    struct end *peer;  /* NULL once that side is gone. */
    uint32_t conn;
    uint32_t listener; /* That accepted it. */
    struct text incoming;
    size_t written;   /* By this side, not yet told as WRITTEN. */
    bool wants_bytes; /* A READ is open. */
    bool peer_finished;
    bool closing;   /* CLOSED is due. */
    bool connected; /* CONNECTED is due. */
    bool in_use;
    bool stuck; /* Reads nothing: what the peer writes does not leave. */
    enum io_status status;
};

struct host {
    struct net *net;
    const char *name; /* The address it is reached by. */
    struct machine *machine;
    struct effects *effects;
    uint64_t deadline_ns;
    uint16_t ports[NET_LISTENERS]; /* By listener; 0: not listening. */
    bool is_raw;                   /* Connections go to the test: net.accepted. */
    bool is_down;
    int exit_status; /* -1 while it runs. */
    struct text log;
    size_t writes; /* WRITE effects so far. */
};

struct net {
    uint64_t now_ns;
    struct random_stream sizes;
    size_t largest_piece; /* 0: any size. */
    struct host hosts[NET_HOSTS];
    size_t host_count;
    struct end ends[NET_ENDS];
    struct end *accepted; /* By a raw host, last. */
};

void net_open(struct net *net, uint64_t seed);
/* Destroys all machines. */
void net_free(struct net *net);

/* Adds a machine and starts it with the packed configuration. */
struct host *net_start(struct net *net, const char *name, const struct machine_class *class,
                       const ProtobufCMessage *configuration);
void net_stop(struct host *host);
/* An address at which the test itself answers. */
struct host *net_listen_raw(struct net *net, const char *name, uint16_t port);
/* A stream from the test to a machine. */
struct end *net_dial(struct net *net, const char *name, uint16_t port);

/* Brings events until nothing is left to do at this moment. */
void net_run(struct net *net);
/* Lets time pass, with all deadlines in it. */
void net_pass_ms(struct net *net, uint64_t ms);

/* Resets every stream of a machine, on both sides. */
void net_cut(struct host *host);
/* Brings one more event to a machine. */
void net_bring(struct host *host, struct event *event);

void end_send(struct end *end, const char *text);
void end_send_bytes(struct end *end, const void *bytes, size_t size);
void end_close(struct end *end, enum io_status status);
/* Runs the net, then asserts that exactly this has come, and forgets it. */
void end_expect(struct end *end, const char *text);
/* Runs the net and forgets what has come. */
void end_skip(struct end *end);
/* The peer has closed. */
bool end_is_closed(const struct end *end);

#endif
