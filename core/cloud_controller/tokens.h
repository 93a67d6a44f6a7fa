/* Who somebody is, as text that only controllers with the same key can make.
 *
 * A token is hex of: HMAC-SHA256 over what follows (32 bytes), expiry in seconds (8, big-endian), e-mail. Nothing of it
 * is looked at before the code is found right. Tokens are not stored, and cannot be taken back before they expire.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_TOKENS_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_TOKENS_H

#include "core/cloud_controller/controller.h"

void cc_token_make(struct controller *controller, const char *email, struct text *ret_token);
/* Appends the e-mail if the token is ours and has not expired. */
bool cc_token_check(struct controller *controller, const char *token, struct text *ret_email);

#endif
