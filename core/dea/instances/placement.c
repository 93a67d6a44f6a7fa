#include "core/dea/instances/placement.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/base/mutation.h"
#include "core/dea/dea.h"

#include <string.h>

enum {
    TAINT_MS_PER_SIBLING = 10, /* For each instance of the same droplet here. */
    TAINT_MS_FULL = 100,       /* With all memory reserved. */
    TAINT_MS_BUSY = 50,        /* With all cores at work, as far as our instances are at work on them. */
    TAINT_MOST_MS = 250,
    TAINT_MS_DOUBTFUL = 300, /* Behind all who have no doubts, and well within the time that a controller waits. */
    DOUBTFUL_SIBLINGS = 1000000,
    DOUBTFUL_MS = 10000,  /* After one launch that failed; doubled with each further one, */
    MOST_DOUBLINGS = 3,   /* so often at most. */
    TIE_BREAK_MS = 2,     /* Equal DEAs shall not always answer in the same order. */
    OFFER_LIFE_MS = 1000, /* An offer not taken up by then was lost to another DEA. */
    LISTENING_MS = 10000, /* After an offer, to what others are ordered. */
    DEFAULT_MEMORY_MB = 512,
    MOST_OFFERS = 4096,
};

/* One discover that we answer. Until an order shows who won, it counts as if the instance were here already: in a burst
 * of discovers a DEA answers each later than the one before, so that the burst spreads over the equals. */
struct offer {
    struct dea *dea;
    struct offer *previous, *next;
    int64_t droplet;
    uint32_t memory_mb;
    char *runtime;
    char *reply; /* NULL once it is answered. */
    uint64_t answer_ns;
    struct timer timer;
};

static const Cupola__RuntimeConfig *find_runtime(const struct dea *dea, const char *name)
{
    for (size_t i = 0; i < dea->config->n_runtimes; i++)
        if (dea->config->runtimes[i]->name != NULL && strcmp(dea->config->runtimes[i]->name, name) == 0)
            return dea->config->runtimes[i];
    return NULL;
}

const char *dea_placement_runtime_executable(const struct dea *dea, const char *runtime)
{
    const Cupola__RuntimeConfig *config = find_runtime(dea, runtime);
    return config == NULL || config->executable == NULL ? "" : config->executable;
}

const char *dea_placement_refuses(const struct dea *dea, uint32_t memory_mb, const char *runtime)
{
    if (dea->phase != DEA_OPEN)
        return "shutting down";
    if (dea->config->n_runtimes > 0 && find_runtime(dea, runtime) == NULL)
        return "unknown runtime";
    if (dea->held_count >= dea->config->max_instances)
        return "too many instances";
    if (dea->reserved_mb + memory_mb > dea->config->max_memory_mb)
        return "not enough memory";
    return NULL;
}

void dea_placement_note_launch(struct dea *dea, bool has_succeeded)
{
    struct placement *placement = &dea->placement;
    uint32_t doublings = placement->failed_launches < MOST_DOUBLINGS ? placement->failed_launches : MOST_DOUBLINGS;
    placement->failed_launches = has_succeeded ? 0 : placement->failed_launches + 1;
    placement->doubtful_until_ns = has_succeeded ? 0 : dea->machine.now_ns + (DOUBTFUL_MS * NS_PER_MS << doublings);
}

static bool is_doubtful(const struct dea *dea)
{
    return dea->machine.now_ns < dea->placement.doubtful_until_ns && !mutation_is(DEA_HAS_NO_DOUBTS);
}

/* Of all cores: what our instances take. */
static uint64_t cpu_permille(const struct dea *dea)
{
    uint64_t cpu = 0;
    const struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        cpu += instance->holds_resources ? instance->usage.cpu_permille : 0;
    }
    uint64_t cores = dea->config->cores > 0 ? dea->config->cores : 1;
    return cpu / cores < 1000 ? cpu / cores : 1000;
}

static uint32_t count_siblings(const struct dea *dea, int64_t droplet)
{
    uint32_t siblings = 0;
    const struct instance *instance, *next;
    HASH_ITER (hh, dea->instances, instance, next) {
        siblings += instance->droplet == droplet && dea_instance_is_live(instance);
    }
    return siblings;
}

