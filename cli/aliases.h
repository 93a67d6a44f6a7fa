/* A user's own words for commands. */
#ifndef CUPOLA_CLI_ALIASES_H
#define CUPOLA_CLI_ALIASES_H

/* What the command line means if argv[1] is an alias, ended by NULL; given. NULL: it is none. */
char **alias_expand(int argc, char **argv, int *ret_argc);

#endif
