#include "core/wire/nats/nkey.h"

#include <nettle/eddsa.h>
#include <string.h>

enum {
    PREFIX_USER = 20 << 3, /* Makes the text begin with "U". */
    RAW_SIZE = 1 + NATS_NKEY_SIZE + 2,
    TEXT_SIZE = (RAW_SIZE * 8 + 4) / 5,
};

/* The value of a digit, or -1. */
typedef int read_digit(char c);

static int base32_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-' || c == '+')
        return 62;
    return c == '_' || c == '/' ? 63 : -1;
}

/* Exactly `size` bytes from `count` digits of `bits` bits each. */
static bool decode(const char *text, size_t count, unsigned bits, read_digit *digit_of, uint8_t *ret_bytes, size_t size)
{
    uint32_t held = 0;
    unsigned held_bits = 0;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        int digit = digit_of(text[i]);
        if (digit < 0)
            return false;
        held = (held << bits | (uint32_t)digit) & 0xffff;
        held_bits += bits;
        if (held_bits < 8)
            continue;
        held_bits -= 8;
        if (used == size)
            return false;
        ret_bytes[used++] = (uint8_t)(held >> held_bits);
    }
    return used == size;
}

/* CRC-16 as in XMODEM. */
static uint16_t checksum(const uint8_t *bytes, size_t size)
{
    uint32_t crc = 0;
    for (size_t i = 0; i < size; i++) {
        crc ^= (uint32_t)bytes[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
        crc &= 0xffff;
    }
    return (uint16_t)crc;
}

bool nats_nkey_read(const char *text, uint8_t ret_key[NATS_NKEY_SIZE])
{
    uint8_t raw[RAW_SIZE];
    if (strlen(text) != TEXT_SIZE || !decode(text, TEXT_SIZE, 5, base32_digit, raw, sizeof raw))
        return false;
    uint16_t sum = (uint16_t)(raw[RAW_SIZE - 2] | raw[RAW_SIZE - 1] << 8);
    if (raw[0] != PREFIX_USER || checksum(raw, RAW_SIZE - 2) != sum)
        return false;
    memcpy(ret_key, raw + 1, NATS_NKEY_SIZE);
    return true;
}

bool nats_nkey_verify(const uint8_t key[NATS_NKEY_SIZE], const char *nonce, const char *signature)
{
    uint8_t raw[NATS_SIGNATURE_SIZE];
    size_t count = strlen(signature);
    while (count > 0 && signature[count - 1] == '=')
        count--;
    if (!decode(signature, count, 6, base64_digit, raw, sizeof raw))
        return false;
    return nettle_ed25519_sha512_verify(key, strlen(nonce), (const uint8_t *)nonce, raw) != 0;
}
