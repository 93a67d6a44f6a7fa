/* What stagers say while they work: for whoever waits for it.
 *
 * DEAs tell it to all controllers, and a controller that stages by itself tells the others, so that any of them may be
 * asked. Kept in memory, of the newest stagings, and of each the end. What is durable is the droplet's logs/staging.log
 * and, of a staging that failed, the end that the journal keeps.
 */
#ifndef CUPOLA_CORE_CLOUD_CONTROLLER_STAGING_STAGE_LOG_H
#define CUPOLA_CORE_CLOUD_CONTROLLER_STAGING_STAGE_LOG_H

#include "core/cloud_controller/controller.h"

struct stage_log {
    int64_t app_id;
    char package_sha1[41];
    struct text text;  /* The end of it. */
    uint64_t left_out; /* Bytes before that. */
    struct stage_log *next;
};

/* The log of the app's newest staging that is known here, or NULL. */
const struct stage_log *cc_stage_log_find(const struct controller *controller, int64_t app_id);
/* Our own stager has said something: keeps it and tells the other controllers. */
void cc_stage_log_say(struct controller *controller, int64_t app_id, const char *package_sha1, struct io_bytes bytes);
/* cloudcontroller.staging, for the table in cloud_controller.c. */
void cc_on_staging_output(struct bus_client *bus, const ProtobufCMessage *parsed, const struct bus_message *message);
void cc_stage_logs_destroy(struct controller *controller);

#endif
