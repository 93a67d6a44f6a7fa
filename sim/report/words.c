/* What broke, in plain words. */
#include "sim/report/words.h"

#include "core/base/assert.h"
#include "core/base/memory.h"
#include "sim/faults/state.h"
#include "sim/measure.h"
#include "sim/search/signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- A fault ---- */

/* What is said of whom: "%" is the target. */
static const char *const sentences[FAULT_KIND_END] = {
    [FAULT_KILL] = "% was killed",
    [FAULT_KEEP_DOWN] = "% was killed and kept from starting",
    [FAULT_PAUSE] = "% stood still: alive, but it did nothing",
    [FAULT_SLOW_PROCESS] = "% became slow",
    [FAULT_KILL_AT_EFFECT] = "% was killed in the middle of a step",
    [FAULT_CRASH_LOOP] = "% crashed again and again",
    [FAULT_POWER_OFF] = "% lost power",
    [FAULT_REBOOT] = "% rebooted",
    [FAULT_STRANGER] = "A program that is none of ours listened on %",
    [FAULT_CLOCK_STEP] = "The clock of % jumped",
    [FAULT_CLOCK_DRIFT] = "The clock of % ran at a wrong speed",
    [FAULT_CLOCK_FREEZE] = "The clock of % stood still",
    [FAULT_PARTITION] = "The network cut % off",
    [FAULT_FLAPPING] = "The network cut % off and let it back, again and again",
    [FAULT_LATENCY] = "The network of % became slow",
    [FAULT_LOSS] = "The network of % lost packets",
    [FAULT_BANDWIDTH] = "The network of % became narrow",
    [FAULT_RESET] = "All connections of % were reset",
    [FAULT_HALF_OPEN] = "The connections of % went dead without a word",
    [FAULT_REFUSE] = "% refused new connections",
    [FAULT_BLACK_HOLE] = "New connections to % were never answered",
    [FAULT_DISK_SLOW] = "The disk of % became slow",
    [FAULT_DISK_FULL] = "The disk of % was full",
    [FAULT_DISK_ERROR] = "The disk of % failed now and then",
    [FAULT_DISK_LYING_SYNC] = "The disk of % lied about what it had written",
    [FAULT_JOURNAL_OUTAGE] = "The controllers' journal was out of reach",
    [FAULT_JOURNAL_SLOW] = "The controllers' journal became slow",
    [FAULT_JOURNAL_CONFLICTS] = "Other writers came first in the journal now and then",
    [FAULT_BLOBS_MISSING] = "Stored droplets could not be found",
    [FAULT_KILL_INSTANCE] = "The app process % was killed",
    [FAULT_SICK_INSTANCE] = "The app process % answered every request with 503",
    [FAULT_HANG_INSTANCE] = "The app process % hung: it accepted requests and never answered",
    [FAULT_APP_CRASHES] = "Every process of % crashed soon after its start",
    [FAULT_APP_NEVER_BINDS] = "New processes of % never listened",
    [FAULT_APP_SLOW_BOOT] = "New processes of % booted slowly",
    [FAULT_APP_IGNORES_TERM] = "Processes of % ignored the request to stop",
    [FAULT_APP_LEAKS] = "Processes of % leaked memory",
    [FAULT_SURGE] = "Far more requests than planned came to %",
    [FAULT_TABLE_FULL] = "% had no port left: no new connections from it or to it",
    [FAULT_DISK_READ_ONLY] = "The disk of % took no writes",
    [FAULT_DISK_BIT_ROT] = "The disk of % turned bits of what it had saved",
    [FAULT_DISK_TORN_STATE] = "The disk of % kept only the beginning of what was saved",
    [FAULT_DISK_OLD_IMAGE] = "The disk of % went back to what was saved first",
    [FAULT_BLOBS_DAMAGED] = "Stored droplets were damaged on their way",
    [FAULT_APP_CANNOT_FORK] = "New processes of % could not be started",
    [FAULT_APP_PORT_TAKEN] = "New processes of % found their port taken",
    [FAULT_APP_ZOMBIE] = "Processes of % ended and nobody was told",
    [FAULT_APP_EXITS_WELL] = "Processes of % told success whatever had ended them",
    [FAULT_RESTART] = "% was stopped and started again",
    [FAULT_EVACUATE] = "% was told to hand over what it ran and to go",
    [FAULT_SLOW_START] = "% took longer to start",
    [FAULT_OLD_VERSION] = "% was put back to a build of 2011",
    [FAULT_BAD_CONFIG] = "% was started with a bad configuration",
    [FAULT_FEW_DESCRIPTORS] = "% ran out of file descriptors",
    [FAULT_SLOW_HOST] = "All that ran on % became slow",
    [FAULT_NEW_ADDRESS] = "% lost power and came back at another address",
    [FAULT_NO_NAME] = "Nobody found the address of %",
    [FAULT_DISK_READ_ERROR] = "The disk of % failed to read now and then",
    [FAULT_DISK_WRITE_ERROR] = "The disk of % failed to write now and then",
    [FAULT_SLOW_INSTANCE] = "The app process % answered slowly",
    [FAULT_NO_FORKS] = "Nothing could be started on %: no process could be added",
    [FAULT_MEMORY_PRESSURE] = "% ran out of memory and the kernel killed apps, the largest first",
    [FAULT_CLOCK_LEAP] = "The clock of % had a leap second that others had not",
    [FAULT_JAM] = "The network of % held back everything, to bring it all at once",
    [FAULT_FINISH] = "All connections of % were ended in good order by somebody between",
    [FAULT_ZERO_WINDOW] = "% took no bytes from anybody",
    [FAULT_IDLE_EXPIRY] = "The network forgot idle connections of %",
    [FAULT_CORRUPT] = "The network turned bits on the way to and from %",
    [FAULT_WRONG_NAME] = "Who connected to % came to somebody else",
    [FAULT_DISK_WIPED] = "The disk of % was empty",
    [FAULT_DISK_SWAPPED] = "% found somebody else's disk",
    [FAULT_JOURNAL_SHORT] = "The journal wrote some changes only in part, and took them back",
    [FAULT_JOURNAL_UNSURE] = "The journal kept some changes and said that it had not",
    [FAULT_JOURNAL_TORN] = "Entries of the journal were read cut short",
    [FAULT_SLOW_LORIS] = "Clients sent % requests so slowly that they never ended",
    [FAULT_BAD_CLIENTS] = "Clients sent % what is no request, or far too large a one",
    [FAULT_MESSAGE_LOSS] = "The bus lost messages to %",
    [FAULT_MESSAGE_DUPLICATES] = "The bus brought messages to % twice",
    [FAULT_MESSAGE_DELAY] = "The bus brought messages to % late",
    [FAULT_MESSAGE_DAMAGE] = "The bus damaged messages to %",
};

