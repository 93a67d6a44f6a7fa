/* A look at a host that does not answer: three connection attempts of our own, spread over probe_ms, and up to three
 * other DEAs that try too (dea.UUID.probe). The first who gets through, or is refused, decides; if nobody does in
 * probe_ms the host is silent. It is called LOST only if our own beats came back over the bus meanwhile, which shows
 * that the questions and their answers could travel; until then the look goes on. What we could not ask for want of a
 * descriptor is no silence: then the word of a helper counts, or probe_ms begin anew.
 */
#ifndef CUPOLA_CORE_HEALTH_MANAGER_HOSTS_LOOK_H
#define CUPOLA_CORE_HEALTH_MANAGER_HOSTS_LOOK_H

#include "core/bus/client.h"
#include "core/health_manager/hosts/lease.h"

enum { LOOK_TRIES = 3, LOOK_HELPERS = 3 };

struct look_question {
    struct bus_request request;
    struct hm_look *look;
    bool is_pending;
};

struct hm_look {
    struct health_manager *hm;
    struct hm_dea *dea;
    struct timer timer;
    uint64_t began_ns;        /* Of the silence. */
    bool is_confirmed;        /* A helper has found nobody, either. */
    uint32_t tries;           /* So far. */
    uint64_t tried_ns;        /* The last one. */
    enum lease_state verdict; /* Of a helper; LEASE_NONE: not yet. */
    struct hm_line *lines[LOOK_TRIES];
    struct look_question questions[LOOK_HELPERS];
};

/* Begins one, unless one is under way. Without helpers only we look. */
void hm_look_begin(struct health_manager *hm, struct hm_dea *dea, bool with_helpers);
/* Ends it without a verdict. Nothing if none is under way. */
void hm_look_end(struct hm_dea *dea);
/* A line on which the host has accepted, taken out of the look; NULL if there is none. */
struct hm_line *hm_look_take_open_line(struct hm_dea *dea);
/* An attempt of ours came to nothing, since we had no room for one more connection. */
void hm_look_could_not(struct hm_look *look);
/* A line of it has ended: the look forgets it. */
void hm_look_forget_line(struct hm_look *look, const struct hm_line *line);

#endif
