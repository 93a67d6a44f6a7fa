/* What the REST API says when it refuses: v1's table of codes (docs/protocol.md). */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_ERRORS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_ERRORS_H

#include "core/base/text.h"

/* name, code, HTTP status, description with up to two %s. Statuses are those that the first clients know as failures.
 */
#define CLOUD_ERRORS(ERROR)                                                                                            \
    ERROR(BAD_REQUEST, 100, 400, "Bad request")                                                                        \
    ERROR(BAD_REQUEST_AT, 100, 400, "Bad request: %s")                                                                 \
    ERROR(DATABASE, 101, 500, "Error talking with the database")                                                       \
    ERROR(LOCKING, 102, 400, "Optimistic locking failure")                                                             \
    ERROR(SYSTEM, 111, 500, "System Exception Encountered")                                                            \
    ERROR(SYSTEM_AT, 111, 500, "System Exception Encountered: %s")                                                     \
    ERROR(FORBIDDEN, 200, 403, "Operation not permitted")                                                              \
    ERROR(USER_NOT_FOUND, 201, 403, "User not found")                                                                  \
    ERROR(HTTPS, 202, 403, "HTTPS required")                                                                           \
    ERROR(TOO_OFTEN, 203, 403, "Too many requests: wait a moment")                                                     \
    ERROR(LOCKED_OUT, 204, 403, "Too many wrong passwords: wait a minute")                                             \
    ERROR(TOO_MANY_USERS, 205, 403, "This cloud takes no more users")                                                  \
    ERROR(APP_INVALID, 300, 400, "Invalid application description")                                                    \
    ERROR(APP_INVALID_AT, 300, 400, "Invalid application description: %s")                                             \
    ERROR(APP_NOT_FOUND, 301, 404, "Application not found")                                                            \
    ERROR(NO_INSTANCE, 304, 400, "Could not find instance: '%s'")                                                      \
    ERROR(APP_STOPPED, 305, 400, "Operation not permitted on a stopped app")                                           \
    ERROR(UPDATING, 390, 400, "An update is under way: wait for it, or cancel it")                                     \
    ERROR(EXEC, 391, 500, "Cannot run a command there: %s")                                                            \
    ERROR(FILE, 306, 500, "Error retrieving file '%s'")                                                                \
    ERROR(RUNTIME, 307, 400, "Invalid runtime specification [%s] for framework: '%s'")                                 \
    ERROR(FRAMEWORK, 308, 400, "Invalid framework description: '%s'")                                                  \
    ERROR(STAGING, 310, 500, "Staging failed: '%s'")                                                                   \
    ERROR(PACKAGING, 402, 500, "App packaging failed: '%s'")                                                           \
    ERROR(SERVICE_NOT_FOUND, 500, 404, "Service not found")                                                            \
    ERROR(BINDING_NOT_FOUND, 501, 404, "Binding not found")                                                            \
    ERROR(TOKEN_NOT_FOUND, 502, 404, "Token not found")                                                                \
    ERROR(GATEWAY, 503, 500, "Unexpected response from service gateway")                                               \
    ERROR(TOO_MANY_SERVICES, 504, 403, "Too many Services provisioned: %s, you're allowed: %s")                        \
    ERROR(MEMORY, 600, 403, "Not enough memory capacity, you're allowed: %s")                                          \
    ERROR(TOO_MANY_APPS, 601, 403, "Too many applications: %s, you're allowed: %s")                                    \
    ERROR(TOO_MANY_URIS, 602, 403, "Too many URIs: %s, you're allowed: %s")                                            \
    ERROR(URI_INVALID, 700, 400, "Invalid URI: \"%s\"")                                                                \
    ERROR(URI_TAKEN, 701, 400, "The URI: \"%s\" has already been taken or reserved")                                   \
    ERROR(URI_EXTERNAL, 702, 403, "External URIs are not enabled for this account")

enum cloud_error {
    ERROR_NONE = 0,
#define CLOUD_ERROR_CONSTANT(name, code, status, description) ERROR_##name,
    CLOUD_ERRORS(CLOUD_ERROR_CONSTANT)
#undef CLOUD_ERROR_CONSTANT
};

/* Why something is refused: kept by value until it is answered. */
struct refusal {
    enum cloud_error error;
    char first[240];
    char second[80];
};

/* Fills it in; the texts are copied, cut where they are too long, and may be NULL. */
void cc_refusal_set(struct refusal *refusal, enum cloud_error error, const char *first, const char *second);
int cc_error_status(enum cloud_error error);
int cc_error_code(enum cloud_error error);
/* Appends the description. */
void cc_error_describe(struct text *text, const struct refusal *refusal);

#endif
