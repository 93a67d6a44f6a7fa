/* Hosts with a lease: who is fresh, who is stalled, who is lost, and what follows for their instances. */
#include "tests/core/health_manager/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Two hosts, each with an instance of app 7. */
static struct stage *given_two_hosts(void)
{
    struct stage *stage = stage_new();
    given(stage, "app 7 v1 x2");
    host_starts(stage, "a");
    host_starts(stage, "b");
    given(stage, "dea a 7/0 v1 i0 RUNNING e5");
    given(stage, "dea b 7/1 v1 i1 RUNNING e6");
    after(stage, "2s");
    expect_host(stage, "a", "FRESH");
    expect_host(stage, "b", "FRESH");
    expect_complaints(stage, "");
    return stage;
}

static void a_silent_host_is_lost_in_a_second_and_a_half(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    host_dies(stage, "a");
    after(stage, "0.5s");
    expect_host(stage, "a", "FRESH");
    after(stage, "1.4s");
    expect_host(stage, "a", "LOST");
    expect_host(stage, "b", "FRESH");
    expect_complaints(stage, "START 7 v1 [0]: its host is lost\n");
    after(stage, "1s");
    expect_complaints(stage, "");
}

/* Their turns do not divide the period into whole nanoseconds. */
static void among_many_a_host_is_suspect_as_soon(void **state)
{
    struct stage *stage = *state = stage_new();
    for (char name[2] = "a"; name[0] <= 'l'; name[0]++)
        host_starts(stage, name);
    for (char line[] = "dea a"; line[4] <= 'l'; line[4]++)
        given(stage, line);
    after(stage, "2s");
    for (char name[2] = "a"; name[0] <= 'l'; name[0]++)
        host_dies(stage, name);
    after(stage, "0.8s"); /* 0.7 s, and until the first was to be pinged. */
    expect_host(stage, "a", "SUSPECT");
}

static void an_agent_that_is_stopped_is_no_dead_host(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    host_stalls(stage, "a", true);
    after(stage, "5s");
    expect_host(stage, "a", "STALLED");
    expect_complaints(stage, "");
    host_stalls(stage, "a", false);
    after(stage, "2s");
    expect_host(stage, "a", "FRESH");
    expect_complaints(stage, "");
}

static void a_stopped_agent_is_believed_in_as_long_as_droplet_lost(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    host_stalls(stage, "a", true);
    after(stage, "28s");
    expect_complaints(stage, "");
    after(stage, "3s");
    expect_complaints(stage, "START 7 v1 [0]: nothing was heard of it for too long\n");
}

static void a_host_without_an_agent_lives(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    host_loses_agent(stage, "a");
    after(stage, "0.1s");
    expect_host(stage, "a", "AGENTLESS");
    after(stage, "10s");
    expect_complaints(stage, "");
    host_starts(stage, "a");
    given(stage, "dea a 7/0 v1 i0 RUNNING e5");
    given(stage, "back a");
    after(stage, "1s");
    expect_host(stage, "a", "FRESH");
    expect_complaints(stage, "");
}

static void who_dies_while_it_is_stopped_is_lost_too(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    host_stalls(stage, "a", true);
    after(stage, "3s");
    expect_host(stage, "a", "STALLED");
    host_dies(stage, "a");
    after(stage, "2s");
    expect_host(stage, "a", "LOST");
    expect_complaints(stage, "START 7 v1 [0]: its host is lost\n");
}

static void whom_another_dea_reaches_is_not_lost(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    helpers_say(stage, "accepted");
    host_dies(stage, "a");
    after(stage, "5s");
    expect_host(stage, "a", "STALLED");
    expect_complaints(stage, "");
    helpers_say(stage, "silent");
    after(stage, "5s");
    expect_host(stage, "a", "LOST");
}

