/* TLS under the connections of a component, which sees plain bytes only.
 *
 * OpenSSL does no I/O here: what comes from the socket is put into `input`, what is to go there is found in `fresh`.
 *
 *   socket --tls_feed--> input --tls_read--> bytes of the component
 *   socket <--tls_output-- sending <-- fresh <--tls_encrypt-- queue of the stream
 *
 * Invariants: `sending` stays in place while a write is in flight; `plain_size` bytes at the head of the stream's queue
 * are in `sending` and leave the queue with its last byte. Limits: TLS_BATCH_BYTES encrypted ahead, one read of the
 * socket kept back, DriverConfig.tls.max_handshakes and handshake_timeout_ms of accepted connections.
 */
#ifndef CUPOLA_DRIVERS_REAL_STREAMS_TLS_H
#define CUPOLA_DRIVERS_REAL_STREAMS_TLS_H

#include "core/base/text.h"
#include "drivers/real/driver.h"

#include <openssl/ssl.h>

enum { TLS_BATCH_BYTES = 65536, TLS_SUBJECT_SIZE = 256 };

struct stream;

struct tls {
    struct stream *stream;
    struct tls_settings *settings;
    SSL *ssl;
    bool is_ready;     /* The handshake is over. */
    bool has_input;    /* tls_read may find something. */
    bool has_ended;    /* The peer said so, or the socket did: see was_cut. */
    bool was_cut;      /* The socket ended without the peer's word. */
    bool end_is_out;   /* We have said so. */
    struct io_op op;   /* Of START_TLS, until it is answered. */
    size_t plain_left; /* Bytes of the queue that START_TLS found there and that go as they are. */

    struct text input;
    size_t input_used;
    struct text fresh, sending;
    size_t sent_size; /* Of `sending`. */
    size_t plain_size;
    bool plain_is_blob;

    /* Accepted, and not with the component yet. */
    struct io_listener listener;
    uint64_t give_up_ns;
    struct tls *prev, *next; /* utlist.h names them so. */
};

/* ---- Settings (tls_settings.c) ---- */

struct tls_settings;

/* Reads all that DriverConfig.tls names. False with the reason if something cannot be used. */
bool tls_settings_open(struct real_driver *driver, struct text *ret_reason);
/* Reads them again; keeps the old ones and says so if that fails. Connections that are open stay as they are. */
void tls_settings_reload(struct real_driver *driver);
void tls_settings_free(struct real_driver *driver);
/* NULL if there are none of that name. */
struct tls_settings *tls_settings_find(const struct real_driver *driver, const char *name);
bool tls_settings_may_serve(const struct tls_settings *settings);
const Cupola__TlsConfig *tls_settings_config(const struct tls_settings *settings);
/* One side of a connection; given. The settings are kept until they are released. */
SSL *tls_settings_new_server(struct tls_settings *settings);
SSL *tls_settings_new_client(struct tls_settings *settings, const char *server_name);
void tls_settings_release(struct tls_settings *settings);

/* ---- One connection (tls.c) ---- */

/* server_name NULL: we are the server. */
struct tls *tls_new(struct stream *stream, struct tls_settings *settings, const char *server_name);
void tls_free(struct tls *tls);

enum tls_result { TLS_OK = 0, TLS_STARVED, TLS_ENDED, TLS_FAILED };

void tls_feed(struct tls *tls, const void *bytes, size_t size);
/* Goes on with the handshake as far as the input reaches. */
enum tls_result tls_shake_hands(struct tls *tls);
/* Decrypts into the room, as much as there is; *ret_size > 0 exactly if TLS_OK. */
enum tls_result tls_read(struct tls *tls, uv_buf_t room, size_t *ret_size);
/* Encrypts; false if the connection is broken. */
bool tls_encrypt(struct tls *tls, const uv_buf_t *pieces, unsigned count);
/* Tells the peer that we send no more. */
void tls_end(struct tls *tls);
/* What is to be sent: empty if nothing. The memory stays until tls_output_sent. */
uv_buf_t tls_output(struct tls *tls);
/* True if that was all. */
bool tls_output_sent(struct tls *tls, size_t size);

/* What was agreed on. `subject` must have TLS_SUBJECT_SIZE; lent by the result. `protocol` likewise, 256. */
struct io_tls tls_agreed(const struct tls *tls, char *subject, char *protocol);
/* Why it failed, for people. */
void tls_explain(const struct tls *tls, struct text *ret_reason);

/* ---- Handshakes as part of a stream's life (stream_tls.c) ---- */

/* The listener took a connection that is to be secured. */
void stream_tls_accept(struct stream *stream, struct io_listener listener, struct tls_settings *settings);
/* The socket is connected; CONNECTED follows the handshake. */
void stream_tls_connect(struct stream *stream);
void stream_tls_start(struct real_driver *driver, const struct effect *effect);
/* Ciphertext has come, or the end of it. */
void stream_tls_on_bytes(struct stream *stream, const void *bytes, size_t size);
void stream_tls_on_end(struct stream *stream);
/* Somebody waits for bytes: decrypts for them, within the round of a step. */
void stream_tls_deliver(struct stream *stream);
/* Ends a connection that the component does not know yet. */
void stream_tls_drop(struct stream *stream);
/* Answers START_TLS as cancelled, if it waits. */
void stream_tls_cancel(struct stream *stream);
/* Ends handshakes that take too long; all of them at the end of the driver. */
void stream_tls_sweep(struct real_driver *driver, uint64_t now_ns);
void stream_tls_close_all(struct real_driver *driver);

#endif
