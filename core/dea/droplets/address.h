/* Addresses of a controller, as orders carry them: "http://10.0.0.2:9022/staged_droplets/7/ea80..." */
#ifndef CUPOLA_CORE_DEA_DROPLETS_ADDRESS_H
#define CUPOLA_CORE_DEA_DROPLETS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Cuts it into what a request needs; the target points into it. False: it is not like that. */
bool dea_address_split(const char *uri, char *ret_host, size_t host_size, uint16_t *ret_port, const char **ret_target);

#endif
