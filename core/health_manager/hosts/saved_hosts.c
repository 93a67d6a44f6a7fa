/* The hosts of an earlier life. A health manager that begins alone hears of hosts that live; of those that died while
 * it was away it would know only by the long silence about what should run. With their lease addresses it asks all of
 * them for itself: as soon as each has told what runs there, or is lost, what nobody has told of does not run.
 */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/health_manager/health_manager.h"

#include <stdio.h>

enum { ADDRESS_SIZE = HOST_SIZE + 8 };

/* After a longer absence there may be hosts that it has never heard of. */
static const int64_t young_ms = 600 * 1000;

struct saved_hosts {
    Cupola__KnownHost *hosts;
    Cupola__KnownHost **places;
    char (*addresses)[ADDRESS_SIZE];
};

struct saved_hosts *hm_hosts_save(const struct health_manager *hm, Cupola__HealthManagerMemory *ret_saved)
{
    const struct hm_deas *deas = &hm->deas;
    struct saved_hosts *saved = memory_new(sizeof *saved);
    saved->hosts = memory_new((deas->count + 1) * sizeof *saved->hosts);
    saved->places = memory_new((deas->count + 1) * sizeof *saved->places);
    saved->addresses = memory_new((deas->count + 1) * sizeof *saved->addresses);
    size_t count = 0;
    for (uint32_t i = 0; i < deas->count; i++) {
        struct hm_dea *dea = deas->table[i];
        if (dea->lease.state == LEASE_NONE)
            continue;
        Cupola__KnownHost *host = saved->places[count] = &saved->hosts[count];
        cupola__known_host__init(host);
        snprintf(saved->addresses[count], ADDRESS_SIZE, "%s:%u", dea->lease.host, dea->lease.port);
        host->dea = dea->id;
        host->lease_address = saved->addresses[count++];
    }
    ret_saved->hosts = saved->places;
    ret_saved->n_hosts = count;
    return saved;
}

void hm_hosts_save_end(struct saved_hosts *saved)
{
    memory_free(saved->hosts);
    memory_free(saved->places);
    memory_free(saved->addresses);
    memory_free(saved);
}

void hm_hosts_remember(struct health_manager *hm, Cupola__HealthManagerMemory *given)
{
    if (hm->deas.remembered != NULL)
        cupola__health_manager_memory__free_unpacked(hm->deas.remembered, NULL);
    hm->deas.remembered = given;
}

void hm_hosts_recall(struct health_manager *hm)
{
    const Cupola__HealthManagerMemory *saved = hm->deas.remembered;
    if (saved == NULL || mutation_is(HM_FORGETS_HOSTS))
        return;
    for (size_t i = 0; i < saved->n_hosts; i++) {
        struct hm_dea *dea = hm_dea_find_or_add(hm, saved->hosts[i]->dea);
        if (dea != NULL && dea->lease.state == LEASE_NONE)
            hm_lease_hear(hm, dea, saved->hosts[i]->lease_address);
    }
    int64_t elapsed_ms = hm->machine.wall_ns / (int64_t)NS_PER_MS - saved->told_at_ms;
    hm->deas.are_remembered = saved->n_hosts > 0 && elapsed_ms >= 0 && elapsed_ms < young_ms;
    hm_hosts_remember(hm, NULL);
}

static bool has_told(const struct hm_dea *dea)
{
    if (dea->lease.state == LEASE_LOST || dea->lease.is_forgotten)
        return true;
    return dea->lease.state == LEASE_FRESH && dea->complete_beats > 0 && dea->behind_since_ns == 0;
}

/* Those that it does not remember have a moment to answer, too. */
void hm_hosts_look(struct health_manager *hm)
{
    struct hm_deas *deas = &hm->deas;
    bool is_soon = hm->machine.now_ns - hm->connected_at_ns < hm->times.speaker_lost_ns;
    if (deas->have_told || !deas->are_remembered || is_soon)
        return;
    for (uint32_t i = 0; i < deas->count; i++) {
        if (!has_told(deas->table[i]))
            return;
    }
    deas->have_told = true;
}
