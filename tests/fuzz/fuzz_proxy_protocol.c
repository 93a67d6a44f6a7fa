/* Random bytes as PROXY headers and addresses. Links: core_wire, core_base, program.
 *
 * Beyond "no crash": the verdict on a prefix is never taken back, a header is read the same however its bytes come, and
 * an address that was read is written as one that reads the same. */
#include "core/base/assert.h"
#include "core/wire/proxy_protocol.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed_header(const uint8_t *data, size_t size)
{
    struct proxy_header whole = {0}, slow = {0};
    size_t whole_used = 0, slow_used = 0;
    enum http_result result = proxy_read_header(data, size, &whole, &whole_used);
    enum http_result slowly = HTTP_INCOMPLETE;
    for (size_t i = 0; i <= size && slowly == HTTP_INCOMPLETE; i++)
        slowly = proxy_read_header(data, i, &slow, &slow_used);
    assert_that(result == slowly);
    if (result == HTTP_INCOMPLETE)
        assert_that(size < PROXY_MAX_BYTES);
    if (result != HTTP_OK)
        return;
    assert_that(whole_used <= size && whole_used == slow_used);
    assert_that(whole.has_client == slow.has_client);
    assert_that(memcmp(&whole.client, &slow.client, sizeof whole.client) == 0);
}

static void feed_address(const uint8_t *data, size_t size)
{
    struct ip_address address, again;
    struct ip_network network;
    struct text text = {0};
    if (ip_read_network((const char *)data, size, &network))
        assert_that(network.bits <= 128 && ip_contains(&network, &network.address));
    if (!ip_read_address((const char *)data, size, &address))
        return;
    ip_write_address(&text, &address);
    assert_that(ip_read_address(text_string(&text), text.size, &again));
    assert_that(memcmp(&address, &again, sizeof address) == 0);
    text_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    feed_header(data, size);
    feed_address(data, size);
    return 0;
}
