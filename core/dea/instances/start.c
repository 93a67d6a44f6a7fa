/* From the order to start an instance (dea.UUID.start) to a running one: the order is judged, memory and a port are
 * held, the droplet is fetched, the process launched, its port probed (probe.c).
 *
 * What goes wrong on our side, or the controller's, is no crash of the app: the order is refused in a droplet.exited
 * with the reason DEA_SHUTDOWN, upon which a health manager places the instance anew at once without counting a crash.
 */
#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/dea/dea.h"
#include "core/dea/instances/environment.h"

#include <stdio.h>
#include <string.h>

enum { MOST_LAUNCHES = 2, MOST_PROCESSES = 512, DIGEST_DIGITS = 40, DEFAULT_MEMORY_MB = 512, MOST_START_MS = 3600000 };

static const char refusal_reason[] = "DEA_SHUTDOWN";

/* ---- Judging the order ---- */

static bool is_digest(const char *text)
{
    return text != NULL && strlen(text) == DIGEST_DIGITS && strspn(text, "0123456789abcdef") == DIGEST_DIGITS;
}

/* NULL, or what the order lacks. Such an order is not answered: there may be nobody who could repair it. */
static const char *find_fault(const Cupola__DeaStart *order)
{
    if (!order->has_droplet)
        return "droplet";
    if (!order->has_index || order->index < 0)
        return "index";
    if (order->name == NULL)
        return "name";
    if (order->version == NULL)
        return "version";
    if (order->runtime == NULL)
        return "runtime";
    if (!is_digest(order->sha1))
        return "sha1";
    if (order->executableuri == NULL)
        return "executableUri";
    return NULL;
}

/* Why an order is overtaken, or NULL. */
static const char *find_overtaker(const struct dea *dea, const Cupola__DeaStart *order)
{
    if (dea_fences_forbid(&dea->fences, order))
        return "a newer stop came before it";
    const struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (instance->droplet == order->droplet && instance->index == order->index && order->epoch != 0 &&
            order->epoch < instance->epoch)
            return "a newer start came before it";
    }
    return NULL;
}

/* What came of the same order, if it came before. Without epochs: of an order like it. */
static struct instance *find_twin(struct dea *dea, const Cupola__DeaStart *order)
{
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (instance->droplet == order->droplet && instance->index == order->index && dea_instance_is_live(instance) &&
            strcmp(instance->order->version, order->version) == 0 &&
            (order->epoch == instance->epoch || order->epoch == 0))
            return instance;
    }
    return NULL;
}

/* What is not up yet serves nobody: it makes room for the newer start at once. (What runs goes on until that is up.) */
static void end_overtaken(struct dea *dea, const Cupola__DeaStart *order)
{
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (instance->droplet == order->droplet && instance->index == order->index && dea_instance_is_live(instance) &&
            instance->state != INSTANCE_RUNNING && instance->epoch < order->epoch)
            dea_stop_instance(instance, "overtaken by a newer start");
    }
}

static void answer(struct dea *dea, const struct bus_message *message, struct instance *instance, const char *why)
{
    Cupola__DeaStartReply reply = CUPOLA__DEA_START_REPLY__INIT;
    reply.has_accepted = true;
    reply.accepted = instance != NULL;
    reply.instance = instance != NULL ? instance->id : NULL;
    reply.reason = (char *)(uintptr_t)why;
    bus_answer(&dea->bus, message, &reply.base);
}

/* Who waits for an answer looks for another place by itself; else the health manager is told. */
static void refuse(struct dea *dea, const Cupola__DeaStart *order, const struct bus_message *message, const char *why)
{
    char id[INSTANCE_ID_SIZE];
    machine_log(&dea->machine, LOG_WARNING, "start of %s-%d refused: %s", order->name, order->index, why);
    if (message->reply != NULL) {
        answer(dea, message, NULL, why);
        return;
    }
    random_hex(&dea->instance_ids, id, (INSTANCE_ID_SIZE - 1) / 2);
    Cupola__DropletExited exited = CUPOLA__DROPLET_EXITED__INIT;
    exited.has_droplet = true;
    exited.droplet = order->droplet;
    exited.version = order->version;
    exited.instance = id;
    exited.has_index = true;
    exited.index = order->index;
    exited.reason = (char *)refusal_reason;
    exited.has_epoch = order->epoch != 0;
    exited.epoch = order->epoch;
    exited.detail = (char *)why;
    dea_heartbeat_sign_exit(dea, &exited);
    bus_publish_message(&dea->bus, "droplet.exited", NULL, &exited.base);
}

static struct instance *begin(struct dea *dea, const Cupola__DeaStart *order, uint16_t port)
{
    char id[INSTANCE_ID_SIZE];
    random_hex(&dea->instance_ids, id, (INSTANCE_ID_SIZE - 1) / 2);
    struct instance *instance = dea_instance_new(dea, id, order, port, INSTANCE_FETCHING);
    machine_log(&dea->machine, LOG_INFO, "starting %s-%d-%s on port %u", order->name, order->index, id, port);
    dea_port_check_begin(instance);
    dea_droplets_want(&dea->droplets, instance);
    return instance;
}

