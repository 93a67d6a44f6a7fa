/* Who stands behind an address: making endpoints from registrations, and comparing owners. Private to the table. */
#ifndef CUPOLA_CORE_ROUTER_OWNER_H
#define CUPOLA_CORE_ROUTER_OWNER_H

#include "core/router/table.h"

/* The place of an app's instance: which epoch of it is the newest. */
struct slot_key {
    int64_t app;
    int64_t index;
};

struct slot {
    struct slot_key key;
    int64_t epoch;
    struct endpoint *endpoints; /* All of that epoch. */
    uint64_t empty_since_ns;
    UT_hash_handle hh;
};

/* Appends "host:port" as a key; false if the message has no usable address. */
bool owner_write_address(const Cupola__RouterRegister *message, char ret_address[TABLE_MAX_ADDRESS]);
/* Whether the message comes from the instance that owns the endpoint. */
bool owner_is_same(const struct endpoint *endpoint, const Cupola__RouterRegister *message);
/* A new endpoint without links, given. */
struct endpoint *owner_new_endpoint(const Cupola__RouterRegister *message, const char *address, uint32_t serial);
/* Takes over what a later registration of the same owner adds. */
void owner_refresh(struct endpoint *endpoint, const Cupola__RouterRegister *message);
/* Whether the message takes part in the comparison of epochs. */
bool owner_has_slot(const Cupola__RouterRegister *message);
struct slot_key owner_slot_key(const Cupola__RouterRegister *message);

#endif
