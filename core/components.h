/* The roles that a process can play. Each constant is defined in its component's folder. */
#ifndef CUPOLA_CORE_COMPONENTS_H
#define CUPOLA_CORE_COMPONENTS_H

#include "core/machine/machine.h"

extern const struct machine_class bus_server_class;       /* core/bus/server/server.c */
extern const struct machine_class router_class;           /* core/router/router.c */
extern const struct machine_class cloud_controller_class; /* core/cloud_controller/cloud_controller.c */
extern const struct machine_class dea_class;              /* core/dea/dea.c */
extern const struct machine_class health_manager_class;   /* core/health_manager/health_manager.c */
extern const struct machine_class client_class;           /* core/client/client.c */

#endif
