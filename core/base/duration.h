/* Time is in nanoseconds everywhere; these name the units. */
#ifndef CUPOLA_CORE_BASE_DURATION_H
#define CUPOLA_CORE_BASE_DURATION_H

#include <stdint.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

/* No deadline. */
#define NEVER_NS UINT64_MAX

#endif
