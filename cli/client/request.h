/* One command of the client: options into a ClientConfig, one run of core/client on the real drivers, its result. */
#ifndef CUPOLA_CLI_CLIENT_REQUEST_H
#define CUPOLA_CLI_CLIENT_REQUEST_H

#include "cli/home.h"
#include "core/base/text.h"
#include "core/proto/config.pb-c.h"

/* Options that a command may take, or-ed together. --json, --user, --timeout and --help are always there. */
enum request_option {
    OPTION_INSTANCES = 1 << 0,
    OPTION_MEMORY = 1 << 1,
    OPTION_PATH = 1 << 2,
    OPTION_START_COMMAND = 1 << 3,
    OPTION_FRAMEWORK = 1 << 4,
    OPTION_RUNTIME = 1 << 5,
    OPTION_URL = 1 << 6,
    OPTION_NO_START = 1 << 7,
    OPTION_FOLLOW = 1 << 8,
    OPTION_INDEX = 1 << 9,
    OPTION_PASSWORD = 1 << 10,
    OPTION_ENV = 1 << 11,
    OPTION_ADDRESS = 1 << 12,
    OPTION_CANCEL = 1 << 13,
    OPTION_EVERYWHERE = 1 << 14,
};

/* What a command is called with. */
struct request_spec {
    const char *usage; /* "usage: cupola scale APP [N] [options]\n\n...": printed by --help, with examples. */
    unsigned options;  /* enum request_option. */
    int least_words, most_words;
};

enum { REQUEST_LISTS = 32 };

struct request {
    Cupola__ClientConfig config; /* Its texts are lent by argv, home and the lists below. */
    Cupola__Endpoint target;
    Cupola__CliHome *home;
    const char *folder;   /* --path */
    const char *address;  /* --address */
    const char *data_dir; /* Where the bits are that are sent; NULL: none are, and the client's home serves. */
    bool json;
    bool cancels;    /* --cancel */
    bool everywhere; /* --everywhere */
    int word_count;
    char **words; /* What is no option. */
    char *uris[REQUEST_LISTS];
    char *env[REQUEST_LISTS];
    char password[256];                             /* As it was typed. */
    int (*print_followed)(const struct text *line); /* What comes of --follow, for people: print.h. */
};

/* Reads the arguments. Returns -1 to go on, otherwise the exit status (help was printed, or they are wrong). Release
 * it in every case. */
int request_parse(struct request *request, const struct request_spec *spec, int argc, char **argv);
/* Fills in the target in use; false (and a message) if there is none. */
bool request_use_target(struct request *request);
/* What only the user who is logged in may ask, whoever `cupola proxy` has him act for; --user still counts. */
void request_act_as_oneself(struct request *request);
/* Sees to config.password: --password, CUPOLA_PASSWORD, or asked for. False (and a message) if there is none. */
bool request_ask_password(struct request *request, const char *question);
/* Runs `command`; progress goes to the terminal, the result (JSON) to ret_result. On a failure its reason has been
 * printed. Returns the exit status. */
int request_run(struct request *request, const char *command, struct text *ret_result);
/* The same, but a failure whose result has the text `forgiven` is not printed. */
int request_run_unless(struct request *request, const char *command, const char *forgiven, struct text *ret_result);
void request_release(struct request *request);

/* Reads a whole word as a number from low to high; false (and a message) otherwise. */
bool request_number(const char *what, const char *word, long low, long high, int *ret_number);
/* "64M", "1G" or megabytes. */
bool request_megabytes(const char *word, int *ret_megabytes);

#endif
