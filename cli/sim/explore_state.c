#include "cli/sim/explore_state.h"

#include "cli/input.h"

#include "core/base/memory.h"
#include "core/base/random.h"
#include "sim/report/report.h"
#include "sim/search/signature.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FAILURES = 1000 };

static void path_of(const struct explore_state *state, const char *name, char ret_path[600])
{
    snprintf(ret_path, 600, "%s/%s", state->folder, name);
}

/* `mkdir -p`. */
static bool make_folders(const char *folder)
{
    char path[512];
    snprintf(path, sizeof path, "%s", folder);
    for (char *at = path + 1; *at != 0; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        mkdir(path, 0777);
        *at = '/';
    }
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return true;
    fprintf(stderr, "cupola: cannot make %s: %s\n", folder, strerror(errno));
    return false;
}

/* At no moment is there half a file, whenever this process ends. */
static bool replace_file(const char *path, const struct text *content)
{
    char fresh[608];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    return input_write_file(fresh, content) && rename(fresh, path) == 0;
}

/* ---- Opening ---- */

static void take_coverage(const Cupola__ExploreState *message, struct coverage *ret_coverage)
{
    if (message->buckets.len != sizeof ret_coverage->buckets || message->edges.len != sizeof ret_coverage->edges)
        return;
    memcpy(ret_coverage->buckets, message->buckets.data, sizeof ret_coverage->buckets);
    memcpy(ret_coverage->edges, message->edges.data, sizeof ret_coverage->edges);
    for (size_t i = 0; i < sizeof ret_coverage->buckets; i++)
        ret_coverage->bucket_count += ret_coverage->buckets[i] > 0;
    for (size_t i = 0; i < sizeof ret_coverage->edges; i++)
        ret_coverage->edge_count += ret_coverage->edges[i] > 0;
    if (message->n_met * sizeof(uint32_t) == sizeof ret_coverage->met)
        memcpy(ret_coverage->met, message->met, sizeof ret_coverage->met);
}

static void take_totals(struct explore_state *state, Cupola__ExploreState *message)
{
    Cupola__ExploreState *totals = &state->totals;
    totals->next_number = message->next_number;
    totals->runs = message->runs;
    totals->failed = message->failed;
    totals->branched = message->branched;
    totals->virtual_ns = message->virtual_ns;
    totals->real_ns = message->real_ns;
    totals->steps = message->steps;
    totals->runs_at_last_news = message->runs_at_last_news;
    totals->failures = message->failures; /* Taken over. */
    totals->n_failures = message->n_failures;
    totals->marks = message->marks;
    totals->n_marks = message->n_marks;
    message->marks = NULL;
    message->n_marks = 0;
    message->failures = NULL;
    message->n_failures = 0;
}

bool explore_state_open(struct explore_state *state, bool is_fresh, struct coverage *ret_coverage)
{
    cupola__explore_state__init(&state->totals);
    state->totals.next_number = state->first_number;
    if (!make_folders(state->folder))
        return false;
    char path[600];
    path_of(state, "state", path);
    if (is_fresh || access(path, R_OK) != 0)
        return true;
    struct text content = {0};
    if (!input_read_file(path, &content))
        return false;
    Cupola__ExploreState *message =
        cupola__explore_state__unpack(NULL, content.size, (const uint8_t *)text_string(&content));
    text_free(&content);
    bool is_ours = message != NULL && message->target != NULL && strcmp(message->target, state->target) == 0;
    if (is_ours) {
        take_totals(state, message);
        take_coverage(message, ret_coverage);
        state->news_seen = ret_coverage->bucket_count + ret_coverage->edge_count;
    } else {
        fprintf(stderr, "cupola: %s is not the state of an exploration of %s; --fresh starts a new one\n", path,
                state->target);
    }
    if (message != NULL)
        cupola__explore_state__free_unpacked(message, NULL);
    return is_ours;
}

/* ---- Adding ---- */

static Cupola__ExploreFailure *find_failure(const struct explore_state *state, const char *signature)
{
    for (size_t i = 0; i < state->totals.n_failures; i++)
        if (strcmp(state->totals.failures[i]->signature, signature) == 0)
            return state->totals.failures[i];
    return NULL;
}

