/* The users that the configuration promises are there: created at start, through the journal like any other. */
#include "core/base/memory.h"
#include "core/cloud_controller/accounts/passwords.h"
#include "core/cloud_controller/accounts/users.h"
#include "core/cloud_controller/controller.h"

#include <string.h>

static void on_hashed(struct op *op, const struct op_result *result);
static bool prepare(struct change *change);
static void on_done(struct change *change, enum change_outcome outcome);

static const Cupola__UserConfig *current(const struct controller *controller)
{
    return controller->config->bootstrap_users[controller->bootstrap_next];
}

void cc_bootstrap_next_user(struct controller *controller)
{
    for (; controller->bootstrap_next < controller->config->n_bootstrap_users; controller->bootstrap_next++) {
        const Cupola__UserConfig *user = current(controller);
        if (user->email == NULL || user->password == NULL || !cc_email_is_valid(user->email)) {
            machine_log(&controller->machine, LOG_ERROR,
                        "bootstrap_users[%zu] needs an e-mail address and a password; skipped",
                        controller->bootstrap_next);
            continue;
        }
        if (cc_state_find_user(&controller->state, user->email) != NULL)
            continue;
        if (!cc_password_hash(controller, &controller->bootstrap_hash, user->password, on_hashed))
            machine_log(&controller->machine, LOG_ERROR, "too many passwords are being hashed; no bootstrap users");
        return;
    }
}

static void on_hashed(struct op *op, const struct op_result *result)
{
    struct controller *controller = container_of(op, struct controller, bootstrap_hash);
    cc_password_hashed(controller);
    if (result->status != IO_OK) {
        if (result->status != IO_CANCELLED)
            machine_log(&controller->machine, LOG_ERROR, "cannot hash a bootstrap password: %s",
                        io_status_name(result->status));
        return;
    }
    text_clear(&controller->bootstrap_password);
    text_add(&controller->bootstrap_password, result->data.data, result->data.size);
    controller->bootstrap_change.prepare = prepare;
    controller->bootstrap_change.done = on_done;
    controller->bootstrap_change.is_internal = true;
    cc_journal_submit(controller, &controller->bootstrap_change);
}

/* Another controller may have been faster: then there is nothing to do. */
static bool prepare(struct change *change)
{
    struct controller *controller = change->controller;
    const Cupola__UserConfig *user = current(controller);
    if (cc_state_find_user(&controller->state, user->email) != NULL)
        return false;
    struct io_bytes hash = {(const uint8_t *)text_string(&controller->bootstrap_password),
                            controller->bootstrap_password.size};
    cc_change_write_user(change, NULL, user->email, hash, NULL);
    return true;
}

static void on_done(struct change *change, enum change_outcome outcome)
{
    struct controller *controller = change->controller;
    if (outcome == CHANGE_LOST) {
        machine_log(&controller->machine, LOG_ERROR, "the journal did not take a bootstrap user");
        return;
    }
    controller->bootstrap_next++;
    cc_bootstrap_next_user(controller);
}
