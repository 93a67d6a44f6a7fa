/* Configuration files of `cupola run`: read strictly, checked, and changed by options. */
#ifndef CUPOLA_CLI_RUN_CONFIG_H
#define CUPOLA_CLI_RUN_CONFIG_H

#include "core/base/text.h"
#include "core/machine/machine.h"
#include "core/proto/config.pb-c.h"

/* One role that a process can play. */
struct run_role {
    const char *name;    /* "controller" */
    const char *section; /* Of the configuration file: "cloud_controller" */
    const struct machine_class *class;
    const char *listen; /* The field of the section that --listen sets, "listen" or "monitor.listen". */
};

/* Roles go by their own name or by that of their section. NULL if there is none of that name. */
const struct run_role *run_role_of(const char *name);

/* Reads the file, or takes the defaults if path is NULL. Given; NULL and a message on stderr if it cannot be used. */
Cupola__ProcessConfig *run_config_read(const char *path);
/* False and a message if a value is out of its range. `where` names the file in it. */
bool run_config_check(const Cupola__ProcessConfig *config, const char *where);
/* The section of the role, made if there was none. */
ProtobufCMessage *run_config_section(Cupola__ProcessConfig *config, const struct run_role *role);
Cupola__DriverConfig *run_config_driver(Cupola__ProcessConfig *config);
bool run_config_set_listen(Cupola__ProcessConfig *config, const struct run_role *role, const char *text);
/* Replaces the servers of the section's bus. False and a message if the role has no bus. */
bool run_config_set_bus(Cupola__ProcessConfig *config, const struct run_role *role, const char *text);
/* Replaces a text of the driver's section, by the name of its field. */
void run_config_set_driver_text(Cupola__DriverConfig *driver, const char *name, const char *value);

#endif
