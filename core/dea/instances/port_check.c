/* Before a process is launched its port must be free: a stranger who listens there would be taken for our instance by
 * the probe and by the routers. Such a port is put into quarantine and the next one is tried. */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/mutation.h"
#include "core/dea/dea.h"

/* On the own host a connect that takes longer leads nowhere. */
enum { CONNECT_TIMEOUT_MS = 1000, MOST_STRANGERS = 16 };

static void on_too_slow(struct timer *timer)
{
    conn_abort(&container_of(timer, struct instance, probe_timer)->probe);
}

static void on_accepted(struct conn *conn)
{
    container_of(conn, struct instance, probe)->port_is_taken = true;
    conn_close(conn);
}

static void on_bytes(struct conn *conn, struct slice bytes)
{
    (void)conn;
    (void)bytes;
    assert_unreachable(); /* A check never reads. */
}

static void on_end(struct conn *conn)
{
    (void)conn;
    assert_unreachable();
}

static void take_another(struct instance *instance)
{
    struct dea *dea = instance->dea;
    machine_log(&dea->machine, LOG_WARNING, "a stranger listens on port %u", instance->port);
    uint16_t port = dea_ports_take(&dea->ports, dea->machine.now_ns);
    if (port == 0 || ++instance->strangers > MOST_STRANGERS) {
        if (port != 0)
            dea_ports_release(&dea->ports, port, dea->machine.now_ns);
        dea_start_give_up(instance, "no free port");
        return;
    }
    dea_ports_release(&dea->ports, instance->port, dea->machine.now_ns + dea->config->port_quarantine_ms * NS_PER_MS);
    instance->port = port;
    dea_saved_note_port(dea);
    dea_port_check_begin(instance);
}

static void on_closed(struct conn *conn, enum io_status status)
{
    (void)status;
    struct instance *instance = container_of(conn, struct instance, probe);
    timer_cancel(&instance->dea->machine, &instance->probe_timer);
    if (instance->state != INSTANCE_FETCHING) {
        dea_instance_bury(instance);
    } else if (instance->port_is_taken) {
        take_another(instance);
    } else {
        instance->port_is_clear = true;
        dea_start_on_port(instance);
    }
}

void dea_port_check_begin(struct instance *instance)
{
    static const struct conn_handlers handlers = {
        .on_connected = on_accepted,
        .on_bytes = on_bytes,
        .on_end = on_end,
        .on_closed = on_closed,
    };
    struct dea *dea = instance->dea;
    assert_that(instance->state == INSTANCE_FETCHING);
    instance->port_is_taken = false;
    if (mutation_is(DEA_TRUSTS_ANY_LISTENER)) {
        instance->port_is_clear = true; /* The launch waits for the droplet, which is asked for after this. */
        return;
    }
    conn_connect(&dea->machine, &instance->probe, &handlers, dea->host, instance->port);
    timer_set(&dea->machine, &instance->probe_timer, CONNECT_TIMEOUT_MS * NS_PER_MS, on_too_slow);
}
