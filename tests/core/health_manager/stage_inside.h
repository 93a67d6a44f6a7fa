/* What the parts of the stage need of each other; no test does. */
#ifndef CUPOLA_TESTS_CORE_HEALTH_MANAGER_STAGE_INSIDE_H
#define CUPOLA_TESTS_CORE_HEALTH_MANAGER_STAGE_INSIDE_H

#include "core/base/text.h"
#include "tests/core/health_manager/stage.h"

enum { MAX_STAGE_APPS = 64, FIRST_HOST_PORT = 7000, MAX_HOSTS = 26, WALL_START_S = 1800000000 };

struct stage_app {
    int droplet;
    char version[16];
    char state[16];
    int instances;
    bool is_staged;
    bool is_gone;
    bool is_singleton;
};

/* By the letter of its DEA. */
struct stage_host {
    bool has_lease;
    struct machine *machine; /* NULL while there is no agent. */
    int lives;
    int sequence; /* What this life has told over the bus. */
};

struct stage {
    struct world *world;
    struct machine *bus;
    struct machine *health_manager;
    struct world_stream *stream;
    struct text complaints;
    struct text answers;
    struct text heard;
    struct stage_app apps[MAX_STAGE_APPS];
    size_t app_count;
    int sequence;
    bool controllers_answer;
    struct stage_host hosts[MAX_HOSTS];
    const char *verdict; /* Of helpers. */
};

/* Delivers what is on its way, and answers in the name of the controllers and of DEAs. */
void stage_play(struct stage *stage);
/* The app as controllers describe it. */
void stage_add_app_json(struct text *json, const struct stage_app *app);
/* Of a DEA that is named by one letter. */
struct stage_host *stage_host_of(struct stage *stage, const char *dea);

#endif
