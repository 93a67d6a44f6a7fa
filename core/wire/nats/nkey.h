/* NKeys: Ed25519 keys of users of the bus, as today's clients use them instead of passwords.
 *
 * The server sends a nonce in INFO; the client signs it and sends its public key and the signature in CONNECT. A public
 * key is written as "U..." in base 32: a byte for its kind, the 32 bytes of the key, and a CRC-16 of both.
 */
#ifndef CUPOLA_CORE_WIRE_NATS_NKEY_H
#define CUPOLA_CORE_WIRE_NATS_NKEY_H

#include <stdbool.h>
#include <stdint.h>

enum { NATS_NKEY_SIZE = 32, NATS_SIGNATURE_SIZE = 64 };

/* Reads a user's public key; false if the text is none. */
bool nats_nkey_read(const char *text, uint8_t ret_key[NATS_NKEY_SIZE]);
/* Whether `signature` (base 64 in either alphabet, padded or not) is that key's under `nonce`. */
bool nats_nkey_verify(const uint8_t key[NATS_NKEY_SIZE], const char *nonce, const char *signature);

#endif
