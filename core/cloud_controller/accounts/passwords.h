/* Passwords are hashed by the driver, off its loop; a limited number at a time. */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_ACCOUNTS_PASSWORDS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_ACCOUNTS_PASSWORDS_H

#include "core/cloud_controller/controller.h"

enum { MAX_PASSWORD_SIZE = 256 };

/* A new hash. False if too many are being hashed: then `done` is not called. */
bool cc_password_hash(struct controller *controller, struct op *op, const char *password, op_done *done);
/* Hashes it as `stored` was. The result is equal to it exactly if the password is right. */
bool cc_password_hash_as(struct controller *controller, struct op *op, const char *password, const char *stored,
                         op_done *done);
/* To be called first in `done`: the hash is over. */
void cc_password_hashed(struct controller *controller);
/* Compares without telling by its time how much was right. */
bool cc_password_hash_equals(struct io_bytes hash, const char *stored);

#endif
