/* Stagers: folders of scripts that know how the applications of a framework are prepared and started.
 *
 *   <stagers>/<name>/frameworks     names of frameworks that it serves beside its own, one a line; optional
 *   <stagers>/<name>/detect         APP         exit status 0 if it knows such an application
 *   <stagers>/<name>/compile        APP CACHE   prepares it in place; what it says is the staging log; optional
 *   <stagers>/<name>/release        APP         prints the line of bash that starts it, in APP, with $PORT and $runtime
 *
 * Scripts find FRAMEWORK, RUNTIME and MEMORY_MB in their environment, and nothing of ours. What they print on standard
 * error goes to the person who pushed. CACHE outlives one staging; anything in it may be gone or be another's, so only
 * what is verified (as npm verifies what it downloads) may be taken from there.
 *
 * They run as an unprivileged user, in a container of their own where bubblewrap works, with limits, until a deadline.
 */
#ifndef CUPOLA_DRIVERS_REAL_STAGING_STAGER_H
#define CUPOLA_DRIVERS_REAL_STAGING_STAGER_H

#include "drivers/real/files.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stager_task {
    const char *framework; /* "standalone": the first whose detect knows it. */
    const char *runtime;
    uint32_t memory_mb;   /* Of an instance. */
    const char *folder;   /* Of this staging; the application is unpacked in app/ below it. */
    const char *data_dir; /* Of ours: hidden from the scripts, but for `folder` and the cache. */
    char *const *stagers; /* Folders of stagers; the first that has one wins. */
    size_t stagers_count;
    uint32_t deadline_s;
    uint32_t memory_limit_mb;      /* Of each process; 0: none. */
    bool *was_killed;              /* Set when somebody else has killed a script: the kernel, or a person. */
    void (*on_log)(void *context); /* The log of the call under way has grown; on the caller's thread. May be NULL. */
    void *context;
};

/* Looks for the stager that serves the framework; false if there is none. Its copy stays in the staging's folder until
 * stager_remove: what the scripts' user may not reach where it is, it reaches there. Blocking, as the next two are. */
bool stager_find(const struct stager_task *task, struct text *log);
/* Prepares the application in place. False if that failed; the log says why. */
bool stager_compile(const struct stager_task *task, struct text *log);
/* Appends the line that starts it. False if there is none; the log says why. */
bool stager_release(const struct stager_task *task, struct text *ret_line, struct text *log);
void stager_remove(const struct stager_task *task);

/* ---- stager_script.c ---- */

#define STAGER_FOLDER "stager"

struct stager_script {
    const struct stager_task *task;
    const char *name;  /* In the folder STAGER_FOLDER of the staging, which holds a copy of the stager. */
    const char *cache; /* NULL: none. */
};

/* Runs it to its end. What it prints is appended to `ret_output`, what it says on standard error to `log`. Returns its
 * exit status; -1 if it could not be run, was ended by a signal or by the deadline, which the log then tells. */
int stager_script_run(const struct stager_script *script, struct text *ret_output, struct text *log);

#endif
