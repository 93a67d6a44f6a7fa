/* People who use the cloud: each command is one run of core/client, the very machine behind the command line, on a
 * host outside of the cloud, through the load balancer before the routers.
 *
 * The plan's operator ("operator@cupola.test") registers, logs in and pushes the plan's apps. Its token serves every
 * later command that brings none of its own. A command that is asked for while another one of the same operator is
 * under way waits for its turn.
 */
#ifndef CUPOLA_SIM_CLIENTS_OPERATOR_H
#define CUPOLA_SIM_CLIENTS_OPERATOR_H

#include "sim/cloud.h"

struct operation;

/* Asks for a command; returns at once. `config` is lent: command, app and its other fields as the command needs them;
 * target, host header, token and credentials are filled in where they are missing. `behaviour` (may be NULL) becomes
 * the bits of a push. The operation lives as long as the cloud. */
struct operation *operator_run(struct cloud *cloud, const Cupola__ClientConfig *config,
                               const struct app_plan *behaviour);
/* The same as a colleague, with the same token: it waits only for what that colleague has under way. */
struct operation *operator_run_beside(struct cloud *cloud, const Cupola__ClientConfig *config);

/* Short forms of the commands that scenarios use most. */
struct operation *operator_push(struct cloud *cloud, const struct app_plan *app);
struct operation *operator_scale(struct cloud *cloud, const char *app, uint32_t instances);
struct operation *operator_stop(struct cloud *cloud, const char *app);

bool operation_is_over(const struct operation *operation);
/* Exit status of the client: 0 is success; -1 while it is not over. */
int operation_status(const struct operation *operation);
/* What the client said at its exit (JSON or text), NUL-terminated; "" before. Lent. */
const char *operation_result(const struct operation *operation);

/* The name of its client: "operator-3". Lent. */
const char *operation_client(const struct operation *operation);

/* For cloud_wait_until; the context is the operation. Holds once it is over, however it ended. */
bool operation_over(struct cloud *cloud, void *operation, struct text *ret_why);
/* For cloud_wait_until; no context. Holds once no operation is under way or waiting. */
bool operators_idle(struct cloud *cloud, void *context, struct text *ret_why);

#endif
