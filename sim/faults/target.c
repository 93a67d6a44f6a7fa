/* Who is meant by a target, and who of them is hit: the grammar of sim/faults/fault.h. */
#include "core/base/memory.h"
#include "sim/faults/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WORD = 128 };

/* Takes the next word of a comma-separated list. */
static bool next_word(const char **list, char ret_word[MOST_WORD])
{
    while (**list == ',' || **list == ' ')
        (*list)++;
    size_t size = strcspn(*list, ",");
    if (size == 0)
        return false;
    snprintf(ret_word, MOST_WORD, "%.*s", (int)(size < MOST_WORD - 1 ? size : MOST_WORD - 1), *list);
    *list += size;
    return true;
}

static bool is_meant(const char *word, const struct component *component)
{
    if (strcmp(word, component->name) == 0 || strcmp(word, component_role_name(component->role)) == 0)
        return true;
    if (strncmp(word, "host:", 5) == 0)
        return strcmp(word + 5, component->name) == 0;
    if (strncmp(word, "zone:", 5) == 0)
        return (uint32_t)atoi(word + 5) == component->host->zone;
    return strcmp(word, "all") == 0;
}

static void add_component(struct fault *fault, struct component *component)
{
    fault->components = memory_grow(fault->components, fault->component_count * sizeof(struct component *),
                                    (fault->component_count + 1) * sizeof(struct component *));
    fault->components[fault->component_count++] = component;
}

/* Marks the hosts that a list means; remembers the components if `keeps`. */
static bool mark(struct fault *fault, const char *list, bool *hosts, bool keeps, struct text *ret_why)
{
    struct cloud *cloud = fault->cloud;
    char word[MOST_WORD];
    while (next_word(&list, word)) {
        size_t found = 0;
        for (int role = 0; role < ROLE_COUNT; role++) {
            for (size_t i = 0; i < cloud->component_counts[role]; i++) {
                struct component *component = &cloud->components[role][i];
                if (!is_meant(word, component))
                    continue;
                found++;
                hosts[component->host->number] = true;
                if (keeps)
                    add_component(fault, component);
            }
        }
        bool is_storage = strcmp(word, "journal") == 0 || strcmp(word, "storage") == 0 || strcmp(word, "all") == 0;
        if (is_storage)
            hosts[cloud->storage->number] = true;
        bool is_outside = strcmp(word, "outside") == 0;
        if (is_outside)
            hosts[cloud->outside->number] = true;
        if (found == 0 && !is_storage && !is_outside) {
            text_addf(ret_why, "\"%s\" names no component, role, host or zone of this cloud", word);
            return false;
        }
    }
    return true;
}

bool fault_means_workload(const struct fault *fault, const struct workload *workload)
{
    const char *list = fault->spec.target;
    char word[MOST_WORD];
    while (next_word(&list, word)) {
        if (strcmp(word, workload->label) == 0 || strcmp(word, workload->app->name) == 0)
            return true;
    }
    return false;
}

static bool has_word(const char *list, const char *wanted)
{
    char word[MOST_WORD];
    while (next_word(&list, word)) {
        if (strcmp(word, wanted) == 0)
            return true;
    }
    return false;
}

size_t fault_share_of(const struct fault_spec *spec, size_t count)
{
    if (spec->share_ppm == 0 || count == 0)
        return count;
    size_t hit = (size_t)(((uint64_t)count * spec->share_ppm + 999999) / 1000000);
    return hit == 0 ? 1 : hit;
}

/* Leaves hosts out, each as likely as any other, until the share is left; and the components on them. */
static void draw_share(struct fault *fault)
{
    size_t meant = 0;
    for (size_t i = 0; i < fault->host_count; i++)
        meant += fault->hosts[i];
    size_t wanted = fault_share_of(&fault->spec, meant);
    for (size_t i = 0; i < fault->host_count && fault->spec.share_ppm > 0; i++) {
        if (!fault->hosts[i])
            continue;
        bool is_hit = random_below(&fault->random, meant--) < wanted;
        wanted -= is_hit;
        fault->hosts[i] = is_hit;
    }
    size_t kept = 0;
    for (size_t i = 0; i < fault->component_count; i++) {
        if (fault->hosts[fault->components[i]->host->number])
            fault->components[kept++] = fault->components[i];
    }
    fault->component_count = kept;
}

bool fault_resolve(struct fault *fault, struct text *ret_why)
{
    enum fault_family family = fault_kind_family(fault->spec.kind);
    if (family == FAULT_FAMILY_STORE || family == FAULT_FAMILY_WORKLOAD || family == FAULT_FAMILY_LOAD)
        return true;
    fault->host_count = fault->cloud->world->host_count;
    fault->hosts = memory_new(fault->host_count);
    fault->peers = memory_new(fault->host_count);
    fault->strangers = memory_new(fault->host_count * sizeof *fault->strangers);
    if (!mark(fault, fault->spec.target, fault->hosts, true, ret_why))
        return false;
    draw_share(fault);
    if (fault->spec.peer != NULL && fault->spec.peer[0] != 0)
        return mark(fault, fault->spec.peer, fault->peers, false, ret_why);
    bool is_all = has_word(fault->spec.target, "all"); /* There is nobody else. */
    for (size_t i = 0; i < fault->host_count; i++)
        fault->peers[i] = is_all || !fault->hosts[i];
    return true;
}
