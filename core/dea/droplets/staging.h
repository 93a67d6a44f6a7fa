/* Stagings for controllers (dea.UUID.stage): a package comes in, a droplet goes back.
 *
 *   ordered --> FETCHING --package is here--> STAGING --droplet is here--> SENDING --the controller has it--> gone
 *                  `--not to be had--.            `--it cannot be staged--.     `--it will not have it--.
 *                                    `---------------------------------------------------------------> gone
 *
 * Any number of DEAs may stage the same package: a droplet is named by its content, the controller takes only what it
 * still waits for, and says itself which one counts. So a staging that is lost with its DEA costs time only, and what
 * nobody waits for any more is dropped. Until its end a staging holds the memory of one instance. While it lasts the
 * controller hears of it every second.
 */
#ifndef CUPOLA_CORE_DEA_DROPLETS_STAGING_H
#define CUPOLA_CORE_DEA_DROPLETS_STAGING_H

#include "core/bus/client.h"

struct dea;
struct stage_task;

struct dea_staging {
    struct stage_task *tasks; /* In order of arrival. */
    uint32_t count;
    uint64_t staged, failed, refused;
};

/* dea.discover.stage */
void dea_staging_on_discover(struct bus_client *client, const ProtobufCMessage *parsed,
                             const struct bus_message *message);
/* dea.UUID.stage */
void dea_staging_on_order(struct bus_client *client, const ProtobufCMessage *parsed, const struct bus_message *message);
/* The agent ends: controllers are told to look elsewhere. */
void dea_staging_leave(struct dea *dea);
void dea_staging_destroy(struct dea *dea);

#endif
