/* One look at how an instance is: does its port accept, what does it answer to GET, does its process live?
 *
 *   idle --begin--> looking --answer, refusal, time is up--> on_end(is_good, why), idle
 *
 * It is embedded in the instance, and ended before that is buried; the connection may close a little later.
 */
#ifndef CUPOLA_CORE_DEA_CHECKS_CHECKUP_H
#define CUPOLA_CORE_DEA_CHECKS_CHECKUP_H

#include "core/machine/conn.h"
#include "core/machine/timer.h"
#include "core/proto/bus.pb-c.h"

struct instance;

enum { CHECKUP_WHY_SIZE = 80, CHECKUP_HEAD_SIZE = 16 };

struct checkup {
    struct instance *instance;
    void (*on_end)(struct checkup *checkup, bool is_good);
    char why[CHECKUP_WHY_SIZE]; /* Of a bad one, for people. */

    /* Private. */
    const Cupola__HealthProbe *probe;
    struct conn conn;
    struct timer timer;
    char head[CHECKUP_HEAD_SIZE]; /* "HTTP/1.1 200": the first bytes of an answer. */
    size_t head_size;
    bool is_looking;
    bool is_good;
};

/* `probe` may be NULL (v1: the port must accept) and is kept. Calls on_end later, never within. Looks again only when
 * checkup_is_idle. */
void dea_checkup_begin(struct checkup *checkup, struct instance *instance, const Cupola__HealthProbe *probe,
                       void (*on_end)(struct checkup *checkup, bool is_good));
/* Gives it up; on_end is not called. */
void dea_checkup_end(struct checkup *checkup);
/* Nothing refers to it any more. */
bool dea_checkup_is_idle(const struct checkup *checkup);
/* The probe's own values, within limits, or what stands for them. */
uint64_t dea_checkup_interval_ns(const Cupola__HealthProbe *probe);
uint32_t dea_checkup_failures(const Cupola__HealthProbe *probe);

#endif
