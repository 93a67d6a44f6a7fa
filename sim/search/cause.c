#include "sim/search/cause.h"

#include "core/base/map.h"
#include "core/base/memory.h"
#include "core/base/random.h"
#include "sim/faults/state.h"
#include "sim/report/recording.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t repeat_ns = UINT64_C(10) * 1000000000; /* What was said so lately is not new. */

/* How a deed came to somebody. */
struct arrival {
    uint64_t since_ns;
    uint32_t steps;
    bool has_come;
};

struct node {
    char name[64];
    struct arrival arrivals[CAUSE_MOST_DEEDS];
    UT_hash_handle hh;
};

/* Something that was said: by whom first (a publication goes on through the bus), and when last. */
struct saying {
    uint64_t key;
    struct node *author;
    uint64_t said_ns, last_ns;
    UT_hash_handle hh;
};

/* `listener` has heard something of `speaker`. */
struct hearing {
    const struct node *pair[2];
    struct node *listener;
    UT_hash_handle hh;
};

struct cause {
    struct cloud *cloud;
    struct node *nodes;
    struct saying *sayings;
    struct hearing *hearings;
    size_t lines[CAUSE_MOST_DEEDS];
    const struct fault *faults[CAUSE_MOST_DEEDS]; /* The last that a line began, */
    size_t fault_counts[CAUSE_MOST_DEEDS];        /* and how many those were. */
    size_t count;
};

/* ---- Who there is ---- */

static struct node *find_node(struct cause *cause, const char *name)
{
    const char *known = strncmp(name, "controller-", 11) == 0 ? "controller" : name;
    struct node *node;
    char key[sizeof node->name];
    snprintf(key, sizeof key, "%.*s", (int)strcspn(known, "."), known); /* A command's later tries are the same. */
    HASH_FIND_STR(cause->nodes, key, node);
    if (node == NULL) {
        node = memory_new(sizeof *node);
        memcpy(node->name, key, sizeof key);
        HASH_ADD_STR(cause->nodes, name, node);
    }
    return node;
}

static void note_hearing(struct cause *cause, struct node *speaker, struct node *listener)
{
    const struct node *pair[2] = {speaker, listener};
    struct hearing *hearing;
    HASH_FIND(hh, cause->hearings, pair, sizeof pair, hearing);
    if (hearing != NULL)
        return;
    hearing = memory_new(sizeof *hearing);
    memcpy(hearing->pair, pair, sizeof pair);
    hearing->listener = listener;
    HASH_ADD(hh, cause->hearings, pair, sizeof pair, hearing);
}

/* ---- Marks ---- */

static void arrive(struct node *node, size_t deed, uint64_t at_ns, uint32_t steps)
{
    struct arrival *arrival = &node->arrivals[deed];
    if (!arrival->has_come)
        *arrival = (struct arrival){.since_ns = at_ns, .steps = steps, .has_come = true};
    else if (steps < arrival->steps)
        arrival->steps = steps;
}

static void touch(struct cause *cause, size_t deed, const char *name)
{
    struct node *node = find_node(cause, name);
    uint64_t now_ns = cloud_now_ns(cause->cloud);
    arrive(node, deed, now_ns, 0);
    for (struct hearing *at = cause->hearings; at != NULL; at = at->hh.next)
        if (at->pair[0] == node)
            arrive(at->listener, deed, now_ns, 1);
}

static void touch_role(struct cause *cause, size_t deed, enum component_role role)
{
    for (size_t i = 0; i < cloud_component_count(cause->cloud, role); i++)
        touch(cause, deed, cloud_component(cause->cloud, role, i)->name);
}

static void touch_hosts(struct cause *cause, size_t deed, const bool *hosts)
{
    struct cloud *cloud = cause->cloud;
    for (int role = 0; role < ROLE_COUNT; role++)
        for (size_t i = 0; i < cloud->component_counts[role]; i++)
            if (hosts != NULL && hosts[cloud->components[role][i].host->number])
                touch(cause, deed, cloud->components[role][i].name);
    if (hosts != NULL && hosts[cloud->storage->number])
        touch_role(cause, deed, ROLE_CONTROLLER);
}

static void touch_by_fault(struct cause *cause, size_t deed, const struct fault *fault)
{
    enum fault_family family = fault_kind_family(fault->spec.kind);
    if (family == FAULT_FAMILY_STORE)
        touch_role(cause, deed, ROLE_CONTROLLER);
    else if (family == FAULT_FAMILY_LOAD)
        touch_role(cause, deed, ROLE_ROUTER);
    else if (family == FAULT_FAMILY_WORKLOAD)
        touch_role(cause, deed, ROLE_DEA);
    touch_hosts(cause, deed, fault->hosts);
    if (fault->spec.peer != NULL)
        touch_hosts(cause, deed, fault->peers);
}