/* Its line is cut; nobody else can be asked. */
static void who_could_not_be_asked_is_not_lost(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    descriptors_run_out(stage, true);
    host_loses_agent(stage, "a");
    after(stage, "5s");
    expect_host(stage, "a", "SUSPECT");
    expect_complaints(stage, "");
    descriptors_run_out(stage, false);
    after(stage, "1s");
    expect_host(stage, "a", "AGENTLESS");
}

static void whom_helpers_find_silent_is_lost_without_our_own_look(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    helpers_say(stage, "silent");
    descriptors_run_out(stage, true);
    host_loses_agent(stage, "a");
    after(stage, "2s");
    expect_host(stage, "a", "LOST");
    expect_complaints(stage, "START 7 v1 [0]: its host is lost\n");
}

static void without_the_bus_nobody_is_lost(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    bus_goes_away(stage);
    host_dies(stage, "a");
    after(stage, "10s");
    expect_host(stage, "a", "SUSPECT");
    struct hm_view view; /* It is knocked at seven times a second, and the oldest knock makes room. */
    hm_view(stage_health_manager(stage), &view);
    assert_in_range(view.lines, 2, 5);
    bus_comes_back(stage);
    after(stage, "3s");
    expect_host(stage, "a", "LOST");
    expect_state(stage, 7, 0, "STARTING");
}

static void who_beats_over_the_bus_is_looked_at_again(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    host_dies(stage, "a");
    after(stage, "3s");
    expect_host(stage, "a", "LOST");
    forget_complaints(stage);
    host_comes_back(stage, "a");
    given(stage, "dea a 7/0 v1 i0 RUNNING e5");
    after(stage, "0.1s");
    expect_host(stage, "a", "FRESH");
    expect_state(stage, 7, 0, "RUNNING");
    expect_complaints(stage, "");
}

static void a_fresh_host_vouches_for_what_it_has_told(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    after(stage, "120s"); /* No heartbeat at all, but its PONGs say that there is nothing new. */
    expect_complaints(stage, "");
    expect_state(stage, 7, 0, "RUNNING");
}

static void a_lost_exit_is_found_out_within_a_second(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    given(stage, "exit 7/0 v1 i0 CRASHED from a lost");
    after(stage, "0.9s");
    expect_complaints(stage, "TELL a\n");
    given(stage, "dea a 7/0 v1 i0 CRASHED e5");
    expect_complaints(stage, "START 7 v1 [0]: it crashed\n");
    after(stage, "5s");
    expect_complaints(stage, "START 7 v1 [0]: nothing came of its last start\n");
}

static void what_an_agent_that_is_back_has_not_told_yet_is_not_missing(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    host_loses_agent(stage, "a");
    after(stage, "0.2s");
    host_starts(stage, "a"); /* It tells of its survivors in a heartbeat, which is lost. */
    given(stage, "back a");
    after(stage, "5s");
    expect_complaints(stage, "TELL a\nTELL a\nTELL a\nTELL a\nTELL a\n");
    given(stage, "dea a 7/0 v1 i0 RUNNING e5");
    after(stage, "5s");
    expect_complaints(stage, "");
    given(stage, "dea a");
    expect_complaints(stage, "");
    after(stage, "1s");
    expect_complaints(stage, "START 7 v1 [0]: its DEA does not have it any more\n");
}

