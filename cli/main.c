/* `cupola`: finds the sub-command. */
#include "cli/aliases.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "drivers/real/real.h"

#include <stdio.h>
#include <string.h>

const struct cli_command cli_commands[] = {
    {"A cloud", "up", "start a whole cloud on this machine", cli_up},
    {"A cloud", "run", "run one component as a daemon", cli_run},
    {"A cloud", "sim", "play failures in the simulator, replay traces", cli_sim},
    {"Whom to talk to", "target", "choose the cloud to talk to", cli_target},
    {"Whom to talk to", "register", "create an account and log in", cli_register},
    {"Whom to talk to", "login", "log in", cli_login},
    {"Whom to talk to", "logout", "forget who is logged in", cli_logout},
    {"Whom to talk to", "targets", "list the clouds that you have talked to", cli_targets},
    {"Whom to talk to", "tokens", "print the tokens of your logins", cli_tokens},
    {"Whom to talk to", "info", "show the cloud, your limits and its frameworks", cli_info},
    {"Users", "passwd", "change your password, or another user's", cli_passwd},
    {"Users", "users", "list all users", cli_users},
    {"Users", "add-user", "create an account for somebody", cli_add_user},
    {"Users", "delete-user", "delete a user with all apps", cli_delete_user},
    {"Users", "proxy", "act for another user from now on", cli_proxy},
    {"Users", "unproxy", "act for yourself again", cli_unproxy},
    {"Apps", "push", "upload an app's folder and run it", cli_push},
    {"Apps", "apps", "list your apps", cli_apps},
    {"Apps", "app", "show one app", cli_app},
    {"Apps", "scale", "change the number of instances or the memory", cli_scale},
    {"Apps", "start", "start an app", cli_start},
    {"Apps", "stop", "stop an app", cli_stop},
    {"Apps", "update", "replace instances step by step, without a gap", cli_update},
    {"Apps", "rollback", "go back to an earlier revision", cli_rollback},
    {"Apps", "settings", "show or change health checks, updates, balancing", cli_settings},
    {"Apps", "restart", "stop and start an app", cli_restart},
    {"Apps", "delete", "delete an app", cli_delete},
    {"Apps", "map", "serve an app at one more host name", cli_map},
    {"Apps", "unmap", "serve an app no longer at a host name", cli_unmap},
    {"Apps", "env", "show or change an app's environment", cli_env},
    {"Services", "services", "what services there are, and which you have", cli_services},
    {"Services", "create-service", "have a service made", cli_create_service},
    {"Services", "delete-service", "delete a service and what is in it", cli_delete_service},
    {"Services", "bind-service", "give an app access to a service", cli_bind_service},
    {"Services", "unbind-service", "take it back", cli_unbind_service},
    {"Services", "clone-services", "bind an app to all that another one has", cli_clone_services},
    {"What happens", "events", "show what happened to an app, and why", cli_events},
    {"What happens", "revisions", "list what one may roll back to", cli_revisions},
    {"What happens", "logs", "show what an app printed", cli_logs},
    {"What happens", "exec", "run a command in an instance, or a shell", cli_exec},
    {"What happens", "files", "show an instance's files", cli_files},
    {"What happens", "stats", "show what instances use", cli_stats},
    {"What happens", "instances", "show the state of instances", cli_instances},
    {"What happens", "crashes", "show crashed instances", cli_crashes},
    {"Others", "alias", "make a word of your own for a command", cli_alias},
    {"Others", "unalias", "forget such a word", cli_unalias},
    {"Others", "aliases", "list such words", cli_aliases},
    {"Others", "journal", "check, export or import a controller's journal", cli_journal},
    {"Others", "doctor", "look for what is wrong with this machine", cli_doctor},
    {"Others", "completion", "print the shell completion", cli_completion},
};
const unsigned cli_command_count = sizeof cli_commands / sizeof cli_commands[0];

