#include "sim/search/orders_world.h"

#include "core/base/memory.h"
#include "drivers/sim/network/socket.h"
#include "sim/cloud_state.h"

enum { CRASH = 1 };

/* The socket of a component at which a wake would let a segment arrive; NULL if it is something else. */
static struct socket *arrival_of(struct wake *wake)
{
    if (wake->happen != flow_arrive)
        return NULL;
    struct socket *to = container_of(wake, struct socket, arrive);
    return to->process != NULL && to->in.count > to->arrived ? to : NULL;
}

static struct component *component_of(const struct cloud *cloud, const struct socket *to)
{
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (size_t i = 0; i < cloud->component_counts[role]; i++) {
            if (cloud->components[role][i].process == to->process)
                return &cloud->components[role][i];
        }
    }
    return NULL;
}

struct candidates {
    struct order_choice choices[ORDERS_MOST_CHOICES];
    struct wake *wakes[ORDERS_MOST_CHOICES];
    struct component *victims[ORDERS_MOST_CHOICES]; /* NULL: it arrives. */
    size_t count;
};

static void add(struct candidates *candidates, const struct cloud *cloud, struct wake *wake, bool crashes)
{
    struct component *component = component_of(cloud, arrival_of(wake));
    if (component == NULL || candidates->count == ORDERS_MOST_CHOICES)
        return;
    uint64_t owner = component->role == ROLE_CONTROLLER ? UINT64_MAX : component->host->number;
    candidates->choices[candidates->count] = (struct order_choice){
        .id = random_mix(wake->key, crashes ? CRASH : 0),
        .owner = owner,
    };
    candidates->victims[candidates->count] = crashes ? component : NULL;
    candidates->wakes[candidates->count++] = wake;
}

/* By time, and by what breaks ties: the same in every process. */
static int is_before(const struct wake *a, const struct wake *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->key < b->key;
}

static void find_arrivals(const struct orders_world *watch, struct candidates *candidates)
{
    struct queue *queue = &watch->cloud->world->queue;
    uint64_t until_ns = queue_next_ns(queue) + watch->window_ns;
    uint64_t place = 0;
    for (struct wake *wake = queue_each(queue, &place); wake != NULL; wake = queue_each(queue, &place)) {
        if (wake->at_ns > until_ns || arrival_of(wake) == NULL)
            continue;
        add(candidates, watch->cloud, wake, false);
        for (size_t at = candidates->count - 1; candidates->count > 0 && at > 0; at--) {
            if (!is_before(candidates->wakes[at], candidates->wakes[at - 1]))
                break;
            struct wake *other = candidates->wakes[at - 1];
            struct order_choice choice = candidates->choices[at - 1];
            candidates->wakes[at - 1] = candidates->wakes[at];
            candidates->choices[at - 1] = candidates->choices[at];
            candidates->wakes[at] = other;
            candidates->choices[at] = choice;
        }
    }
    size_t arrivals = candidates->count;
    for (size_t i = 0; watch->crashes > 0 && i < arrivals; i++)
        add(candidates, watch->cloud, candidates->wakes[i], true);
}

/* What happens next, instead of the first wake; NULL: that one. */
static struct wake *choose(void *context, struct wake *first)
{
    struct orders_world *watch = context;
    struct world *world = watch->cloud->world;
    watch->has_begun = watch->has_begun || world->now_ns >= watch->from_ns;
    if (!watch->has_begun || watch->cloud->is_finishing || arrival_of(first) == NULL)
        return NULL;
    struct candidates candidates = {0};
    find_arrivals(watch, &candidates);
    if (candidates.count < 2)
        return NULL;
    size_t chosen = orders_choose(watch->orders, candidates.choices, candidates.count);
    if (candidates.victims[chosen] != NULL) {
        watch->crashes--;
        component_kill(candidates.victims[chosen]);
        return NULL; /* What was under way to it arrives at nobody. */
    }
    struct socket *to = arrival_of(candidates.wakes[chosen]);
    segments_at(&to->in, to->arrived)->arrives_ns = world->now_ns;
    return candidates.wakes[chosen];
}

static void on_line(void *context, const struct story_line *line)
{
    struct orders_world *watch = context;
    watch->has_begun = watch->has_begun || line->kind == STORY_FAULT || line->kind == STORY_SCENARIO;
}

void orders_watch(struct orders_world *watch, struct cloud *cloud)
{
    watch->cloud = cloud;
    cloud_observe(cloud, on_line, watch);
    cloud->world->chooser = (struct world_chooser){watch, choose};
}
