#include "core/health_manager/state/crashes.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/health_manager/health_manager.h"

#include <string.h>

enum { PORTION = 1024 }; /* Counters of one message. */

static const uint64_t save_pause_ns = NS_PER_S;
/* Without a change: an old note of hosts is worth nothing (saved_hosts.c). */
static const uint64_t save_again_ns = 300 * NS_PER_S;
static const uint64_t answer_ns = NS_PER_S;

static bool on_counts(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message);
static void on_counts_end(struct bus_request *request, bool timed_out);
static void on_save_due(struct timer *timer);

static const struct bus_request_handlers count_handlers = {.on_answer = on_counts, .on_end = on_counts_end};

/* ---- Telling ---- */

struct tally {
    Cupola__CrashCount *counts;
    Cupola__CrashCount **places;
    size_t count;
};

static void tally_add(struct tally *tally, const struct health_manager *hm, const struct app *app, size_t index)
{
    const struct instance *instance = &app->instances[index];
    uint64_t now_ns = hm->machine.now_ns;
    Cupola__CrashCount *count = &tally->counts[tally->count];
    cupola__crash_count__init(count);
    count->has_droplet = count->has_index = count->has_crashes = count->has_crashed_ago_ms = true;
    count->droplet = app->id;
    count->version = (char *)(uintptr_t)hm_app_version_of(app, index);
    count->index = (int32_t)index;
    count->crashes = (int32_t)instance->crashes;
    count->crashed_ago_ms = (int64_t)((now_ns - instance->crashed_at_ns) / NS_PER_MS);
    count->has_restart_in_ms = instance->state == INSTANCE_FLAPPING && instance->restart_at_ns > now_ns;
    if (count->has_restart_in_ms)
        count->restart_in_ms = (int64_t)((instance->restart_at_ns - now_ns) / NS_PER_MS);
    tally->places[tally->count++] = count;
}

/* All counters that are not 0, up to `most`. Given: release it with tally_free. */
static struct tally tally_all(const struct health_manager *hm, size_t most)
{
    size_t total = 0;
    for (const struct app *app = hm->apps.apps; app != NULL; app = app->hh.next)
        for (size_t i = 0; i < app->instance_count; i++)
            total += app->instances[i].crashes > 0;
    if (total > most)
        total = most;
    struct tally tally = {.counts = memory_new((total + 1) * sizeof *tally.counts),
                          .places = memory_new((total + 1) * sizeof *tally.places)};
    for (const struct app *app = hm->apps.apps; app != NULL; app = app->hh.next)
        for (size_t i = 0; i < app->instance_count && tally.count < total; i++)
            if (app->instances[i].crashes > 0)
                tally_add(&tally, hm, app, i);
    return tally;
}

static void tally_free(struct tally *tally)
{
    memory_free(tally->counts);
    memory_free(tally->places);
}

void hm_crashes_answer(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    struct health_manager *hm = hm_of_bus(bus);
    const Cupola__CrashCountsRequest *request = (const Cupola__CrashCountsRequest *)parsed;
    if (request->id == NULL || strcmp(request->id, hm->monitor.uuid) == 0 || !hm->desired.is_known ||
        mutation_is(HM_FORGETS_CRASHES))
        return;
    struct tally tally = tally_all(hm, MAX_CRASH_NOTES);
    for (size_t told = 0; told < tally.count; told += PORTION) {
        Cupola__CrashCounts counts = CUPOLA__CRASH_COUNTS__INIT;
        counts.counts = tally.places + told;
        counts.n_counts = tally.count - told < PORTION ? tally.count - told : PORTION;
        bus_answer(bus, message, &counts.base);
    }
    tally_free(&tally);
}

/* ---- Saving ---- */

static void on_saved(struct op *op, const struct op_result *result)
{
    struct hm_crashes *crashes = container_of(op, struct hm_crashes, save_op);
    struct health_manager *hm = container_of(crashes, struct health_manager, crashes);
    if (result->status != IO_OK && result->status != IO_CANCELLED) {
        machine_log(&hm->machine, LOG_ERROR, "cannot save crash counters and hosts: %s",
                    io_status_name(result->status));
        crashes->is_changed = true;
    }
    if (hm->is_stopping)
        hm_finish(hm);
    else
        timer_set(&hm->machine, &crashes->save_timer, crashes->is_changed ? save_pause_ns : save_again_ns, on_save_due);
}

static void on_save_due(struct timer *timer)
{
    struct hm_crashes *crashes = container_of(timer, struct hm_crashes, save_timer);
    struct health_manager *hm = container_of(crashes, struct health_manager, crashes);
    struct tally tally = tally_all(hm, MAX_CRASH_NOTES);
    Cupola__HealthManagerMemory memory = CUPOLA__HEALTH_MANAGER_MEMORY__INIT;
    memory.counts = tally.places;
    memory.n_counts = tally.count;
    memory.has_told_at_ms = true;
    memory.told_at_ms = hm->machine.wall_ns / (int64_t)NS_PER_MS;
    struct saved_hosts *hosts = hm_hosts_save(hm, &memory);
    struct slice slice = {.size = protobuf_c_message_get_packed_size(&memory.base)};
    slice.buffer = buffer_new(slice.size);
    protobuf_c_message_pack(&memory.base, slice.buffer->bytes);
    hm_hosts_save_end(hosts);
    tally_free(&tally);
    crashes->is_changed = false;
    op_save(&hm->machine, &crashes->save_op, slice, on_saved);
}

