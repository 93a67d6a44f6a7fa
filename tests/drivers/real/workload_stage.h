/* What the tests of workloads share: a stage, one workload on it, and its story. */
#ifndef CUPOLA_TESTS_DRIVERS_REAL_WORKLOAD_STAGE_H
#define CUPOLA_TESTS_DRIVERS_REAL_WORKLOAD_STAGE_H

#include "tests/drivers/real/puppet.h"

extern struct stage stage;
/* The start, and whatever was asked last beside it. */
extern struct puppet_op op, other_op;
extern char digest[41];
extern const char *name;
extern struct workload_limits limits;

int open_stage(void **state);
int close_stage(void **state);
/* Another driver on the stage, with these kinds of workloads. */
void use_kind(const char *kind, const char *oci_runtime);

/* A droplet whose startup is this bash script. */
void make_droplet(const char *script);
/* After droplet.tgz was packed anew. */
void import_droplet(void);
void start(struct puppet *puppet);
void start_and_wait(void);
void list(struct puppet *puppet);
void terminate(struct puppet *puppet);
void remove_it(struct puppet *puppet);
/* The file's content, or the reason why not; valid until the next operation. */
const char *read_path(const char *path);
/* Waits until as much has been told as in this story, which must be it. */
void expect_story(const char *story);
bool is_alive(uint64_t pid);
/* The name of the folder of a container that waits for an order, or "". Static. */
const char *container_in_stock(void);
/* Lists, as an agent does first, and waits until there is one. */
void await_container_in_stock(void);
/* A process whose working directory that is; 0: none. */
pid_t process_working_in(const char *folder);
/* The control group of the workload as its supervisor has noted it; "" if there is none. Static. */
const char *group_of_it(void);
/* Whether there is such a group, in either version. */
bool has_group(const char *group);
/* For main: this program is its own supervisor. */
#define be_supervisor_if_asked(argc, argv)                                                                             \
    do {                                                                                                               \
        if ((argc) > 1 && strcmp((argv)[1], REAL_SUPERVISOR_COMMAND) == 0)                                             \
            return real_supervise((argc)-1, (argv) + 1);                                                               \
    } while (0)

#define stage_test(name) cmocka_unit_test_setup_teardown(name, open_stage, close_stage)

#endif
