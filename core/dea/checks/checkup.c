#include "core/dea/checks/checkup.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/dea/dea.h"

#include <stdio.h>
#include <string.h>

enum {
    DEFAULT_TIMEOUT_MS = 1000, /* On the own host a connect that takes longer leads nowhere. */
    MOST_TIMEOUT_MS = 60000,
    DEFAULT_INTERVAL_MS = 5000,
    LEAST_INTERVAL_MS = 100,
    MOST_INTERVAL_MS = 3600000,
    DEFAULT_FAILURES = 3,
    MOST_FAILURES = 1000,
    MOST_PATH = 1024,
};

static int32_t within(bool is_given, int32_t value, int32_t otherwise, int32_t least, int32_t most)
{
    if (!is_given || value <= 0)
        return otherwise;
    return value < least ? least : value > most ? most : value;
}

uint64_t dea_checkup_interval_ns(const Cupola__HealthProbe *probe)
{
    return (uint64_t)within(probe->has_interval_ms, probe->interval_ms, DEFAULT_INTERVAL_MS, LEAST_INTERVAL_MS,
                            MOST_INTERVAL_MS) *
           NS_PER_MS;
}

uint32_t dea_checkup_failures(const Cupola__HealthProbe *probe)
{
    return (uint32_t)within(probe->has_failures, probe->failures, DEFAULT_FAILURES, 1, MOST_FAILURES);
}

static uint64_t timeout_ns(const Cupola__HealthProbe *probe)
{
    int32_t timeout_ms = DEFAULT_TIMEOUT_MS;
    if (probe != NULL)
        timeout_ms = within(probe->has_timeout_ms, probe->timeout_ms, DEFAULT_TIMEOUT_MS, 1, MOST_TIMEOUT_MS);
    return (uint64_t)timeout_ms * NS_PER_MS;
}

static bool is_type(const Cupola__HealthProbe *probe, const char *type)
{
    return probe != NULL && probe->type != NULL && strcmp(probe->type, type) == 0;
}

/* The verdict is told when the connection has closed: until then it cannot be used again. */
static void decide(struct checkup *checkup, bool is_good, const char *why)
{
    checkup->is_good = is_good;
    snprintf(checkup->why, sizeof checkup->why, "%s", why);
    conn_abort(&checkup->conn);
}

static const char *path_of(const Cupola__HealthProbe *probe)
{
    bool is_usable = probe->path != NULL && probe->path[0] == '/' && strlen(probe->path) <= MOST_PATH &&
                     strpbrk(probe->path, " \r\n\t") == NULL;
    return is_usable ? probe->path : "/";
}

static void on_connected(struct conn *conn)
{
    struct checkup *checkup = container_of(conn, struct checkup, conn);
    if (!is_type(checkup->probe, "http")) {
        decide(checkup, true, "");
        return;
    }
    struct text request = {0};
    text_addf(&request, "GET %s HTTP/1.1\r\nHost: %s:%u\r\nUser-Agent: cupola-health\r\nConnection: close\r\n\r\n",
              path_of(checkup->probe), checkup->instance->dea->host, checkup->instance->port);
    conn_write_text(conn, &request);
    text_free(&request);
    conn_read(conn);
}

static void judge_head(struct checkup *checkup)
{
    const char *head = checkup->head;
    char why[CHECKUP_WHY_SIZE];
    bool is_http = strncmp(head, "HTTP/1.", 7) == 0 && head[8] == ' ';
    bool is_good = is_http && (head[9] == '2' || head[9] == '3');
    if (!is_http)
        snprintf(why, sizeof why, "what it answers is no HTTP");
    else
        snprintf(why, sizeof why, "GET %.40s answers %.3s", path_of(checkup->probe), head + 9);
    decide(checkup, is_good, why);
}

static void on_bytes(struct conn *conn, struct slice bytes)
{
    struct checkup *checkup = container_of(conn, struct checkup, conn);
    size_t room = sizeof checkup->head - 1 - checkup->head_size;
    size_t size = bytes.size < room ? bytes.size : room;
    memcpy(checkup->head + checkup->head_size, slice_data(bytes), size);
    checkup->head_size += size;
    checkup->head[checkup->head_size] = 0;
    if (checkup->head_size >= strlen("HTTP/1.1 200"))
        judge_head(checkup);
    else
        conn_read(conn);
}

static void on_end(struct conn *conn)
{
    decide(container_of(conn, struct checkup, conn), false, "it ends the connection without an answer");
}

static void on_closed(struct conn *conn, enum io_status status)
{
    struct checkup *checkup = container_of(conn, struct checkup, conn);
    struct dea *dea = checkup->instance->dea;
    timer_cancel(&dea->machine, &checkup->timer);
    if (!checkup->is_looking || dea->phase == DEA_LEAVING) {
        checkup->is_looking = false;
        dea_instance_bury(checkup->instance);
        return;
    }
    checkup->is_looking = false;
    if (!checkup->is_good && checkup->why[0] == 0)
        snprintf(checkup->why, sizeof checkup->why, "port %u: %s", checkup->instance->port, io_status_name(status));
    checkup->on_end(checkup, checkup->is_good);
}

static void on_too_slow(struct timer *timer)
{
    decide(container_of(timer, struct checkup, timer), false, "no answer in time");
}

/* Its process lives, or we should have heard: EXITED comes unasked. */
static void on_process_lives(struct timer *timer)
{
    struct checkup *checkup = container_of(timer, struct checkup, timer);
    checkup->is_looking = false;
    checkup->on_end(checkup, true);
}

void dea_checkup_begin(struct checkup *checkup, struct instance *instance, const Cupola__HealthProbe *probe,
                       void (*on_end_of_it)(struct checkup *checkup, bool is_good))
{
    static const struct conn_handlers handlers = {
        .on_connected = on_connected,
        .on_bytes = on_bytes,
        .on_end = on_end,
        .on_closed = on_closed,
    };
    assert_that(dea_checkup_is_idle(checkup));
    checkup->instance = instance;
    checkup->on_end = on_end_of_it;
    checkup->probe = probe;
    checkup->head_size = 0;
    checkup->why[0] = 0;
    checkup->is_looking = true;
    checkup->is_good = false;
    struct machine *machine = &instance->dea->machine;
    if (is_type(probe, "process")) {
        timer_set(machine, &checkup->timer, 0, on_process_lives);
        return;
    }
    conn_connect(machine, &checkup->conn, &handlers, instance->dea->host, instance->port);
    timer_set(machine, &checkup->timer, timeout_ns(probe), on_too_slow);
}

void dea_checkup_end(struct checkup *checkup)
{
    if (!checkup->is_looking)
        return;
    checkup->is_looking = false;
    timer_cancel(&checkup->instance->dea->machine, &checkup->timer);
    conn_abort(&checkup->conn);
}

bool dea_checkup_is_idle(const struct checkup *checkup)
{
    return !checkup->is_looking && checkup->conn.state == CONN_CLOSED;
}
