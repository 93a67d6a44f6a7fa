#include "sim/search/explore.h"

#include "core/base/memory.h"
#include "sim/cloud_state.h"
#include "sim/lua/source.h"
#include "sim/result.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A trial branches at most so often, and its children do not. */
enum { MOST_MOMENTS = 2, LEAST_NEWS = 8, LEAST_EDGES = 2 };

struct exploration {
    const struct explore_options *options;
    struct trial trial;
    struct moment past; /* How the trial came to be; its turns are those that were taken. */
    uint32_t moments_left;
    bool is_child; /* Of a fork: it ends after its trial. */
    struct coverage_watch watch;
    uint64_t news_seen; /* Of the watch, when it was looked at last. */
    explore_report *report;
    void *context;
};

/* ---- Texts ---- */

static void replace(struct text *text, size_t from, size_t to, const char *by)
{
    struct text tail = {0};
    text_add(&tail, text_string(text) + to, text->size - to);
    struct text result = {0};
    text_add(&result, text_string(text), from);
    text_add_string(&result, by);
    text_add(&result, text_string(&tail), tail.size);
    text_free(&tail);
    text_free(text);
    *text = result;
}

/* Replaces the value of an entry of the scenario's table, with its key and comma. False if there is none. */
static bool replace_entry(struct text *text, const char *name, const char *by)
{
    struct lua_source source;
    if (!lua_source_parse(text_string(text), text->size, &source))
        return false;
    const struct lua_piece *entry = lua_source_entry(&source, name);
    if (entry != NULL)
        replace(text, entry->from, entry->to, by);
    lua_source_release(&source);
    return entry != NULL;
}

static void drop_check(struct text *text, const char *check)
{
    struct lua_source source;
    if (!lua_source_parse(text_string(text), text->size, &source))
        return;
    const struct lua_piece *always = lua_source_entry(&source, "always");
    for (size_t i = 0; always != NULL && i < source.count; i++) {
        const struct lua_piece *piece = &source.pieces[i];
        if (piece->kind == LUA_ENTRY && piece->from > always->from && piece->to <= always->to &&
            lua_source_mentions(&source, piece, check, strlen(check))) {
            replace(text, piece->from, piece->to, "");
            break;
        }
    }
    lua_source_release(&source);
}

bool explore_head_of(const char *text, size_t size, struct text *ret_head)
{
    text_add(ret_head, text, size);
    drop_check(ret_head, "no_failed_request");
    return replace_entry(ret_head, "run", "run = function(cloud)\n  end,");
}

static void write_head(const struct explore_options *options, uint64_t number, struct text *ret_text)
{
    if (options->head != NULL)
        text_add_string(ret_text, options->head);
    else
        trial_write_cloud(number, ret_text);
}

static void write_scenario(const struct explore_options *options, const struct trial *trial, const char *failure,
                           struct text *ret_text)
{
    struct text head = {0}, run = {0};
    write_head(options, trial->number, &head);
    text_add_string(&run, "run = ");
    trial_write_lua(trial, &run);
    text_add_char(&run, ',');
    replace_entry(&head, "run", text_string(&run));
    text_addf(ret_text, "-- Found by `cupola sim explore`; run it with --seed %llu:\n-- ",
              (unsigned long long)trial->number);
    for (const char *at = failure; *at != 0; at++)
        text_add_char(ret_text, *at == '\n' ? ' ' : *at);
    text_add_char(ret_text, '\n');
    text_add(ret_text, text_string(&head), head.size);
    text_free(&head);
    text_free(&run);
}

/* ---- Branching ---- */

static Cupola__TrialResult *make_result(const struct exploration *exploration, Cupola__RunResult *run)
{
    Cupola__TrialResult *result = memory_new(sizeof *result);
    cupola__trial_result__init(result);
    result->run = run;
    result->has_number = result->has_branch = 1;
    result->number = exploration->trial.number;
    result->branch = exploration->past.turn_count;
    if (!run->passed) {
        struct text lua = {0};
        write_scenario(exploration->options, &exploration->trial, run->failure, &lua);
        result->lua = memory_copy_text(text_string(&lua));
        text_free(&lua);
    }
    return result;
}

