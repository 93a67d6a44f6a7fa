/* One REST call after another, each tried again for as long as trying may help.
 *
 *   answer below 400      -> the step's take
 *   refusal               -> the step's forgive, or the command fails with it
 *   certainly not done    -> the same step again: nobody listens, a router that knows no controller (yet)
 *   perhaps done          -> the step's `back`: a reset, a time-out, a gateway's 502 or 504, a journal that failed
 *   lost the race (102)   -> the step's `back`, a few times
 *
 * The pauses between attempts grow and are drawn at random, so that a crowd of clients does not return as one.
 */
#ifndef CUPOLA_CORE_CLIENT_SESSION_H
#define CUPOLA_CORE_CLIENT_SESSION_H

#include "core/http/client.h"

struct client;

struct answer {
    int status;
    int code;                /* v1's number of the refusal; 0: the body is none of v1's. */
    const char *description; /* "" if there is none. */
    struct io_bytes body;
};

struct session {
    struct http_call call;
    struct random_stream jitter;
    char router_error[32]; /* X-Cf-RouterError of the answer: not the controller speaks, but a router. */
    uint32_t attempts;     /* That have failed, since the last step that got further. */
    uint32_t conflicts;
    size_t failed_at;    /* The furthest step that has failed. */
    bool is_uncertain;   /* An earlier attempt of this step may have been carried out. */
    bool asks_blob;      /* The call under way sends the bits. */
    struct text trouble; /* What the last failed attempt ran into. */
};

/* `target` is lent; `json` (may be NULL) is emptied. */
void session_ask(struct client *client, const char *method, const char *target, struct text *json);
/* POST of a form around the client's bits; `head` and `tail` are emptied. */
void session_upload(struct client *client, const char *target, struct text *head, struct text *tail);
/* A call beside the session's own, with the same target, identity and headers; the rest is the caller's. */
void session_start_call(struct client *client, struct http_call *call, struct http_request *request,
                        const char *content_type, const struct http_call_handlers *handlers);
void session_release(struct client *client);

/* "/apps/NAME" and what follows it (already encoded). */
void session_app_target(const struct client *client, struct text *target, const char *rest);

#endif
