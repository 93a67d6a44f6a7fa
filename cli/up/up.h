/* `cupola up`: a whole cloud on this machine, each component a process of its own.
 *
 *   up.c            options, the course of things      child.c       one component: start, lines, end, start again
 *   config.c        what each one is configured with   tell.c        what people and programs are told
 *
 * A component that ends unasked is started again, after a pause that grows while it keeps ending. Nothing is left
 * behind: a component dies with us, and the workloads are removed at the end.
 */
#ifndef CUPOLA_CLI_UP_UP_H
#define CUPOLA_CLI_UP_UP_H

#include "core/base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum { UP_CHILDREN_MOST = 64, UP_LINE_MOST = 4096, UP_DIR_SIZE = 256, UP_PATH_SIZE = UP_DIR_SIZE + 80 };

struct up_options {
    const char *dir;       /* NULL: a temporary one, deleted at the end. */
    const char *workloads; /* "process", "bubblewrap" or "oci" */
    const char *password;  /* NULL: drawn. */
    const char *domain;
    const char *stagers; /* A folder of stagers; NULL: only our own. */
    const char *service; /* NAME=TOKEN: a gateway that may offer its service; NULL: none. */
    const char *journal; /* A PostgreSQL connection string or a file, for all controllers; NULL: a file in `dir`. */
    uint32_t deas, routers, controllers;
    uint32_t dea_memory_mb;
    uint16_t port; /* Of the first router; 0: a free one. */
    bool record;
    bool keep;
    bool quiet;
};

struct up;

struct up_child {
    struct up *up;
    char name[32]; /* "dea-1" */
    const char *role;
    unsigned index;
    uint16_t port;         /* What it serves; 0 if nothing that people use. */
    char bus_password[33]; /* As bus user of its own name; of the bus itself: the operator's. */
    unsigned life;         /* How often it was started. */
    char config[UP_PATH_SIZE], data[UP_PATH_SIZE], trace[UP_PATH_SIZE];
    bool is_running;
    bool is_pausing;
    uint64_t started_ms;
    uint64_t pause_ms;
    uv_process_t process;
    uv_pipe_t lines;
    uv_timer_t again;
    char line[UP_LINE_MOST]; /* What came of a line so far. */
    size_t line_size;
    unsigned open_handles; /* Of process and lines. */
};

struct up {
    uv_loop_t loop;
    struct up_options options;
    char dir[UP_DIR_SIZE];
    char password[65], token_key[65], session_key[65];
    uint16_t bus_port;
    struct up_child children[UP_CHILDREN_MOST];
    size_t child_count;
    uv_signal_t signals[3];
    uv_timer_t look;     /* Until the API answers. */
    uv_timer_t patience; /* While stopping. */
    unsigned looks;
    bool is_ready;
    bool is_stopping;
    bool has_failed;
};

/* config.c */
/* Draws (or, in a folder that was used before, reads) the secrets, finds ports, and writes every configuration file.
 * False and a message if that cannot be. */
bool up_configure(struct up *up);

/* child.c    */
void up_child_start(struct up_child *child);
/* Its next life, after a pause. */
void up_child_restart(struct up_child *child);
void up_child_signal(struct up_child *child, int number);

/* tell.c */
/* cloud.json, for programs: written anew whenever something in it changes. */
void up_write_facts(const struct up *up);
void up_tell_welcome(const struct up *up);
/* A line of a component, as its log wrote it. */
void up_tell_line(const struct up_child *child, const char *line);
/* A line of our own. */
void up_tell(const struct up *up, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* up.c */
void up_child_ended(struct up_child *child);

#endif
