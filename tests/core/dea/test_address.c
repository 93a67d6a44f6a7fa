/* Addresses in orders: cut into what a request needs, or refused. */
#include "core/dea/droplets/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void host_port_and_target_are_found(void **state)
{
    char host[16];
    uint16_t port;
    const char *target;
    (void)state;
    assert_true(dea_address_split("http://10.0.0.2:9022/a/b?c=d", host, sizeof host, &port, &target));
    assert_string_equal(host, "10.0.0.2");
    assert_int_equal(port, 9022);
    assert_string_equal(target, "/a/b?c=d");
    assert_true(dea_address_split("http://cc/", host, sizeof host, &port, &target));
    assert_int_equal(port, 80);
}

static void what_is_no_such_address_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",           "https://cc/",       "http://",          "http:///a",          "http://cc",
        "http://cc:", "http://cc:0/",      "http://cc:65536/", "http://cc:1x/",      "http://cc:1",
        "ftp://cc/",  "http://cc/a b",     "http://cc/a\r\nb", "http://cc/\xc3\xa4", "http://a-name-that-is-too-long/",
        "http://:1/", "http://cc:999999/",
    };
    char host[16];
    uint16_t port;
    const char *target;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(dea_address_split(wrong[i], host, sizeof host, &port, &target));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_port_and_target_are_found),
        cmocka_unit_test(what_is_no_such_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
