/* Users as the REST API and the start-up see them. */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_ACCOUNTS_USERS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_ACCOUNTS_USERS_H

#include "core/cloud_controller/controller.h"

/* A plain local@domain of at most 254 visible ASCII characters. */
bool cc_email_is_valid(const char *email);
/* For prepare: the user, new or changed. */
void cc_change_put_user(struct change *change, Cupola__JournalUser *user, const char *actor);
/* The same, with another password. `old` is NULL for a new user. */
void cc_change_write_user(struct change *change, const Cupola__JournalUser *old, const char *email,
                          struct io_bytes hash, const char *actor);

#endif
