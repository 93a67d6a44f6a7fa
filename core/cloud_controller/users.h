/* Users as the REST API and the start-up see them. */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_USERS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_USERS_H

#include "core/cloud_controller/controller.h"

/* A plain local@domain of at most 254 visible ASCII characters. */
bool cc_email_is_valid(const char *email);
/* For prepare: the user with that password hash, new or changed. */
void cc_change_write_user(struct change *change, const char *email, struct io_bytes hash, int64_t created_s,
                          const char *actor);

#endif
