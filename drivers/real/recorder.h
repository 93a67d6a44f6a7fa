/* The flight recorder of a real process (DriverConfig.record): every step goes into a trace file that
 * `cupola sim replay` runs again. Whole records are written once a round of the loop, before it sleeps, so that a
 * process that is killed loses no more than the round it was in. */
#ifndef CUPOLA_DRIVERS_REAL_RECORDER_H
#define CUPOLA_DRIVERS_REAL_RECORDER_H

#include "drivers/real/driver.h"

/* Nothing is recorded unless the configuration asks for it; then driver->recorder stays NULL, which all of these take.
 */
enum io_status recorder_open(struct real_driver *driver, struct io_bytes packed, struct text *ret_reason);
/* After machine_step, before its effects are carried out. */
void recorder_add_step(struct recorder *recorder, const struct event *event, struct effects *effects);
void recorder_flush(struct recorder *recorder);
void recorder_close(struct real_driver *driver);

#endif
