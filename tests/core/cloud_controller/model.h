/* A model of what the REST API says: who has which apps and services, and what each call of theirs is answered with.
 * Names, values and calls are drawn at random; a call that is answered otherwise fails the test, naming its seed. */
#ifndef CUPOLA_TESTS_CORE_CLOUD_CONTROLLER_MODEL_H
#define CUPOLA_TESTS_CORE_CLOUD_CONTROLLER_MODEL_H

#include "core/base/random.h"
#include "tests/core/cloud_controller/town.h"

enum { PEOPLE = 3, NAMES = 3, HOSTS = 4, SERVICES = 3 };
enum { MEMORY_MOST = 1024, APPS_MOST = 2, URIS_MOST = 2, SERVICES_MOST = 2 };
enum { ADMIN = 0, BOB = 2 /* Comes and goes. */ };

/* What the model knows of an app. */
struct model_app {
    bool exists, started;
    int instances, memory, lock, env;
    unsigned uris, services; /* Bits. */
};

struct person {
    const char *email;
    bool exists;
    char *token;
    struct model_app apps[NAMES];
    unsigned services;
};

struct model {
    struct town town;
    struct random_stream random;
    struct person people[PEOPLE];
    uint64_t seed;
    int step;
};

struct verdict {
    int status, code;
};

/* 0 to sides - 1. */
int model_roll(struct model *model, int sides);
unsigned model_count_bits(unsigned bits);

/* A call, and what it has to be answered with; `code` 0: the answer has none. */
void model_expect(struct model *model, const char *token, const char *method, const char *path, const char *body,
                  int status, int code);
void model_expect_verdict(struct model *model, const struct person *person, const char *method, const char *path,
                          const char *body, struct verdict verdict);

/* Calls about the app of that number; model_apps.c. */
void model_create_app(struct model *model, struct person *person, int name);
void model_change_app(struct model *model, struct person *person, int name);
void model_delete_app(struct model *model, struct person *person, int name);
void model_upload(struct model *model, const struct person *person, int name);
/* It is as the model has it. */
void model_look_at_app(struct model *model, const struct person *person, int name);

#endif
