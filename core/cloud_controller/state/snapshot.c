#include "core/cloud_controller/state/snapshot.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

enum { SIZE_BYTES = 4 };

/* ---- Writing ---- */

void cc_snapshot_add(struct text *snapshot, const Cupola__JournalEntry *entry)
{
    size_t size = cupola__journal_entry__get_packed_size(entry);
    assert_that(size < UINT32_MAX);
    uint8_t *room = text_room(snapshot, SIZE_BYTES + size);
    for (int i = 0; i < SIZE_BYTES; i++)
        room[i] = (uint8_t)(size >> (8 * i));
    cupola__journal_entry__pack(entry, room + SIZE_BYTES);
    text_grow(snapshot, SIZE_BYTES + size);
}

static uint64_t count_entries(const struct state *state)
{
    uint64_t count = HASH_COUNT(state->users) + HASH_COUNT(state->apps) + HASH_COUNT(state->services.offerings) +
                     HASH_COUNT(state->services.by_id);
    for (const struct leftover *leftover = state->services.leftovers; leftover != NULL; leftover = leftover->next)
        count++;
    return count;
}

static void add_head(const struct state *state, struct text *snapshot)
{
    Cupola__SnapshotHead head = CUPOLA__SNAPSHOT_HEAD__INIT;
    head.has_sequence = head.has_app_sequence = head.has_snapshot_sequence = head.has_count = true;
    head.has_last_app_id = head.has_last_service_id = head.has_last_leftover_id = true;
    head.sequence = state->head_sequence;
    head.app_sequence = state->app_sequence;
    head.snapshot_sequence = state->snapshot_sequence;
    head.last_app_id = state->last_app_id;
    head.last_service_id = state->services.last_service_id;
    head.last_leftover_id = state->services.last_leftover_id;
    head.count = count_entries(state);
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_SNAPSHOT_HEAD;
    entry.snapshot_head = &head;
    cc_snapshot_add(snapshot, &entry);
}

static void add_users(const struct state *state, struct text *snapshot)
{
    for (const struct user *user = state->users; user != NULL; user = user->hh.next) {
        Cupola__UserChange change = CUPOLA__USER_CHANGE__INIT;
        change.user = user->value;
        Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
        entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_USER_PUT;
        entry.user_put = &change;
        cc_snapshot_add(snapshot, &entry);
    }
}

static void add_services(const struct services *services, struct text *snapshot)
{
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_OFFERING_PUT;
    for (const struct offering *offering = services->offerings; offering != NULL; offering = offering->hh.next) {
        entry.offering_put = offering->value;
        cc_snapshot_add(snapshot, &entry);
    }
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_SERVICE_PUT;
    for (const struct service *service = services->by_id; service != NULL; service = service->hh.next) {
        entry.service_put = service->value;
        cc_snapshot_add(snapshot, &entry);
    }
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_LEFTOVER_PUT;
    for (const struct leftover *leftover = services->leftovers; leftover != NULL; leftover = leftover->next) {
        entry.leftover_put = leftover->value;
        cc_snapshot_add(snapshot, &entry);
    }
}

static void add_apps(const struct state *state, struct text *snapshot)
{
    uint64_t *epochs = NULL;
    size_t capacity = 0;
    for (const struct app *app = state->apps; app != NULL; app = app->hh.next) {
        for (size_t i = 0; i < app->index_count; i++) {
            epochs = memory_room(epochs, i, &capacity, sizeof *epochs);
            epochs[i] = app->indices[i].epoch;
        }
        Cupola__SnapshotApp item = CUPOLA__SNAPSHOT_APP__INIT;
        item.app = app->value;
        item.has_changed_sequence = true;
        item.changed_sequence = app->changed_sequence;
        item.epochs = epochs;
        item.n_epochs = app->index_count;
        Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
        entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_SNAPSHOT_APP;
        entry.snapshot_app = &item;
        cc_snapshot_add(snapshot, &entry);
    }
    memory_free(epochs);
}

/* Owners before what they own, and services before the apps that are bound to them. */
void cc_snapshot_write(const struct state *state, struct text *ret_snapshot)
{
    add_head(state, ret_snapshot);
    add_users(state, ret_snapshot);
    add_services(&state->services, ret_snapshot);
    add_apps(state, ret_snapshot);
}

/* ---- Loading ---- */

/* The next entry, or NULL. */
static Cupola__JournalEntry *take_entry(struct io_bytes *rest)
{
    if (rest->size < SIZE_BYTES)
        return NULL;
    size_t size = 0;
    for (int i = 0; i < SIZE_BYTES; i++)
        size |= (size_t)rest->data[i] << (8 * i);
    if (size > rest->size - SIZE_BYTES)
        return NULL;
    Cupola__JournalEntry *entry = cupola__journal_entry__unpack(NULL, size, rest->data + SIZE_BYTES);
    rest->data += SIZE_BYTES + size;
    rest->size -= SIZE_BYTES + size;
    return entry;
}

static bool is_head(const Cupola__JournalEntry *entry)
{
    return entry != NULL && entry->change_case == CUPOLA__JOURNAL_ENTRY__CHANGE_SNAPSHOT_HEAD;
}

/* All that belongs to the state. */
static bool load_state(struct state *state, struct io_bytes *rest, uint64_t count)
{
    bool ok = true;
    for (uint64_t i = 0; i < count && ok; i++) {
        Cupola__JournalEntry *entry = take_entry(rest);
        ok = entry != NULL && !is_head(entry) && cc_state_load(state, entry) == FOLD_OK;
        cupola__journal_entry__free_unpacked(entry, NULL);
    }
    return ok;
}

/* What is behind it: the past. */
static bool load_events(struct io_bytes *rest, void (*on_event)(void *context, const Cupola__SnapshotEvent *event),
                        void *context)
{
    bool ok = true;
    while (ok && rest->size > 0) {
        Cupola__JournalEntry *entry = take_entry(rest);
        ok = entry != NULL && entry->change_case == CUPOLA__JOURNAL_ENTRY__CHANGE_SNAPSHOT_EVENT;
        if (ok && on_event != NULL)
            on_event(context, entry->snapshot_event);
        cupola__journal_entry__free_unpacked(entry, NULL);
    }
    return ok;
}

bool cc_snapshot_load(struct state *state, struct io_bytes snapshot,
                      void (*on_event)(void *context, const Cupola__SnapshotEvent *event), void *context)
{
    assert_that(state->head_sequence == 0);
    Cupola__JournalEntry *first = take_entry(&snapshot);
    bool ok = is_head(first) && cc_state_load(state, first) == FOLD_OK &&
              load_state(state, &snapshot, first->snapshot_head->count) && load_events(&snapshot, on_event, context);
    /* No number is used again, also not that of what was deleted. */
    if (ok) {
        state->last_app_id = first->snapshot_head->last_app_id;
        state->services.last_service_id = first->snapshot_head->last_service_id;
        state->services.last_leftover_id = first->snapshot_head->last_leftover_id;
    }
    cupola__journal_entry__free_unpacked(first, NULL);
    return ok;
}
