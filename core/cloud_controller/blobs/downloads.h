/* Droplets and packages are handed out to whoever has an address that a controller has signed, for a while.
 *
 * Commands in instances (rest/exec.c) too. DEAs and other controllers have no login. v1 gave the bits to anybody who
 * knew their hash; here the address carries when it ends and an HMAC-SHA256 over path and end, under the key that all
 * controllers share.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_BLOBS_DOWNLOADS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_BLOBS_DOWNLOADS_H

#include "core/cloud_controller/controller.h"
#include "core/wire/http.h"

/* Appends "?until=SECONDS&code=HEX" for that path. */
void cc_download_sign(const struct controller *controller, const char *path, struct text *ret_address);
/* Whether the query of a request was made by cc_download_sign for that path, and still holds. */
bool cc_download_check(const struct controller *controller, const char *path, struct http_text query);

#endif
