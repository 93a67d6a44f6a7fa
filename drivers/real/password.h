/* HASH_PASSWORD: yescrypt of libcrypt, on a thread. */
#ifndef CUPOLA_DRIVERS_REAL_PASSWORD_H
#define CUPOLA_DRIVERS_REAL_PASSWORD_H

#include "drivers/real/driver.h"

void password_begin(struct real_driver *driver, const struct effect *effect);

#endif
