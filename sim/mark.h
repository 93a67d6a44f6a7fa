/* Marks: what must happen in at least one run of a campaign ("sometimes"), as checks say what must never happen.
 *
 * A mark is declared at the beginning of a run and reached once, or not. A campaign adds them up and names those that
 * no run has reached: such a campaign has not tested what it was made for. Marks change nothing in a run.
 */
#ifndef CUPOLA_SIM_MARK_H
#define CUPOLA_SIM_MARK_H

#include "sim/cloud.h"

struct mark {
    const char *name; /* "the standing order was used"; a label of the world. */
    const char *log;  /* Reached when a component logs a line with these words; NULL: by cloud_mark alone. */
    bool is_reached;
    uint64_t reached_ns;
};

/* Declares it. A name that is known stays as it is. `log` may be NULL. */
void cloud_declare_mark(struct cloud *cloud, const char *name, const char *log);
/* It has been reached. Declares it if nobody has. */
void cloud_mark(struct cloud *cloud, const char *name);

size_t cloud_mark_count(const struct cloud *cloud);
const struct mark *cloud_mark_at(const struct cloud *cloud, size_t index);

#endif
