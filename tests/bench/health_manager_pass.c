/* How long the health manager's full analysis takes: 250,000 wanted instances on 1,000 DEAs, all well, and the same
 * with one DEA's instances missing. Times are of the processor, so that others on the machine do not count.
 * Prints "pass_ns <median> missing_pass_ns <once> peak_mb <of the process>".
 */
#include "core/base/duration.h"
#include "core/components.h"
#include "core/health_manager/health_manager.h"
#include "core/proto/config.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { APPS = 50000, INSTANCES_OF_AN_APP = 5, DEAS = 1000, PASSES = 21 };

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void step(struct machine *machine, struct effects *effects, enum event_kind kind, uint64_t now_ns)
{
    struct event event = {.kind = kind, .now_ns = now_ns};
    machine_step(machine, &event, effects);
    effects_reset(effects);
}

static void fill_deas(struct health_manager *hm)
{
    hm->deas.table = memory_new(DEAS * sizeof *hm->deas.table);
    hm->deas.count = hm->deas.capacity = DEAS;
    for (uint32_t i = 0; i < DEAS; i++) {
        struct hm_dea *dea = memory_new(sizeof *dea);
        snprintf(dea->id, sizeof dea->id, "dea-%u", i);
        dea->place = i + 1;
        dea->complete_beats = 1;
        dea->vouched_at_ns = NS_PER_S;
        hm->leases.counts[LEASE_NONE]++;
        hm->deas.table[i] = dea;
        HASH_ADD_STR(hm->deas.by_id, id, dea);
    }
}

static void fill_apps(struct health_manager *hm, uint64_t now_ns)
{
    Cupola__DesiredApp desired = CUPOLA__DESIRED_APP__INIT;
    desired.version = "da39a3ee5e6b4b0d3255bfef95601890afd80709-1";
    desired.state = "STARTED";
    desired.instances = INSTANCES_OF_AN_APP;
    uint32_t number = 0;
    for (int64_t id = 1; id <= APPS; id++) {
        struct app *app = hm_app_find_or_add(&hm->apps, id, now_ns);
        hm_app_desire(app, &desired, true, now_ns);
        for (size_t i = 0; i < app->instance_count; i++, number++) {
            struct claim *claim = &app->instances[i].claim;
            snprintf(claim->id, sizeof claim->id, "%032x", number);
            claim->is_running = true;
            claim->dea = number % DEAS + 1;
            claim->beat = 1;
            claim->heard_at_ns = now_ns;
            hm_instance_move_to(&app->instances[i], INSTANCE_RUNNING, now_ns);
        }
    }
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

int main(void)
{
    Cupola__HealthManagerConfig config = CUPOLA__HEALTH_MANAGER_CONFIG__INIT;
    uint8_t packed[64];
    size_t size = protobuf_c_message_pack(&config.base, packed);
    struct machine *machine = machine_create(&health_manager_class);
    struct effects *effects = effects_new();
    struct event start = {.kind = EVENT_START, .now_ns = NS_PER_S};
    start.start.config = (struct io_bytes){packed, size};
    machine_step(machine, &start, effects);
    effects_reset(effects);

    /* The bus is not there; the analysis is made to believe in it. Its complaints end in the queue of the client. */
    struct health_manager *hm = container_of(machine, struct health_manager, machine);
    fill_deas(hm);
    fill_apps(hm, NS_PER_S);
    hm->desired.is_known = true;
    hm->bus.is_connected = true;
    uint64_t pass_ns[PASSES];
    uint64_t now_ns = NS_PER_S;
    for (int i = 0; i < PASSES; i++) {
        now_ns += NS_PER_S;
        hm->bus.is_connected = true;
        uint64_t before_ns = clock_ns();
        step(machine, effects, EVENT_DEADLINE, now_ns); /* Fires the analysis. */
        pass_ns[i] = clock_ns() - before_ns;
    }
    hm->deas.table[7]->complete_beats++; /* It lists nothing any more. */
    uint64_t before_ns = clock_ns();
    hm->bus.is_connected = true;
    step(machine, effects, EVENT_DEADLINE, now_ns + NS_PER_S);
    uint64_t missing_ns = clock_ns() - before_ns;
    qsort(pass_ns, PASSES, sizeof *pass_ns, compare);
    if (hm->brake.live != (size_t)APPS * INSTANCES_OF_AN_APP) {
        fprintf(stderr, "the analysis saw %zu instances\n", hm->brake.live);
        return 1;
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("instances %d analyses %llu starts %zu pass_ns %llu missing_pass_ns %llu peak_mb %ld\n",
           APPS * INSTANCES_OF_AN_APP, (unsigned long long)hm->counters.analyses, hm->brake.in_flight,
           (unsigned long long)pass_ns[PASSES / 2], (unsigned long long)missing_ns, usage.ru_maxrss / 1024);
    effects_free(effects);
    hm->bus.is_connected = false;
    machine_destroy(machine);
    return 0;
}
