/* Which handler a request belongs to. */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_REST_ROUTES_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_REST_ROUTES_H

#include "core/cloud_controller/rest/rest.h"

struct route_match {
    const struct route *route;
    char *arguments[MAX_ARGUMENTS]; /* Given. */
    char *rest;                     /* Given. */
};

/* `path` is percent-decoded. False, and nothing is given, if there is no such route. */
bool cc_routes_find(const struct http_head *head, const char *path, struct route_match *ret_match);

#endif