/* All that was stuck while DEA and bus could not reach each other comes at once, as far as it comes. */
static void a_heartbeat_that_pongs_have_overtaken_is_old_news(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    given(stage, "exit 7/0 v1 i0 CRASHED from a lost");
    given(stage,
          "exit 7/0 v1 i0 CRASHED from a lost"); /* A host that says two things more; here they are its PONGs'. */
    after(stage, "0.9s");
    expect_complaints(stage, "TELL a\n");
    stage_say(
        stage, "dea.heartbeat",
        "{\"droplets\":[{\"droplet\":7,\"index\":0,\"version\":\"v1\",\"instance\":\"i0\",\"state\":\"RUNNING\"}],"
        "\"dea\":\"a\",\"complete\":true,\"life\":\"life1\",\"sequence\":0}");
    stage_say(stage, "droplet.exited",
              "{\"droplet\":7,\"version\":\"v1\",\"instance\":\"i0\",\"index\":0,\"reason\":\"CRASHED\",\"dea\":\"a\","
              "\"life\":\"life1\",\"sequence\":1}");
    after(stage, "0.05s");
    expect_complaints(stage, ""); /* It may have been started again, and was. */
    given(stage, "dea a 7/0 v1 i2 RUNNING e5");
    after(stage, "5s");
    expect_state(stage, 7, 0, "RUNNING");
    expect_complaints(stage, "");
}

static void nothing_is_asked_for_when_nothing_was_lost(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    given(stage, "exit 7/0 v1 i0 CRASHED from a");
    expect_complaints(stage, "START 7 v1 [0]: it crashed\n");
    given(stage, "part b 7/0 v1 i2 STARTING e9");
    after(stage, "8s");
    expect_complaints(stage, "");
}

static void with_leases_a_start_without_a_sign_is_asked_for_again_after_two_seconds(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    given(stage, "exit 7/0 v1 i0 CRASHED from a");
    expect_complaints(stage, "START 7 v1 [0]: it crashed\n");
    after(stage, "1.9s");
    expect_complaints(stage, "");
    after(stage, "1.2s");
    expect_complaints(stage, "START 7 v1 [0]: nothing came of its last start\n");
    given(stage, "part b 7/0 v1 i2 STARTING e9"); /* A sign: now it may take its time. */
    after(stage, "30s");
    expect_complaints(stage, "");
}

static void who_is_gone_for_an_hour_is_looked_for_no_more(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    host_dies(stage, "a");
    after(stage, "3700s");
    expect_host(stage, "a", "NONE");
    forget_complaints(stage);
    given(stage,
          "exit 7/1 v1 i1 CRASHED from b"); /* What it says of the others still holds: two seconds, not twenty. */
    after(stage, "3s");
    expect_complaints(stage, "START 7 v1 [1]: it crashed\nSTART 7 v1 [1]: nothing came of its last start\n");
    host_comes_back(stage, "a");
    given(stage, "dea a");
    after(stage, "1s");
    expect_host(stage, "a", "FRESH");
}

static void a_host_that_moves_is_pinged_at_its_new_place(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    host_dies(stage, "a");
    stage_say(stage, "dea.start", "{\"id\":\"a\",\"lease_address\":\"127.0.0.1:7098\",\"life\":\"life1\"}");
    after(stage, "3s"); /* That is the lease port of b. */
    expect_host(stage, "a", "FRESH");
}

static void addresses_that_are_none_leave_v1_rules(void **state)
{
    struct stage *stage = *state = stage_new();
    static const char *const addresses[] = {"", "here", ":1", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:70000", "a:1x"};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        char json[128];
        snprintf(json, sizeof json, "{\"id\":\"a\",\"lease_address\":\"%s\"}", addresses[i]);
        stage_say(stage, "dea.start", json);
        expect_host(stage, "a", "NONE");
    }
}

static void only_who_speaks_grants(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    unsigned granted = host_grants(stage, "a");
    assert_true(granted >= 2);
    other_beats_for(stage, true, 3);
    granted = host_grants(stage, "a");
    other_beats_for(stage, true, 5);
    assert_int_equal(host_grants(stage, "a"), granted);
}