static void add_failure(struct explore_state *state, const Cupola__TrialResult *result)
{
    Cupola__ExploreState *totals = &state->totals;
    char *signature = signature_of(result->run->failure);
    Cupola__ExploreFailure *failure = find_failure(state, signature);
    if (failure == NULL && totals->n_failures < MOST_FAILURES) {
        char name[64], path[600];
        snprintf(name, sizeof name, "failure-%08llx.lua",
                 (unsigned long long)(random_hash(0, signature, strlen(signature)) & 0xffffffff));
        path_of(state, name, path);
        failure = memory_new(sizeof *failure);
        cupola__explore_failure__init(failure);
        failure->signature = memory_copy_text(signature);
        failure->example = memory_copy_text(result->run->failure);
        failure->file = memory_copy_text(path);
        failure->has_seed = failure->has_count = 1;
        failure->seed = result->number;
        totals->failures = memory_grow(totals->failures, totals->n_failures * sizeof(Cupola__ExploreFailure *),
                                       (totals->n_failures + 1) * sizeof(Cupola__ExploreFailure *));
        totals->failures[totals->n_failures++] = failure;
        struct text lua = {0};
        text_add_string(&lua, result->lua == NULL ? "" : result->lua);
        replace_file(path, &lua);
        text_free(&lua);
    }
    if (failure != NULL)
        failure->count++;
    memory_free(signature);
}

void explore_state_add(struct explore_state *state, const Cupola__TrialResult *result, const struct coverage *coverage)
{
    Cupola__ExploreState *totals = &state->totals;
    totals->runs++;
    totals->branched += result->branch > 0;
    totals->virtual_ns += result->run->virtual_ns;
    totals->steps += result->run->steps;
    for (size_t i = 0; i < result->run->n_marks; i++)
        result_add_mark(&totals->n_marks, &totals->marks, result->run->marks[i]);
    uint64_t news = coverage->bucket_count + coverage->edge_count;
    if (news > state->news_seen) {
        state->news_seen = news;
        totals->runs_at_last_news = totals->runs;
    }
    if (!result->run->passed) {
        totals->failed++;
        add_failure(state, result);
    }
}

/* ---- Saving ---- */

bool explore_state_save(struct explore_state *state, const struct coverage *coverage)
{
    Cupola__ExploreState message = state->totals; /* Lends its failures and marks. */
    message.target = (char *)(uintptr_t)state->target;
    message.has_next_number = message.has_runs = message.has_failed = message.has_branched = 1;
    message.has_virtual_ns = message.has_real_ns = message.has_steps = message.has_runs_at_last_news = 1;
    message.has_buckets = message.has_edges = 1;
    message.buckets = (ProtobufCBinaryData){sizeof coverage->buckets, (uint8_t *)(uintptr_t)coverage->buckets};
    message.edges = (ProtobufCBinaryData){sizeof coverage->edges, (uint8_t *)(uintptr_t)coverage->edges};
    message.met = (uint32_t *)(uintptr_t)coverage->met;
    message.n_met = sizeof coverage->met / sizeof(uint32_t);
    struct text packed = {0}, table = {0}, page = {0};
    size_t size = cupola__explore_state__get_packed_size(&message);
    text_grow(&packed, cupola__explore_state__pack(&message, text_room(&packed, size)));
    coverage_print(coverage, true, &table);
    char path[600];
    path_of(state, "table.txt", path);
    bool ok = replace_file(path, &table);
    report_exploration_html(&message, coverage, &page);
    path_of(state, "report.html", path);
    ok = replace_file(path, &page) && ok;
    text_free(&page);
    path_of(state, "state", path);
    ok = replace_file(path, &packed) && ok;
    text_free(&packed);
    text_free(&table);
    return ok;
}

void explore_state_close(struct explore_state *state)
{
    for (size_t i = 0; i < state->totals.n_failures; i++)
        cupola__explore_failure__free_unpacked(state->totals.failures[i], NULL);
    for (size_t i = 0; i < state->totals.n_marks; i++)
        cupola__mark_summary__free_unpacked(state->totals.marks[i], NULL);
    memory_free(state->totals.marks);
    memory_free(state->totals.failures);
    cupola__explore_state__init(&state->totals);
}