static void on_deed(void *context, size_t line, const char *who)
{
    struct cause *cause = context;
    struct cloud *cloud = cause->cloud;
    size_t deed = 0;
    while (deed < cause->count && cause->lines[deed] != line)
        deed++;
    if (deed == CAUSE_MOST_DEEDS || line == 0)
        return;
    cause->lines[deed] = line;
    cause->count += deed == cause->count;
    if (who != NULL) {
        touch(cause, deed, who);
        return;
    }
    cause->faults[deed] = cloud->faults[cloud->fault_count - 1];
    cause->fault_counts[deed]++;
    touch_by_fault(cause, deed, cause->faults[deed]);
}

/* ---- Messages ---- */

/* What is said, whatever its times and counts: decimal numbers are left out, names of sixteen hex digits or more are
 * not. */
static uint64_t hash_said(const char *words, const char *payload, size_t size)
{
    uint64_t hash = random_hash(1, words, strlen(words));
    for (size_t at = 0; at < size;) {
        size_t run = 0, digits = 0;
        while (at + run < size && isxdigit((unsigned char)payload[at + run])) {
            digits += isdigit((unsigned char)payload[at + run]) != 0;
            run++;
        }
        if (run == 0 || (digits == run && run < 16)) {
            at += run;
            hash = run > 0 ? hash : random_mix(hash, (uint8_t)payload[at++]);
            continue;
        }
        hash = random_hash(hash, payload + at, run);
        at += run;
    }
    return hash;
}

static struct saying *find_saying(struct cause *cause, uint64_t key)
{
    struct saying *saying;
    HASH_FIND(hh, cause->sayings, &key, sizeof key, saying);
    if (saying == NULL) {
        saying = memory_new(sizeof *saying);
        saying->key = key;
        HASH_ADD(hh, cause->sayings, key, sizeof saying->key, saying);
    }
    return saying;
}

static bool is_new(struct cause *cause, uint64_t key, uint64_t now_ns)
{
    struct saying *saying = find_saying(cause, key);
    bool was_said = saying->last_ns > 0 && now_ns - saying->last_ns < repeat_ns;
    saying->last_ns = now_ns;
    return !was_said;
}

static void on_one(struct cause *cause, const struct cloud_message *message, const struct segment_message *said)
{
    struct node *author = find_node(cause, message->from), *listener = find_node(cause, message->to);
    uint64_t said_ns = message->sent_ns;
    uint64_t content = random_hash(2, said->payload == NULL ? "" : said->payload, said->payload_size);
    if (strncmp(said->words, "publish ", 8) == 0) {
        struct saying *saying = find_saying(cause, content);
        saying->author = author;
        saying->said_ns = said_ns;
        return;
    }
    if (strncmp(said->words, "deliver ", 8) == 0) {
        const struct saying *saying = find_saying(cause, content);
        author = saying->author == NULL ? author : saying->author;
        said_ns = saying->author == NULL ? said_ns : saying->said_ns;
    }
    if (author == listener)
        return;
    note_hearing(cause, author, listener);
    uint64_t key = hash_said(said->words, said->payload, said->payload == NULL ? 0 : said->payload_size);
    key = random_hash(key, author->name, strlen(author->name));
    key = random_hash(key, listener->name, strlen(listener->name));
    if (!is_new(cause, key, message->arrived_ns))
        return;
    for (size_t deed = 0; deed < cause->count; deed++) {
        const struct arrival *arrival = &author->arrivals[deed];
        if (arrival->has_come && arrival->since_ns <= said_ns)
            arrive(listener, deed, message->arrived_ns, arrival->steps + 1);
    }
}

static void on_message(void *context, const struct cloud_message *message)
{
    struct io_bytes bytes = message->bytes;
    struct segment_message said;
    for (enum said_kind kind; (kind = segment_take_message(&bytes, &said)) != SAID_NOTHING;)
        if (kind == SAID_MESSAGE)
            on_one(context, message, &said);
}

/* ---- Life ---- */

struct cause *cause_start(struct scenario *scenario)
{
    struct cause *cause = memory_new(sizeof *cause);
    cause->cloud = scenario_cloud(scenario);
    cloud_observe_messages(cause->cloud, on_message, cause);
    scenario_observe_deeds(scenario, on_deed, cause);
    return cause;
}

