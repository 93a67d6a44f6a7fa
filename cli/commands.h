/* The sub-commands of `cupola`: one row each in main.c, one function each, all of one kind.
 *
 * argv is lent, ends with NULL, and may be put into another order (getopt); argv[0] is the sub-command's own name. What
 * each does and takes stands in its `usage` text, which --help prints. Results go to standard output; what failed and
 * why has been said on standard error when it returns. The result is the exit status: CLI_OK, CLI_FAILED (it could not
 * be done), CLI_USAGE (it was called wrongly); `exec` returns its command's own. */
#ifndef CUPOLA_CLI_COMMANDS_H
#define CUPOLA_CLI_COMMANDS_H

#include <stdbool.h>

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* A cloud on this machine (run.c, up.c) and the simulator (sim.c). */
int cli_journal(int argc, char **argv);
int cli_up(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_sim(int argc, char **argv);

/* Whom to talk to (target.c). */
int cli_target(int argc, char **argv);
int cli_login(int argc, char **argv);
int cli_logout(int argc, char **argv);
int cli_register(int argc, char **argv);
int cli_info(int argc, char **argv);

/* targets.c, aliases.c */
int cli_targets(int argc, char **argv);
int cli_tokens(int argc, char **argv);
int cli_alias(int argc, char **argv);
int cli_unalias(int argc, char **argv);
int cli_aliases(int argc, char **argv);

/* Users (users.c). */
int cli_users(int argc, char **argv);
int cli_add_user(int argc, char **argv);
int cli_delete_user(int argc, char **argv);
int cli_passwd(int argc, char **argv);
int cli_proxy(int argc, char **argv);
int cli_unproxy(int argc, char **argv);

/* Apps (push.c, apps.c, observe.c, exec.c). */
int cli_push(int argc, char **argv);
int cli_apps(int argc, char **argv);
int cli_app(int argc, char **argv);
int cli_scale(int argc, char **argv);
int cli_start(int argc, char **argv);
int cli_update(int argc, char **argv);
int cli_rollback(int argc, char **argv);
int cli_settings(int argc, char **argv);
int cli_stop(int argc, char **argv);
int cli_restart(int argc, char **argv);
int cli_delete(int argc, char **argv);
int cli_map(int argc, char **argv);
int cli_unmap(int argc, char **argv);
int cli_env(int argc, char **argv);
int cli_logs(int argc, char **argv);
int cli_exec(int argc, char **argv);
int cli_files(int argc, char **argv);
int cli_stats(int argc, char **argv);
int cli_instances(int argc, char **argv);
int cli_crashes(int argc, char **argv);
int cli_events(int argc, char **argv);
int cli_revisions(int argc, char **argv);

/* Services (services.c). */
int cli_services(int argc, char **argv);
int cli_create_service(int argc, char **argv);
int cli_delete_service(int argc, char **argv);
int cli_bind_service(int argc, char **argv);
int cli_unbind_service(int argc, char **argv);
int cli_clone_services(int argc, char **argv);

/* doctor.c: what is wrong with this machine; CLI_FAILED if anything is. */
int cli_doctor(int argc, char **argv);

/* short_forms.c: runs a verb of 2011's client, written as its users write it; its exit status goes to ret_status.
 * False, and nothing is done: argv[0] is none. */
bool cli_run_short_form(int argc, char **argv, int *ret_status);
/* Their names, and what they are. */
void cli_each_short_form(void (*act)(const char *name, const char *what));

/* completion.c: the shell's completion, as a script. */
int cli_completion(int argc, char **argv);

/* The rows of main.c, for help and completion. All texts are static. */
struct cli_command {
    const char *group;   /* The heading in `cupola help`. */
    const char *name;    /* As it is typed. */
    const char *summary; /* What it does, in a few words without a full stop. */
    int (*run)(int argc, char **argv);
};
extern const struct cli_command cli_commands[];
extern const unsigned cli_command_count;
/* Whether there is a command, or a verb of 2011's client, of that name. */
bool cli_is_command(const char *name);
/* The same for 2011's verbs alone (short_forms.c). */
bool cli_is_short_form(const char *name);

#endif