struct instance *dea_start_again(struct instance *crashed)
{
    struct dea *dea = crashed->dea;
    const Cupola__DeaStart *order = crashed->order;
    if (dea_placement_refuses(dea, crashed->memory_mb, order->runtime) != NULL)
        return NULL;
    if (order->singleton && !dea_singleton_may_run(dea))
        return NULL;
    uint16_t port = crashed->port;
    if (!dea_ports_claim(&dea->ports, port))
        port = dea_ports_take(&dea->ports, dea->machine.now_ns);
    if (port == 0)
        return NULL;
    struct instance *instance = begin(dea, order, port);
    instance->crashes = crashed->crashes + 1;
    dea_heartbeat_publish_healed(crashed, instance);
    return instance;
}

void dea_start_on_order(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    struct dea *dea = dea_of_bus(client);
    const Cupola__DeaStart *order = (const Cupola__DeaStart *)parsed;
    const char *fault = find_fault(order);
    if (fault != NULL) {
        machine_log(&dea->machine, LOG_ERROR, "start ignored: %s is missing or wrong", fault);
        answer(dea, message, NULL, "the order is incomplete");
        return;
    }
    dea_placement_settle(dea, order->droplet);
    const char *overtaker = find_overtaker(dea, order);
    struct instance *twin = find_twin(dea, order);
    if (overtaker != NULL || twin != NULL) {
        if (overtaker != NULL)
            machine_log(&dea->machine, LOG_INFO, "start of %s-%d refused: %s", order->name, order->index, overtaker);
        answer(dea, message, overtaker == NULL ? twin : NULL, overtaker);
        return;
    }
    end_overtaken(dea, order);
    bool names_memory = order->limits != NULL && order->limits->mem > 0;
    const char *why =
        dea_placement_refuses(dea, names_memory ? (uint32_t)order->limits->mem : DEFAULT_MEMORY_MB, order->runtime);
    if (why == NULL && order->singleton && !dea_singleton_may_run(dea))
        why = "no lease for singletons";
    uint16_t port = why == NULL ? dea_ports_take(&dea->ports, dea->machine.now_ns) : 0;
    if (why == NULL && port == 0)
        why = "no free port";
    if (why != NULL) {
        refuse(dea, order, message, why);
        return;
    }
    dea_saved_note_port(dea);
    struct instance *instance = begin(dea, order, port);
    answer(dea, message, instance, NULL);
    dea_heartbeat_publish_one(instance); /* Health managers know at once that it is on its way. */
    dea_singleton_review(dea);
    if (mutation_is(DEA_STARTS_TWICE))
        begin(dea, order, dea_ports_take(&dea->ports, dea->machine.now_ns));
}

/* ---- The process ---- */

static struct slice pack_note(struct instance *instance)
{
    Cupola__DeaInstance note = CUPOLA__DEA_INSTANCE__INIT;
    note.instance = instance->id;
    note.start = instance->order;
    note.has_port = true;
    note.port = instance->port;
    note.has_started = true;
    note.started = machine_wall_seconds(&instance->dea->machine);
    struct slice slice = {.size = cupola__dea_instance__get_packed_size(&note)};
    slice.buffer = buffer_new(slice.size);
    cupola__dea_instance__pack(&note, slice.buffer->bytes);
    return slice;
}

static void on_launched(struct op *op, const struct op_result *result);

static void launch(struct instance *instance)
{
    struct dea *dea = instance->dea;
    const Cupola__DeaLimits *limits = instance->order->limits;
    assert_that(instance->probe.state == CONN_CLOSED);
    dea_instance_move(instance, INSTANCE_LAUNCHING);
    instance->launches++;
    struct text port = {0};
    text_add_number(&port, instance->port);
    const char *argv[] = {"./startup", "-p", text_string(&port), NULL};
    char **environment = dea_environment_new(instance);
    struct slice note = pack_note(instance);
    struct workload_spec spec = {
        .workload = instance->id,
        .digest = instance->order->sha1,
        .argv = argv,
        .envp = (const char *const *)environment,
        .runtime = dea_placement_runtime_executable(dea, instance->order->runtime),
        .limits = {.memory_bytes = (uint64_t)limits->mem << 20,
                   .disk_bytes = (uint64_t)limits->disk << 20,
                   .descriptors = (uint32_t)limits->fds,
                   .processes = MOST_PROCESSES},
        .port = instance->port,
        .note = {.data = slice_data(note), .size = note.size},
    };
    if (mutation_is(DEA_SETS_NO_LIMITS))
        spec.limits = (struct workload_limits){0};
    op_workload_start(&dea->machine, &instance->op, &spec, on_launched);
    buffer_unref(note.buffer);
    dea_environment_free(environment);
    text_free(&port);
}

void dea_start_on_droplet(struct instance *instance)
{
    assert_that(instance->state == INSTANCE_FETCHING);
    instance->droplet_is_here = true;
    if (instance->port_is_clear)
        launch(instance);
}

void dea_start_on_port(struct instance *instance)
{
    assert_that(instance->state == INSTANCE_FETCHING);
    if (instance->droplet_is_here)
        launch(instance);
}

