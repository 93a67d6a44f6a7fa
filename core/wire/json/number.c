/* Decimal text <-> integers and doubles. */
#include "core/wire/json/number.h"

#include "core/base/assert.h"

#include <string.h>

enum {
    LARGEST_EXACT_POWER = 22, /* 10^22 is the largest power of ten that a double holds exactly. */
    LIMB_DECIMALS = 9,
    LIMBS = 36, /* 9 * 36 = 324 digits: more than the 309 of the largest double. */
};

static const uint32_t LIMB_BASE = 1000000000;
static const double TWO_TO_63 = 9223372036854775808.0;
static const double LARGEST_DOUBLE = 0x1.fffffffffffffp1023;

bool json_parse_integer(const char *bytes, size_t size, bool *ret_negative, uint64_t *ret_magnitude)
{
    bool negative = size > 0 && bytes[0] == '-';
    size_t at = negative ? 1 : 0;
    if (at == size)
        return false;
    uint64_t magnitude = 0;
    for (; at < size; at++) {
        if (bytes[at] < '0' || bytes[at] > '9')
            return false;
        uint64_t digit = (uint64_t)(bytes[at] - '0');
        if (magnitude > (UINT64_MAX - digit) / 10)
            return false;
        magnitude = magnitude * 10 + digit;
    }
    *ret_negative = negative && magnitude > 0;
    *ret_magnitude = magnitude;
    return true;
}

static double scale_by_power_of_ten(double number, int exponent)
{
    static const double powers[LARGEST_EXACT_POWER + 1] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    };
    while (exponent > LARGEST_EXACT_POWER) {
        number *= powers[LARGEST_EXACT_POWER];
        exponent -= LARGEST_EXACT_POWER;
    }
    while (exponent < -LARGEST_EXACT_POWER) {
        number /= powers[LARGEST_EXACT_POWER];
        exponent += LARGEST_EXACT_POWER;
    }
    return exponent < 0 ? number / powers[-exponent] : number * powers[exponent];
}

/* The digits after the 'e', saturated: nothing beyond a thousand makes a difference. */
static int parse_exponent(const char *bytes, size_t size)
{
    bool negative = size > 0 && bytes[0] == '-';
    int exponent = 0;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] < '0' || bytes[i] > '9')
            continue; /* The sign. */
        if (exponent < 1000)
            exponent = exponent * 10 + (bytes[i] - '0');
    }
    return negative ? -exponent : exponent;
}

double json_parse_double(const char *bytes, size_t size)
{
    uint64_t mantissa = 0;
    int exponent = 0;
    bool after_point = false;
    for (size_t i = 0; i < size; i++) {
        char c = bytes[i];
        if (c == '.') {
            after_point = true;
        } else if (c == 'e' || c == 'E') {
            exponent += parse_exponent(bytes + i + 1, size - i - 1);
            break;
        } else if (c >= '0' && c <= '9') {
            bool fits = mantissa <= (UINT64_MAX - 9) / 10;
            if (fits)
                mantissa = mantissa * 10 + (uint64_t)(c - '0');
            /* Digits that do not fit only move the point. */
            exponent += (fits ? 0 : 1) - (after_point ? 1 : 0);
        }
    }
    double number = mantissa == 0 ? 0 : scale_by_power_of_ten((double)mantissa, exponent);
    return size > 0 && bytes[0] == '-' ? -number : number;
}

/* A whole number of at least 2^63: its 53 bits are doubled in base 10^9 until they are in their place. */
static void write_huge(struct text *text, double number)
{
    uint32_t limbs[LIMBS] = {0};
    int doublings = 0;
    while (number >= TWO_TO_63) {
        number /= 2; /* Exact: the number has no more than 53 bits. */
        doublings++;
    }
    uint64_t start = (uint64_t)number;
    for (size_t i = 0; start > 0; i++, start /= LIMB_BASE)
        limbs[i] = (uint32_t)(start % LIMB_BASE);
    for (; doublings > 0; doublings--) {
        uint32_t carry = 0;
        for (size_t i = 0; i < LIMBS; i++) {
            uint32_t doubled = limbs[i] * 2 + carry;
            carry = doubled >= LIMB_BASE ? 1 : 0;
            limbs[i] = doubled - (carry != 0 ? LIMB_BASE : 0);
        }
        assert_that(carry == 0);
    }
    size_t top = LIMBS - 1;
    while (limbs[top] == 0)
        top--;
    text_add_number(text, limbs[top]);
    while (top-- > 0)
        text_addf(text, "%09u", limbs[top]);
    text_add_string(text, ".0");
}

void json_write_double(struct text *text, double number)
{
    if (number != number || number > LARGEST_DOUBLE || number < -LARGEST_DOUBLE) {
        text_add_string(text, "null"); /* JSON knows no other word for it. */
        return;
    }
    if (number < 0) {
        text_add_char(text, '-');
        number = -number;
    }
    if (number >= TWO_TO_63) {
        write_huge(text, number);
        return;
    }
    uint64_t whole = (uint64_t)number;
    uint64_t billionths = (uint64_t)((number - (double)whole) * LIMB_BASE + 0.5);
    if (billionths >= LIMB_BASE) {
        billionths = 0;
        whole++;
    }
    char digits[LIMB_DECIMALS];
    for (size_t i = LIMB_DECIMALS; i-- > 0; billionths /= 10)
        digits[i] = (char)('0' + billionths % 10);
    size_t count = LIMB_DECIMALS;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    text_add_number(text, whole);
    text_add_char(text, '.');
    text_add(text, digits, count);
}
