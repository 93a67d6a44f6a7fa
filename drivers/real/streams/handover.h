/* Listening sockets that another process has opened, so that an upgrade refuses no connection.
 *
 *   new process --connects to handover.sock--> old one: sends its listening sockets (SCM_RIGHTS), goes on serving
 *   new process listens on them, says so -----> old one: stops as after SIGTERM; the new one waits for its successor
 *
 * A service manager may give sockets too (LISTEN_FDS, LISTEN_PID as systemd sets them). A LISTEN takes the socket that
 * is bound to its address, and accepts from all others that are bound to it too (workers without a successor leave
 * them); those that nobody asks for are closed. Limits: HANDOVER_SOCKETS_MOST, HANDOVER_PATIENCE_S.
 */
#ifndef CUPOLA_DRIVERS_REAL_STREAMS_HANDOVER_H
#define CUPOLA_DRIVERS_REAL_STREAMS_HANDOVER_H

#include "drivers/real/driver.h"

enum { HANDOVER_SOCKETS_MOST = 64, HANDOVER_PATIENCE_S = 5 };

/* Takes what there is to be taken. Before the component starts. */
void handover_open(struct real_driver *driver);
/* A socket that is bound to the address, or -1. Given. */
int handover_take(struct real_driver *driver, const struct sockaddr *address);
/* The component has opened its listeners: whoever gave us sockets may stop, and we may be asked for them. */
void handover_on_listening(struct real_driver *driver);
void handover_close(struct real_driver *driver);

/* For handover.c: listeners take what is bound to their addresses. */
void listenings_adopt(struct real_driver *driver);
/* The descriptors of all listeners; their number. */
size_t listenings_descriptors(const struct real_driver *driver, int ret_descriptors[HANDOVER_SOCKETS_MOST]);

#endif
