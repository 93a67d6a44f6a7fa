/* TLS settings from files: one SSL_CTX a certificate, chosen by the name that a client asks for.
 *
 * A reload makes everything new and then changes over; connections hold references to what they began with. Keys of
 * session tickets are kept over a reload, so that sessions can still be resumed. */
#include "drivers/real/streams/tls.h"

#include "core/base/assert.h"
#include "core/base/memory.h"

#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

enum { TICKET_KEYS_SIZE = 80, MAX_ALPN_BYTES = 255 };

struct certificate {
    SSL_CTX *context;
    struct certificate *next;
};

struct tls_settings {
    const Cupola__TlsConfig *config;  /* The first entry of the name. */
    struct certificate *certificates; /* The first is for clients that ask for no name that we have. */
    SSL_CTX *client;
    unsigned char alpn[MAX_ALPN_BYTES]; /* As the wire has it. */
    unsigned alpn_size;
    size_t users; /* Connections: their contexts point to this. */
    bool is_retired;
    struct tls_settings *next;
};

/* ---- What goes wrong ---- */

static bool complain(struct text *ret_reason, const Cupola__TlsConfig *config, const char *what, const char *file)
{
    char reason[160];
    ERR_error_string_n(ERR_peek_last_error(), reason, sizeof reason);
    const char *last = ERR_reason_error_string(ERR_peek_last_error());
    text_addf(ret_reason, "TLS settings \"%s\": %s %s: %s", config->name, what, file, last != NULL ? last : reason);
    ERR_clear_error();
    return false;
}

/* ---- Choosing ---- */

static int choose_certificate(SSL *ssl, int *alert, void *argument)
{
    (void)alert;
    const struct certificate *first = argument;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    for (const struct certificate *one = first; name != NULL && one != NULL; one = one->next) {
        if (X509_check_host(SSL_CTX_get0_certificate(one->context), name, 0, 0, NULL) != 1)
            continue;
        if (one != first)
            SSL_set_SSL_CTX(ssl, one->context);
        return SSL_TLSEXT_ERR_OK;
    }
    return name == NULL ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_OK;
}

/* Our order counts. A client that speaks none of them is refused: bytes of one protocol are not to be taken for those
 * of another. */
static int choose_protocol(SSL *ssl, const unsigned char **ret_chosen, unsigned char *ret_size,
                           const unsigned char *offered, unsigned offered_size, void *argument)
{
    (void)ssl;
    const struct tls_settings *settings = argument;
    unsigned char *chosen = NULL;
    int result = SSL_select_next_proto(&chosen, ret_size, settings->alpn, settings->alpn_size, offered, offered_size);
    *ret_chosen = chosen;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* ---- Reading ---- */

static SSL_CTX *new_context(const SSL_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new(method);
    assert_that(context != NULL);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
    return context;
}

static bool load_certificate(SSL_CTX *context, const Cupola__TlsConfig *config, struct text *ret_reason)
{
    if (config->key == NULL || config->key[0] == 0)
        return complain(ret_reason, config, "there is a certificate, but no", "key");
    if (SSL_CTX_use_certificate_chain_file(context, config->certificate) != 1)
        return complain(ret_reason, config, "cannot use the certificate", config->certificate);
    if (SSL_CTX_use_PrivateKey_file(context, config->key, SSL_FILETYPE_PEM) != 1)
        return complain(ret_reason, config, "cannot use the key", config->key);
    if (SSL_CTX_check_private_key(context) != 1)
        return complain(ret_reason, config, "the key is not that of the certificate:", config->key);
    return true;
}

static bool load_authorities(SSL_CTX *context, const Cupola__TlsConfig *config, struct text *ret_reason)
{
    if (config->ca == NULL || config->ca[0] == 0) {
        SSL_CTX_set_default_verify_paths(context);
        return true;
    }
    if (SSL_CTX_load_verify_locations(context, config->ca, NULL) != 1)
        return complain(ret_reason, config, "cannot use the ca", config->ca);
    return true;
}

static bool has_certificate(const Cupola__TlsConfig *config)
{
    return config->certificate != NULL && config->certificate[0] != 0;
}

static bool add_certificate(struct tls_settings *settings, const Cupola__TlsConfig *config, struct text *ret_reason)
{
    struct certificate *certificate = memory_new(sizeof *certificate);
    SSL_CTX *context = certificate->context = new_context(TLS_server_method());
    struct certificate **last = &settings->certificates;
    while (*last != NULL)
        last = &(*last)->next;
    *last = certificate;
    if (!load_certificate(context, config, ret_reason) || !load_authorities(context, settings->config, ret_reason))
        return false;
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* Tickets only: sessions cost no memory here. */
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"cupola", 6);
    if (settings->config->verify_client)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (settings->alpn_size > 0)
        SSL_CTX_set_alpn_select_cb(context, choose_protocol, settings);
    SSL_CTX_set_tlsext_servername_callback(context, choose_certificate);
    SSL_CTX_set_tlsext_servername_arg(context, settings->certificates);
    return true;
}

