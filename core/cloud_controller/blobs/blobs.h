/* Packages and droplets lie where they were made: on the disk of one controller. Another one that needs them fetches
 * them from there once, and then has them too. */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_BLOBS_BLOBS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_BLOBS_BLOBS_H

#include "core/cloud_controller/controller.h"
#include "core/http/client.h"

enum blob_kind { BLOB_PACKAGE = 1, BLOB_DROPLET };

/* Embed it, zeroed. */
struct blob_need {
    /* The last call: IO_OK, the blob is here, and `bytes` long. */
    void (*done)(struct blob_need *need, enum io_status status);
    char digest[41];
    uint64_t bytes;

    /* Private. */
    struct controller *controller;
    struct op op;
    struct http_call fetch;
    struct text holder; /* "host:port", empty if there is nobody to ask. */
    struct text path;
};

/* Whether that is the app's package, or the droplet of one of its runs and revisions; and who has it (lent). */
bool cc_blob_find(const struct app *app, enum blob_kind kind, const char *digest, const char **ret_holder);
/* The app has such a blob. */
void cc_blob_need(struct controller *controller, struct blob_need *need, enum blob_kind kind, const struct app *app,
                  const char *digest, void (*done)(struct blob_need *need, enum io_status status));
/* Frees what it holds, without a call. */
void cc_blob_need_release(struct blob_need *need);

#endif
