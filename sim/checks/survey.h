/* What runs and what is routed, against what should: the common ground of the checks. */
#ifndef CUPOLA_SIM_CHECKS_SURVEY_H
#define CUPOLA_SIM_CHECKS_SURVEY_H

#include "core/cloud_controller/view.h"
#include "core/dea/view.h"
#include "core/health_manager/view.h"
#include "core/router/view.h"
#include "sim/cloud_state.h"

/* Which instance is meant. */
struct place_key {
    int64_t droplet;
    int64_t index;
};

/* One index of one app: wanted, running, or both. */
struct place {
    struct place_key key;
    const char *app;     /* NULL: not wanted. */
    const char *version; /* Wanted. */
    size_t running;      /* In the wanted version, in the view of DEAs that run. */
    size_t others;       /* Anything else that is starting, running or ending. */
    const char *address; /* Of one that runs. */
    uint16_t port;
    size_t routes; /* In the router that is looked at. */
    UT_hash_handle hh;
};

struct survey {
    struct place *places;
    size_t wanted;
};

/* `only` restricts it to one app; NULL: all. False if no controller can be asked, or there is no such app. */
bool survey_take(struct cloud *cloud, const char *only, struct survey *ret_survey, struct text *ret_why);
/* An instance of which only the memory is left. */
bool survey_is_gone(const struct dea_instance_view *instance);
void survey_release(struct survey *survey);

#endif
