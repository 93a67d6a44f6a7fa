#include "core/dea/instances/ports.h"

#include "core/base/assert.h"
#include "core/base/duration.h"
#include "core/base/memory.h"

static bool is_inside(const struct ports *ports, uint16_t port)
{
    return port >= ports->first && port < ports->first + ports->count;
}

void dea_ports_open(struct ports *ports, uint16_t first, uint16_t last, uint16_t next_port)
{
    assert_that(first > 0);
    assert_that(first <= last);
    *ports = (struct ports){.first = first, .count = (uint32_t)last - first + 1};
    ports->free_from_ns = memory_new(ports->count * sizeof *ports->free_from_ns);
    ports->next = is_inside(ports, next_port) ? (uint32_t)next_port - first : 0;
}

void dea_ports_close(struct ports *ports)
{
    memory_free(ports->free_from_ns);
    ports->free_from_ns = NULL;
}

uint16_t dea_ports_take(struct ports *ports, uint64_t now_ns)
{
    for (uint32_t i = 0; i < ports->count; i++) {
        uint32_t offset = (ports->next + i) % ports->count;
        if (ports->free_from_ns[offset] > now_ns)
            continue;
        ports->free_from_ns[offset] = NEVER_NS;
        ports->next = (offset + 1) % ports->count;
        return (uint16_t)(ports->first + offset);
    }
    return 0;
}

bool dea_ports_claim(struct ports *ports, uint16_t port)
{
    if (!is_inside(ports, port))
        return true;
    uint64_t *free_from_ns = &ports->free_from_ns[port - ports->first];
    if (*free_from_ns == NEVER_NS)
        return false;
    *free_from_ns = NEVER_NS;
    return true;
}

/* A survivor of another configuration may hold a port outside of the range: nobody else can get that one. */
void dea_ports_release(struct ports *ports, uint16_t port, uint64_t free_from_ns)
{
    if (!is_inside(ports, port))
        return;
    assert_that(ports->free_from_ns[port - ports->first] == NEVER_NS);
    assert_that(free_from_ns < NEVER_NS);
    ports->free_from_ns[port - ports->first] = free_from_ns;
}

uint16_t dea_ports_next(const struct ports *ports, uint32_t ahead)
{
    return (uint16_t)(ports->first + (ports->next + ahead) % ports->count);
}
