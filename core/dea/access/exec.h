/* Commands beside an instance's processes (`cupola exec`).
 *
 *   OFFERED --GET /exec/TICKET with an Upgrade--> PREPARING --the driver has it ready--> CONNECTING
 *   CONNECTING --connected--> JOINED --either side ends, silence, the instance ends--> ENDING --all closed--> freed
 *   OFFERED --half a minute--> freed;   PREPARING, CONNECTING --any failure--> ENDING
 *
 * A controller asks by dea.exec, on behalf of somebody who may; the ticket in our answer is good once. What travels
 * then (core/wire/exec_frame.h) is the affair of the client and the process beside the command. At most
 * DeaConfig.exec_sessions at once.
 */
#ifndef CUPOLA_CORE_DEA_ACCESS_EXEC_H
#define CUPOLA_CORE_DEA_ACCESS_EXEC_H

#include "core/bus/client.h"
#include "core/http/server.h"

struct dea;
struct instance;

struct dea_execs {
    struct dea_exec *first;
    uint32_t count;
    struct random_stream tickets;
    bool has_tickets; /* The stream was begun. */
};

/* dea.exec */
void dea_exec_on_asked(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message);
/* On the file viewer's port: false if it is not for us. */
bool dea_exec_on_request(struct http_exchange *exchange);
bool dea_exec_on_aborted(struct http_exchange *exchange);
/* The instance's process has ended, or is told to. */
void dea_exec_end_of(const struct instance *instance);
void dea_exec_end_all(struct dea *dea);
void dea_exec_destroy(struct dea *dea);

#endif
