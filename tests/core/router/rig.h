/* The world of one router, played by the test: a bus, clients, and instances that listen at ports.
 *
 * Fault model: instances refuse, swallow connections without an answer, close and reset; clients and instances read
 * slowly or not at all; bytes arrive in pieces of any size; the bus goes and comes.
 */
#ifndef CUPOLA_TESTS_CORE_ROUTER_RIG_H
#define CUPOLA_TESTS_CORE_ROUTER_RIG_H

#include "core/base/duration.h"
#include "core/machine/machine.h"
#include "core/proto/config.pb-c.h"
#include "core/router/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { RIG_CONNS = 512, RIG_BUS_PORT = 4222, RIG_FIRST_PORT = 40000, RIG_PORTS = 32 };

enum rig_port { PORT_LISTENS = 0, PORT_REFUSES, PORT_SWALLOWS };

struct rig_conn {
    uint32_t id;
    uint16_t port; /* Of the other side; 0 for clients. */
    bool is_open, connecting, reads, closing, aborted, finished;
    bool ends; /* END follows the inbound bytes. */
    bool has_ended;
    bool holds; /* What is written to it does not leave. */
    size_t held_bytes;
    struct text inbound;  /* To the router. */
    struct text outbound; /* From the router. */
};

struct rig_event;

struct rig {
    struct machine *machine;
    struct effects *effects;
    Cupola__RouterConfig config;
    uint64_t now_ns, deadline_ns;
    uint32_t listener; /* The router's own, */
    uint32_t monitor;  /* and the one of its monitor. */
    bool is_listening;
    size_t segment; /* Bytes arrive in pieces of this size; 0: at once. */
    struct rig_event *first, **end;
    struct rig_conn conns[RIG_CONNS];
    enum rig_port ports[RIG_PORTS];
    uint32_t connects[RIG_PORTS]; /* How often each was connected to. */
    bool bus_is_down;
    bool has_exited;
    int exit_status;
    struct text log;
};

/* A router that listens and is on the bus; its settling time is over. */
struct rig *rig_new(void);
/* The same, not started yet: change rig->config, then rig_start. */
struct rig *rig_prepare(void);
void rig_start(struct rig *rig);
void rig_free(struct rig *rig);

/* Lets everything happen that can happen now. */
void rig_run(struct rig *rig);
/* Lets so much time pass, with every deadline in it. */
void rig_pass(struct rig *rig, uint64_t duration_ns);
void rig_stop(struct rig *rig);

/* ---- The bus ---- */

void rig_publish(struct rig *rig, const char *subject, const char *payload);
void rig_ask(struct rig *rig, const char *subject, const char *reply, const char *payload);
/* Bytes from the bus server. */
void rig_bus_says(struct rig *rig, const char *text);
/* "app0.test" at port RIG_FIRST_PORT + n, as app n, index 0, instance "i<n>", epoch 1. */
void rig_register(struct rig *rig, const char *host, int n);
/* What the router has sent to the bus. */
const char *rig_bus_said(struct rig *rig);
void rig_lose_bus(struct rig *rig);

/* ---- Connections ---- */

struct rig_conn *rig_client(struct rig *rig);
/* One at the router's monitor. */
struct rig_conn *rig_monitor_client(struct rig *rig);
/* The open connection to that port that was made last, or NULL. */
struct rig_conn *rig_backend(struct rig *rig, int n);
size_t rig_open_backends(const struct rig *rig);
/* Bytes for the router; then runs. */
void rig_send(struct rig *rig, struct rig_conn *conn, const char *text);
void rig_end(struct rig *rig, struct rig_conn *conn);
/* The connection is cut. */
void rig_cut(struct rig *rig, struct rig_conn *conn, enum io_status status);
/* What was held leaves. */
void rig_release(struct rig *rig, struct rig_conn *conn);

/* What the router sent since the last look, as a string that lives until the next look at that conn. */
const char *rig_sent(struct rig_conn *conn);
void rig_expect_start(struct rig_conn *conn, const char *start);
void rig_expect_contains(struct rig_conn *conn, const char *part);
void rig_expect_lacks(struct rig_conn *conn, const char *part);
void rig_forget(struct rig_conn *conn);

/* A GET for a host, and a small answer with keep-alive. */
void rig_get(struct rig *rig, struct rig_conn *client, const char *host);
void rig_answer(struct rig *rig, struct rig_conn *backend, const char *body);

#endif
