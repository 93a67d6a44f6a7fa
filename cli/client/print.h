/* Results of the client as tables for people. Each takes the JSON text of the result and returns the exit status. */
#ifndef CUPOLA_CLI_CLIENT_PRINT_H
#define CUPOLA_CLI_CLIENT_PRINT_H

#include "core/base/text.h"

int print_info(const struct text *result);
int print_apps(const struct text *result);
int print_app(const struct text *result);
int print_environment(const struct text *result);
int print_instances(const struct text *result);
int print_stats(const struct text *result);
int print_crashes(const struct text *result);
/* Each instance's files one after the other, as they are. */
int print_logs(const struct text *result);
int print_file(const struct text *result);
int print_events(const struct text *result);
int print_revisions(const struct text *result);
int print_users(const struct text *result);
/* Whatever it is, indented. */
int print_json(const struct text *result);

#endif
