/* The lease port, and looking whether others live. */
#include "tests/core/dea/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void a_ping_is_answered_with_life_and_sequence(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    uint16_t port = stage_lease_port(&stage);
    assert_int_equal(stage_heard(&stage, "dea.start", "\"lease_address\":\"127.0.0.1:"), 1);
    uint32_t visitor = stage_visit(&stage, port);
    unsigned long long number, sequence;
    char life[32], other[32];
    assert_int_equal(
        sscanf(stage_say(&stage, visitor, "PING 7 0\r\n"), "PONG %llu %31s %llu\r\n", &number, life, &sequence), 3);
    assert_int_equal(number, 7);
    assert_int_equal(sequence, 0);
    stage_order(&stage, 0, 5); /* Told when it runs, */
    stage_pass_ms(&stage, 10);
    stage_end_workload(&stage, stage_newest(&stage), 9); /* and when it has ended. */
    assert_int_equal(
        sscanf(stage_say(&stage, visitor, "PING 8 0\r\n"), "PONG %llu %31s %llu\r\n", &number, other, &sequence), 3);
    assert_int_equal(sequence,
                     stage_heard(&stage, "droplet.exited", "") + stage_heard(&stage, "dea.heartbeat", "\"index\":0"));
    assert_string_equal(life, other);
    assert_int_equal(stage_heard(&stage, "droplet.exited", life), 1);
    stage_close(&stage);
}

static void the_port_stays_and_the_life_changes_when_the_agent_is_killed(void **state)
{
    struct stage stage;
    char first[96], second[96];
    (void)state;
    stage_open(&stage);
    uint16_t port = stage_lease_port(&stage);
    strcpy(first, stage_say(&stage, stage_visit(&stage, port), "PING 1 0\r\n"));
    stage_kill(&stage);
    stage_forget(&stage);
    stage_begin_life(&stage);
    stage_pass_ms(&stage, 1);
    assert_int_equal(stage_lease_port(&stage), port);
    strcpy(second, stage_say(&stage, stage_visit(&stage, port), "PING 1 0\r\n"));
    assert_string_not_equal(first, second);
    stage_close(&stage);
}

static void a_grant_counts_from_the_answer_before_it(void **state)
{
    struct stage stage;
    struct dea_view view;
    (void)state;
    stage_open(&stage);
    uint32_t visitor = stage_visit(&stage, stage_lease_port(&stage));
    stage_say(&stage, visitor, "PING 1 2000\r\n"); /* It answers none of ours: how old it is nobody knows. */
    dea_view(stage.machine, &view);
    assert_int_equal(view.granted_until_ns, 0);
    uint64_t ponged_ns = stage.now_ns;
    stage_pass_ms(&stage, 900);
    stage_say(&stage, visitor, "PING 2 2000\r\n");
    dea_view(stage.machine, &view);
    assert_int_equal(view.granted_until_ns, ponged_ns + 2000 * NS_PER_MS);
    stage_pass_ms(&stage, 900);
    stage_say(&stage, visitor, "PING 4 2000\r\n"); /* Not the next one. */
    dea_view(stage.machine, &view);
    assert_int_equal(view.granted_until_ns, ponged_ns + 2000 * NS_PER_MS);
    stage_close(&stage);
}

static void what_is_no_ping_ends_its_connection(void **state)
{
    static const char *const nonsense[] = {
        "HELLO\r\n",
        "PING\r\n",
        "PING 1\r\n",
        "PING -1 0\r\n",
        "PING 1 0\n",
        "PING 1 x\r\n",
        "PING 1 0 0\r\n",
        "PING 1 0 \r\n",
        "PING 1 0 word  word\r\n",
        "\n",
        "PING 99999999999999999999 0\r\n",
        "PING 1 9999999999\r\n",
        "PING 1 0 a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a"};
    struct stage stage;
    (void)state;
    stage_open(&stage);
    uint16_t port = stage_lease_port(&stage);
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        uint32_t visitor = stage_visit(&stage, port);
        assert_string_equal(stage_say(&stage, visitor, nonsense[i]), "");
        assert_false(stage_is_visiting(&stage, visitor));
    }
    uint32_t visitor = stage_visit(&stage, port); /* A line may come in pieces. */
    stage_say(&stage, visitor, "PI");
    assert_non_null(strstr(stage_say(&stage, visitor, "NG 1 0\r\nPING 2 0\r\n"), "PONG 2 "));
    stage_close(&stage);
}

