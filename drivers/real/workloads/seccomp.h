/* System calls that no workload makes: those that administer the machine, and the doors through which containers were
 * left in the past. One table (seccomp.c) in two forms: a program for the kernel, and JSON for OCI runtimes.
 * A denied call fails with EPERM, as if the caller lacked the right; programs expect that.
 */
#ifndef CUPOLA_DRIVERS_REAL_WORKLOADS_SECCOMP_H
#define CUPOLA_DRIVERS_REAL_WORKLOADS_SECCOMP_H

#include "core/base/text.h"

/* A descriptor from which the program can be read, as bubblewrap wants it; -1 with errno. */
int seccomp_open_program(void);
/* The value of "seccomp" in an OCI configuration. */
void seccomp_write_json(struct text *json);

#endif