/* "host:dea-1" -> "the host of dea-1". */
static void add_target(struct text *text, const char *target)
{
    if (target == NULL || target[0] == 0 || strcmp(target, "all") == 0)
        text_add_string(text, target != NULL && target[0] != 0 ? "everything" : "every app");
    else if (strncmp(target, "host:", 5) == 0)
        text_addf(text, "the host of %s", target + 5);
    else if (strncmp(target, "zone:", 5) == 0)
        text_addf(text, "zone %s", target + 5);
    else
        text_add_string(text, target);
}

static void add_duration(struct text *text, const char *before, uint64_t duration_ns)
{
    if (duration_ns == 0)
        return;
    struct measurement value = {.unit = UNIT_NS, .value = duration_ns};
    text_add_string(text, before);
    measure_print(&value, text);
}

static void add_amount(struct text *text, const struct fault_spec *spec)
{
    if (spec->subject != NULL && spec->subject[0] != 0)
        text_addf(text, " (%s)", spec->subject);
    if (spec->share_ppm > 0)
        text_addf(text, " (%u%% of them)", (spec->share_ppm + 5000) / 10000);
    for (size_t i = 0; i < spec->only_count; i++)
        text_addf(text, "%s%u%s", i == 0 ? " (only number " : ", ", spec->only[i],
                  i + 1 == spec->only_count ? ")" : "");
    if (fault_kind_takes_share(spec->kind) && spec->only_count == 0)
        text_addf(text, " (%lld.%02lld%%)", (long long)(spec->amount / 10000), (long long)(spec->amount / 100 % 100));
    else if (spec->kind == FAULT_STRANGER)
        text_addf(text, " (port %lld)", (long long)spec->amount);
    else if (spec->kind == FAULT_FEW_DESCRIPTORS)
        text_addf(text, " (%lld each)", (long long)spec->amount);
    else if (spec->kind == FAULT_CLOCK_STEP)
        add_duration(text, spec->amount < 0 ? " back by " : " ahead by ", (uint64_t)llabs(spec->amount));
    else if (spec->kind == FAULT_CLOCK_DRIFT)
        text_addf(text, " (by %lld millionths)", (long long)spec->amount);
    else if (spec->kind == FAULT_SURGE)
        text_addf(text, " (%lld times as many)", (long long)spec->amount);
    else if (spec->kind == FAULT_BANDWIDTH || spec->kind == FAULT_APP_LEAKS)
        text_addf(text, " (%lld bytes a second)", (long long)spec->amount);
}

