/* The large files of an app's folder by their content: which of them a controller has already. */
#ifndef CUPOLA_CLI_CLIENT_FINGERPRINTS_H
#define CUPOLA_CLI_CLIENT_FINGERPRINTS_H

#include "core/base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct fingerprint {
    char *name; /* Below the folder. */
    char sha1[41];
    uint64_t size;
    unsigned mode;
    bool is_there; /* At the controller. */
};

struct fingerprints {
    struct fingerprint *files;
    size_t count;
};

/* False: a message was printed. */
bool fingerprints_read(struct fingerprints *prints, const char *folder);
void fingerprints_free(struct fingerprints *prints);
/* Appends a JSON array, as POST /resources and the upload take it: of all, or of those that are there. */
void fingerprints_write(const struct fingerprints *prints, bool those_there, struct text *json);
/* Takes the answer of POST /resources. */
void fingerprints_take(struct fingerprints *prints, const struct text *answer);
/* Whether those that are there are all files of the folder. */
bool fingerprints_are_all(const struct fingerprints *prints, const char *folder);
/* For package_zip: `context` are the fingerprints. */
bool fingerprints_is_there(const void *context, const char *name);

#endif
