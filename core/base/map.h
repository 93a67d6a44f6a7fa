/* Hash tables: uthash, which iterates in insertion order (never in hash or address order) and asserts when there is
 * no memory left. Include this instead of <uthash.h>. */
#ifndef CUPOLA_CORE_BASE_MAP_H
#define CUPOLA_CORE_BASE_MAP_H

#include "core/base/assert.h"

#define uthash_fatal(message) assert_unreachable()
#include <uthash.h>

#endif