void dea_start_give_up(struct instance *instance, const char *why)
{
    struct dea *dea = instance->dea;
    assert_that(instance->state == INSTANCE_FETCHING);
    dea_placement_note_launch(dea, false);
    machine_log(&dea->machine, LOG_ERROR, "cannot start %s-%d: %s", instance->order->name, instance->index, why);
    dea_droplets_unwant(&dea->droplets, instance);
    dea_probe_end(instance);
    dea_heartbeat_publish_exit(instance, mutation_is(DEA_BOOKS_FAULTS_AS_CRASHES) ? "CRASHED" : refusal_reason, why);
    dea_standing_note_failure(instance);
    dea_instance_move(instance, INSTANCE_GONE);
    dea_instance_bury(instance);
}

/* The droplet was deleted or damaged behind our back: fetch it anew, but not for ever. */
static bool can_fetch_again(const struct instance *instance, enum io_status status)
{
    return (status == IO_NOT_FOUND || status == IO_CORRUPT) && instance->launches < MOST_LAUNCHES &&
           instance->dea->phase == DEA_OPEN;
}

static void fail_launch(struct instance *instance, const struct op_result *result)
{
    struct dea *dea = instance->dea;
    machine_log(&dea->machine, LOG_ERROR, "cannot launch %s-%d: %s %.*s", instance->order->name, instance->index,
                io_status_name(result->status), (int)result->data.size, (const char *)result->data.data);
    if (can_fetch_again(instance, result->status)) {
        dea_instance_move(instance, INSTANCE_FETCHING);
        instance->droplet_is_here = false;
        dea_droplets_distrust(&dea->droplets, instance->order->sha1);
        dea_droplets_want(&dea->droplets, instance);
        return;
    }
    dea_placement_note_launch(dea, false);
    dea_heartbeat_publish_exit(instance, refusal_reason, "the process could not be launched");
    dea_stop_remove(instance);
    dea_standing_note_failure(instance);
}

static uint64_t start_timeout_ms(const struct instance *instance)
{
    const Cupola__HealthChecks *health = instance->order->health;
    if (health == NULL || !health->has_startup_timeout_ms || health->startup_timeout_ms <= 0)
        return instance->dea->config->start_timeout_ms;
    return health->startup_timeout_ms < MOST_START_MS ? (uint64_t)health->startup_timeout_ms : MOST_START_MS;
}

static void on_never_ready(struct timer *timer)
{
    struct instance *instance = container_of(timer, struct instance, timer);
    char detail[64 + CHECKUP_WHY_SIZE];
    snprintf(detail, sizeof detail, "it did not come up within %llu s: %s",
             (unsigned long long)(start_timeout_ms(instance) / 1000), instance->startup.why);
    dea_crash_instance(instance, detail);
}

static void on_launched(struct op *op, const struct op_result *result)
{
    struct instance *instance = container_of(op, struct instance, op);
    if (instance->state == INSTANCE_STOPPING) { /* It was told to stop while it was being launched. */
        if (result->status == IO_OK)
            dea_stop_process(instance);
        else
            dea_stop_remove(instance);
        return;
    }
    assert_that(instance->state == INSTANCE_LAUNCHING);
    if (result->status != IO_OK) {
        fail_launch(instance, result);
        return;
    }
    dea_placement_note_launch(instance->dea, true);
    dea_instance_move(instance, INSTANCE_PROBING);
    if (instance->exit_seen) {
        dea_crash_instance(instance, "its process ended at once");
        return;
    }
    dea_start_await_ready(instance);
}

void dea_start_await_ready(struct instance *instance)
{
    struct dea *dea = instance->dea;
    assert_that(instance->state == INSTANCE_PROBING);
    if (dea->phase == DEA_LEAVING)
        return; /* Our next life will look. */
    timer_set(&dea->machine, &instance->timer, start_timeout_ms(instance) * NS_PER_MS, on_never_ready);
    dea_probe_begin(instance);
}

/* ---- Ready ---- */

/* A newer start of the same index has come up: the older instance has served until now, and ends. */
static void end_superseded(struct instance *newer)
{
    struct dea *dea = newer->dea;
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (instance->droplet == newer->droplet && instance->index == newer->index && dea_instance_is_live(instance) &&
            instance->epoch < newer->epoch)
            dea_stop_instance(instance, "a newer start took its place");
    }
}

void dea_start_serve(struct instance *instance)
{
    dea_instance_move(instance, INSTANCE_RUNNING);
    machine_log(&instance->dea->machine, LOG_INFO, "%s-%d-%s runs", instance->order->name, instance->index,
                instance->id);
    dea_heartbeat_publish_one(instance);
    dea_routes_register(instance);
    if (instance->epoch != 0)
        end_superseded(instance);
}

void dea_start_on_ready(struct instance *instance)
{
    const Cupola__HealthChecks *health = instance->order->health;
    if (health != NULL && health->readiness != NULL) {
        dea_instance_move(instance, INSTANCE_UNREADY);
        dea_heartbeat_publish_one(instance);
    } else {
        dea_start_serve(instance);
    }
    dea_watch_begin(instance);
}
