/* Looks whether an instance's port accepts, again and again with growing pauses. Nobody listened there before the
 * launch (port_check.c), and the process is known to be alive while this goes on: so it is the instance that accepts.
 */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/dea/dea.h"

/* On the own host a connect that takes longer leads nowhere. */
enum { CONNECT_TIMEOUT_MS = 1000 };

static void try_connect(struct instance *instance);

static void on_pause_over(struct timer *timer)
{
    try_connect(container_of(timer, struct instance, probe_timer));
}

static void on_too_slow(struct timer *timer)
{
    conn_abort(&container_of(timer, struct instance, probe_timer)->probe);
}

static void on_accepted(struct conn *conn)
{
    struct instance *instance = container_of(conn, struct instance, probe);
    conn_close(conn);
    if (instance->state == INSTANCE_PROBING)
        dea_start_on_ready(instance);
}

static void on_bytes(struct conn *conn, struct slice bytes)
{
    (void)conn;
    (void)bytes;
    assert_unreachable(); /* A probe never reads. */
}

static void on_end(struct conn *conn)
{
    (void)conn;
    assert_unreachable();
}

static void on_closed(struct conn *conn, enum io_status status)
{
    (void)status;
    struct instance *instance = container_of(conn, struct instance, probe);
    struct dea *dea = instance->dea;
    if (instance->state != INSTANCE_PROBING || dea->phase == DEA_LEAVING) {
        dea_instance_bury(instance);
        return;
    }
    uint64_t most_ns = dea->config->probe_most_ms * NS_PER_MS;
    timer_set(&dea->machine, &instance->probe_timer, instance->probe_pause_ns, on_pause_over);
    instance->probe_pause_ns = instance->probe_pause_ns * 2 < most_ns ? instance->probe_pause_ns * 2 : most_ns;
}

static void try_connect(struct instance *instance)
{
    static const struct conn_handlers handlers = {
        .on_connected = on_accepted,
        .on_bytes = on_bytes,
        .on_end = on_end,
        .on_closed = on_closed,
    };
    struct dea *dea = instance->dea;
    assert_that(instance->state == INSTANCE_PROBING);
    conn_connect(&dea->machine, &instance->probe, &handlers, dea->host, instance->port);
    timer_set(&dea->machine, &instance->probe_timer, CONNECT_TIMEOUT_MS * NS_PER_MS, on_too_slow);
}

void dea_probe_begin(struct instance *instance)
{
    instance->probe_pause_ns = instance->dea->config->probe_ms * NS_PER_MS;
    try_connect(instance);
}

void dea_probe_end(struct instance *instance)
{
    timer_cancel(&instance->dea->machine, &instance->probe_timer);
    conn_abort(&instance->probe);
}
