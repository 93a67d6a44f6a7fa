/* cupola.yml (or manifest.yml) in an app's folder: what `cupola push` is told by a file instead of by options.
 *
 *   name: shop                    framework: node        env:
 *   instances: 3                  runtime: node            COLOR: blue
 *   memory: 256M                  command: node app.js   urls: [shop.example.com, www.example.com]
 *
 * Options win over the file. Unknown keys and wrong values are named with their line.
 */
#ifndef CUPOLA_CLI_CLIENT_MANIFEST_H
#define CUPOLA_CLI_CLIENT_MANIFEST_H

#include "cli/client/request.h"

struct manifest {
    char **texts; /* What the request's fields point to. */
    size_t count, capacity;
    const char *name; /* NULL: not said. */
};

/* Reads the folder's manifest, if there is one, into what the request does not say yet. False: a message was printed.
 * Release it after the request. */
bool manifest_read(struct manifest *manifest, struct request *request);
void manifest_release(struct manifest *manifest);

#endif
