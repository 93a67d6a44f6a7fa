#include "tests/core/cloud_controller/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

int model_roll(struct model *model, int sides)
{
    return (int)random_below(&model->random, (uint64_t)sides);
}

unsigned model_count_bits(unsigned bits)
{
    return (unsigned)__builtin_popcount(bits);
}

void model_expect(struct model *model, const char *token, const char *method, const char *path, const char *body,
                  int status, int code)
{
    char part[32];
    snprintf(part, sizeof part, "{\"code\":%d,", code);
    int found = town_request(&model->town, token, method, path, body);
    bool has_code =
        strncmp(town_body(&model->town), code == 0 ? "{\"code\":" : part, strlen(code == 0 ? "{\"code\":" : part)) == 0;
    if (found != status || has_code != (code != 0))
        fail_msg("seed %llu, step %d: %s %s %s: expected %d with code %d, found %d: %s",
                 (unsigned long long)model->seed, model->step, method, path, body, status, code, found,
                 town_body(&model->town));
}

void model_expect_verdict(struct model *model, const struct person *person, const char *method, const char *path,
                          const char *body, struct verdict verdict)
{
    model_expect(model, person->token, method, path, body, verdict.status, verdict.code);
}