static void strangers_who_say_nothing_make_room(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    uint16_t port = stage_lease_port(&stage);
    uint32_t first = stage_visit(&stage, port);
    uint32_t manager = stage_visit(&stage, port);
    for (int i = 0; i < 70; i++) {
        stage_pass_ms(&stage, 1);
        stage_visit(&stage, port);
        assert_non_null(strstr(stage_say(&stage, manager, "PING 1 0\r\n"), "PONG 1 "));
    }
    assert_false(stage_is_visiting(&stage, first));
    assert_true(stage_is_visiting(&stage, manager));
    stage_close(&stage);
}

static void probe(struct stage *stage, unsigned port, const char *reply)
{
    char question[96];
    snprintf(question, sizeof question, "{\"address\":\"127.0.0.1:%u\",\"timeout_ms\":300}", port);
    stage_tell(stage, "dea." STAGE_UUID ".probe", reply, question);
}

static void a_witness_tells_accepted_from_refused_from_silent(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage.stranger_port = 5555;
    stage.silent_port = 5556;
    probe(&stage, 5555, "_INBOX.1");
    assert_int_equal(stage_heard(&stage, "_INBOX.1", "\"verdict\":\"accepted\""), 1);
    probe(&stage, 5557, "_INBOX.2");
    assert_int_equal(stage_heard(&stage, "_INBOX.2", "\"verdict\":\"refused\""), 1);
    probe(&stage, 5556, "_INBOX.3");
    stage_pass_ms(&stage, 290);
    assert_int_equal(stage_heard(&stage, "_INBOX.3", ""), 0);
    stage_pass_ms(&stage, 20);
    assert_int_equal(stage_heard(&stage, "_INBOX.3", "\"dea\":\"" STAGE_UUID "\",\"verdict\":\"silent\""), 1);
    stage.lacks_descriptors = true;
    probe(&stage, 5557, "_INBOX.4");
    probe(&stage, 0, "_INBOX.4");
    probe(&stage, 70000, "_INBOX.4");
    stage_tell(&stage, "dea." STAGE_UUID ".probe", "_INBOX.4", "{\"address\":\"nonsense\"}");
    stage_pass_ms(&stage, 1000);
    assert_int_equal(stage_heard(&stage, "_INBOX.4", ""), 0);
    stage_close(&stage);
}

static void a_witness_looks_at_so_many_at_once(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage.silent_port = 5556;
    for (int i = 0; i < 80; i++)
        probe(&stage, 5556, "_INBOX.1");
    stage_pass_ms(&stage, 400);
    assert_int_equal(stage_heard(&stage, "_INBOX.1", "silent"), 64);
    probe(&stage, 5556, "_INBOX.2"); /* There is room again. */
    stage_stop(&stage);              /* Nor does an open look keep the agent. */
    stage_close(&stage);
}

static void who_asks_is_told_everything_at_once(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_forget(&stage);
    stage_tell(&stage, "dea." STAGE_UUID ".tell", NULL, "");
    assert_int_equal(stage_heard(&stage, "dea.heartbeat", "\"state\":\"RUNNING\""), 1);
    assert_int_equal(stage_heard(&stage, "dea.heartbeat", "\"complete\":true"), 1);
    assert_int_equal(stage_heard(&stage, "dea.heartbeat", "\"sequence\":2}"), 1); /* A summary is no news. */
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ping_is_answered_with_life_and_sequence),
        cmocka_unit_test(the_port_stays_and_the_life_changes_when_the_agent_is_killed),
        cmocka_unit_test(a_grant_counts_from_the_answer_before_it),
        cmocka_unit_test(what_is_no_ping_ends_its_connection),
        cmocka_unit_test(strangers_who_say_nothing_make_room),
        cmocka_unit_test(a_witness_tells_accepted_from_refused_from_silent),
        cmocka_unit_test(a_witness_looks_at_so_many_at_once),
        cmocka_unit_test(who_asks_is_told_everything_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
