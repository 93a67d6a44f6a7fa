#include "core/dea/droplets/address.h"

#include <string.h>

bool dea_address_split(const char *uri, char *ret_host, size_t host_size, uint16_t *ret_port, const char **ret_target)
{
    static const char scheme[] = "http://";
    if (strncmp(uri, scheme, sizeof scheme - 1) != 0)
        return false;
    const char *host = uri + sizeof scheme - 1;
    size_t size = strcspn(host, ":/");
    if (size == 0 || size >= host_size)
        return false;
    const char *at = host + size;
    uint32_t port = 80;
    if (*at == ':') {
        port = 0;
        for (at++; *at >= '0' && *at <= '9' && port <= UINT16_MAX; at++)
            port = port * 10 + (uint32_t)(*at - '0');
    }
    if (*at != '/' || port == 0 || port > UINT16_MAX)
        return false;
    for (const char *c = at; *c != 0; c++)
        if (*c <= ' ' || *c > '~')
            return false;
    memcpy(ret_host, host, size);
    ret_host[size] = 0;
    *ret_port = (uint16_t)port;
    *ret_target = at;
    return true;
}
