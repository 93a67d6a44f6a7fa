/* What an instance's process finds in its environment: nothing of ours, v1's variables, then the user's own. HOME,
 * TMPDIR and PATH are not among them: only the driver knows the directory and the host, and adds them. */
#ifndef CUPOLA_CORE_DEA_INSTANCES_ENVIRONMENT_H
#define CUPOLA_CORE_DEA_INSTANCES_ENVIRONMENT_H

#include "core/dea/instances/instance.h"

/* "K=V" texts, ended by NULL. Given; release it with dea_environment_free. No shell ever sees them. */
char **dea_environment_new(const struct instance *instance);
void dea_environment_free(char **variables);

#endif
