/* Processes as the kernel knows them: who a process is beyond its number, and all that descend from it. */
#ifndef CUPOLA_DRIVERS_REAL_WORKLOADS_PROCESS_TREE_H
#define CUPOLA_DRIVERS_REAL_WORKLOADS_PROCESS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Numbers are used again: only together with its start time is one a process. */
struct process_id {
    pid_t pid;
    uint64_t start_ticks; /* Since boot. */
};

struct process_figures {
    uint64_t start_ticks;
    uint64_t cpu_ns; /* Its own, and of its children that have ended. */
    uint64_t memory_bytes;
    bool is_zombie;
};

/* False if there is no such process. */
bool process_read(pid_t pid, struct process_figures *ret_figures);
/* Is this very process alive (and no zombie)? */
bool process_is_alive(struct process_id id);
/* A descriptor that becomes readable when the process ends; -1 if it has ended. */
int process_open(struct process_id id);
/* SIGKILL for a process and its group, whose leader it is or was. */
void process_kill_group(struct process_id leader);
/* Names this boot: start times of another one mean nothing. */
void process_boot_id(char ret_id[40]);

enum { PROCESSES_MOST = 4096 };
/* The descendants of a process, not itself; the eldest first. Returns how many, at most PROCESSES_MOST. */
size_t process_descendants(pid_t ancestor, pid_t ret_pids[PROCESSES_MOST]);
/* Sends the signal to all descendants; returns how many there were. */
size_t process_signal_descendants(pid_t ancestor, int signal);

#endif
