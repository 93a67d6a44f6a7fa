/* What becomes of a publication that cannot be delivered at once, by its subject. For core/bus only. */
#ifndef CUPOLA_CORE_BUS_CLIENT_MESSAGE_CLASS_H
#define CUPOLA_CORE_BUS_CLIENT_MESSAGE_CLASS_H

#include <stdbool.h>
#include <stdint.h>

struct message_class {
    const char *pattern;
    uint32_t keep_ms; /* So long it may wait for a connection; then it says nothing of use any more. */
    bool is_sure; /* Said again after a lost connection, unless the server is known to have it: so it can come twice,
                     but hardly never. */
};

/* Never NULL: everything else has a class too. */
const struct message_class *message_class_of(const char *subject);

#endif
