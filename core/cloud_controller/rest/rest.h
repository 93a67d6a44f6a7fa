/* One request of the REST API, and what its handlers share.
 *
 * A handler's own struct embeds `struct call` first; the route says how big it is. Every handler ends in exactly one
 * call_answer_* or cc_call_fail, at once or after operations of its own; that frees the call. If the client goes away
 * meanwhile the operations run to their end all the same, and the answer is dropped.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_REST_REST_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_REST_REST_H

#include "core/cloud_controller/controller.h"
#include "core/cloud_controller/errors.h"
#include "core/proto/rest.pb-c.h"
#include "core/wire/json.h"

enum { MAX_ARGUMENTS = 2 };

/* Who may call. */
enum access {
    ACCESS_ANYBODY = 1, /* A bad token is as good as none. */
    ACCESS_USER,
    ACCESS_ADMIN,
    ACCESS_LOGIN, /* Whoever shows a password: neither token nor Proxy-User is looked at. */
};

struct route {
    const char *method;
    /* Segments between slashes; ":" stands for any one segment, "*" at the end for the rest, also for nothing. */
    const char *pattern;
    enum access access;
    size_t size; /* Of the handler's struct. */
    void (*handle)(struct call *call);
    /* Frees what the handler's struct holds. When the whole component is destroyed (controller.is_destroyed) this may
     * be in the middle of an operation, and nothing may be emitted. NULL: nothing to free. */
    void (*release)(struct call *call);
    /* Takes the body as a stream: called before the body instead of `handle`, which follows when it has ended. */
    void (*begin_body)(struct call *call);
    void (*take_body)(struct call *call, const uint8_t *bytes, size_t size);
};

struct call {
    struct controller *controller;
    struct http_exchange *exchange; /* NULL: the client has gone. */
    const struct route *route;
    char *arguments[MAX_ARGUMENTS]; /* What ":" stood for. */
    char *rest;                     /* What "*" stood for. */
    char *email;                    /* On whose behalf; NULL: anonymous. */
    bool is_admin;                  /* The user on whose behalf. */
    bool is_auditor;                /* Who calls: may look at everything but secrets. */
    bool is_handled;                /* It is on its way to `handle`: operations are under way, which end the call. */
    void (*stop)(struct call *);    /* A stream: ends it, with the client gone or the controller about to. */
    bool is_stale;                  /* The journal did not confirm that what we know is all there is. */
    struct change fresh;            /* The question whether it is. */
    struct call *previous, *next;
};

/* Every list of routes; routes.c searches them in order. */
struct route_table {
    const struct route *routes;
    size_t count;
};
extern const struct route_table cc_info_routes, cc_user_routes, cc_app_routes, cc_app_put_routes, cc_bits_routes,
    cc_instance_routes, cc_stats_routes, cc_file_routes, cc_service_routes, cc_upload_routes, cc_own_routes,
    cc_event_routes, cc_account_routes, cc_staged_routes, cc_resource_routes, cc_offering_routes, cc_stage_log_routes,
    cc_binding_routes, cc_freshness_routes, cc_crash_routes, cc_exec_routes;

extern const struct http_server_handlers cc_rest_server_handlers;

/* Frees all calls, unanswered. */
void cc_rest_destroy(struct controller *controller);

/* Commands in instances that pass through here (exec.c). */
void cc_exec_end_all(struct controller *controller);
void cc_exec_destroy(struct controller *controller);

/* ---- Answers ---- */

void cc_call_answer(struct call *call, int status, const ProtobufCMessage *message);
/* JSON that was put together elsewhere; the text is emptied. */
void cc_call_answer_json(struct call *call, int status, struct text *json);
/* 302 with a Location. */
void cc_call_answer_moved(struct call *call, const char *location, const ProtobufCMessage *message);
/* 200 and a blank: v1's way to say nothing. */
void cc_call_answer_blank(struct call *call);
/* 204. */
void cc_call_answer_nothing(struct call *call);
void cc_call_answer_blob(struct call *call, const char *content_type, const char *digest, uint64_t size);
void cc_call_answer_text(struct call *call, int status, struct io_bytes text);
/* 200, and a body that comes piece by piece until the end, which frees the call. `stop` is called if it should end
 * before: it lets go of the call and ends the stream. */
void cc_call_stream_begin(struct call *call, const char *content_type, void (*stop)(struct call *call));
void cc_call_stream_add(struct call *call, struct io_bytes bytes);
void cc_call_stream_end(struct call *call);
/* What waits for a slow reader. */
size_t cc_call_stream_unsent(const struct call *call);
/* Another protocol begins: frees the call, and `to` is its client's connection, open. False: the client has gone. */
bool cc_call_take_over(struct call *call, struct conn *to, const struct conn_handlers *handlers,
                       struct text *ret_input);
/* Ends all streams. */
void cc_rest_stop_streams(struct controller *controller);
void cc_call_fail(struct call *call, enum cloud_error error, const char *first, const char *second);
void cc_call_refuse(struct call *call, const struct refusal *refusal);
/* After a change that did not become durable. `refusal` is what its prepare has set. */
void cc_call_fail_change(struct call *call, enum change_outcome outcome, const struct refusal *refusal);

/* A call that makes one change of the journal, and is answered when that is durable. */
struct change_call {
    struct call call;
    struct change change;
    struct refusal refusal; /* Of `change.prepare`. */
    void (*on_durable)(struct change_call *request);
};
/* Submits the change. If it does not become durable, the call fails as its refusal says; else `on_durable` answers it.
 */
void cc_change_call_submit(struct change_call *request, bool (*prepare)(struct change *change),
                           void (*on_durable)(struct change_call *request));

/* ---- What requests have in common ---- */

/* The body as a message, given. False: the call was failed, and is gone. */
bool cc_call_read_body(struct call *call, const ProtobufCMessageDescriptor *descriptor, void *ret_message);
/* The same for our own API: what is not known is refused, too. */
bool cc_call_read_strictly(struct call *call, const ProtobufCMessageDescriptor *descriptor, void *ret_message);
/* Whether it may come as it came: where HTTPS is required of that user (NULL: of anybody), a trusted router says that
 * it was used. */
bool cc_call_is_secure_enough(const struct call *call, const char *email);
/* Whether its Content-Type is exactly application/json, as v1 wants it below /services/v1. False: the call was failed.
 */
bool cc_call_check_json(struct call *call);
/* Whether the query says follow=1. */
bool cc_call_follows(const struct call *call);
/* The caller's app of that name, or NULL: then the call was failed. */
struct app *cc_call_find_app(struct call *call, const char *name);

#endif