static bool set_up_client(struct tls_settings *settings, struct text *ret_reason)
{
    const Cupola__TlsConfig *config = settings->config;
    settings->client = new_context(TLS_client_method());
    SSL_CTX_set_verify(settings->client, SSL_VERIFY_PEER, NULL);
    if (has_certificate(config) && !load_certificate(settings->client, config, ret_reason))
        return false;
    if (settings->alpn_size > 0)
        SSL_CTX_set_alpn_protos(settings->client, settings->alpn, settings->alpn_size);
    return load_authorities(settings->client, config, ret_reason);
}

static bool read_protocols(struct tls_settings *settings, struct text *ret_reason)
{
    const Cupola__TlsConfig *config = settings->config;
    for (size_t i = 0; i < config->n_alpn; i++) {
        size_t size = strlen(config->alpn[i]);
        if (size == 0 || settings->alpn_size + 1 + size > MAX_ALPN_BYTES) {
            text_addf(ret_reason, "TLS settings \"%s\": alpn: empty, or too long", config->name);
            return false;
        }
        settings->alpn[settings->alpn_size++] = (unsigned char)size;
        memcpy(settings->alpn + settings->alpn_size, config->alpn[i], size);
        settings->alpn_size += (unsigned)size;
    }
    return true;
}

static void free_settings(struct tls_settings *settings)
{
    while (settings->certificates != NULL) {
        struct certificate *certificate = settings->certificates;
        settings->certificates = certificate->next;
        SSL_CTX_free(certificate->context);
        memory_free(certificate);
    }
    SSL_CTX_free(settings->client);
    memory_free(settings);
}

/* Those that are in use go with their last connection. */
static void retire_all(struct tls_settings *first)
{
    while (first != NULL) {
        struct tls_settings *settings = first;
        first = settings->next;
        settings->is_retired = true;
        if (settings->users == 0)
            free_settings(settings);
    }
}

static struct tls_settings *find(struct tls_settings *first, const char *name)
{
    while (first != NULL && strcmp(first->config->name, name) != 0)
        first = first->next;
    return first;
}

static bool read_entry(struct tls_settings **first, const Cupola__TlsConfig *config, struct text *ret_reason)
{
    struct tls_settings *settings = find(*first, config->name);
    bool is_new = settings == NULL;
    if (is_new) {
        settings = memory_new(sizeof *settings);
        settings->config = config;
        settings->next = *first;
        *first = settings;
        if (!read_protocols(settings, ret_reason) || !set_up_client(settings, ret_reason))
            return false;
    }
    return !has_certificate(config) || add_certificate(settings, config, ret_reason);
}

static struct tls_settings *read_all(const struct real_driver *driver, bool *ret_ok, struct text *ret_reason)
{
    struct tls_settings *first = NULL;
    *ret_ok = true;
    for (size_t i = 0; i < driver->config->n_tls && *ret_ok; i++)
        *ret_ok = read_entry(&first, driver->config->tls[i], ret_reason);
    return first;
}

/* ---- Keys of session tickets ---- */

