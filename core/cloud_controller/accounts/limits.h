/* How often somebody may ask: a bucket of requests a user, and a pause after wrong passwords. Each controller counts
 * for itself, in memory. */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_ACCOUNTS_LIMITS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_ACCOUNTS_LIMITS_H

#include "core/cloud_controller/controller.h"

/* Takes one request out of the user's bucket. False: it is empty. */
bool cc_limit_take(const struct controller *controller, struct user *user);
/* Whether passwords of that user are looked at now. */
bool cc_login_is_open(const struct controller *controller, const struct user *user);
void cc_login_failed(const struct controller *controller, struct user *user);
void cc_login_succeeded(struct user *user);

#endif
