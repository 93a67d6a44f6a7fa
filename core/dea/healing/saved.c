#include "core/dea/healing/saved.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/dea/dea.h"

#include <string.h>

/* The place in the circle of ports is written so many ports ahead, and again when half of them are used: what is
 * taken while a write is under way is covered by the one before. */
enum { PORTS_AHEAD = 256, RETRY_MS = 1000 };

/* A name becomes part of subjects, so no wildcards and no blanks; and no longer than a v1 uuid. */
static bool is_fit_for_subject(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size >= SAVED_UUID_SIZE)
        return false;
    return strspn(name, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") == size;
}

static void load_viewer(struct saved *saved)
{
    const Cupola__DeaState *former = saved->former;
    const char *user = former->viewer_user, *password = former->viewer_password;
    saved->viewer_port = former->viewer_port <= UINT16_MAX ? (uint16_t)former->viewer_port : 0;
    if (user == NULL || password == NULL || strlen(user) >= SAVED_KEY_SIZE || strlen(password) >= SAVED_KEY_SIZE)
        return;
    memcpy(saved->viewer_user, user, strlen(user) + 1);
    memcpy(saved->viewer_password, password, strlen(password) + 1);
}

void dea_saved_load(struct dea *dea, struct io_bytes bytes)
{
    struct saved *saved = &dea->saved;
    saved->former = cupola__dea_state__unpack(NULL, bytes.size, bytes.data);
    if (saved->former == NULL) {
        machine_log(&dea->machine, LOG_ERROR, "the saved state is damaged; starting without it");
        saved->former = cupola__dea_state__unpack(NULL, 0, NULL);
        assert_that(saved->former != NULL);
    }
    saved->next_port = saved->former->next_port <= UINT16_MAX ? (uint16_t)saved->former->next_port : 0;
    saved->lease_port = saved->former->lease_port <= UINT16_MAX ? (uint16_t)saved->former->lease_port : 0;
    load_viewer(saved);
    dea->standing.was_pinged = saved->former->was_pinged;
    dea->singleton.was_granted = saved->former->was_granted;
    const char *uuid = dea->config->id != NULL ? dea->config->id : saved->former->uuid;
    if (uuid != NULL && is_fit_for_subject(uuid)) {
        memcpy(saved->uuid, uuid, strlen(uuid) + 1);
        return;
    }
    struct random_stream stream = random_named(dea->machine.seed, "dea.uuid");
    random_hex(&stream, saved->uuid, 16);
}

const Cupola__DeaInstanceChange *dea_saved_find_change(const struct dea *dea, const char *instance)
{
    const Cupola__DeaState *former = dea->saved.former;
    for (size_t i = 0; former != NULL && i < former->n_changes; i++)
        if (former->changes[i]->instance != NULL && strcmp(former->changes[i]->instance, instance) == 0)
            return former->changes[i];
    return NULL;
}

void dea_saved_forget_former(struct dea *dea)
{
    if (dea->saved.former != NULL)
        cupola__dea_state__free_unpacked(dea->saved.former, NULL);
    dea->saved.former = NULL;
}

void dea_saved_destroy(struct dea *dea)
{
    dea_saved_forget_former(dea);
}

/* ---- Writing ---- */

static bool differs_from_note(const struct instance *instance)
{
    return instance->crashes > 0 || instance->uris_changed || instance->state == INSTANCE_STOPPING ||
           instance->state == INSTANCE_CRASHED || instance->state == INSTANCE_REMOVING;
}

static void fill_change(Cupola__DeaInstanceChange *change, struct instance *instance)
{
    cupola__dea_instance_change__init(change);
    change->instance = instance->id;
    change->has_stopping = true;
    change->stopping = instance->state == INSTANCE_STOPPING || instance->state == INSTANCE_REMOVING;
    change->has_crashed = true;
    change->crashed = instance->state == INSTANCE_CRASHED;
    change->has_unhealed = change->unhealed = change->crashed && instance->heal_ns != 0;
    change->has_untold = change->untold = change->crashed && instance->is_exit_untold;
    change->has_since = true;
    change->since = instance->state_timestamp_s;
    if (change->crashed)
        change->detail = instance->crash_detail;
    change->has_crashes = instance->crashes > 0;
    change->crashes = instance->crashes;
    if (!instance->uris_changed)
        return;
    change->has_uris_changed = true;
    change->uris_changed = true;
    change->n_uris = instance->order->n_uris;
    change->uris = instance->order->uris;
}

static struct slice pack_state(struct dea *dea)
{
    size_t most = HASH_COUNT(dea->instances);
    Cupola__DeaInstanceChange *changes = memory_new(most * sizeof *changes);
    Cupola__DeaInstanceChange **pointers = memory_new(most * sizeof *pointers);
    Cupola__DeaState state = CUPOLA__DEA_STATE__INIT;
    struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        if (!differs_from_note(instance))
            continue;
        fill_change(&changes[state.n_changes], instance);
        pointers[state.n_changes] = &changes[state.n_changes];
        state.n_changes++;
    }
    assert_that(state.n_changes <= most);
    state.changes = pointers;
    state.uuid = dea->saved.uuid;
    state.has_next_port = true;
    state.next_port = dea->saved.next_port;
    state.has_was_pinged = state.was_pinged = dea->standing.was_pinged;
    state.has_was_granted = state.was_granted = dea->singleton.was_granted;
    state.has_lease_port = dea->saved.lease_port != 0;
    state.lease_port = dea->saved.lease_port;
    state.has_viewer_port = dea->saved.viewer_port != 0;
    state.viewer_port = dea->saved.viewer_port;
    state.viewer_user = dea->saved.viewer_user;
    state.viewer_password = dea->saved.viewer_password;
    struct slice slice = {.size = cupola__dea_state__get_packed_size(&state)};
    slice.buffer = buffer_new(slice.size);
    cupola__dea_state__pack(&state, slice.buffer->bytes);
    memory_free(pointers);
    memory_free(changes);
    return slice;
}

static void on_retry(struct timer *timer)
{
    dea_saved_write(container_of(timer, struct dea, saved.retry_timer));
}

static void on_written(struct op *op, const struct op_result *result)
{
    struct dea *dea = container_of(op, struct dea, saved.op);
    bool is_stale = dea->saved.is_stale;
    if (result->status != IO_OK && result->status != IO_CANCELLED) {
        machine_log(&dea->machine, LOG_ERROR, "cannot save the state: %s", io_status_name(result->status));
        timer_set(&dea->machine, &dea->saved.retry_timer, RETRY_MS * NS_PER_MS, on_retry);
    } else if (is_stale) {
        dea_saved_write(dea);
    }
}

void dea_saved_write(struct dea *dea)
{
    struct saved *saved = &dea->saved;
    if (op_is_pending(&saved->op)) {
        saved->is_stale = true;
        return;
    }
    saved->is_stale = false;
    timer_cancel(&dea->machine, &saved->retry_timer);
    op_save(&dea->machine, &saved->op, pack_state(dea), on_written);
}

void dea_saved_note_port(struct dea *dea)
{
    struct ports *ports = &dea->ports;
    uint32_t ahead = PORTS_AHEAD < ports->count ? PORTS_AHEAD : ports->count - 1;
    uint32_t written = dea->saved.next_port >= ports->first ? (uint32_t)dea->saved.next_port - ports->first : 0;
    uint32_t left = (written + ports->count - ports->next) % ports->count;
    if (left > ahead / 2 && left <= ahead)
        return;
    dea->saved.next_port = dea_ports_next(ports, ahead);
    dea_saved_write(dea);
}
