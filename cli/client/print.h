/* Results of the client as tables for people, on standard output.
 *
 * Each takes what the cloud has answered, as JSON (lent; core/proto/rest.proto has the messages), and returns the exit
 * status: CLI_OK, or CLI_FAILED when the answer cannot be read, which it says on standard error. Fields that are not
 * there are left out. Times are in the local time of whoever reads, amounts of memory in
 * megabytes. */
#ifndef CUPOLA_CLI_CLIENT_PRINT_H
#define CUPOLA_CLI_CLIENT_PRINT_H

#include "core/base/text.h"

#include <protobuf-c/protobuf-c.h>

/* Reads a result; where its outermost value is no object, `wrapper` is the name of the field that it fills. NULL (and a
 * message on standard error) if it cannot be read. Given. */
ProtobufCMessage *print_parse(const struct text *result, const ProtobufCMessageDescriptor *descriptor,
                              const char *wrapper);
/* The cloud, the user's limits and use, the frameworks. */
int print_info(const struct text *result);
/* A line an app; one that asks for the first push if there is none. */
int print_apps(const struct text *result);
/* All of one app. */
int print_app(const struct text *result);
/* NAME=VALUE, a line each. */
int print_environment(const struct text *result);
/* The state of each index, and since when. */
int print_instances(const struct text *result);
/* What each instance uses of what it may: CPU, memory, disk, and for how long it has been up. */
int print_stats(const struct text *result);
/* The ends that nobody asked for, with their reasons. */
int print_crashes(const struct text *result);
/* One of them, while they are followed; the same of lines of logs. */
int print_one_event(const struct text *result);
int print_log_line(const struct text *result);
/* Each instance's files one after the other, as they are. */
int print_logs(const struct text *result);
/* One file or listing as it is, with a newline at its end. */
int print_file(const struct text *result);
/* What happened to an app and who did it; nothing for an empty text: they were printed while they came. */
int print_events(const struct text *result);
/* What one may roll back to. */
int print_revisions(const struct text *result);
/* A line a user, with a * for admins and the names of the apps. */
int print_users(const struct text *result);
/* Whatever it is, indented. */
int print_json(const struct text *result);

#endif
