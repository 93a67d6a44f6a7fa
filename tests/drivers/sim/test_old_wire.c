/* What a peer of 2011 would have said, and what it would not. */
#include "drivers/sim/network/old_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *subject, const char *payload, const char *old)
{
    struct text text = {0};
    old_wire_strip(nats_text_of(subject), (const uint8_t *)payload, strlen(payload), &text);
    assert_string_equal(text_string(&text), old);
    text_free(&text);
}

static void what_came_later_is_left_out(void **state)
{
    (void)state;
    expect("router.register",
           "{\"dea\":\"x\",\"host\":\"10.0.0.1\",\"port\":8,\"uris\":[\"a.b\"],\"app\":7,\"epoch\":9}",
           "{\"dea\":\"x\",\"host\":\"10.0.0.1\",\"port\":8,\"uris\":[\"a.b\"]}");
    expect("dea.heartbeat",
           "{\"droplets\":[{\"droplet\":1,\"epoch\":3},{\"epoch\":3,\"droplet\":2}],\"dea\":\"x\",\"life\":\"y\"}",
           "{\"droplets\":[{\"droplet\":1},{\"droplet\":2}]}");
    expect("dea.0123.start", "{\"health\":{\"startup\":{\"type\":\"http\"}},\"name\":\"shop\",\"env\":[\"epoch=1\"]}",
           "{\"name\":\"shop\",\"env\":[\"epoch=1\"]}");
    expect("droplet.exited", "{\"detail\":\"a \\\"quoted\\\", {odd} text\",\"index\":0}", "{\"index\":0}");
}

static void all_else_stays_as_it_is(void **state)
{
    (void)state;
    expect("router.register", "{}", "{}");
    expect("router.register", "no object", "no object");
    expect("router.register", "{\"tags\":{},\"uris\":[],\"dea\":\"\"}", "{\"tags\":{},\"uris\":[],\"dea\":\"\"}");
    expect("droplet.updated", "{\"droplet\":1,\"sequence\":2}", "{\"droplet\":1,\"sequence\":2}");
}

static void later_subjects_mean_nothing(void **state)
{
    (void)state;
    assert_false(old_wire_knows(nats_text_of("router.digest")));
    assert_false(old_wire_knows(nats_text_of("dea.0123.stage")));
    assert_true(old_wire_knows(nats_text_of("dea.0123.start")));
    assert_true(old_wire_knows(nats_text_of("router.>")));
    assert_false(old_wire_is_answered(nats_text_of("dea.0123.start")));
    assert_true(old_wire_is_answered(nats_text_of("dea.discover")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_later_is_left_out),
        cmocka_unit_test(all_else_stays_as_it_is),
        cmocka_unit_test(later_subjects_mean_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
