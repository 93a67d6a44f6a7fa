#include "core/cloud_controller/accounts/tokens.h"

#include "core/base/assert.h"
#include "core/base/mutation.h"

#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <string.h>

enum {
    CODE_SIZE = SHA256_DIGEST_SIZE,
    EXPIRY_SIZE = 8,
    GENERATION_SIZE = 4,
    HEAD_SIZE = CODE_SIZE + EXPIRY_SIZE + GENERATION_SIZE,
    MAX_EMAIL_SIZE = 254,
    MAX_TOKEN_SIZE = HEAD_SIZE + MAX_EMAIL_SIZE,
};

static void compute_code(const struct controller *controller, const uint8_t *bytes, size_t size,
                         uint8_t ret_code[CODE_SIZE])
{
    struct hmac_sha256_ctx context;
    hmac_sha256_set_key(&context, controller->token_key.size, (const uint8_t *)text_string(&controller->token_key));
    hmac_sha256_update(&context, size, bytes);
    hmac_sha256_digest(&context, CODE_SIZE, ret_code);
}

static void put_number(uint8_t *bytes, size_t size, uint64_t number)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(number >> (8 * (size - 1 - i)));
}

static uint64_t get_number(const uint8_t *bytes, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | bytes[i];
    return number;
}

void cc_token_make(struct controller *controller, const Cupola__JournalUser *user, struct text *ret_token)
{
    size_t email_size = strlen(user->email);
    assert_that(email_size > 0 && email_size <= MAX_EMAIL_SIZE);
    uint64_t expiry = (uint64_t)machine_wall_seconds(&controller->machine) + controller->config->token_lifetime_s;
    uint8_t bytes[MAX_TOKEN_SIZE];
    put_number(bytes + CODE_SIZE, EXPIRY_SIZE, expiry);
    put_number(bytes + CODE_SIZE + EXPIRY_SIZE, GENERATION_SIZE, user->token_generation);
    memcpy(bytes + HEAD_SIZE, user->email, email_size);
    compute_code(controller, bytes + CODE_SIZE, HEAD_SIZE - CODE_SIZE + email_size, bytes);
    text_add_hex(ret_token, bytes, HEAD_SIZE + email_size);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

static bool decode_hex(const char *digits, size_t size, uint8_t *ret_bytes)
{
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(digits[2 * i]);
        int low = hex_digit(digits[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret_bytes[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

/* The bytes of a token that is ours; 0: it is not. */
static size_t open_token(struct controller *controller, const char *token, uint8_t ret_bytes[MAX_TOKEN_SIZE])
{
    size_t digits = strlen(token);
    size_t size = digits / 2;
    if (digits % 2 != 0 || size <= HEAD_SIZE || size > MAX_TOKEN_SIZE || !decode_hex(token, size, ret_bytes))
        return 0;
    uint8_t code[CODE_SIZE];
    compute_code(controller, ret_bytes + CODE_SIZE, size - CODE_SIZE, code);
    if (!memeql_sec(code, ret_bytes, CODE_SIZE) && !mutation_is(CC_BELIEVES_TOKENS))
        return 0;
    int64_t expiry = (int64_t)get_number(ret_bytes + CODE_SIZE, EXPIRY_SIZE);
    return machine_wall_seconds(&controller->machine) < expiry ? size : 0;
}

bool cc_token_is_ours(struct controller *controller, const char *token)
{
    uint8_t bytes[MAX_TOKEN_SIZE];
    return open_token(controller, token, bytes) > 0;
}

struct user *cc_token_check(struct controller *controller, const char *token)
{
    uint8_t bytes[MAX_TOKEN_SIZE];
    size_t size = open_token(controller, token, bytes);
    if (size == 0)
        return NULL;
    char email[MAX_EMAIL_SIZE + 1] = "";
    memcpy(email, bytes + HEAD_SIZE, size - HEAD_SIZE);
    struct user *user = cc_state_find_user(&controller->state, email);
    bool is_current =
        user != NULL && get_number(bytes + CODE_SIZE + EXPIRY_SIZE, GENERATION_SIZE) == user->value->token_generation;
    return is_current ? user : NULL;
}
