#include "drivers/sim/distribution.h"

#include "core/base/assert.h"
#include "drivers/sim/distribution_tables.h"

enum { MILLION = 1000000 };

/* 1 / ln 2 and ln 2, in 1/65536. */
enum { INVERSE_LN2_Q16 = 94548, LN2_Q16 = 45426 };

struct distribution distribution_constant(uint64_t value_ns)
{
    return (struct distribution){.kind = DISTRIBUTION_CONSTANT, .first_ns = value_ns};
}

struct distribution distribution_uniform(uint64_t low_ns, uint64_t high_ns)
{
    assert_that(low_ns <= high_ns);
    return (struct distribution){.kind = DISTRIBUTION_UNIFORM, .first_ns = low_ns, .second = high_ns};
}

struct distribution distribution_exponential(uint64_t least_ns, uint64_t mean_ns)
{
    return (struct distribution){.kind = DISTRIBUTION_EXPONENTIAL, .first_ns = least_ns, .second = mean_ns};
}

struct distribution distribution_lognormal(uint64_t median_ns, uint64_t sigma_ppm)
{
    assert_that(sigma_ppm <= 4 * MILLION);
    return (struct distribution){.kind = DISTRIBUTION_LOGNORMAL, .first_ns = median_ns, .second = sigma_ppm};
}

struct distribution distribution_bimodal(uint64_t often_ns, uint64_t seldom_ns, uint32_t seldom_ppm)
{
    assert_that(seldom_ppm <= MILLION);
    return (struct distribution){
        .kind = DISTRIBUTION_BIMODAL, .share_ppm = seldom_ppm, .first_ns = often_ns, .second = seldom_ns};
}

static uint64_t interpolate(const uint32_t *table, uint32_t fraction_q16)
{
    uint32_t index = fraction_q16 >> 10;
    uint32_t rest = fraction_q16 & 1023;
    return table[index] + (((uint64_t)(table[index + 1] - table[index]) * rest) >> 10);
}

/* log2(value) in 1/65536, for value >= 1. */
static uint64_t log2_q16(uint64_t value)
{
    uint32_t whole = 63 - (uint32_t)__builtin_clzll(value);
    uint64_t mantissa = whole >= 16 ? value >> (whole - 16) : value << (16 - whole);
    return ((uint64_t)whole << 16) + interpolate(LOG2_Q16, (uint32_t)(mantissa & 0xffff));
}

/* value * 2^(power / 65536). */
static uint64_t scale_by_power_of_two(uint64_t value, int64_t power_q16)
{
    int64_t whole = power_q16 >> 16; /* Rounds down, also below 0. */
    uint64_t factor_q16 = interpolate(EXP2_Q16, (uint32_t)(power_q16 & 0xffff));
    unsigned __int128 scaled = (unsigned __int128)value * factor_q16;
    int64_t shift = 16 - whole;
    if (shift < 0)
        scaled <<= -shift > 60 ? 60 : -shift;
    else
        scaled >>= shift > 120 ? 120 : shift;
    return scaled > UINT64_MAX / 2 ? UINT64_MAX / 2 : (uint64_t)scaled;
}

/* -ln(u) of a uniform u, times the mean: u is a 53-bit fraction. */
static uint64_t sample_exponential(uint64_t mean, struct random_stream *stream)
{
    uint64_t u = (random_draw(stream) >> 11) + 1;
    uint64_t minus_log2_q16 = (UINT64_C(53) << 16) - log2_q16(u);
    return (uint64_t)(((unsigned __int128)mean * minus_log2_q16 * LN2_Q16) >> 32);
}

/* A standard normal in 1/65536: twelve uniforms, less six (Irwin-Hall). Its tails end at six, which suits latencies. */
static int64_t sample_normal_q16(struct random_stream *stream)
{
    int64_t sum = 0;
    for (int i = 0; i < 3; i++) {
        uint64_t bits = random_draw(stream);
        for (int part = 0; part < 4; part++, bits >>= 16)
            sum += (int64_t)(bits & 0xffff);
    }
    return sum - 6 * 65536;
}

static uint64_t sample_lognormal(uint64_t median, uint64_t sigma_ppm, struct random_stream *stream)
{
    int64_t exponent_q16 = sample_normal_q16(stream) * (int64_t)sigma_ppm / MILLION;
    return scale_by_power_of_two(median, exponent_q16 * INVERSE_LN2_Q16 / 65536);
}

uint64_t distribution_sample(const struct distribution *distribution, struct random_stream *stream)
{
    switch (distribution->kind) {
    case DISTRIBUTION_CONSTANT:
        return distribution->first_ns;
    case DISTRIBUTION_UNIFORM:
        return random_between(stream, distribution->first_ns, distribution->second);
    case DISTRIBUTION_EXPONENTIAL:
        return distribution->first_ns + sample_exponential(distribution->second, stream);
    case DISTRIBUTION_LOGNORMAL:
        return sample_lognormal(distribution->first_ns, distribution->second, stream);
    case DISTRIBUTION_BIMODAL:
        return random_below(stream, MILLION) < distribution->share_ppm ? distribution->second : distribution->first_ns;
    }
    assert_unreachable();
}

uint64_t distribution_median_ns(const struct distribution *distribution)
{
    switch (distribution->kind) {
    case DISTRIBUTION_CONSTANT:
    case DISTRIBUTION_LOGNORMAL:
        return distribution->first_ns;
    case DISTRIBUTION_UNIFORM:
        return distribution->first_ns + (distribution->second - distribution->first_ns) / 2;
    case DISTRIBUTION_EXPONENTIAL:
        return distribution->first_ns + (uint64_t)(((unsigned __int128)distribution->second * LN2_Q16) >> 16);
    case DISTRIBUTION_BIMODAL:
        return distribution->share_ppm > MILLION / 2 ? distribution->second : distribution->first_ns;
    }
    assert_unreachable();
}
