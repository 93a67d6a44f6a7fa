/* Dependency cycles across objects: can what clients saw of several objects be put into one order at all?
 *
 * Every object has a version that grows with each change. Operations say which versions of which objects they wrote or
 * saw. Of each object the accesses follow each other by version:
 *
 *     ww  a write after a write            wr  a look at what somebody wrote
 *     rw  a write after a look at less     rr  a look at more than another one saw (through a write that nobody told
 * of) rt  one had ended before the other began
 *
 * An order exists exactly if these edges have no cycle (Adya; Kingsbury and Alvaro: Elle, 2020). The shortest cycle is
 * named: G0 (writes only), G1c (nobody saw too little), G-single (once), G2 (more than once); with "in real time" when
 * it needs rt. Limits: DEPENDENCIES_MOST operations; beyond them it keeps silent and says so.
 */
#ifndef CUPOLA_SIM_CHECKS_DEPENDENCIES_H
#define CUPOLA_SIM_CHECKS_DEPENDENCIES_H

#include "core/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DEPENDENCIES_MOST = 4000 };

/* One object that an operation wrote or looked at. The object's name is copied. */
struct dependency_access {
    const char *object;
    uint64_t version;
    bool is_write;
};

struct dependencies;

struct dependencies *dependencies_new(void);
void dependencies_free(struct dependencies *dependencies);
/* An operation that ended well. `name` is for people ("scale shop to 4"), copied. What did not end well is left out: it
 * may have happened or not, and what it may have done is seen by others. */
void dependencies_add(struct dependencies *dependencies, const char *name, uint64_t began_ns, uint64_t ended_ns,
                      const struct dependency_access *accesses, size_t count);
/* The newest version of the object that anybody has written or seen; 0: none. */
uint64_t dependencies_newest(const struct dependencies *dependencies, const char *object);
/* True if there is an order. Otherwise the shortest cycle is told: its kind, its operations, its edges. */
bool dependencies_have_order(const struct dependencies *dependencies, struct text *ret_cycle);

#endif
