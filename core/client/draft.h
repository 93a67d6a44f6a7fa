/* The app as it is to be written back: what was read, with changes. */
#ifndef CUPOLA_CORE_CLIENT_DRAFT_H
#define CUPOLA_CORE_CLIENT_DRAFT_H

#include "core/proto/config.pb-c.h"
#include "core/proto/rest.pb-c.h"

#include <stdbool.h>

/* Texts are lent from the app and the configuration; the lists are the draft's own. */
struct draft {
    Cupola__RestApp app;
    Cupola__RestStaging staging;
    Cupola__RestResources resources;
};

/* A copy of `app` with room for what `config` may add. NULL: an empty one, for a new app. */
void draft_begin(struct draft *draft, const Cupola__RestApp *app, const Cupola__ClientConfig *config);
void draft_end(struct draft *draft);

/* Each changes one thing and tells whether it was different. */
bool draft_set_state(struct draft *draft, const char *state);
bool draft_set_instances(struct draft *draft, int32_t instances);
bool draft_set_memory(struct draft *draft, int32_t memory_mb);
bool draft_set_command(struct draft *draft, char *command);
/* A runtime may be NULL: the framework's default, unless the framework stays the same. */
bool draft_set_framework(struct draft *draft, char *framework, char *runtime);
bool draft_add_uris(struct draft *draft, char **uris, size_t count);
bool draft_remove_uris(struct draft *draft, char **uris, size_t count);
bool draft_set_uris(struct draft *draft, char **uris, size_t count);
bool draft_add_service(struct draft *draft, char *name);
bool draft_remove_service(struct draft *draft, const char *name);
/* Entries are NAME=VALUE; of one name the last counts. */
bool draft_add_env(struct draft *draft, char **env, size_t count);
/* Entries are NAME, or NAME=VALUE of which the name counts. */
bool draft_remove_env(struct draft *draft, char **env, size_t count);

#endif
