/* Which services an app has: what PUT /apps/NAME asks for, what gateways make for it, and what becomes of the app.
 *
 *   begin --for each service that the app does not have: make at its gateway--> done --the change--> settle
 *
 * The gateways come first: what they have made and no change records is left over, and deleted again.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_SERVICES_BINDINGS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_SERVICES_BINDINGS_H

#include "core/cloud_controller/errors.h"
#include "core/cloud_controller/services/gateway.h"

enum { MAX_BINDINGS = 32 /* Of one app. */, BINDING_TOKEN_SIZE = 37 };

struct made_binding {
    Cupola__JournalBinding value; /* Its texts are our own. */
    char *label, *service_id;
    char token[BINDING_TOKEN_SIZE];
};

/* Embed it, zeroed. */
struct binder {
    /* The last call of begin. The refusal says whether it came to what was asked. */
    void (*done)(struct binder *binder);
    struct refusal refusal;

    /* Private. */
    struct controller *controller;
    struct gateway_waiter waiter;
    int64_t app_id;
    char *const *names; /* Lent. */
    size_t name_count, at;
    struct made_binding made[MAX_BINDINGS];
    size_t made_count;
    Cupola__JournalBinding *list[MAX_BINDINGS];
};

/* `names` are the services that the app shall have; they stay valid until it is released. `done` may come at once. */
void cc_binder_begin(struct binder *binder, struct controller *controller, const struct app *app, char *const *names,
                     size_t name_count, void (*done)(struct binder *binder));
/* For prepare: gives the app its bindings, which are lent. False: refused, by the names that are meanwhile not there.
 */
bool cc_binder_apply(struct binder *binder, const struct state *state, Cupola__JournalApp *new,
                     struct refusal *ret_refusal);
/* After the change. What was made in vain, and what the change has unbound, goes. */
void cc_binder_settle(struct binder *binder, enum change_outcome outcome);
void cc_binder_release(struct binder *binder);

/* What the gateway of the service is sent for a binding; `options` are JSON. */
void cc_binding_write_order(const Cupola__JournalService *service, const char *options, struct text *body);
/* A new token, in the form of a UUID. */
void cc_binding_token_draw(struct controller *controller, char ret_token[BINDING_TOKEN_SIZE]);
/* "" for NULL: bindings of before have none. */
void cc_binding_token_copy(const char *token, char ret_token[BINDING_TOKEN_SIZE]);

/* Fills the list of `start` in; given, free it with cc_bindings_free. */
void cc_bindings_fill(const struct state *state, const Cupola__JournalApp *value, Cupola__DeaStart *start);
void cc_bindings_free(Cupola__DeaStart *start);

#endif
