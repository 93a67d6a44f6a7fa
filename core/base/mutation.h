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
    MUTATION(HM_STOPS_NOTHING, "the health manager has nothing stopped: what is not wanted any more runs on")          \
    MUTATION(HM_FORGETS_EXITS, "the health manager ignores exits")                                                     \
    MUTATION(HM_FORGETS_CRASHES, "crash counters are neither saved nor handed to a new health manager")                \
    MUTATION(HM_FORGETS_HOSTS, "a health manager that starts does not ask the hosts that it knew before")              \
    MUTATION(HM_FORGETS_THE_UNSAID, "who takes over does not repeat what nobody said")                                 \
    MUTATION(HM_TRUSTS_ITS_SLEEP, "the health manager takes what it slept through for the silence of others")          \
    MUTATION(HM_SKIPS_CHANGED_APPS, "an app that changed in the last minute is not looked at")                         \
    MUTATION(HM_ACTS_ON_STALE_NEWS, "silence counts also while nobody could be heard")                                 \
    MUTATION(HM_WAITS_FOR_ALL, "nothing is healed while one host is not fresh")                                        \
    MUTATION(HM_ASKS_IN_FLIGHT, "a start is asked for again although it is seen to be under way")                      \
    MUTATION(HM_KEEPS_THE_FIRST, "of two claimants the one heard of first keeps the index")                            \
    MUTATION(HM_FIRST_COME, "starts go out in the order of the apps, whatever is missing")                             \
    MUTATION(HM_TRUSTS_CLOCKS, "the age of an instance is taken from its host's clock")                                \
    MUTATION(HM_HIDES_ITS_HELPLESSNESS, "the health manager pings on without a word while it hears no controller")     \
    MUTATION(HM_NAMES_APPS, "what the health manager shows of itself names apps")                                      \
    MUTATION(HM_TAKES_ITS_WANT_FOR_SILENCE, "whom a health manager has no descriptor to ask is silent to it")          \
    MUTATION(HM_LOSES_STALLED_HOSTS, "a host whose agent is stopped is taken for dead")                                \
    MUTATION(DEA_HAS_NO_DOUBTS, "a DEA on whose host nothing can be started offers to start things as all others do")  \
    MUTATION(HM_MISSES_SURVIVORS, "what a DEA has not told of when it says that it is back is taken for gone")         \
    MUTATION(DEA_FORGETS_UNREGISTER, "the DEA forgets to unregister what it stops")                                    \
    MUTATION(DEA_WAITS_FOR_ORDERS, "a DEA that nobody hears restarts nothing")                                         \
    MUTATION(HM_HEARS_NOBODY_OUT, "the health manager acts on late news before it has heard what came after it")       \
    MUTATION(DEA_TRUSTS_ITS_NOTES, "a restarted DEA does not ask whether hosts were mapped meanwhile")                 \
    MUTATION(DEA_MAPS_WHAT_STARTS, "new hosts are registered also for instances that do not run yet")                  \
    MUTATION(DEA_BOOKS_FAULTS_AS_CRASHES, "a droplet that is not to be had is told as a crash of the app")             \
    MUTATION(DEA_TAKES_APPS_ALONG, "an agent that ends kills its instances")                                           \
    MUTATION(DEA_REGISTERS_AFTER_GOODBYE, "an instance that is being stopped registers once more")                     \
    MUTATION(DEA_SILENT_WHEN_EMPTY, "a DEA that runs nothing sends no heartbeats")                                     \
    MUTATION(DEA_SETS_NO_LIMITS, "processes are launched without limits, and nobody looks")                            \
    MUTATION(DEA_FORGETS_EPOCHS, "a stop ends also what was started later than it was ordered")                        \
    MUTATION(DEA_STARTS_TWICE, "the DEA starts one index twice")                                                       \
    MUTATION(DEA_FORGETS_SURVIVORS, "a restarted DEA does not take up the instances that survived it")                 \
    MUTATION(DEA_FORGETS_WHAT_WAS_ENDING, "a restarted DEA does not take up what it was stopping when it ended")       \
    MUTATION(DEA_TRUSTS_ANY_LISTENER, "nobody looks whether a port is free before a launch")                           \
    MUTATION(DEA_WAITS_FOR_STARTS, "nobody is answered and nothing is told while a start is being prepared")           \
    MUTATION(DEA_PASTES_THE_ENVIRONMENT, "values of an environment end where a shell would end them")                  \
    MUTATION(DEA_RESTARTS_THE_UNREADY, "an instance that is not ready is ended")                                       \
    MUTATION(DEA_FORGETS_LIVENESS, "nothing follows from a liveness check that fails")                                 \
    MUTATION(DEA_KEEPS_SINGLETONS, "a singleton runs on when nobody grants it any more")                               \
    MUTATION(DEA_KEEPS_TICKETS, "a command that was prepared and nobody comes for counts for ever")                    \
    MUTATION(ROUTER_KEEPS_BOTH_OF_AN_ORDER, "two instances of one DEA from one order are both routed to")              \
    MUTATION(ROUTER_NEVER_PRUNES, "the router keeps stale routes for ever")                                            \
    MUTATION(ROUTER_NEVER_RETRIES, "the router gives up after the first backend that refuses")                         \
    MUTATION(ROUTER_REPLAYS_CRASHES,                                                                                   \
             "the router sends a request again and again that ends the instances it is sent to")                       \
    MUTATION(ROUTER_FORGETS_EMPTY_APPS, "an app without instances is unknown to the router")                           \
    MUTATION(ROUTER_TRUSTS_ADDRESSES, "host and port are all that the router knows of an endpoint's owner")            \
    MUTATION(ROUTER_SERVES_AT_ONCE, "a new router answers for hosts that it has not heard of yet")                     \
    MUTATION(ROUTER_PRUNES_WITHOUT_BUS, "the router forgets routes that nobody can refresh as the bus is away")        \
    MUTATION(ROUTER_IGNORES_DIGESTS, "the router does not look at the digests of DEAs")                                \
    MUTATION(ROUTER_MISSES_GAPS, "the router does not look at the numbers of the messages that DEAs send it")          \
    MUTATION(ROUTER_NAMES_INSTANCES_IN_COOKIES, "a session cookie is the name of its instance")                        \
    MUTATION(ROUTER_SETS_NOTHING_ASIDE, "the router tries endpoints that failed like all others")                      \
    MUTATION(DEA_TELLS_NO_DIGEST, "the DEA never tells the digest of its routes")                                      \
    MUTATION(DEA_KNOWS_NO_TABLES, "the DEA registers every instance at every router.start")                            \
    MUTATION(CC_ANSWERS_EARLY, "the controller answers before the append is durable")                                  \
    MUTATION(CC_UPDATES_AT_ONCE, "an update stops all instances and then starts the new ones")                         \
    MUTATION(CC_TRUSTS_ITS_FOLD, "the controller answers reads and refusals without asking the journal for news")      \
    MUTATION(CC_ASKS_ONE_BY_ONE, "the controller asks the DEAs for each instance of a burst by itself")                \
    MUTATION(CC_STOPS_ONLY_OLD_APPS, "surplus instances of an app that was edited in the last minute are not stopped") \
    MUTATION(CC_AWAITS_NO_START_REPLY, "the controller believes that every start that it sends arrives")               \
    MUTATION(CC_AWAITS_THE_SILENT, "questions about instances wait for all who do not answer")                         \
    MUTATION(CC_AWAITS_SILENT_STAGERS, "the controller waits for a DEA that died over a staging")                      \
    MUTATION(CC_BELIEVES_THE_FORGETFUL, "what a gateway does not know of is taken for deleted, also when it has just " \
                                        "been started, and its handles do not name it")                                \
    MUTATION(CC_KEEPS_STRAY_BLOBS, "what was stored and is in no journal entry is never looked for")                   \
    MUTATION(CC_NOTES_NO_COMMANDS, "commands run in instances and no entry tells of them")                             \
    MUTATION(JOURNAL_LETS_GO_EARLY,                                                                                    \
             "the journal lets go of entries before the snapshot that stands for them is durable")                     \
    MUTATION(CC_IGNORES_HEALTH_MANAGER, "the controller ignores the health manager's complaints")                      \
    MUTATION(CC_HANDS_OUT_DROPLETS, "the controller gives droplets to whoever asks")                                   \
    MUTATION(CC_BELIEVES_TOKENS, "the controller does not check whether a token is its own")                           \
    MUTATION(BUS_CLIENT_READS_AN_UNSET_BYTE, "pauses are drawn from a byte that nobody has set")                       \
    MUTATION(BUS_CLIENT_FORGETS_SUBSCRIPTIONS, "the bus client does not subscribe again after a reconnect")            \
    MUTATION(BUS_CLIENT_FORGETS_QUEUES, "the bus client restores its subscriptions without their queue groups")        \
    MUTATION(BUS_CLIENT_LOSES_PUBLICATIONS, "the bus client loses what is under way when its connection is")           \
    MUTATION(BUS_CLIENT_GIVES_UP, "the bus client gives up after ten attempts to connect")                             \
    MUTATION(BUS_CLIENT_ENDS_ON_NONSENSE, "a component ends when it is told what it cannot read")                      \
    MUTATION(BUS_CLIENT_ENDS_WHEN_CUT, "a component ends when the bus has cut its connection")                         \
    MUTATION(BUS_ENDS_AT_CONTROL_BYTES, "the bus ends a connection on which a byte 4 or 6 comes, wherever that is")    \
    MUTATION(BUS_NEVER_PINGS, "neither bus servers nor bus clients ever ping")

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
