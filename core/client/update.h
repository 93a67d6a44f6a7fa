/* What commands that bring about a new run share. */
#ifndef CUPOLA_CORE_CLIENT_UPDATE_H
#define CUPOLA_CORE_CLIENT_UPDATE_H

#include "core/client/client.h"

/* Whether an earlier attempt, whose answer was lost, has brought about another run than the one that was there at the
 * first call of this. The app was read just before. */
bool client_update_was_carried_out(struct client *client);

#endif
