/* Unix users of workloads: one each, drawn from a range that the configuration names and that nobody else uses.
 *
 * Who has which is kept machine-wide, in links USERS_FOLDER/<uid> -> folder of the workload: several agents share a
 * machine. A link whose folder is gone has been left behind and is anybody's. After a boot the folder is empty.
 */
#ifndef CUPOLA_DRIVERS_REAL_WORKLOADS_USER_H
#define CUPOLA_DRIVERS_REAL_WORKLOADS_USER_H

#include "drivers/real/files.h"

#define USERS_FOLDER "/run/cupola-users"

struct user_range {
    uint32_t first; /* 0: workloads run as we do. */
    uint32_t count;
};

/* Takes a user for the workload in this folder. 0 if we are not root, or all are taken: it runs as we do. */
uint32_t user_take(const char *users_folder, const struct user_range *range, const char *workload_folder);
/* The user of one folder becomes that of another one; both are there. False: somebody else has it now. */
bool user_pass_on(const char *users_folder, uint32_t uid, const char *from_folder, const char *to_folder);
/* Gives it back. Nothing if it is not this workload's. */
void user_give_back(const char *users_folder, uint32_t uid, const char *workload_folder);
/* Whatever user it has: for one whose start was cut off before its files were the user's. */
void user_give_back_all(const char *users_folder, const char *workload_folder);
/* May any user walk to this folder? */
bool user_can_reach(const char *folder);
/* The folder and all below it are the user's from now on, and nobody else looks into it; links are not followed. */
bool user_own_tree(const char *folder, uint32_t uid);

#endif
