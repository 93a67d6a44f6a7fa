/* What was heard last of the instances of apps that people have asked about: for when somebody does not answer now.
 *
 * An answer is given as soon as every instance is told of: by its DEA, by the health manager, or by what was heard
 * less than half a minute ago; the answer says how old that is. Of at most 256 apps, forgotten with their version.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_INSTANCES_KNOWN_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_INSTANCES_KNOWN_H

#include "core/cloud_controller/controller.h"

enum instance_fate { FATE_UNHEARD = 0, FATE_DOWN, FATE_FLAPPING, FATE_STARTING, FATE_RUNNING };

/* So long those who answer are waited for while there is something to tell without them. */
#define KNOWN_SOON_NS (12 * NS_PER_MS)

struct known_line {
    enum instance_fate fate;
    int64_t since_s;
    uint64_t heard_ns; /* When it was so. */
    struct text stats; /* A RestStat as JSON; empty: never heard of. */
    uint64_t stats_heard_ns;
};

struct known_app {
    int64_t id;
    char version[VERSION_CAPACITY];
    struct known_line *lines;
    size_t count;
    uint64_t used_ns;
    UT_hash_handle hh;
};

/* The lines of an app in that version, by index; those of another version are forgotten. Lent until the next call. */
struct known_app *cc_known_take(struct controller *controller, int64_t app_id, const char *version, size_t count);
/* Whether the line may be told: heard less than half a minute ago. */
bool cc_known_is_fresh(const struct controller *controller, const struct known_line *line);
void cc_known_note(struct known_line *line, enum instance_fate fate, int64_t since_s, uint64_t heard_ns);
void cc_known_destroy(struct controller *controller);

/* Asks the health manager, with what it has seen of each index. */
void cc_known_ask_health_manager(struct controller *controller, const struct app *app, struct bus_request *request,
                                 const struct bus_request_handlers *handlers);
/* Its answer into lines, unless it is about another version. */
void cc_known_take_seen(const struct controller *controller, const struct app *app, const Cupola__FlappingReply *reply,
                        struct known_line *lines, size_t count);

#endif
