#include "core/cloud_controller/accounts/passwords.h"

#include "core/base/assert.h"

#include <nettle/memops.h>
#include <string.h>

static bool begin(struct controller *controller, struct op *op, const char *password, const char *salt, op_done *done)
{
    if (controller->hashes >= controller->config->max_hashes)
        return false;
    controller->hashes++;
    uint64_t entropy[2] = {random_draw(&controller->nonces), random_draw(&controller->nonces)};
    op_hash_password(&controller->machine, op, password, salt, entropy, done);
    return true;
}

bool cc_password_hash(struct controller *controller, struct op *op, const char *password, op_done *done)
{
    return begin(controller, op, password, "", done);
}

bool cc_password_hash_as(struct controller *controller, struct op *op, const char *password, const char *stored,
                         op_done *done)
{
    return begin(controller, op, password, stored, done);
}

void cc_password_hashed(struct controller *controller)
{
    assert_that(controller->hashes > 0);
    controller->hashes--;
}

bool cc_password_hash_equals(struct io_bytes hash, const char *stored)
{
    size_t size = strlen(stored);
    return hash.size == size && size > 0 && memeql_sec(hash.data, stored, size);
}
