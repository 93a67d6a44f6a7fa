/* The PROXY protocol and addresses, as load balancers write them. */
#include "core/wire/proxy_protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static enum http_result read_all(const void *bytes, size_t size, struct proxy_header *header, size_t *used)
{
    memset(header, 0, sizeof *header);
    for (size_t part = 0; part < size; part++) {
        enum http_result early = proxy_read_header(bytes, part, header, used);
        if (early != HTTP_INCOMPLETE)
            return early; /* No more is needed, or it is wrong already. */
    }
    return proxy_read_header(bytes, size, header, used);
}

static void expect_client(const struct proxy_header *header, const char *address, unsigned port)
{
    struct text text = {0};
    assert_true(header->has_client);
    ip_write_address(&text, &header->client);
    assert_string_equal(text_string(&text), address);
    assert_int_equal(header->client_port, port);
    text_free(&text);
}

static void lines_of_version_1(void **state)
{
    (void)state;
    struct proxy_header header;
    size_t used = 0;
    const char line[] = "PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n";
    assert_int_equal(read_all(line, sizeof line - 1, &header, &used), HTTP_OK);
    assert_int_equal(used, sizeof line - 1);
    expect_client(&header, "192.0.2.7", 56324);
    const char six[] = "PROXY TCP6 2001:db8::7 ::1 1 65535\r\n";
    assert_int_equal(read_all(six, sizeof six - 1, &header, &used), HTTP_OK);
    expect_client(&header, "2001:db8:0:0:0:0:0:7", 1);
    const char unknown[] = "PROXY UNKNOWN whatever it is\r\n";
    assert_int_equal(read_all(unknown, sizeof unknown - 1, &header, &used), HTTP_OK);
    assert_false(header.has_client);
}

static void what_is_no_line_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "GET / HTTP/1.1\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 56324\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 56324 443 \r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 056324 443\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 70000 443\r\n",
        "PROXY TCP4 192.0.2.256 192.0.2.1 1 443\r\n",
        "PROXY TCP4 ::1 192.0.2.1 1 443\r\n",
        "PROXY TCP6 192.0.2.7 ::1 1 443\r\n",
        "PROXY TCP5 192.0.2.7 192.0.2.1 1 443\r\n",
        "PROXY TCP4  192.0.2.7 192.0.2.1 1 443\r\n",
        "PROXY \r\n",
        "proxy TCP4 192.0.2.7 192.0.2.1 1 443\r\n",
    };
    struct proxy_header header;
    size_t used = 0;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_int_equal(read_all(lines[i], strlen(lines[i]), &header, &used), HTTP_BAD);
    char endless[200];
    memset(endless, 'x', sizeof endless);
    memcpy(endless, "PROXY UNKNOWN ", 14);
    assert_int_equal(read_all(endless, sizeof endless, &header, &used), HTTP_BAD);
}

static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";

static void headers_of_version_2(void **state)
{
    (void)state;
    struct proxy_header header;
    size_t used = 0;
    uint8_t bytes[16 + 36 + 4] = {0};
    memcpy(bytes, signature, 12);
    bytes[12] = 0x21;
    bytes[13] = 0x11;
    bytes[15] = 12 + 4; /* Something that we do not know follows the addresses. */
    memcpy(bytes + 16, (const uint8_t[]){192, 0, 2, 7, 192, 0, 2, 1, 0xdc, 0x04, 1, 187}, 12);
    assert_int_equal(read_all(bytes, 16 + 16, &header, &used), HTTP_OK);
    assert_int_equal(used, 32);
    expect_client(&header, "192.0.2.7", 56324);
    bytes[13] = 0x21;
    bytes[15] = 36;
    bytes[16 + 32] = 0x12;
    bytes[16 + 33] = 0x34;
    assert_int_equal(read_all(bytes, 16 + 36, &header, &used), HTTP_OK);
    assert_int_equal(header.client_port, 0x1234);
    bytes[12] = 0x20; /* LOCAL: a health check of the load balancer's own. */
    bytes[15] = 0;
    assert_int_equal(read_all(bytes, 16, &header, &used), HTTP_OK);
    assert_false(header.has_client);
    bytes[12] = 0x11;
    assert_int_equal(read_all(bytes, 16, &header, &used), HTTP_BAD);
    bytes[12] = 0x21;
    bytes[13] = 0x11;
    bytes[15] = 11; /* Too short for its addresses. */
    assert_int_equal(read_all(bytes, 16 + 11, &header, &used), HTTP_BAD);
    bytes[14] = 0x10;
    assert_int_equal(read_all(bytes, 16, &header, &used), HTTP_BAD);
}

static bool contains(const char *network, const char *address)
{
    struct ip_network parsed;
    struct ip_address ip;
    assert_true(ip_read_network(network, strlen(network), &parsed));
    assert_true(ip_read_address(address, strlen(address), &ip));
    return ip_contains(&parsed, &ip);
}

static void networks_contain_addresses(void **state)
{
    (void)state;
    assert_true(contains("10.0.0.0/8", "10.255.1.2"));
    assert_false(contains("10.0.0.0/8", "11.0.0.1"));
    assert_true(contains("10.1.2.3", "10.1.2.3"));
    assert_false(contains("10.1.2.3", "10.1.2.2"));
    assert_true(contains("10.1.2.0/23", "10.1.3.255"));
    assert_false(contains("10.1.2.0/23", "10.1.4.0"));
    assert_true(contains("0.0.0.0/0", "203.0.113.9"));
    assert_false(contains("0.0.0.0/0", "2001:db8::1"));
    assert_true(contains("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(contains("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(contains("::1", "[::1]"));
}

static void what_is_no_network_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",        "10",  "10.0.0",        "10.0.0.0/33",       "10.0.0.0/", "10.0.0.0/x", "::1/129",
        "1::2::3", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "g::",       "10.0.0.0.1", "1.2.3.4/0008"};
    struct ip_network network;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(ip_read_network(texts[i], strlen(texts[i]), &network));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_version_1),
        cmocka_unit_test(what_is_no_line_is_refused),
        cmocka_unit_test(headers_of_version_2),
        cmocka_unit_test(networks_contain_addresses),
        cmocka_unit_test(what_is_no_network_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
