/* The file viewer: GET /droplets/<name>-<index>-<instance>/<path> gives a file or a listing of a directory, under the
 * credentials that dea.find.droplet tells. Crashed instances too, as long as their files are kept. GET /routes gives
 * what is registered, for routers that have no bus. Port and credentials outlive the agent: who has no bus keeps them.
 */
#ifndef CUPOLA_CORE_DEA_ACCESS_FILES_H
#define CUPOLA_CORE_DEA_ACCESS_FILES_H

#include "core/base/text.h"
#include "core/http/server.h"

struct dea;
struct instance;

struct files {
    struct dea *dea;
    struct http_server server;
    struct file_read *reads;
    void (*on_open)(struct dea *dea); /* The server listens, or never will. */
};

void dea_files_open(struct dea *dea, void (*on_open)(struct dea *dea));
void dea_files_destroy(struct dea *dea);
/* Appends "http://10.0.0.7:24345/droplets/". */
void dea_files_add_uri(const struct dea *dea, struct text *text);
/* Appends "hello-0-ce5f37e526f1b511fda7f861f63a9898": an instance's directory below that. */
void dea_files_add_staged(const struct instance *instance, struct text *text);

#endif
