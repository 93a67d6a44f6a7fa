/* How long things take in a simulated world: distributions of durations, sampled with integers only, so that every
 * machine and compiler draws the same. A zeroed struct is "always 0 ns".
 */
#ifndef CUPOLA_DRIVERS_SIM_DISTRIBUTION_H
#define CUPOLA_DRIVERS_SIM_DISTRIBUTION_H

#include "core/base/random.h"

enum distribution_kind {
    DISTRIBUTION_CONSTANT = 0, /* first_ns */
    DISTRIBUTION_UNIFORM,      /* first_ns .. second */
    DISTRIBUTION_EXPONENTIAL,  /* first_ns + exponential with mean `second` */
    DISTRIBUTION_LOGNORMAL,    /* median first_ns, sigma = second / 1,000,000 */
    DISTRIBUTION_BIMODAL,      /* first_ns, or with a chance of `share_ppm` in a million second */
};

struct distribution {
    enum distribution_kind kind;
    uint32_t share_ppm;
    uint64_t first_ns;
    uint64_t second;
};

struct distribution distribution_constant(uint64_t value_ns);
struct distribution distribution_uniform(uint64_t low_ns, uint64_t high_ns);
/* `least_ns` plus an exponential tail. */
struct distribution distribution_exponential(uint64_t least_ns, uint64_t mean_ns);
/* `sigma_ppm` is at most 4,000,000: a sigma of 4. */
struct distribution distribution_lognormal(uint64_t median_ns, uint64_t sigma_ppm);
struct distribution distribution_bimodal(uint64_t often_ns, uint64_t seldom_ns, uint32_t seldom_ppm);

uint64_t distribution_sample(const struct distribution *distribution, struct random_stream *stream);
/* Its middle, for people and for figures that need one number. */
uint64_t distribution_median_ns(const struct distribution *distribution);

#endif
