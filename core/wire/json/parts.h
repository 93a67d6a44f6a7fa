/* The parts of a JSON text as they were written: for values that are handed on and not understood. */
#ifndef CUPOLA_CORE_WIRE_JSON_PARTS_H
#define CUPOLA_CORE_WIRE_JSON_PARTS_H

#include "core/io.h"

/* The elements of the outermost array, lent from `json`; the list is given. False if it is no sound array. */
bool json_split_array(struct io_bytes json, struct io_bytes **ret_elements, size_t *ret_count);
/* The value of a key of the outermost object, lent; of a key that comes twice the last. False if there is none, or it
 * is null, or the whole is no sound object. */
bool json_find_member(struct io_bytes json, const char *key, struct io_bytes *ret_value);
/* Each member of the outermost object. The key (lent for the call) and what it stands for. False: no sound object. */
bool json_each_member(struct io_bytes json, void (*act)(void *context, const char *key, struct io_bytes value),
                      void *context);

#endif
