/* What a campaign has met so far: the guide of exploration, and the table of what met what at its end.
 *
 * Two measures. Buckets: a hash of (role, abstract state of the component, kind of a fault that is active and whether
 * it means this component, phase of the protocol), where a phase is one step's event and kinds of effects together with
 * those of the step before; a bucket that was never set before is news. Cells: how often a kind of fault began while a
 * component of a role that it means was in a state.
 *
 * Plain memory without pointers, so that workers can share it; a count that two of them raise at once may lose one.
 */
#ifndef CUPOLA_SIM_SEARCH_COVERAGE_H
#define CUPOLA_SIM_SEARCH_COVERAGE_H

#include "sim/cloud.h"
#include "sim/faults/fault.h"

enum { COVERAGE_BUCKETS = 1 << 17, COVERAGE_EDGES = 1 << 16, COVERAGE_STATES = 6 };

struct coverage {
    uint8_t buckets[COVERAGE_BUCKETS]; /* How many runs met it, as far as it can count. */
    uint8_t edges[COVERAGE_EDGES];     /* Edges of the program by how often they were taken, in builds that count:
                                        * in how many stretches of runs. */
    uint32_t met[FAULT_KIND_END][ROLE_COUNT][COVERAGE_STATES];
    uint64_t bucket_count;
    uint64_t edge_count;
};

/* The abstract states of a role, from 0; NULL past the last. Static. */
const char *coverage_state_name(enum component_role role, size_t state);

/* Watches a cloud for the coverage. */
struct coverage_watch {
    struct coverage *coverage;
    struct cloud *cloud;
    struct component **by_host; /* By host number. */
    uint64_t *phases;           /* The last one of each, by host number. */
    size_t host_count;
    uint8_t *seen;   /* A bit a bucket. */
    uint64_t news;   /* Buckets that this cloud, and no other worker's, was the first to meet. */
    uint32_t newest; /* The last of them. */
};

/* `watch` is kept by the cloud until coverage_unwatch. */
void coverage_watch(struct coverage_watch *watch, struct coverage *coverage, struct cloud *cloud);
void coverage_unwatch(struct coverage_watch *watch);

/* Edges of the program that were taken since the last coverage_clear_edges (builds of the preset "guided"; otherwise
 * nothing). */
void coverage_clear_edges(void);
/* How many of them are news, and one that is. */
uint64_t coverage_note_edges(struct coverage *coverage, uint32_t *ret_newest);
bool coverage_has_edges(void);

/* How many runs have met a bucket, or taken an edge (`newest` above), as far as it is counted. */
uint32_t coverage_rarity(const struct coverage *coverage, uint32_t feature);

/* Whether a fault of that kind can mean a component of that role. */
extern const char coverage_not_drawn[]; /* Said of a kind that meets nothing. */
bool coverage_can_meet(enum fault_kind kind, enum component_role role);
/* The table for people: a row a fault, a column a role, a letter a state; and below it every empty cell by name. */
void coverage_print(const struct coverage *coverage, bool names_empty, struct text *ret_text);

#endif
