#include "core/cloud_controller/blobs/downloads.h"

#include "core/base/mutation.h"

#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <stdlib.h>
#include <string.h>

enum { CODE_SIZE = 16, MAX_DIGITS = 12 };

/* The same for all controllers, whatever else they sign with that key. */
static void compute_code(const struct controller *controller, const char *path, int64_t until_s,
                         uint8_t ret_code[CODE_SIZE])
{
    struct text signed_text = {0};
    text_addf(&signed_text, "download %lld %s", (long long)until_s, path);
    struct hmac_sha256_ctx context;
    hmac_sha256_set_key(&context, controller->token_key.size, (const uint8_t *)text_string(&controller->token_key));
    hmac_sha256_update(&context, signed_text.size, (const uint8_t *)text_string(&signed_text));
    hmac_sha256_digest(&context, CODE_SIZE, ret_code);
    text_free(&signed_text);
}

static void add_query(const struct controller *controller, const char *path, int64_t until_s, struct text *text)
{
    uint8_t code[CODE_SIZE];
    compute_code(controller, path, until_s, code);
    text_addf(text, "until=%lld&code=", (long long)until_s);
    text_add_hex(text, code, CODE_SIZE);
}

void cc_download_sign(const struct controller *controller, const char *path, struct text *ret_address)
{
    text_add_char(ret_address, '?');
    int64_t now_s = machine_wall_seconds(&controller->machine);
    add_query(controller, path, now_s + controller->config->download_lifetime_s, ret_address);
}

bool cc_download_check(const struct controller *controller, const char *path, struct http_text query)
{
    static const char prefix[] = "until=";
    if (mutation_is(CC_HANDS_OUT_DROPLETS))
        return true;
    char digits[MAX_DIGITS + 1] = "";
    if (query.size < sizeof prefix || memcmp(query.data, prefix, sizeof prefix - 1) != 0)
        return false;
    size_t size = query.size - (sizeof prefix - 1);
    memcpy(digits, query.data + sizeof prefix - 1, size < MAX_DIGITS ? size : MAX_DIGITS);
    int64_t until_s = strtoll(digits, NULL, 10);
    struct text expected = {0};
    add_query(controller, path, until_s, &expected);
    bool is_ours = expected.size == query.size && memeql_sec(text_string(&expected), query.data, query.size);
    text_free(&expected);
    return is_ours && machine_wall_seconds(&controller->machine) < until_s;
}
