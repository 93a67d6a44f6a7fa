/* The range of ports that belongs to this DEA: every instance gets one of its own.
 *
 * Ports are given in a circle, and a port that was used rests in quarantine longer than a stale route can live, so that
 * a router's old entry never leads to another app. A DEA that restarts goes on where the circle stood (saved.c), since
 * it has forgotten the quarantine.
 */
#ifndef CUPOLA_CORE_DEA_INSTANCES_PORTS_H
#define CUPOLA_CORE_DEA_INSTANCES_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ports {
    uint16_t first;
    uint32_t count;
    uint32_t next;          /* Offset of the next candidate. */
    uint64_t *free_from_ns; /* By offset; NEVER_NS: in use. */
};

/* `next_port` is where a former life stopped, or 0. */
void dea_ports_open(struct ports *ports, uint16_t first, uint16_t last, uint16_t next_port);
void dea_ports_close(struct ports *ports);
/* A port that is neither in use nor in quarantine, or 0. */
uint16_t dea_ports_take(struct ports *ports, uint64_t now_ns);
/* A survivor holds it. False if another one does. (What is outside of the range nobody else can get.) */
bool dea_ports_claim(struct ports *ports, uint16_t port);
/* Gives it back, to be used again after `free_from_ns`. */
void dea_ports_release(struct ports *ports, uint16_t port, uint64_t free_from_ns);
/* The one that is `ahead` ports further round the circle. */
uint16_t dea_ports_next(const struct ports *ports, uint32_t ahead);

#endif
