/* Texts of the table, kept small: those that many records share (addresses, DEAs, zones) once, with a count of their
 * users. A text takes its size rounded up to one of a few, plus five bytes. */
#ifndef CUPOLA_CORE_ROUTER_TABLE_NAMES_H
#define CUPOLA_CORE_ROUTER_TABLE_NAMES_H

#include "core/router/table/index.h"
#include "core/router/table/slab.h"

enum { NAME_MOST = 255, NAME_CLASSES = 9 };

struct names {
    uint64_t seed; /* Of the hashes: strangers choose the texts. */
    struct slab classes[NAME_CLASSES];
    struct index shared;
};

void names_init(struct names *names, uint64_t seed);
void names_free(struct names *names);

/* The shared name of a text of at most NAME_MOST bytes; counts one user more. */
uint32_t names_share(struct names *names, const char *text, size_t size);
/* The same if it is known, without counting; else 0. */
uint32_t names_find(const struct names *names, const char *text, size_t size);
/* One user less. 0 is allowed. */
void names_drop(struct names *names, uint32_t name);

/* A text of one user, who ends it with names_remove. It is not found by names_find. */
uint32_t names_keep(struct names *names, const char *text, size_t size);
void names_remove(struct names *names, uint32_t name);

/* NUL-terminated; "" for 0. Lent while the name lives. */
const char *names_text(const struct names *names, uint32_t name);

#endif
