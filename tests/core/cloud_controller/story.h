/* A story about cloud controllers: a town in which Ada has an account, and tells what she asks for and gets. */
#ifndef CUPOLA_TESTS_CORE_CLOUD_CONTROLLER_STORY_H
#define CUPOLA_TESTS_CORE_CLOUD_CONTROLLER_STORY_H

#include "tests/core/cloud_controller/town.h"

/* How the only DEA answers dea.discover. */
#define HELLO "{\"id\":\"dea1\",\"ip\":\"10.0.0.1\",\"port\":1,\"version\":0.99}"
/* The description of an app with two instances. */
#define SHOP                                                                                                           \
    "{\"name\":\"shop\",\"staging\":{\"framework\":\"node\"},\"uris\":[\"shop.cupola.test\"],\"instances\":2,"         \
    "\"resources\":{\"memory\":64}}"

struct story {
    struct town town;
    char *ada, *eve, *admin; /* Their tokens; those of Eve and the admin only where a story has them. */
};

/* Before and after each test. */
int story_begin(void **state);
/* The same, with Eve and an admin. */
int story_begin_with_all(void **state);
int story_end(void **state);
/* The controller starts anew and trusts gateways of the service "redis" whose token is "shared". */
void story_trust_gateway(struct story *story);

/* A request of Ada's; its status. */
int story_call(struct story *story, const char *method, const char *path, const char *body);
/* A request has that status, and its answer that part (may be ""). `token` may be NULL. */
void story_expect_as(struct story *story, const char *token, const char *method, const char *path, const char *body,
                     int status, const char *part);
/* The same of Ada's. */
void story_expect(struct story *story, const char *method, const char *path, const char *body, int status,
                  const char *part);
/* "shop" is created as `description` says, and uploaded; and it is started. */
void story_create(struct story *story, const char *description);
void story_push(struct story *story, const char *description);
/* The same of an app that was ordered long ago: what was said until then is forgotten. */
void story_push_long_ago(struct story *story, const char *description);
/* "shop" as a controller sees it: the first one, or another. */
struct controller_app_view story_look(const struct story *story);
struct controller_app_view story_look_at(const struct story *story, size_t controller);
/* DEAs find so many running instances of "shop". */
void story_let_run(struct story *story, int count);
/* `before`, the member "version" of "shop", `after`; lent until the next call. */
const char *story_with_version(const struct story *story, const char *before, const char *after);
/* The health manager wants those indices of "shop" started: "[0,1]". */
void story_complain(struct story *story, const char *indices);

#endif
