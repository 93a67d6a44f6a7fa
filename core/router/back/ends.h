/* Instances that were ended by an order or from outside, as their DEAs tell: whatever was under way on them did not do
 * it. The last ones only; a request asks about its own losses within a second or two. */
#ifndef CUPOLA_CORE_ROUTER_BACK_ENDS_H
#define CUPOLA_CORE_ROUTER_BACK_ENDS_H

#include <stdbool.h>
#include <stdint.h>

enum { ENDS_KEPT = 1024 };

/* Zeroed at first. Instances are known by a hash of their ids; 0 is no instance. */
struct ends {
    uint64_t instances[ENDS_KEPT];
    uint32_t next;
};

/* The hash by which an instance is known; 0 if `id` is NULL or empty. */
uint64_t ends_hash(const char *id);
/* The instance was ended. Nothing for 0 and for one that is known already. */
void ends_note(struct ends *ends, uint64_t instance);
bool ends_has(const struct ends *ends, uint64_t instance);

#endif