/* From the configured secret and the settings' name: sessions of one listener are not good for another. */
static void make_ticket_keys(const char *secret, struct tls_settings *settings)
{
    unsigned char keys[2 * SHA512_DIGEST_LENGTH];
    if (settings->certificates == NULL)
        return;
    for (int part = 0; part < 2; part++) {
        char label[160];
        snprintf(label, sizeof label, "session tickets %d %s", part, settings->config->name);
        HMAC(EVP_sha512(), secret, (int)strlen(secret), (const unsigned char *)label, strlen(label),
             keys + part * SHA512_DIGEST_LENGTH, NULL);
    }
    SSL_CTX_set_tlsext_ticket_keys(settings->certificates->context, keys, TICKET_KEYS_SIZE);
    OPENSSL_cleanse(keys, sizeof keys);
}

static void share_ticket_keys(const struct real_driver *driver, struct tls_settings *first)
{
    const char *secret = driver->config->ticket_key;
    for (; first != NULL && secret != NULL && *secret != 0; first = first->next)
        make_ticket_keys(secret, first);
}

/* ---- For the rest of the driver ---- */

bool tls_settings_open(struct real_driver *driver, struct text *ret_reason)
{
    bool is_ok;
    driver->tls_settings = read_all(driver, &is_ok, ret_reason);
    share_ticket_keys(driver, driver->tls_settings);
    return is_ok;
}

static void keep_ticket_keys(const struct tls_settings *from, struct tls_settings *to)
{
    unsigned char keys[TICKET_KEYS_SIZE];
    if (from == NULL || from->certificates == NULL || to->certificates == NULL)
        return;
    if (SSL_CTX_get_tlsext_ticket_keys(from->certificates->context, keys, sizeof keys) == 1)
        SSL_CTX_set_tlsext_ticket_keys(to->certificates->context, keys, sizeof keys);
    OPENSSL_cleanse(keys, sizeof keys);
}

void tls_settings_reload(struct real_driver *driver)
{
    if (driver->config->n_tls == 0)
        return;
    struct text reason = {0};
    bool is_ok;
    struct tls_settings *settings = read_all(driver, &is_ok, &reason);
    if (is_ok) {
        for (struct tls_settings *one = settings; one != NULL; one = one->next)
            keep_ticket_keys(find(driver->tls_settings, one->config->name), one);
        retire_all(driver->tls_settings);
        driver->tls_settings = settings;
        driver_log(driver, LOG_INFO, "TLS certificates are read again");
    } else {
        retire_all(settings);
        driver_log(driver, LOG_ERROR, "TLS certificates stay as they were: %s", text_string(&reason));
    }
    text_free(&reason);
}

void tls_settings_free(struct real_driver *driver)
{
    retire_all(driver->tls_settings);
    driver->tls_settings = NULL;
}

struct tls_settings *tls_settings_find(const struct real_driver *driver, const char *name)
{
    return find(driver->tls_settings, name);
}

bool tls_settings_may_serve(const struct tls_settings *settings)
{
    return settings->certificates != NULL;
}

const Cupola__TlsConfig *tls_settings_config(const struct tls_settings *settings)
{
    return settings->config;
}

SSL *tls_settings_new_server(struct tls_settings *settings)
{
    SSL *ssl = SSL_new(settings->certificates->context);
    assert_that(ssl != NULL);
    SSL_set_accept_state(ssl);
    settings->users++;
    return ssl;
}

SSL *tls_settings_new_client(struct tls_settings *settings, const char *server_name)
{
    SSL *ssl = SSL_new(settings->client);
    assert_that(ssl != NULL);
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server_name) != 1) {
        SSL_set1_host(ssl, server_name);
        SSL_set_tlsext_host_name(ssl, server_name);
    }
    ERR_clear_error();
    SSL_set_connect_state(ssl);
    settings->users++;
    return ssl;
}

void tls_settings_release(struct tls_settings *settings)
{
    assert_that(settings->users > 0);
    if (--settings->users == 0 && settings->is_retired)
        free_settings(settings);
}
