/* Words for people: errors that say what to do next, colour only where it is seen, progress where somebody watches. */
#ifndef CUPOLA_CLI_TERMINAL_H
#define CUPOLA_CLI_TERMINAL_H

#include <stdbool.h>

/* "cupola: ..." on standard error, with a newline. */
void terminal_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* With --json among the arguments whoever reads standard output is a program: from now on terminal_tell_failure has
 * something to say. Ask ahead of all that may be wrong with the other arguments. */
void terminal_look_for_json(int argc, char **argv);
/* The failure stands on standard output already, as JSON. */
void terminal_failure_is_told(void);
/* For the end of a command that failed: {"error":"..."} with the first error of all, on standard output. */
void terminal_tell_failure(void);
/* Whether standard output is a terminal that wants colour (NO_COLOR is respected). */
bool terminal_has_color(void);
/* "\033[32m" or "". Static. Codes as in ECMA-48: 31 red, 32 green, 33 yellow, 2 dim, 1 bold, 0 off. */
const char *terminal_color(int code);
/* A line that replaces itself while standard error is a terminal; otherwise it is printed once. */
void terminal_progress(const char *text);
/* A line that stays, on standard error. */
void terminal_tell(const char *text);
/* Ends such a line. */
void terminal_progress_end(void);
/* Asks for a password without showing it; false if there is no terminal to ask on. */
bool terminal_ask_password(const char *question, char *ret_password, unsigned size);

#endif
