/* One command of a user against a cloud: a sequence of steps, each of them one REST call (or none).
 *
 *            +------------------ back: conflict, or nobody knows whether it was done ------------+
 *            v                                                                                   |
 *     enter step --ask--> session (session.h: retries) --answer--> take --client_next--> enter the next one
 *                                                                    `--client_succeed, client_fail--> exit
 *
 * Whatever changes something is written so that it may be done again from its `back` on: it looks first whether there
 * is anything left to do. That is how a command survives a controller that dies in the middle of it.
 *
 * Nothing here knows where it runs: the command line and the simulator's operators are the same machine.
 */
#ifndef CUPOLA_CORE_CLIENT_CLIENT_H
#define CUPOLA_CORE_CLIENT_CLIENT_H

#include "core/client/session.h"
#include "core/machine/timer.h"
#include "core/proto/config.pb-c.h"
#include "core/proto/rest.pb-c.h"

struct client;
struct draft;
struct log_source;

struct step {
    const char *name; /* For people: "reading the app". */
    /* Makes the call, or goes on without one. */
    void (*ask)(struct client *client);
    /* A good answer (status below 400), lent until the next call. */
    void (*take)(struct client *client, const struct answer *answer);
    /* A refusal; true: it is dealt with. NULL, or false: the command fails with what it says. */
    bool (*forgive)(struct client *client, const struct answer *answer);
    /* What a step that writes the app back changes in it (draft.h). True if that makes a difference. */
    bool (*change)(struct client *client, struct draft *draft);
    size_t back; /* Where to begin again, in steps before this one. */
};

/* What a command cannot do without. */
enum need {
    NEEDS_APP = 1 << 0,
    NEEDS_URIS = 1 << 1,
    NEEDS_ENV = 1 << 2,
    NEEDS_BITS = 1 << 3,
    NEEDS_CREDENTIALS = 1 << 4,
    NEEDS_SIZE = 1 << 5,
    NEEDS_NEW_PASSWORD = 1 << 6,
    NEEDS_SERVICE = 1 << 7,
    NEEDS_VENDOR = 1 << 8,
    NEEDS_EMAIL = 1 << 9,
    NEEDS_ARGUMENTS = 1 << 10,
};

struct command {
    const char *name;
    unsigned needs;
    const struct step *const *steps; /* Ended by NULL. */
    uint32_t timeout_ms;             /* Unless the configuration says; 0: its default. */
};

/* What is known of an app that is coming up. */
struct progress {
    uint64_t pause_ns; /* Before the next look. */
    uint32_t rounds;
    size_t crashes;
    int32_t told_running; /* What was logged last. */
    struct text waits_for;
    struct text reason; /* Why an instance is not there yet, as the controller says; empty if it does not. */
};

/* stager.c: the stager's log as it grows. Its lines are logged behind CLIENT_STAGER_PREFIX. */
struct stager_words {
    struct http_call call;
    struct timer pause;
    struct text line;
    uint32_t attempts;
};
/* own.c: events as they come, between two looks at all of them. */
struct event_stream {
    struct http_call call;
    struct text line;
};
#define CLIENT_STAGER_PREFIX "| "

struct client {
    struct machine machine;
    Cupola__ClientConfig *config; /* A copy. */
    const struct command *command;
    size_t position; /* Of the current step. */
    struct session session;
    struct stager_words stager;
    struct event_stream stream;
    struct timer deadline;
    struct timer pause;
    uint32_t timeout_ms;
    uint64_t until_ns; /* NEVER_NS for a command that goes on until it is stopped. */

    Cupola__RestApp *app; /* As read last; NULL: not read, or there is none. */
    struct text app_json; /* The same, as it came. */
    struct text info;     /* The first answer of `info`. */
    bool is_fresh;        /* Nothing was written since. */
    bool updates;         /* What was changed reaches running instances only by an update. */
    bool pushes;          /* Files were sent; whether they are new ones shows afterwards. */
    bool differs;         /* The command has changed more than that. */
    bool follows_update;  /* It was asked for. */
    char *run_before;     /* The version before it. */
    bool expects_run;     /* The command has asked for a started app. */
    struct progress progress;
    Cupola__RestEvents *told_events; /* Of the last round of those that are followed. */
    struct log_source *logs;         /* logs.c */
    size_t log_count, log_at;
    char boundary[33];
    char *refusal; /* Of a user who may be ours already; NULL: none. */