static uint64_t taint_ns(const struct dea *dea, int64_t droplet)
{
    uint64_t siblings = count_siblings(dea, droplet);
    uint64_t reserved_mb = dea->reserved_mb;
    for (const struct offer *offer = dea->placement.offers; offer != NULL; offer = offer->next) {
        siblings += offer->droplet == droplet;
        reserved_mb += offer->memory_mb;
    }
    uint64_t most_mb = dea->config->max_memory_mb > 0 ? dea->config->max_memory_mb : 1;
    uint64_t taint = siblings * TAINT_MS_PER_SIBLING * NS_PER_MS + TAINT_MS_FULL * NS_PER_MS * reserved_mb / most_mb +
                     TAINT_MS_BUSY * NS_PER_MS * cpu_permille(dea) / 1000;
    taint = taint < TAINT_MOST_MS * NS_PER_MS ? taint : TAINT_MOST_MS * NS_PER_MS;
    return is_doubtful(dea) ? TAINT_MS_DOUBTFUL * NS_PER_MS : taint;
}

/* ---- Figures, for those who place many at once ---- */

static uint32_t count_room(const struct dea *dea, uint32_t memory_mb)
{
    uint64_t free_mb = dea->config->max_memory_mb - dea->reserved_mb;
    uint64_t by_memory = free_mb / (memory_mb > 0 ? memory_mb : 1);
    uint64_t by_count = dea->config->max_instances - dea->held_count;
    uint64_t room = by_memory < by_count ? by_memory : by_count;
    return room < INT32_MAX ? (uint32_t)room : INT32_MAX;
}

static void answer_with_figures(struct dea *dea, const Cupola__DeaDiscover *discover, uint32_t memory_mb,
                                const struct bus_message *message)
{
    uint64_t most_mb = dea->config->max_memory_mb > 0 ? dea->config->max_memory_mb : 1;
    Cupola__DeaHello hello;
    dea_fill_hello(dea, &hello);
    hello.has_siblings = hello.has_load_permille = hello.has_room = true;
    hello.siblings = is_doubtful(dea) ? DOUBTFUL_SIBLINGS : (int32_t)count_siblings(dea, discover->droplet);
    hello.load_permille = (int32_t)(dea->reserved_mb * 1000 / most_mb + cpu_permille(dea) / 2);
    hello.room = (int32_t)count_room(dea, memory_mb);
    bus_answer(&dea->bus, message, &hello.base);
}

/* ---- Offers ---- */

static void append_offer(struct placement *placement, struct offer *offer)
{
    offer->previous = placement->last_offer;
    if (placement->last_offer != NULL)
        placement->last_offer->next = offer;
    else
        placement->offers = offer;
    placement->last_offer = offer;
    placement->count++;
}

static void drop_offer(struct offer *offer)
{
    struct placement *placement = &offer->dea->placement;
    if (offer->previous != NULL)
        offer->previous->next = offer->next;
    else
        placement->offers = offer->next;
    if (offer->next != NULL)
        offer->next->previous = offer->previous;
    else
        placement->last_offer = offer->previous;
    assert_that(placement->count > 0);
    placement->count--;
    timer_cancel(&offer->dea->machine, &offer->timer);
    memory_free(offer->runtime);
    memory_free(offer->reply);
    memory_free(offer);
}

static void on_offer_lapsed(struct timer *timer)
{
    drop_offer(container_of(timer, struct offer, timer));
}

static void on_hesitated(struct timer *timer)
{
    struct offer *offer = container_of(timer, struct offer, timer);
    struct dea *dea = offer->dea;
    if (dea_placement_refuses(dea, offer->memory_mb, offer->runtime) != NULL) { /* Things may have changed meanwhile. */
        drop_offer(offer);
        return;
    }
    Cupola__DeaHello hello;
    dea_fill_hello(dea, &hello);
    bus_publish_message(&dea->bus, offer->reply, NULL, &hello.base);
    memory_free(offer->reply);
    offer->reply = NULL;
    timer_set(&dea->machine, &offer->timer, OFFER_LIFE_MS * NS_PER_MS, on_offer_lapsed);
}

