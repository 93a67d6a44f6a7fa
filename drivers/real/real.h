/* The real drivers: one component on one libuv loop, with real sockets, disks and processes behind core/io.h.
 *
 * What other parts of the program use; the inside is in driver.h. Nothing here is thread-safe.
 */
#ifndef CUPOLA_DRIVERS_REAL_REAL_H
#define CUPOLA_DRIVERS_REAL_REAL_H

#include "core/base/text.h"
#include "core/io.h"
#include "core/machine/machine.h"
#include "core/proto/config.pb-c.h"

#include <uv.h>

/* Called for each line that the component or the driver logs. The text is lent. */
typedef void real_log(enum log_level level, const char *component, const char *text);

/* Plays one role until it exits: the body of a daemon. SIGTERM and SIGINT ask the component to stop, SIGUSR2 to
 * evacuate, SIGHUP reads certificates again; a second SIGTERM or SIGINT ends the process at once. `packed` is the
 * configuration message of the class. Returns the exit status. */
int real_run(const struct machine_class *class, const Cupola__DriverConfig *config, struct io_bytes packed);

/* Runs a one-shot component (the client) and appends the data of its EXIT to ret_result. SIGHUP stops it, too. */
int real_run_once(const struct machine_class *class, const char *data_dir, struct io_bytes packed, real_log *log,
                  struct text *ret_result);

/* Puts a file among the blobs below data_dir. On failure says why in ret_error. */
enum io_status real_blob_import(const char *data_dir, const char *path, char ret_digest[41], uint64_t *ret_size,
                                struct text *ret_error);

/* Kills and deletes every workload below data_dir: for those who take a whole cloud down. The driver that owns
 * data_dir must have ended. Returns how many there were. */
size_t real_remove_workloads(const char *data_dir, const char *oci_runtime);

/* Deletes a folder with all that is in it, following no link. False with the reason if something stays. */
bool real_remove_folder(const char *path, struct text *ret_reason);

/* The kind of workloads that leaves the choice to the machine: containers where they work, else processes. */
#define REAL_WORKLOADS_AUTO "auto"
/* The kind that it chooses; if that is not containers, appends why. */
const char *real_workloads_choose(struct text *ret_why_not);

/* Can workloads of that kind run on this machine? If not, appends what to do about it. */
bool real_workloads_possible(const char *kind, const char *oci_runtime, struct text *ret_why_not);

/* The hidden sub-command `workload-run` of the program: bears the little processes that outlive the driver and note how
 * a workload ends (supervisor.h). argv[0] is the sub-command. */
#define REAL_SUPERVISOR_COMMAND "workload-run"
int real_supervise(int argc, char **argv);

/* The hidden sub-command `workload-exec`: stands between a connection and a command in a workload (exec_session.c). */
#define REAL_EXEC_COMMAND "workload-exec"
int real_exec(int argc, char **argv);

/* ---- Several components on one loop, for tests ---- */

struct real_driver;

/* Starts the component: EVENT_START has been handled on return. `config`, `packed` are lent; NULL log: stderr. */
struct real_driver *real_driver_start(uv_loop_t *loop, const struct machine_class *class,
                                      const Cupola__DriverConfig *config, struct io_bytes packed, real_log *log);
/* EVENT_STOP. Nothing if the component has exited. */
void real_driver_stop(struct real_driver *driver);
/* EVENT_EVACUATE, likewise. */
void real_driver_evacuate(struct real_driver *driver);
/* Reads the TLS certificates again (SIGHUP). */
void real_driver_reload(struct real_driver *driver);
bool real_driver_has_exited(const struct real_driver *driver);
/* The status of EXIT; its data is appended to ret_result, which may be NULL. */
int real_driver_result(const struct real_driver *driver, struct text *ret_result);
struct machine *real_driver_machine(struct real_driver *driver);
/* Ends the driver as if its process had died, if the component has not exited: sockets are closed, workloads live on.
 * Runs the loop until nothing of the driver is left on it. */
void real_driver_destroy(struct real_driver *driver);

#endif