static void hosts_hear_when_nobody_can_order(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    after(stage, "60s");
    assert_true(host_hears_unable(stage, "a")); /* Its controllers told what should run, and then nothing more. */
    given(stage, "beat");
    after(stage, "6.9s");
    assert_false(host_hears_unable(stage, "a"));
    after(stage, "1s");
    assert_true(host_hears_unable(stage, "a"));
    assert_true(host_hears_unable(stage, "b"));
    given(stage, "beat");
    after(stage, "1s");
    assert_false(host_hears_unable(stage, "a"));
    given(stage, "controllers silent");
    health_manager_dies(stage);
    health_manager_starts(stage);
    after(stage, "1s");
    given(stage, "dea a 7/0 v1 i0 RUNNING e5");
    after(stage, "2s");
    assert_true(host_hears_unable(stage, "a")); /* It does not even know what should run. */
}

static int end_stage(void **state)
{
    stage_free(*state);
    return 0;
}

#define story(test) cmocka_unit_test_teardown(test, end_stage)

/* What no host tells of is down when all have told or are lost: that needs no silence of half a minute. */
static void hosts_are_remembered_by_the_next_life(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    health_manager_dies(stage);
    host_dies(stage, "a");
    health_manager_starts(stage);
    after(stage, "0.5s");
    given(stage, "dea b 7/1 v1 i1 RUNNING e6");
    after(stage, "2.3s");
    expect_host(stage, "a", "LOST");
    expect_complaints(stage, "TELL b\nSTART 7 v1 [0]: no DEA has it\n");
}

/* There may be hosts by now that it has never heard of, and what is missing runs there. */
static void a_note_that_is_too_old_says_nothing_about_what_is_missing(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    health_manager_dies(stage);
    host_dies(stage, "a");
    after(stage, "660s");
    health_manager_starts(stage);
    after(stage, "0.5s");
    given(stage, "dea b 7/1 v1 i1 RUNNING e6");
    after(stage, "20s");
    expect_host(stage, "a", "LOST");
    expect_complaints(stage, "TELL b\n");
    after(stage, "11s");
    expect_complaints(stage, "START 7 v1 [0]: no DEA has it\n");
}

static void a_remembered_host_that_is_silent_is_waited_for(void **state)
{
    struct stage *stage = *state = given_two_hosts();
    health_manager_dies(stage);
    host_stalls(stage, "a", true);
    health_manager_starts(stage);
    after(stage, "0.5s");
    given(stage, "dea b 7/1 v1 i1 RUNNING e6");
    after(stage, "20s");
    expect_host(stage, "a", "STALLED");
    expect_complaints(stage, "TELL b\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(a_silent_host_is_lost_in_a_second_and_a_half),
        story(among_many_a_host_is_suspect_as_soon),
        story(an_agent_that_is_stopped_is_no_dead_host),
        story(a_stopped_agent_is_believed_in_as_long_as_droplet_lost),
        story(a_host_without_an_agent_lives),
        story(who_dies_while_it_is_stopped_is_lost_too),
        story(whom_another_dea_reaches_is_not_lost),
        story(who_could_not_be_asked_is_not_lost),
        story(whom_helpers_find_silent_is_lost_without_our_own_look),
        story(without_the_bus_nobody_is_lost),
        story(who_beats_over_the_bus_is_looked_at_again),
        story(a_fresh_host_vouches_for_what_it_has_told),
        story(a_lost_exit_is_found_out_within_a_second),
        story(what_an_agent_that_is_back_has_not_told_yet_is_not_missing),
        story(a_heartbeat_that_pongs_have_overtaken_is_old_news),
        story(nothing_is_asked_for_when_nothing_was_lost),
        story(with_leases_a_start_without_a_sign_is_asked_for_again_after_two_seconds),
        story(who_is_gone_for_an_hour_is_looked_for_no_more),
        story(a_host_that_moves_is_pinged_at_its_new_place),
        story(addresses_that_are_none_leave_v1_rules),
        story(hosts_are_remembered_by_the_next_life),
        story(a_note_that_is_too_old_says_nothing_about_what_is_missing),
        story(a_remembered_host_that_is_silent_is_waited_for),
        story(only_who_speaks_grants),
        story(hosts_hear_when_nobody_can_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
