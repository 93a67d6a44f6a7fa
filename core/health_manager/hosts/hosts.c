#include "core/health_manager/hosts/hosts.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/health_manager/health_manager.h"

#include <stdio.h>
#include <string.h>

/* A PONG may be faster than what it tells of, which travels over the bus. */
static const uint64_t behind_ns = 200 * NS_PER_MS;
static const uint64_t tell_pause_ns = NS_PER_S;

struct hm_dea *hm_dea_find_or_add(struct health_manager *hm, const char *id)
{
    struct hm_deas *deas = &hm->deas;
    struct hm_dea *dea;
    if (id == NULL || id[0] == '\0' || strlen(id) >= sizeof dea->id)
        return NULL;
    HASH_FIND_STR(deas->by_id, id, dea);
    if (dea != NULL || deas->count == MAX_DEAS)
        return dea;
    if (deas->count == deas->capacity) {
        uint32_t capacity = deas->capacity == 0 ? 16 : 2 * deas->capacity;
        deas->table = memory_grow(deas->table, deas->capacity * sizeof *deas->table, capacity * sizeof *deas->table);
        deas->capacity = capacity;
    }
    dea = memory_new(sizeof *dea);
    snprintf(dea->id, sizeof dea->id, "%s", id);
    deas->table[deas->count++] = dea;
    dea->place = deas->count;
    hm->leases.counts[LEASE_NONE]++;
    HASH_ADD_STR(deas->by_id, id, dea);
    return dea;
}

struct hm_dea *hm_dea_at(const struct health_manager *hm, uint32_t place)
{
    assert_that(place <= hm->deas.count);
    return place == 0 ? NULL : hm->deas.table[place - 1];
}

void hm_deas_free(struct health_manager *hm)
{
    hm_hosts_remember(hm, NULL);
    HASH_CLEAR(hh, hm->deas.by_id);
    for (uint32_t i = 0; i < hm->deas.count; i++)
        memory_free(hm->deas.table[i]);
    memory_free(hm->deas.table);
}

/* ---- What was missed ---- */

bool hm_dea_has_overtaken(const struct hm_dea *dea, const char *life, int64_t sequence)
{
    return life != NULL && strcmp(life, dea->life) == 0 && sequence < dea->newest;
}

void hm_dea_take_sequence(struct health_manager *hm, struct hm_dea *dea, const char *life, int64_t sequence,
                          bool is_complete)
{
    if (life == NULL || strlen(life) >= sizeof dea->life)
        return;
    if (strcmp(life, dea->life) != 0) {
        snprintf(dea->life, sizeof dea->life, "%s", life);
        dea->sequence = dea->newest = 0;
        dea->behind_since_ns = 0;
    }
    if (sequence > dea->newest)
        dea->newest = sequence;
    bool is_gap = !is_complete && sequence > dea->sequence + 1;
    if (!is_gap && sequence > dea->sequence)
        dea->sequence = sequence;
    if (is_complete)
        dea->behind_since_ns = dea->tell_asked_ns = 0;
    else if (is_gap && dea->behind_since_ns == 0)
        dea->behind_since_ns = hm->machine.now_ns;
}

void hm_dea_hear_sequence(struct health_manager *hm, struct hm_dea *dea, const char *life, int64_t sequence)
{
    bool is_same = strcmp(life, dea->life) == 0;
    bool is_current = is_same && sequence <= dea->sequence;
    if (is_same && sequence > dea->newest)
        dea->newest = sequence; /* A complete heartbeat of before that, late on its way, says nothing of it. */
    if (is_current) {
        dea->vouched_at_ns = hm->machine.now_ns;
        dea->behind_since_ns = dea->tell_asked_ns = 0;
    } else if (dea->behind_since_ns == 0) {
        dea->behind_since_ns = hm->machine.now_ns;
    }
}

bool hm_dea_has_more_to_tell(const struct health_manager *hm, const struct hm_dea *dea)
{
    return dea->behind_since_ns != 0 && hm->machine.now_ns - dea->behind_since_ns >= behind_ns;
}

void hm_dea_catch_up(struct health_manager *hm, struct hm_dea *dea)
{
    uint64_t now_ns = hm->machine.now_ns;
    if (!hm_dea_has_more_to_tell(hm, dea) || !hm->bus.is_connected)
        return;
    if (dea->tell_asked_ns != 0 && now_ns - dea->tell_asked_ns < tell_pause_ns)
        return;
    char subject[MAX_NAME + 16];
    snprintf(subject, sizeof subject, "dea.%s.tell", dea->id);
    dea->tell_asked_ns = now_ns;
    hm->counters.catch_ups++;
    bus_publish(&hm->bus, subject, NULL, (struct io_bytes){(const uint8_t *)"{}", 2});
}

/* ---- Freshness ---- */

bool hm_deas_tell_starts(const struct health_manager *hm)
{
    return hm->deas.count > 0 && hm->leases.counts[LEASE_NONE] == hm->leases.forgotten;
}

uint64_t hm_deas_oldest_ns(const struct health_manager *hm)
{
    uint64_t oldest_ns = 0;
    for (uint32_t i = 0; i < hm->deas.count; i++) {
        const struct hm_lease *lease = &hm->deas.table[i]->lease;
        uint64_t age_ns = hm->machine.now_ns - lease->heard_at_ns;
        if (lease->state == LEASE_FRESH && age_ns > oldest_ns)
            oldest_ns = age_ns;
    }
    return oldest_ns;
}

uint32_t hm_deas_known(const struct health_manager *hm)
{
    return hm->deas.count - hm->leases.counts[LEASE_NONE];
}