static void print_help(FILE *out)
{
    fputs("usage: cupola COMMAND [arguments]\n", out);
    const char *group = "";
    for (unsigned i = 0; i < cli_command_count; i++) {
        if (strcmp(group, cli_commands[i].group) != 0)
            fprintf(out, "\n%s\n", cli_commands[i].group);
        group = cli_commands[i].group;
        fprintf(out, "  %-15s %s\n", cli_commands[i].name, cli_commands[i].summary);
    }
    fputs("\nExamples\n"
          "  cupola up                                     a cloud on this machine, until Ctrl-C\n"
          "  cupola push shop --path ./shop --instances 2  an app from its folder\n"
          "  cupola sim run scenarios/bus-restart.lua      a failure in the simulator\n"
          "\n`cupola COMMAND --help` tells more of a command.\n"
          "Exit status: 0 done, 1 it failed, 2 it was called wrongly.\n",
          out);
}

/* How many letters have to change to make b of a; for words of up to 31 letters. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[32];
    size_t b_size = strlen(b);
    if (strlen(a) > 31 || b_size > 31)
        return 99;
    for (unsigned j = 0; j <= b_size; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1] != 0; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b_size; j++) {
            unsigned above = row[j], change = diagonal + (a[i - 1] != b[j - 1]);
            unsigned insert = row[j - 1] + 1 < above + 1 ? row[j - 1] + 1 : above + 1;
            row[j] = change < insert ? change : insert;
            diagonal = above;
        }
    }
    return row[b_size];
}

static int complain_unknown(const char *name)
{
    const char *nearest = NULL;
    unsigned nearest_distance = 3;
    for (unsigned i = 0; i < cli_command_count; i++) {
        unsigned d = distance(name, cli_commands[i].name);
        if (d < nearest_distance) {
            nearest = cli_commands[i].name;
            nearest_distance = d;
        }
    }
    if (nearest != NULL)
        terminal_error("there is no command '%s'; did you mean '%s'?", name, nearest);
    else
        terminal_error("there is no command '%s'; `cupola --help` lists them", name);
    return CLI_USAGE;
}

bool cli_is_command(const char *name)
{
    static const char *const others[] = {"help", "version"};
    bool is_known = cli_is_short_form(name);
    for (unsigned i = 0; i < cli_command_count; i++)
        is_known = is_known || strcmp(name, cli_commands[i].name) == 0;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        is_known = is_known || strcmp(name, others[i]) == 0;
    return is_known;
}

/* 2011's client took create_user for create-user, and so on. */
static void turn_underscores(char *name)
{
    for (char *c = name; *c != 0; c++)
        if (*c == '_')
            *c = '-';
}

/* `help COMMAND` is `COMMAND --help`. */
static char **turn_help(int *argc, char **argv)
{
    static char option[] = "--help";
    static char *words[4];
    if (*argc != 3 || strcmp(argv[1], "help") != 0)
        return argv;
    words[0] = argv[0];
    words[1] = argv[2];
    words[2] = option;
    return words;
}

static int run_command(int argc, char **argv)
{
    argv = turn_help(&argc, argv);
    const char *name = argc > 1 ? argv[1] : NULL;
    if (name == NULL) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help(stdout);
        return CLI_OK;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        puts(argc > 2 && strcmp(argv[2], "--json") == 0 ? "{\"version\":\"" CUPOLA_VERSION "\"}"
                                                        : "cupola " CUPOLA_VERSION);
        return CLI_OK;
    }
    if (strcmp(name, REAL_SUPERVISOR_COMMAND) == 0)
        return real_supervise(argc - 1, argv + 1);
    if (strcmp(name, REAL_EXEC_COMMAND) == 0)
        return real_exec(argc - 1, argv + 1);
    if (name[0] != '-' && strchr(name, '_') != NULL)
        turn_underscores(argv[1]);
    char **expanded = name[0] == '-' || cli_is_command(name) ? NULL : alias_expand(argc, argv, &argc);
    if (expanded != NULL) {
        argv = expanded;
        name = argv[1];
    }
    int status = CLI_OK;
    if (cli_run_short_form(argc - 1, argv + 1, &status))
        return status;
    for (unsigned i = 0; i < cli_command_count; i++)
        if (strcmp(name, cli_commands[i].name) == 0)
            return cli_commands[i].run(argc - 1, argv + 1);
    terminal_look_for_json(argc, argv);
    return complain_unknown(name);
}

int main(int argc, char **argv)
{
    int status = run_command(argc, argv);
    if (status != CLI_OK)
        terminal_tell_failure();
    return status;
}
