/* One side of one TLS connection: bytes in, bytes out. */
#include "drivers/real/streams/tls.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

/* ---- What OpenSSL reads from and writes to ---- */

static int give_input(BIO *bio, char *room, int size)
{
    struct tls *tls = BIO_get_data(bio);
    size_t left = tls->input.size - tls->input_used;
    BIO_clear_retry_flags(bio);
    if (left == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t part = left < (size_t)size ? left : (size_t)size;
    memcpy(room, text_string(&tls->input) + tls->input_used, part);
    tls->input_used += part;
    return (int)part;
}

static int take_output(BIO *bio, const char *bytes, int size)
{
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    text_add(&tls->fresh, bytes, (size_t)size);
    return size;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/* One for the process, made when it is first needed and never changed. */
static const BIO_METHOD *bio_method(void)
{
    static BIO_METHOD *method;
    if (method == NULL) {
        method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "cupola");
        assert_that(method != NULL);
        BIO_meth_set_read(method, give_input);
        BIO_meth_set_write(method, take_output);
        BIO_meth_set_ctrl(method, control);
    }
    return method;
}

struct tls *tls_new(struct stream *stream, struct tls_settings *settings, const char *server_name)
{
    struct tls *tls = memory_new(sizeof *tls);
    tls->stream = stream;
    tls->settings = settings;
    tls->ssl = server_name == NULL ? tls_settings_new_server(settings) : tls_settings_new_client(settings, server_name);
    BIO *bio = BIO_new(bio_method());
    assert_that(bio != NULL);
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    return tls;
}

void tls_free(struct tls *tls)
{
    if (tls == NULL)
        return;
    SSL_free(tls->ssl);
    tls_settings_release(tls->settings);
    text_free(&tls->input);
    text_free(&tls->fresh);
    text_free(&tls->sending);
    memory_free(tls);
}

/* ---- In ---- */

void tls_feed(struct tls *tls, const void *bytes, size_t size)
{
    if (tls->input_used == tls->input.size) {
        text_clear(&tls->input);
        tls->input_used = 0;
    }
    text_add(&tls->input, bytes, size);
    tls->has_input = true;
}

/* An idle connection keeps no buffers. */
static void drop_used_input(struct tls *tls)
{
    if (tls->input_used < tls->input.size)
        return;
    text_free(&tls->input);
    tls->input_used = 0;
}

static enum tls_result result_of(struct tls *tls, int returned)
{
    switch (SSL_get_error(tls->ssl, returned)) {
    case SSL_ERROR_NONE:
        return TLS_OK;
    case SSL_ERROR_WANT_READ:
        drop_used_input(tls);
        tls->has_input = false;
        return tls->has_ended ? TLS_ENDED : TLS_STARVED;
    case SSL_ERROR_ZERO_RETURN:
        tls->has_ended = true;
        tls->was_cut = false;
        return TLS_ENDED;
    default:
        return TLS_FAILED;
    }
}

enum tls_result tls_shake_hands(struct tls *tls)
{
    assert_that(!tls->is_ready);
    ERR_clear_error();
    enum tls_result result = result_of(tls, SSL_do_handshake(tls->ssl));
    tls->is_ready = result == TLS_OK;
    return result;
}

enum tls_result tls_read(struct tls *tls, uv_buf_t room, size_t *ret_size)
{
    size_t size = 0;
    enum tls_result result = TLS_OK;
    ERR_clear_error();
    while (size < room.len) {
        size_t part = room.len - size;
        int got = SSL_read(tls->ssl, room.base + size, part < INT32_MAX ? (int)part : INT32_MAX);
        if (got <= 0) {
            result = result_of(tls, got);
            break;
        }
        size += (size_t)got;
    }
    *ret_size = size;
    if (size > 0 && result != TLS_STARVED)
        tls->has_input = true; /* The end or the failure is found again by the next call. */
    return size > 0 ? TLS_OK : result;
}

/* ---- Out ---- */

bool tls_encrypt(struct tls *tls, const uv_buf_t *pieces, unsigned count)
{
    ERR_clear_error();
    for (unsigned i = 0; i < count; i++) {
        int size = (int)pieces[i].len;
        if (size > 0 && SSL_write(tls->ssl, pieces[i].base, size) != size)
            return false;
    }
    return true;
}

void tls_end(struct tls *tls)
{
    if (tls->end_is_out || !tls->is_ready)
        return;
    tls->end_is_out = true;
    ERR_clear_error();
    SSL_shutdown(tls->ssl);
}

uv_buf_t tls_output(struct tls *tls)
{
    if (tls->sending.size == 0) {
        struct text empty = tls->sending;
        tls->sending = tls->fresh;
        tls->fresh = empty;
        tls->sent_size = 0;
    }
    if (tls->sending.size == 0)
        return uv_buf_init(NULL, 0);
    return uv_buf_init((char *)(uintptr_t)text_string(&tls->sending) + tls->sent_size,
                       (unsigned)(tls->sending.size - tls->sent_size));
}

bool tls_output_sent(struct tls *tls, size_t size)
{
    assert_that(size <= tls->sending.size - tls->sent_size);
    tls->sent_size += size;
    if (tls->sent_size < tls->sending.size)
        return false;
    text_free(&tls->sending);
    return true;
}

/* ---- What came of it ---- */

struct io_tls tls_agreed(const struct tls *tls, char *subject, char *protocol)
{
    const unsigned char *chosen = NULL;
    unsigned size = 0;
    SSL_get0_alpn_selected(tls->ssl, &chosen, &size);
    if (size > 0)
        memcpy(protocol, chosen, size);
    protocol[size] = 0;
    subject[0] = 0;
    X509 *certificate = SSL_get0_peer_certificate(tls->ssl);
    BIO *bio = certificate == NULL ? NULL : BIO_new(BIO_s_mem());
    if (bio != NULL) {
        X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
        int length = BIO_read(bio, subject, TLS_SUBJECT_SIZE - 1);
        subject[length > 0 ? length : 0] = 0;
        BIO_free(bio);
    }
    const char *name = SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name);
    return (struct io_tls){.server_name = name == NULL ? "" : name, .protocol = protocol, .subject = subject};
}

void tls_explain(const struct tls *tls, struct text *ret_reason)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    long verified = SSL_get_verify_result(tls->ssl);
    if (tls->was_cut)
        text_add_string(ret_reason, "the peer closed the connection");
    else
        text_add_string(ret_reason, reason != NULL ? reason : "the peer does not speak TLS");
    if (verified != X509_V_OK)
        text_addf(ret_reason, " (%s)", X509_verify_cert_error_string(verified));
    ERR_clear_error();
}
