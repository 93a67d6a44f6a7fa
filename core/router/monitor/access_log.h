/* The access log: a line a request (access_log.c tells its fields). */
#ifndef CUPOLA_CORE_ROUTER_MONITOR_ACCESS_LOG_H
#define CUPOLA_CORE_ROUTER_MONITOR_ACCESS_LOG_H

#include "core/router/front/session.h"

/* Remembers what the line will tell of the request. Nothing unless the log is on. */
void access_log_begin(struct session *session, const struct http_head *head);
/* Notes the endpoint that gets the request. */
void access_log_attempt(struct session *session, const struct endpoint *endpoint);
/* Writes the line. `error`: X-Cf-RouterError, or "". */
void access_log_end(struct session *session, int status, const char *error);
void access_log_forget(struct exchange *exchange);

#endif
