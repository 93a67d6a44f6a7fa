/* SAVE: the component's own small state, in the file `state` below data_dir. */
#ifndef CUPOLA_DRIVERS_REAL_SAVE_H
#define CUPOLA_DRIVERS_REAL_SAVE_H

#include "drivers/real/driver.h"

/* What was saved last; nothing if there is none. For the start: blocks. */
enum io_status save_load(struct real_driver *driver, struct text *ret_saved, struct text *ret_reason);
void save_begin(struct real_driver *driver, struct io_op op, struct slice given);
void save_free(struct real_driver *driver);

#endif