void report_fault_words(const struct fault_spec *spec, struct text *ret_text)
{
    assert_that(spec->kind > 0 && spec->kind < FAULT_KIND_END);
    size_t begin = ret_text->size;
    const char *sentence = sentences[spec->kind];
    if (sentence == NULL) { /* A new one that has no words yet; tests/sim/test_report.c finds it. */
        fault_describe(spec, ret_text);
        return;
    }
    for (const char *at = sentence; *at != 0; at++) {
        if (*at == '%')
            add_target(ret_text, spec->target);
        else
            text_add_char(ret_text, *at);
    }
    char *first = (char *)(uintptr_t)text_string(ret_text) + begin;
    bool is_name = strncmp(first, "the ", 4) != 0 && strncmp(first, "zone ", 5) != 0 && strncmp(first, "e", 1) != 0;
    if (!is_name)
        first[0] = (char)(first[0] - 'a' + 'A');
    if (spec->peer != NULL && spec->peer[0] != 0) {
        text_add_string(ret_text, spec->one_way ? " (only on the way to " : " (from ");
        add_target(ret_text, spec->peer);
        text_add_string(ret_text, ")");
    } else if (spec->one_way) {
        text_add_string(ret_text, " (one way only)");
    }
    add_amount(ret_text, spec);
    add_duration(ret_text, ", by ", distribution_median_ns(&spec->delay));
    add_duration(ret_text, ", for ", spec->duration_ns);
}

/* ---- All that broke ---- */

static void add(struct disruptions *disruptions, uint64_t at_ns, uint64_t ended_ns, const char *words, const char *who)
{
    disruptions->all =
        memory_room(disruptions->all, disruptions->count, &disruptions->capacity, sizeof *disruptions->all);
    disruptions->all[disruptions->count++] =
        (struct disruption){.at_ns = at_ns, .ended_ns = ended_ns, .words = memory_copy_text(words), .who = who};
}

static const char *component_within(struct cloud *cloud, const char *target)
{
    const char *name = target == NULL ? "" : strncmp(target, "host:", 5) == 0 ? target + 5 : target;
    const struct component *component = cloud_find_component(cloud, name);
    return component == NULL ? "" : component->name;
}

static bool ends_processes(enum fault_kind kind)
{
    return kind == FAULT_KILL || kind == FAULT_KEEP_DOWN || kind == FAULT_KILL_AT_EFFECT || kind == FAULT_CRASH_LOOP ||
           kind == FAULT_POWER_OFF || kind == FAULT_REBOOT || kind == FAULT_NEW_ADDRESS;
}

/* A component's end that a fault explains is told with the fault. */
static bool is_explained(struct cloud *cloud, const struct story_line *line)
{
    const struct component *component = cloud_find_component(cloud, line->who);
    for (size_t i = 0; i < cloud_fault_count(cloud); i++) {
        const struct fault *fault = cloud_fault(cloud, i);
        uint32_t host = component->host->number;
        bool is_meant = fault->hosts != NULL && host < fault->host_count && fault->hosts[host];
        if (is_meant && ends_processes(fault->spec.kind) && fault->state != FAULT_PLANNED &&
            fault->began_ns <= line->at_ns && line->at_ns <= fault->ended_ns)
            return true;
    }
    return false;
}

static bool is_end_by_force(struct cloud *cloud, const struct story_line *line)
{
    if (line->kind != STORY_COMPONENT || cloud_find_component(cloud, line->who) == NULL)
        return false;
    return strcmp(line->text, "was killed") == 0 || strcmp(line->text, "lost power") == 0 ||
           strncmp(line->text, "exited", 6) == 0;
}

/* "signal 9 to shop/1 on dea-0": the scenario killed a process of an app. */
static bool is_instance_signal(const struct story_line *line)
{
    return line->kind == STORY_SCENARIO && line->who[0] != 0 && strncmp(line->text, "signal ", 7) == 0;
}

