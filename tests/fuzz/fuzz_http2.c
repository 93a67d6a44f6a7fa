/* Random frames at a router: from a client, and from an instance that speaks HTTP/2. Links: tests_router_rig.
 *
 * Byte 0 says who sends (bit 0: the instance) and in pieces of which size; the rest are frames behind the connection
 * preface. Instances that speak HTTP/1.1 answer what reaches them. Beyond "no crash": the router goes on serving
 * somebody else, and nothing of what the peer had is left when it has gone. */
#include "tests/core/router/rig.h"

#include "core/base/assert.h"
#include "core/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROUNDS = 3 };

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
static const char settings[] = "\0\0\0\4\0\0\0\0";

static void answer_all(struct rig *rig)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n";
    for (size_t i = 0; i < RIG_CONNS; i++) {
        struct rig_conn *conn = &rig->conns[i];
        if (!conn->is_open || conn->port != RIG_FIRST_PORT || conn->outbound.size == 0)
            continue;
        text_clear(&conn->outbound);
        text_add_string(&conn->inbound, answer);
    }
    rig_run(rig);
}

static void serve_frames_of_client(struct rig *rig, const uint8_t *data, size_t size)
{
    struct rig_conn *client = rig_client(rig);
    text_add(&client->inbound, preface, sizeof preface);
    text_add(&client->inbound, data, size);
    rig_run(rig);
    for (int i = 0; i < ROUNDS; i++)
        answer_all(rig);
    rig_pass(rig, NS_PER_S);
    if (client->is_open)
        rig_cut(rig, client, IO_RESET);
}

static void serve_frames_of_instance(struct rig *rig, const uint8_t *data, size_t size)
{
    struct rig_conn *client = rig_client(rig);
    rig_send(rig, client, "POST /a HTTP/1.1\r\nHost: new.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    struct rig_conn *backend = rig_backend(rig, 1);
    if (backend != NULL) {
        text_add(&backend->inbound, settings, sizeof settings);
        text_add(&backend->inbound, data, size);
    }
    rig_send(rig, client, "0\r\nT: v\r\n\r\nGET /b HTTP/1.1\r\nHost: new.test\r\n\r\n");
    rig_pass(rig, NS_PER_S);
    if (client->is_open)
        rig_cut(rig, client, IO_RESET);
}

static void serve_somebody_else(struct rig *rig)
{
    struct rig_conn *client = rig_client(rig);
    rig_get(rig, client, "old.test");
    answer_all(rig);
    assert_that(strncmp(rig_sent(client), "HTTP/1.1 200 ", 13) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct rig *rig = rig_new();
    rig_publish(rig, "router.register", "{\"host\":\"10.0.0.1\",\"port\":40000,\"uris\":[\"old.test\"]}");
    rig_publish(rig, "router.register",
                "{\"host\":\"10.0.0.1\",\"port\":40001,\"uris\":[\"new.test\"],\"protocol\":\"http2\"}");
    rig->segment = data[0] >> 1;
    if ((data[0] & 1) == 0)
        serve_frames_of_client(rig, data + 1, size - 1);
    else
        serve_frames_of_instance(rig, data + 1, size - 1);
    rig->segment = 0;
    rig_run(rig);
    serve_somebody_else(rig);
    rig_free(rig);
    return 0;
}
