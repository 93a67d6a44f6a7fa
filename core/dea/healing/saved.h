/* What must outlive the agent: its name, where the circle of ports stands, and how instances differ from the notes that
 * their workloads carry (stopped, crashed, other URIs). Written whenever it changes, one write at a time. */
#ifndef CUPOLA_CORE_DEA_HEALING_SAVED_H
#define CUPOLA_CORE_DEA_HEALING_SAVED_H

#include "core/io.h"
#include "core/machine/op.h"
#include "core/machine/timer.h"
#include "core/proto/dea.pb-c.h"

struct dea;

enum { SAVED_UUID_SIZE = 33, SAVED_KEY_SIZE = 33 }; /* 32 hex digits and a NUL. */

struct saved {
    char uuid[SAVED_UUID_SIZE];
    uint16_t next_port;   /* As it was written last. */
    uint16_t lease_port;  /* Ours in the last life, or 0: others look for us there. */
    uint16_t viewer_port; /* The same of the file viewer, and the way in. */
    char viewer_user[SAVED_KEY_SIZE], viewer_password[SAVED_KEY_SIZE];
    Cupola__DeaState *former; /* As our former life left it; until recovery is done. */
    struct op op;
    struct timer retry_timer;
    bool is_stale; /* Something has changed since the write that is under way. */
};

/* `bytes` may be empty or damaged: then this is a first life. */
void dea_saved_load(struct dea *dea, struct io_bytes bytes);
/* What the former life knew of an instance, or NULL. */
const Cupola__DeaInstanceChange *dea_saved_find_change(const struct dea *dea, const char *instance);
void dea_saved_forget_former(struct dea *dea);
/* Something changed. */
void dea_saved_write(struct dea *dea);
/* A port was taken: writes where the circle stands, now and then, always ahead of it. */
void dea_saved_note_port(struct dea *dea);
void dea_saved_destroy(struct dea *dea);

#endif
