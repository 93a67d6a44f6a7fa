#include "core/cloud_controller/rest/routes.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <string.h>

static const struct route_table *const tables[] = {
    &cc_info_routes,     &cc_user_routes,      &cc_app_routes,     &cc_app_put_routes,   &cc_upload_routes,
    &cc_bits_routes,     &cc_instance_routes,  &cc_stats_routes,   &cc_file_routes,      &cc_service_routes,
    &cc_own_routes,      &cc_event_routes,     &cc_account_routes, &cc_staged_routes,    &cc_resource_routes,
    &cc_offering_routes, &cc_stage_log_routes, &cc_binding_routes, &cc_freshness_routes, &cc_crash_routes,
    &cc_exec_routes,
};

static void match_clear(struct route_match *match)
{
    for (size_t i = 0; i < MAX_ARGUMENTS; i++)
        memory_free(match->arguments[i]);
    memory_free(match->rest);
    *match = (struct route_match){0};
}

/* One segment of a pattern or a path: *at moves behind it and behind the slashes that follow. */
static struct http_text next_segment(const char **at)
{
    struct http_text segment = {*at, strcspn(*at, "/")};
    *at += segment.size;
    *at += strspn(*at, "/");
    return segment;
}

static bool match_path(const char *pattern, const char *path, struct route_match *match)
{
    size_t count = 0;
    pattern += strspn(pattern, "/");
    path += strspn(path, "/");
    while (*pattern != '\0') {
        struct http_text expected = next_segment(&pattern);
        if (http_text_equals(expected, "*")) {
            match->rest = memory_copy_text(path); /* "%2Flogs%2Fx" has become "/logs/x" by now, and is "logs/x" here. */
            return true;
        }
        struct http_text found = next_segment(&path);
        if (found.size == 0)
            return false;
        if (http_text_equals(expected, ":")) {
            assert_that(count < MAX_ARGUMENTS);
            match->arguments[count++] = memory_copy_bytes(found.data, found.size);
        } else if (found.size != expected.size || memcmp(found.data, expected.data, found.size) != 0) {
            return false;
        }
    }
    return *path == '\0';
}

bool cc_routes_find(const struct http_head *head, const char *path, struct route_match *ret_match)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        for (size_t j = 0; j < tables[i]->count; j++) {
            const struct route *route = &tables[i]->routes[j];
            bool same_method = http_text_equals(head->method, route->method) ||
                               (http_text_equals(head->method, "HEAD") && strcmp(route->method, "GET") == 0);
            if (same_method && match_path(route->pattern, path, ret_match)) {
                ret_match->route = route;
                return true;
            }
            match_clear(ret_match);
        }
    }
    return false;
}
