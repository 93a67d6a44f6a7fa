/* /services: there are none to offer, and the answers say so in v1's shapes. */
#include "core/cloud_controller/rest.h"

static void handle_list(struct call *call);
static void handle_one(struct call *call);

static const struct route routes[] = {
    {"GET", "/services", ACCESS_USER, sizeof(struct call), handle_list, NULL, NULL, NULL},
    {"POST", "/services", ACCESS_USER, sizeof(struct call), handle_one, NULL, NULL, NULL},
    {"GET", "/services/:", ACCESS_USER, sizeof(struct call), handle_one, NULL, NULL, NULL},
    {"DELETE", "/services/:", ACCESS_USER, sizeof(struct call), handle_one, NULL, NULL, NULL},
};
const struct route_table cc_service_routes = {routes, sizeof routes / sizeof routes[0]};

static void handle_list(struct call *call)
{
    struct text json = {0};
    text_add_string(&json, "[]");
    cc_call_answer_json(call, 200, &json);
}

static void handle_one(struct call *call)
{
    cc_call_fail(call, ERROR_SERVICE_NOT_FOUND, NULL, NULL);
}