static void gather_ends(struct cloud *cloud, uint64_t ending_ns, struct disruptions *disruptions)
{
    const struct story_line *line;
    for (size_t i = 0; (line = cloud_story(cloud, i)) != NULL; i++) {
        struct text words = {0};
        if (line->at_ns >= ending_ns)
            break;
        if (is_instance_signal(line)) {
            int signal = 0;
            const char *where = strstr(line->text, " on ");
            sscanf(line->text, "signal %d", &signal);
            text_addf(&words, "The process of %s%s was %s (signal %d)", line->who, where == NULL ? "" : where,
                      signal == 15 ? "told to end" : "killed", signal);
        } else if (is_end_by_force(cloud, line) && !is_explained(cloud, line)) {
            text_addf(&words, "%s %s", line->who, line->text);
        }
        if (words.size > 0)
            add(disruptions, line->at_ns, line->at_ns, text_string(&words), line->who);
        text_free(&words);
    }
}

static int compare(const void *a, const void *b)
{
    const struct disruption *x = a, *y = b;
    if (x->at_ns != y->at_ns)
        return x->at_ns < y->at_ns ? -1 : 1;
    return strcmp(x->words, y->words);
}

/* What one says that the one before it does not: whom it hit, and what is in brackets. */
static void add_difference(struct text *text, const struct disruption *before, const struct disruption *one)
{
    const char *bracket = strchr(one->words, '('), *former = strchr(before->words, '(');
    bool is_other = strcmp(one->who, before->who) != 0;
    bool says_more = bracket != NULL && (is_other || former == NULL || strcmp(bracket, former) != 0);
    if (!is_other && !says_more)
        return;
    text_addf(text, "%s%s%s%s", text->size == 0 ? "" : ", ", is_other ? one->who : "", is_other && says_more ? " " : "",
              says_more ? bracket : "");
}

/* What a group of alike ones is told with: the first, and whom else it hit, or how often. */
static void tell_group(struct disruption *first, const struct text *others, size_t count)
{
    struct text words = {0};
    text_add_string(&words, first->words);
    if (others->size > 0)
        text_addf(&words, "; the same at this moment: %s", text_string(others));
    if (count > 0 && others->size == 0)
        text_addf(&words, ", and %zu more like it at this moment", count);
    memory_free(first->words);
    first->words = memory_copy_text(text_string(&words));
    text_free(&words);
}

static void join_alike(struct disruptions *disruptions)
{
    size_t kept = 0;
    for (size_t i = 0, end; i < disruptions->count; i = end) {
        struct disruption *first = &disruptions->all[i];
        struct text others = {0};
        char *likeness = signature_of(first->words);
        for (end = i + 1; end < disruptions->count; end++) {
            struct disruption *other = &disruptions->all[end];
            char *others_likeness = signature_of(other->words);
            bool is_alike = other->at_ns == first->at_ns && other->ended_ns == first->ended_ns &&
                            strcmp(likeness, others_likeness) == 0;
            memory_free(others_likeness);
            if (!is_alike)
                break;
            add_difference(&others, &disruptions->all[end - 1], other);
        }
        for (size_t gone = i + 1; gone < end; gone++)
            memory_free(disruptions->all[gone].words);
        tell_group(first, &others, end - i - 1);
        disruptions->all[kept++] = *first;
        text_free(&others);
        memory_free(likeness);
    }
    disruptions->count = kept;
}

void disruptions_gather(struct cloud *cloud, uint64_t ending_ns, struct disruptions *ret_disruptions)
{
    gather_ends(cloud, ending_ns, ret_disruptions);
    for (size_t i = 0; i < cloud_fault_count(cloud); i++) {
        const struct fault *fault = cloud_fault(cloud, i);
        if (fault_state(fault) == FAULT_PLANNED)
            continue;
        struct text words = {0};
        report_fault_words(fault_spec_of(fault), &words);
        uint64_t ended_ns = fault_ended_ns(fault) >= ending_ns ? UINT64_MAX : fault_ended_ns(fault);
        add(ret_disruptions, fault_began_ns(fault), ended_ns, text_string(&words),
            component_within(cloud, fault_spec_of(fault)->target));
        text_free(&words);
    }
    if (ret_disruptions->count > 1)
        qsort(ret_disruptions->all, ret_disruptions->count, sizeof *ret_disruptions->all, compare);
    join_alike(ret_disruptions);
}

void disruptions_free(struct disruptions *disruptions)
{
    for (size_t i = 0; i < disruptions->count; i++)
        memory_free(disruptions->all[i].words);
    memory_free(disruptions->all);
    *disruptions = (struct disruptions){0};
}
