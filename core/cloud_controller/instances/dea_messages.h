/* What DEAs are told. */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_INSTANCES_DEA_MESSAGES_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_INSTANCES_DEA_MESSAGES_H

#include "core/cloud_controller/controller.h"

/* dea.stop: fields that are absent or empty do not filter. */
void cc_dea_stop(struct controller *controller, const Cupola__DeaStop *stop);
/* dea.update: the app's hosts. */
void cc_dea_update(struct controller *controller, const struct app *app);
/* What an instance of that run may use. */
void cc_dea_fill_limits(const Cupola__JournalRun *run, Cupola__DeaLimits *ret_limits);
/* dea.ID.start of one index. With a request the DEA is asked to answer (DeaStartReply) within that time. */
void cc_dea_start(struct controller *controller, const char *dea, const struct app *app, int32_t index, uint64_t epoch,
                  struct bus_request *request, uint64_t timeout_ns, const struct bus_request_handlers *handlers);

#endif