    bool has_ended; /* The outcome below is final; only the call that is under way is waited for. */
    int status;
    struct text result;
};

/* ---- Moving (client.c) ---- */

void client_next(struct client *client);
/* From now on it may take so long, if nobody has said otherwise. */
void client_take_time(struct client *client, uint32_t timeout_ms);
/* Enters the step `steps` before this one, after a pause. */
void client_back(struct client *client, size_t steps, uint64_t pause_ns);
const struct step *client_step(const struct client *client);
/* Ends the command well. `json` is given. */
void client_succeed(struct client *client, struct text *json);
/* Ends it badly; the text says what went wrong and what to do next. */
void client_fail(struct client *client, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for what a controller refused. */
void client_fail_answer(struct client *client, const struct answer *answer);
/* For the session and stager.c: the command has ended, and now a call too: exits once none is left. */
void client_exit(struct client *client);
void client_log(struct client *client, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What is followed: a RestEvent or ClientLogLine as it comes, as JSON, however long; the only lines of level INFO then.
 */
void client_tell(struct client *client, const ProtobufCMessage *message);

/* ---- What commands are made of (one file a group) ---- */

extern const struct step client_read_step;                                       /* apps.c: the app as it is now. */
extern const struct step client_wait_step, client_crashes_step, client_why_step; /* wait.c: in this order. */
extern const struct step client_stop_step, client_start_step;                    /* change.c; each behind a read. */
/* update.c: only if client->updates. The first behind a read, the second behind the first. */
extern const struct step client_update_step, client_update_follow_step;

/* The steps of a command, ended by NULL. */
typedef const struct step *const client_steps[];
/* apps.c */
extern client_steps client_info_steps, client_apps_steps, client_app_steps, client_delete_steps;
/* push.c */
extern client_steps client_push_steps, client_match_steps;
/* change.c */
extern client_steps client_scale_steps, client_start_steps, client_stop_steps, client_restart_steps;
extern client_steps client_map_steps, client_unmap_steps, client_env_add_steps, client_env_del_steps;
/* update.c */
extern client_steps client_update_steps;
/* own.c */
extern client_steps client_events_steps, client_revisions_steps, client_rollback_steps, client_cancel_steps,
    client_exec_steps;
extern client_steps client_settings_steps;
/* observe.c */
extern client_steps client_instances_steps, client_stats_steps, client_crashes_steps, client_files_steps;
/* logs.c */
extern client_steps client_logs_steps;
/* services.c */
extern client_steps client_catalogue_steps, client_services_steps, client_create_service_steps;
extern client_steps client_delete_service_steps, client_bind_service_steps, client_unbind_service_steps;
/* users.c */
extern client_steps client_register_steps, client_login_steps, client_passwd_steps, client_users_steps;
extern client_steps client_add_user_steps, client_delete_user_steps, client_revoke_steps;

/* Keeps what GET /apps/NAME has answered. False: the command has failed. (apps.c) */
bool client_keep_app(struct client *client, const struct answer *answer);
bool client_app_is_started(const struct client *client);
/* Writes the app back with this step's change, or goes on if there is nothing to change. (change.c) */
void client_ask_change(struct client *client);
void client_take_change(struct client *client, const struct answer *answer);
/* Reads an answer whose message is `field` of a wrapper ("" if it is the message itself); given. NULL: the command has
 * failed. (apps.c) */
ProtobufCMessage *client_parse(struct client *client, const struct answer *answer, const char *field,
                               const ProtobufCMessageDescriptor *descriptor);
/* The answer, once it is known to make sense, is the result. (apps.c) */
void client_pass_on(struct client *client, const struct answer *answer, const char *field,
                    const ProtobufCMessageDescriptor *descriptor);
void client_logs_free(struct client *client);
/* If the configuration wants it: begins to tell what the stager says, unless that goes on already. (stager.c) */
void client_stager_follow(struct client *client);
void client_events_end(struct client *client);
void client_events_release(struct client *client);
/* The command has ended. */
void client_stager_end(struct client *client);
void client_stager_release(struct client *client);

#endif
