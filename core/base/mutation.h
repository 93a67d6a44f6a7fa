/* Planted bugs, for the test that proves that the scenarios catch them (tests/mutations).
 *
 * `mutation_is(HM_NEVER_COMPLAINS)` is 0 in every normal build, so the compiler drops the branch. In the mutants build
 * (CMake option CUPOLA_MUTANTS) one of them can be switched on by `cupola sim run --mutation NAME`.
 */
#ifndef CUPOLA_CORE_BASE_MUTATION_H
#define CUPOLA_CORE_BASE_MUTATION_H

/* name, what the bug is */
#define CUPOLA_MUTATIONS(MUTATION)                                                                                     \
    MUTATION(HM_NEVER_COMPLAINS, "the health manager never complains")                                                 \
    MUTATION(HM_FORGETS_EXITS, "the health manager ignores exits")                                                     \
    MUTATION(DEA_FORGETS_UNREGISTER, "the DEA forgets to unregister what it stops")                                    \
    MUTATION(DEA_STARTS_TWICE, "the DEA starts one index twice")                                                       \
    MUTATION(DEA_FORGETS_SURVIVORS, "a restarted DEA does not take up the instances that survived it")                 \
    MUTATION(ROUTER_NEVER_PRUNES, "the router keeps stale routes for ever")                                            \
    MUTATION(ROUTER_NEVER_RETRIES, "the router gives up after the first backend that refuses")                         \
    MUTATION(CC_ANSWERS_EARLY, "the controller answers before the append is durable")                                  \
    MUTATION(CC_TRUSTS_ITS_FOLD, "the controller answers reads and refusals without asking the journal for news")      \
    MUTATION(CC_IGNORES_HEALTH_MANAGER, "the controller ignores the health manager's complaints")                      \
    MUTATION(BUS_CLIENT_FORGETS_SUBSCRIPTIONS, "the bus client does not subscribe again after a reconnect")

enum cupola_mutation {
    MUTATION_NONE = 0,
#define CUPOLA_MUTATION_CONSTANT(name, text) MUTATION_##name,
    CUPOLA_MUTATIONS(CUPOLA_MUTATION_CONSTANT)
#undef CUPOLA_MUTATION_CONSTANT
};

#ifdef CUPOLA_MUTANTS
extern enum cupola_mutation cupola_mutation; /* Set once, before anything runs. */
#define mutation_is(name) (cupola_mutation == MUTATION_##name)
#else
#define mutation_is(name) 0
#endif

#endif
