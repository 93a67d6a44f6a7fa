/* `cupola sim ...`: what its sub-commands share. */
#ifndef CUPOLA_CLI_SIM_SIM_H
#define CUPOLA_CLI_SIM_SIM_H

#include "core/base/text.h"
#include "core/proto/config.pb-c.h"
#include "sim/result.h"
#include "sim/scenario.h"

/* Exit statuses, for scripts. */
enum { SIM_PASSED = 0, SIM_FAILED = 1, SIM_USAGE = 2, SIM_INTERRUPTED = 130 };

int cli_sim_run(int argc, char **argv);
int cli_sim_replay(int argc, char **argv);
int cli_sim_new(int argc, char **argv);
int cli_sim_list(int argc, char **argv);
int cli_sim_explore(int argc, char **argv);
int cli_sim_shrink(int argc, char **argv);
int cli_sim_bisect(int argc, char **argv);
int cli_sim_debug(int argc, char **argv);
int cli_sim_check(int argc, char **argv);

/* What `sim run` was asked for. */
struct sim_run_options {
    const char *file;
    struct text source; /* The scenario's text. */
    uint64_t first_seed, last_seed;
    bool is_campaign;
    uint32_t jobs;
    const char *trace, *html, *junit, *tap; /* Files to write, or NULL. */
    const char *perfetto, *shiviz;          /* The same, of one seed. */
    const char *baseline, *save_baseline;   /* Of a campaign: to compare with, to write; or NULL. */
    bool json, quiet, verbose;
    const char *steps_file; /* Where the hashes (or, in a range, the whole text) of the world's steps go, or NULL. */
    uint64_t first_step, last_step; /* The range; 0, 0: hashes at every SIM_CHECKPOINT steps and at the end. */
    const char *mutation;           /* The planted bug that is on, or NULL. */
    bool trip;                      /* With what the scenario says makes it fail. */
};

/* Whether somebody will look at the run: a page or an export is wanted. */
bool sim_is_recorded(const struct sim_run_options *options);
/* One seed, told line by line. Ctrl-C ends it with what there is: SIM_INTERRUPTED. */
int sim_run_one(const struct sim_run_options *options);
/* Many seeds in worker processes, with a progress bar on a terminal. Ctrl-C keeps what is there. */
int sim_run_campaign(const struct sim_run_options *options);

/* Loads and runs; prints the error of a file that is no scenario and returns NULL then. `observer` may be NULL. */
struct scenario *sim_open(const struct sim_run_options *options, uint64_t seed);

/* What the command of a run needs besides the seed to repeat it: " --trip". Given (memory_free). */
char *sim_options_text(const struct sim_run_options *options);

/* Switches a planted bug on ("NONE": all off); false if there is none of that name (or in this build). */
bool sim_plant_mutation(const char *name);
/* The option --mutation of `cupola sim COMMAND`. False, said on stderr, if there is none of that name here. */
bool sim_take_mutation(struct sim_run_options *options, const char *command, const char *name);

/* What the steps of a run were, for `cupola sim bisect`: hashes at checkpoints, or each step of a range in words. */
enum { SIM_CHECKPOINT = 1000 };
struct sim_steps {
    struct cloud *cloud;
    uint64_t first, last;
    struct text text;
};
/* The step that is being taken, in words: its event, its effects, the world's hash. Appended. */
void sim_print_step(const struct cloud *cloud, const struct process *process, const struct event *event,
                    struct effects *effects, struct text *text);
/* `steps` is kept by the cloud; first and last are set. */
void sim_watch_steps(struct sim_steps *steps, struct cloud *cloud);
/* Adds the last line. */
void sim_end_steps(struct sim_steps *steps);

/* Nanoseconds on the machine's own monotonic clock. */
uint64_t sim_real_ns(void);

/* Traces of all components of a run in one file: a first line of text, then each trace behind its size (64 bits, little
 * end first). */
#define SIM_TRACES_MAGIC "cupola traces 1\n"
void sim_collect_traces(struct cloud *cloud, struct text *ret_file);

#endif