void hm_crashes_changed(struct health_manager *hm)
{
    struct hm_crashes *crashes = &hm->crashes;
    bool is_news = !crashes->is_changed;
    crashes->is_changed = true;
    if (is_news && !op_is_pending(&crashes->save_op) && !hm->is_stopping)
        timer_set(&hm->machine, &crashes->save_timer, save_pause_ns, on_save_due);
}

/* ---- Hearing ---- */

static void keep_note(struct health_manager *hm, const Cupola__CrashCount *count, uint64_t elapsed_ms)
{
    struct hm_crashes *crashes = &hm->crashes;
    struct crash_note note = {.droplet = count->droplet, .index = count->index, .crashes = (uint32_t)count->crashes};
    if (count->crashes <= 0 || count->crashed_ago_ms < 0 || crashes->note_count == MAX_CRASH_NOTES ||
        !hm_copy_version(note.version, count->version))
        return;
    uint64_t now_ns = hm->machine.now_ns;
    uint64_t ago_ns = ((uint64_t)count->crashed_ago_ms + elapsed_ms) * NS_PER_MS;
    note.crashed_at_ns = ago_ns < now_ns ? now_ns - ago_ns : 0;
    if (count->has_restart_in_ms && count->restart_in_ms > 0 && (uint64_t)count->restart_in_ms > elapsed_ms)
        note.restart_at_ns = now_ns + ((uint64_t)count->restart_in_ms - elapsed_ms) * NS_PER_MS;
    crashes->notes = memory_room(crashes->notes, crashes->note_count, &crashes->note_capacity, sizeof *crashes->notes);
    crashes->notes[crashes->note_count++] = note;
}

/* Who knows of more crashes is right: nobody hears of crashes that were none. */
static void recall(struct health_manager *hm, const struct crash_note *note)
{
    struct app *app = hm_app_find(&hm->apps, note->droplet);
    struct instance *instance = app == NULL ? NULL : hm_app_index_for(app, note->version, note->index);
    if (instance == NULL || note->crashes <= instance->crashes)
        return;
    instance->crashes = note->crashes;
    instance->crashed_at_ns = note->crashed_at_ns;
    bool is_unheard = instance->claim.id[0] == '\0';
    bool can_flap = instance->state == INSTANCE_UNKNOWN || instance->state == INSTANCE_STARTING;
    uint64_t now_ns = hm->machine.now_ns;
    uint64_t most_ns = now_ns + hm->times.flapping_delay_most_ns;
    if (!is_unheard || !can_flap || note->restart_at_ns <= now_ns)
        return;
    instance->cause = CAUSE_CRASHED;
    instance->restart_at_ns = note->restart_at_ns < most_ns ? note->restart_at_ns : most_ns;
    instance->flapping_since_s = machine_wall_seconds(&hm->machine);
    hm_instance_move_to(instance, INSTANCE_FLAPPING, now_ns);
}

void hm_crashes_recall(struct health_manager *hm)
{
    struct hm_crashes *crashes = &hm->crashes;
    for (size_t i = 0; i < crashes->note_count; i++)
        recall(hm, &crashes->notes[i]);
    if (crashes->note_count > 0)
        hm_crashes_changed(hm);
    memory_free(crashes->notes);
    crashes->notes = NULL;
    crashes->note_count = crashes->note_capacity = 0;
}

static bool on_counts(struct bus_request *request, const ProtobufCMessage *parsed, const struct bus_message *message)
{
    (void)message;
    struct health_manager *hm = container_of(request, struct health_manager, crashes.request);
    const Cupola__CrashCounts *counts = (const Cupola__CrashCounts *)parsed;
    for (size_t i = 0; i < counts->n_counts; i++)
        keep_note(hm, counts->counts[i], 0);
    if (hm->desired.is_known)
        hm_crashes_recall(hm);
    return true;
}

static void on_counts_end(struct bus_request *request, bool timed_out)
{
    (void)timed_out;
    container_of(request, struct hm_crashes, request)->is_asking = false;
}

void hm_crashes_ask(struct health_manager *hm)
{
    if (hm->crashes.is_asking)
        return;
    Cupola__CrashCountsRequest request = CUPOLA__CRASH_COUNTS_REQUEST__INIT;
    request.id = hm->monitor.uuid;
    hm->crashes.is_asking = true;
    bus_request_start(&hm->bus, &hm->crashes.request, "healthmanager.crashes", &request.base,
                      &cupola__crash_counts__descriptor, 0, answer_ns, &count_handlers);
}

void hm_crashes_open(struct health_manager *hm, struct io_bytes saved)
{
    if (saved.size == 0)
        return;
    Cupola__HealthManagerMemory *memory = cupola__health_manager_memory__unpack(NULL, saved.size, saved.data);
    if (memory == NULL) {
        machine_log(&hm->machine, LOG_ERROR, "the saved crash counters and hosts are damaged; starting without them");
        return;
    }
    int64_t elapsed_ms = hm->machine.wall_ns / (int64_t)NS_PER_MS - memory->told_at_ms;
    for (size_t i = 0; i < memory->n_counts && !mutation_is(HM_FORGETS_CRASHES); i++)
        keep_note(hm, memory->counts[i], elapsed_ms > 0 ? (uint64_t)elapsed_ms : 0);
    hm_hosts_remember(hm, memory);
}

void hm_crashes_close(struct health_manager *hm)
{
    timer_cancel(&hm->machine, &hm->crashes.save_timer);
    if (hm->crashes.is_changed && !op_is_pending(&hm->crashes.save_op))
        on_save_due(&hm->crashes.save_timer);
    if (hm->crashes.is_asking)
        bus_request_cancel(&hm->crashes.request);
    hm->crashes.is_asking = false;
}

void hm_crashes_free(struct health_manager *hm)
{
    memory_free(hm->crashes.notes);
}