static Cupola__TrialResult *make_dead(const struct exploration *exploration, const char *failure)
{
    Cupola__RunResult *run = memory_new(sizeof *run);
    cupola__run_result__init(run);
    run->has_seed = run->has_passed = 1;
    run->seed = exploration->trial.number;
    run->failure = memory_copy_text(failure);
    run->hash = memory_copy_text("0");
    run->scenario = memory_copy_text(exploration->options->name);
    return make_result(exploration, run);
}

static void tell_death(const struct exploration *exploration, int status)
{
    char failure[96];
    snprintf(failure, sizeof failure, "the run ended its process with %s %d",
             WIFSIGNALED(status) ? "signal" : "exit status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    Cupola__TrialResult *result = make_dead(exploration, failure);
    exploration->report(exploration->context, result);
    cupola__trial_result__free_unpacked(result, NULL);
}

static void take_future(struct exploration *exploration, struct cloud *cloud, size_t done, uint64_t future)
{
    struct moment *past = &exploration->past;
    past->turns[past->turn_count++] = (struct moment_turn){.kept = (uint32_t)done, .future = future};
    exploration->moments_left = 0;
    trial_redraw(&cloud->plan, &exploration->trial, done, future);
}

static void keep_moment(const struct exploration *exploration, size_t done, uint32_t feature)
{
    struct moment moment = exploration->past;
    moment.kept = (uint32_t)done;
    moment.feature = feature;
    if (exploration->options->moments != NULL && moment.turn_count < MOMENT_MOST_TURNS)
        moments_add(exploration->options->moments, &moment);
}

/* Whether enough is new since the last look to take this moment again at once: in the beginning everything is. */
static bool take_news(struct exploration *exploration, size_t done)
{
    struct coverage *coverage = exploration->options->coverage;
    uint32_t newest = exploration->watch.newest;
    uint64_t buckets = exploration->watch.news - exploration->news_seen;
    uint64_t edges = coverage_note_edges(coverage, &newest);
    exploration->news_seen = exploration->watch.news;
    coverage_clear_edges();
    if (done > 0 && edges + buckets > 0)
        keep_moment(exploration, done, newest);
    return edges >= LEAST_EDGES || (buckets >= LEAST_NEWS && buckets >= coverage->bucket_count / 500);
}

/* Forks. False in the parent, once the child has ended, and if there is no room for one now. */
static bool fork_child(struct exploration *exploration, int *ret_status)
{
    fflush(NULL);
    pid_t child = fork();
    *ret_status = 0;
    if (child > 0)
        waitpid(child, ret_status, 0);
    exploration->is_child = exploration->is_child || child == 0;
    return child == 0;
}

static bool has_died(int status)
{
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

/* Between two actions: has the last one led to something new? */
static void on_boundary(struct trial *trial, struct cloud *cloud, size_t done, void *context)
{
    struct exploration *exploration = context;
    bool is_news = take_news(exploration, done);
    if (done == 0 || !is_news || exploration->moments_left == 0 || trial->allowed == 0)
        return;
    exploration->moments_left--;
    for (uint32_t i = 0; i < exploration->options->futures; i++) {
        uint64_t future = random_mix(trial->number, (uint64_t)done << 8 | (i + 1));
        int status;
        if (fork_child(exploration, &status)) {
            take_future(exploration, cloud, done, future);
            return; /* The child is now the one that plays. */
        }
        if (has_died(status)) {
            struct exploration dead = *exploration;
            take_future(&dead, cloud, done, future);
            tell_death(&dead, status);
        }
    }
}

/* ---- One trial ---- */

static struct scenario *open_ground(const struct explore_options *options, uint64_t number, struct text *ret_error)
{
    struct text head = {0};
    struct scenario_options scenario_options = {.seed = number};
    write_head(options, number, &head);
    struct scenario *scenario =
        scenario_open(options->name, text_string(&head), head.size, &scenario_options, ret_error);
    text_free(&head);
    return scenario;
}

/* The same trial in a world of its own, unwatched and never forked: it must be the same run. */
static void play_again(const struct exploration *exploration, Cupola__RunResult *run)
{
    struct text error = {0};
    struct trial trial = exploration->trial;
    struct trial_play play = {.trial = &trial};
    struct scenario *scenario = open_ground(exploration->options, trial.number, &error);
    if (scenario != NULL)
        scenario_play(scenario, trial_player, &play);
    char hash[17];
    snprintf(hash, sizeof hash, "%016llx",
             scenario == NULL ? 0 : (unsigned long long)cloud_hash(scenario_cloud(scenario)));
    if (strcmp(hash, run->hash) != 0) {
        run->passed = false;
        text_addf(&error, "played again it is another run: trace hash %s, first %s", hash, run->hash);
        memory_free(run->failure);
        run->failure = memory_copy_text(text_string(&error));
    }
    scenario_close(scenario);
    text_free(&error);
}

static void play(struct exploration *exploration, struct scenario *scenario)
{
    struct coverage *coverage = exploration->options->coverage;
    struct trial_play play = {.trial = &exploration->trial, .boundary = on_boundary, .context = exploration};
    coverage_watch(&exploration->watch, coverage, scenario_cloud(scenario));
    coverage_clear_edges();
    bool passed = scenario_play(scenario, trial_player, &play);
    coverage_note_edges(coverage, &exploration->watch.newest);
    coverage_unwatch(&exploration->watch);
    Cupola__RunResult *run = result_of_run(scenario, exploration->options->name, passed, 0);
    if (exploration->options->is_twice)
        play_again(exploration, run);
    Cupola__TrialResult *result = make_result(exploration, run);
    exploration->report(exploration->context, result);
    cupola__trial_result__free_unpacked(result, NULL);
}

static void draw_trial(const struct explore_options *options, const struct cloud_plan *plan, const struct moment *past,
                       struct trial *ret_trial)
{
    trial_draw(plan, past->number, &options->trial, ret_trial);
    for (uint32_t i = 0; i < past->turn_count; i++)
        trial_redraw(plan, ret_trial, past->turns[i].kept, past->turns[i].future);
}

/* Its past says which trial. */
static void explore_one(struct exploration *exploration)
{
    struct text error = {0};
    uint64_t number = exploration->past.number;
    struct scenario *scenario = open_ground(exploration->options, number, &error);
    exploration->trial.number = number;
    if (scenario == NULL) {
        Cupola__TrialResult *result = make_dead(exploration, text_string(&error));
        exploration->report(exploration->context, result);
        cupola__trial_result__free_unpacked(result, NULL);
    } else {
        draw_trial(exploration->options, &scenario_cloud(scenario)->plan, &exploration->past, &exploration->trial);
        play(exploration, scenario);
    }
    if (exploration->is_child)
        _exit(0); /* Its parent goes on where it forked. */
    scenario_close(scenario);
    text_free(&error);
}

/* Another future of a moment that was kept, in a process of its own: what ends it is told with what it did. */
static void explore_moment(struct exploration *exploration)
{
    const struct explore_options *options = exploration->options;
    struct moment past;
    uint64_t future;
    int status;
    if (options->moments == NULL || !moments_draw(options->moments, options->coverage, &past, &future))
        return;
    past.turns[past.turn_count++] = (struct moment_turn){.kept = past.kept, .future = future};
    exploration->past = past;
    exploration->moments_left = 0;
    exploration->news_seen = 0;
    if (fork_child(exploration, &status))
        explore_one(exploration);
    if (!has_died(status))
        return;
    struct text error = {0};
    struct scenario *scenario = open_ground(options, past.number, &error);
    if (scenario != NULL)
        draw_trial(options, &scenario_cloud(scenario)->plan, &past, &exploration->trial);
    tell_death(exploration, status);
    scenario_close(scenario);
    text_free(&error);
}

void explore_trial(const struct explore_options *options, uint64_t number, explore_report *report, void *context)
{
    struct exploration exploration = {.options = options,
                                      .report = report,
                                      .context = context,
                                      .moments_left = MOST_MOMENTS,
                                      .past = {.number = number}};
    explore_one(&exploration);
    explore_moment(&exploration);
}

Cupola__TrialResult *explore_dead_trial(const struct explore_options *options, uint64_t number, const char *failure)
{
    struct exploration exploration = {.options = options};
    struct text error = {0};
    struct scenario *scenario = open_ground(options, number, &error);
    exploration.trial.number = number;
    if (scenario != NULL)
        trial_draw(&scenario_cloud(scenario)->plan, number, &options->trial, &exploration.trial);
    scenario_close(scenario);
    text_free(&error);
    return make_dead(&exploration, failure);
}
