/* Undo is verified: all that faults can touch, as one number. When the last fault is over it is what it was before the
 * first; whatever a fault has forgotten to mend shows in it. (tests/sim/test_fault_undo.c) */
#include "sim/clients/load.h"
#include "sim/clients/raw_client.h"
#include "sim/faults/state.h"

#include <string.h>

struct look {
    uint64_t hash;
    struct text *text; /* Of what is not as it should be; NULL: nobody reads it. */
};

static void note(struct look *look, const char *who, const char *what, uint64_t value, uint64_t usual)
{
    look->hash = random_mix(look->hash, value);
    if (look->text != NULL && value != usual)
        text_addf(look->text, "%s%s: %s %llu", look->text->size > 0 ? "; " : "", who, what, (unsigned long long)value);
}

static void look_at_host(struct look *look, const struct host *host)
{
    note(look, host->name, "clock rate", host->clock.rate_ppb, 1000000000);
    look->hash = random_mix(look->hash, (uint64_t)host->clock.wall_offset_ns); /* Drawn: no value is usual. */
    note(look, host->name, "clock frozen", host->clock.is_frozen, false);
    note(look, host->name, "power", host->has_power, true);
    note(look, host->name, "refusals", host->refuses, 0);
    note(look, host->name, "black holes", host->black_holes, 0);
    note(look, host->name, "full tables", host->full_tables, 0);
    note(look, host->name, "no forks", host->cannot_fork, 0);
    note(look, host->name, "slow by ns", host->slow_ns, 0);
    note(look, host->name, "other addresses", host->moves, 0);
    note(look, host->name, "disk troubles", host->disk.troubles != NULL, 0);
    look->hash = random_hash(look->hash, host->address, strlen(host->address));
    uint64_t hurt = 0;
    for (const struct workload *at = host->workloads; at != NULL; at = at->next)
        hurt += at->is_running && (at->hangs || at->is_sick || at->slow_ns > 0);
    note(look, host->name, "hurt instances", hurt, 0);
}

static void look_at_process(struct look *look, const struct process *process)
{
    note(look, process->name, "held down", process->held_down, 0);
    note(look, process->name, "cost of a step", process->step_cost_ns, 0);
    note(look, process->name, "paused", process->is_paused, false);
    note(look, process->name, "slower start", process->start_extra_ns, 0);
    note(look, process->name, "old builds", process->old_builds, process->old_builds); /* plan.old_deas */
    note(look, process->name, "limited", process->is_limited, false);
    look->hash = random_hash(look->hash, process->config->bytes, process->config_size);
}

/* What works for a fault: its clock, its clients, its strangers. */
static void look_at_helpers(struct look *look, const struct fault *fault)
{
    uint64_t helpers = fault->tick.place != 0;
    for (size_t i = 0; i < fault->client_count; i++)
        helpers += raw_client_is_open(fault->clients[i]);
    for (size_t i = 0; fault->strangers != NULL && i < fault->host_count; i++)
        helpers += fault->strangers[i] != NULL;
    if (helpers > 0)
        note(look, fault_kind_name(fault->spec.kind), "goes on with", helpers, 0);
}

static void look_at_stores(struct look *look, const struct cloud *cloud)
{
    const struct journal_store *journal = cloud->journal;
    note(look, "journal", "outages", journal->outages, 0);
    note(look, "journal", "conflicts in a million", journal->conflict_ppm, 0);
    note(look, "journal", "short writes in a million", journal->short_ppm, 0);
    note(look, "journal", "unsure writes in a million", journal->unsure_ppm, 0);
    note(look, "journal", "torn entries in a million", journal->torn_ppm, 0);
    note(look, "journal", "slow by ns", distribution_median_ns(&journal->extra), 0);
    note(look, "blobs", "denials", cloud->blobs->denials, 0);
    note(look, "blobs", "damages", cloud->blobs->damages, 0);
}

uint64_t fault_look(const struct cloud *cloud, struct text *text)
{
    const struct world *world = cloud->world;
    struct look look = {.hash = 1, .text = text};
    for (size_t i = 0; i < world->host_count; i++)
        look_at_host(&look, world->hosts[i]);
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (size_t i = 0; i < cloud->component_counts[role]; i++)
            look_at_process(&look, cloud->components[role][i].process);
    }
    for (size_t i = 0; i < cloud->load_count; i++) {
        if (cloud_load_surge(cloud, i) != 1) /* Loads may be added at any time. */
            note(&look, cloud_load_host(cloud, i), "surge", cloud_load_surge(cloud, i), 1);
    }
    look_at_stores(&look, cloud);
    note(&look, "network", "impairments", world->network.impairments != NULL, false);
    note(&look, "apps", "troubles", world->app_troubles != NULL, false);
    note(&look, "messages", "troubles", world->message_troubles != NULL, false);
    for (size_t i = 0; i < cloud->fault_count; i++)
        look_at_helpers(&look, cloud->faults[i]);
    return look.hash;
}