void cause_free(struct cause *cause)
{
    struct node *node, *next_node;
    HASH_ITER (hh, cause->nodes, node, next_node) {
        HASH_DELETE(hh, cause->nodes, node);
        memory_free(node);
    }
    struct saying *saying, *next_saying;
    HASH_ITER (hh, cause->sayings, saying, next_saying) {
        HASH_DELETE(hh, cause->sayings, saying);
        memory_free(saying);
    }
    struct hearing *hearing, *next_hearing;
    HASH_ITER (hh, cause->hearings, hearing, next_hearing) {
        HASH_DELETE(hh, cause->hearings, hearing);
        memory_free(hearing);
    }
    memory_free(cause);
}

/* ---- The way back ---- */

static bool names(const char *failure, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = failure; size > 0 && (at = strstr(at, name)) != NULL; at++) {
        bool begins = at == failure || (!isalnum((unsigned char)at[-1]) && at[-1] != '-');
        bool ends = !isalnum((unsigned char)at[size]) && at[size] != '-' && at[size] != '/';
        if (begins && ends)
            return true;
    }
    return false;
}

/* Who runs an index that runs elsewhere, too. */
static size_t mark_doubles(struct cause *cause, bool *is_meant)
{
    size_t count = cloud_instances(cause->cloud, NULL, NULL, 0), marked = 0;
    struct instance_info *all = memory_new((count + 1) * sizeof *all);
    count = cloud_instances(cause->cloud, NULL, all, count);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            bool is_double = i != j && all[i].index == all[j].index && strcmp(all[i].app, all[j].app) == 0;
            size_t number = 0;
            for (const struct node *at = cause->nodes; is_double && at != NULL; at = at->hh.next, number++) {
                bool runs_it = all[i].dea != NULL && strcmp(at->name, all[i].dea->name) == 0;
                marked += runs_it;
                is_meant[number] = is_meant[number] || runs_it;
            }
        }
    }
    memory_free(all);
    return marked;
}

/* By the order of the nodes. If nothing tells, everybody is meant. */
static bool *find_meant(struct cause *cause, const char *failure)
{
    size_t count = HASH_COUNT(cause->nodes), number = 0, marked = 0;
    bool *is_meant = memory_new(count + 1);
    for (const struct node *at = cause->nodes; at != NULL; at = at->hh.next, number++) {
        is_meant[number] = names(failure, at->name);
        marked += is_meant[number];
    }
    marked += mark_doubles(cause, is_meant);
    memset(is_meant, marked == 0, marked == 0 ? count : 0);
    return is_meant;
}

static int by_likelihood(const void *a, const void *b)
{
    const struct cause_deed *x = a, *y = b;
    if (x->is_in_cone != y->is_in_cone)
        return x->is_in_cone ? -1 : 1;
    if (x->steps != y->steps)
        return x->steps < y->steps ? -1 : 1;
    return x->line < y->line ? 1 : x->line > y->line ? -1 : 0; /* The later one. */
}

static void add_numbers(const struct cause *cause, size_t index, struct cause_deed *deed)
{
    const struct fault *fault = cause->faults[index];
    if (fault == NULL || cause->fault_counts[index] != 1 || fault->message_trouble.harmed > FAULT_MOST_NUMBERS)
        return;
    deed->number_count = (size_t)fault->message_trouble.harmed;
    memcpy(deed->numbers, fault->message_trouble.numbers, deed->number_count * sizeof deed->numbers[0]);
}

void cause_slice(struct cause *cause, const char *failure, struct cause_slice *ret_slice)
{
    bool *is_meant = find_meant(cause, failure);
    memset(ret_slice, 0, sizeof *ret_slice);
    for (size_t i = 0; i < cause->count; i++) {
        struct cause_deed *deed = &ret_slice->deeds[ret_slice->count++];
        deed->line = cause->lines[i];
        size_t number = 0;
        for (const struct node *at = cause->nodes; at != NULL; at = at->hh.next, number++) {
            const struct arrival *arrival = &at->arrivals[i];
            if (!is_meant[number] || !arrival->has_come)
                continue;
            deed->steps = deed->is_in_cone && deed->steps < arrival->steps ? deed->steps : arrival->steps;
            deed->is_in_cone = true;
        }
        add_numbers(cause, i, deed);
    }
    memory_free(is_meant);
    if (ret_slice->count > 1)
        qsort(ret_slice->deeds, ret_slice->count, sizeof ret_slice->deeds[0], by_likelihood);
}