/* The oldest offer is meant: nothing in an order says which question it follows. */
static bool settle(struct dea *dea, int64_t droplet, bool was_answered)
{
    for (struct offer *offer = dea->placement.offers; offer != NULL; offer = offer->next) {
        if (offer->droplet == droplet && (offer->reply == NULL || !was_answered)) {
            drop_offer(offer);
            return true;
        }
    }
    return false;
}

void dea_placement_settle(struct dea *dea, int64_t droplet)
{
    settle(dea, droplet, true);
}

/* What we still hesitate to offer was held back by an offer that came to nothing. */
static void hesitate_less(struct dea *dea, int64_t droplet)
{
    for (struct offer *offer = dea->placement.offers; offer != NULL; offer = offer->next) {
        if (offer->droplet != droplet || offer->reply == NULL)
            continue;
        offer->answer_ns -= TAINT_MS_PER_SIBLING * NS_PER_MS;
        timer_set_at(&dea->machine, &offer->timer, offer->answer_ns, on_hesitated);
    }
}

/* Somebody's order, seen by all DEAs that made an offer: if it is not ours, an answer of ours came too late, or need
 * not be given. So a burst of questions that is asked at once spreads over equals as if they came one by one. Only its
 * droplet is read. */
static void on_any_start(struct bus_subscription *subscription, const struct bus_message *message)
{
    struct dea *dea = container_of(subscription, struct dea, placement.all_starts);
    if (dea->placement.offers == NULL || strcmp(message->subject, dea->start_subject) == 0)
        return;
    ProtobufCMessage *parsed = bus_read_payload(&dea->bus, &cupola__dea_discover__descriptor, false, message);
    if (parsed == NULL)
        return;
    int64_t droplet = ((const Cupola__DeaDiscover *)parsed)->droplet;
    protobuf_c_message_free_unpacked(parsed, NULL);
    if (settle(dea, droplet, false))
        hesitate_less(dea, droplet);
}

static void on_listened(struct timer *timer)
{
    struct dea *dea = container_of(timer, struct dea, placement.listening);
    if (dea->placement.offers != NULL)
        timer_set(&dea->machine, timer, LISTENING_MS * NS_PER_MS, on_listened);
    else
        bus_unsubscribe(&dea->placement.all_starts);
}

/* Who makes no offers does not listen: of a thousand DEAs each would be told of the starts of all the others. */
static void listen_to_starts(struct dea *dea)
{
    if (dea->placement.all_starts.client == NULL)
        bus_subscribe(&dea->bus, &dea->placement.all_starts, "dea.*.start", NULL, on_any_start);
    timer_set(&dea->machine, &dea->placement.listening, LISTENING_MS * NS_PER_MS, on_listened);
}

void dea_placement_on_discover(struct bus_client *client, const ProtobufCMessage *parsed,
                               const struct bus_message *message)
{
    struct dea *dea = dea_of_bus(client);
    const Cupola__DeaDiscover *discover = (const Cupola__DeaDiscover *)parsed;
    uint32_t memory_mb = DEFAULT_MEMORY_MB;
    if (discover->limits != NULL && discover->limits->mem > 0)
        memory_mb = (uint32_t)discover->limits->mem;
    if (message->reply == NULL || discover->runtime == NULL || dea->placement.count >= MOST_OFFERS)
        return;
    if (dea_placement_refuses(dea, memory_mb, discover->runtime) != NULL)
        return;
    if (discover->count > 1) {
        answer_with_figures(dea, discover, memory_mb, message);
        return;
    }
    struct offer *offer = memory_new(sizeof *offer);
    offer->dea = dea;
    offer->droplet = discover->droplet;
    offer->memory_mb = memory_mb;
    offer->runtime = memory_copy_text(discover->runtime);
    offer->reply = memory_copy_text(message->reply);
    offer->answer_ns =
        dea->machine.now_ns + taint_ns(dea, discover->droplet) + dea_jitter_ns(dea, TIE_BREAK_MS * NS_PER_MS);
    append_offer(&dea->placement, offer);
    listen_to_starts(dea);
    timer_set_at(&dea->machine, &offer->timer, offer->answer_ns, on_hesitated);
}

void dea_placement_destroy(struct dea *dea)
{
    while (dea->placement.offers != NULL)
        drop_offer(dea->placement.offers);
    timer_cancel(&dea->machine, &dea->placement.listening);
}
