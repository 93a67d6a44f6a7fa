/* Who somebody is, as text that only controllers with the same key can make.
 *
 * A token is hex of: HMAC-SHA256 over what follows (32 bytes), expiry in seconds (8, big-endian), the user's generation
 * of tokens (4), e-mail. Nothing of it is looked at before the code is found right. Tokens are not stored; a user's are
 * taken back, all together, by a new generation.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_ACCOUNTS_TOKENS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_ACCOUNTS_TOKENS_H

#include "core/cloud_controller/controller.h"

void cc_token_make(struct controller *controller, const Cupola__JournalUser *user, struct text *ret_token);
/* Whether we, or another controller with our key, made it, and it has not expired. */
bool cc_token_is_ours(struct controller *controller, const char *token);
/* The user, if the token is ours, has not expired and was not taken back; else NULL. */
struct user *cc_token_check(struct controller *controller, const char *token);

#endif
