/* The DEA's own ends: stopped, killed, evacuated; and what its next life finds. */
#include "tests/core/dea/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void stopping_the_agent_harms_no_instance(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_forget(&stage);
    stage_stop(&stage);
    assert_int_equal(stage_running(&stage), 1);
    assert_int_equal(stage_heard(&stage, "router.unregister", ""), 0);
    assert_int_equal(stage_heard(&stage, "droplet.exited", ""), 0);
    stage_close(&stage);
}

static void what_had_no_process_yet_is_given_back(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage.controller_is_down = true;
    stage_order(&stage, 0, 5);
    stage_stop(&stage);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"reason\":\"DEA_SHUTDOWN\""), 1);
    stage_close(&stage);
}

static void a_new_life_adopts_the_survivors(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_order(&stage, 1, 6);
    stage_pass_ms(&stage, 10);
    stage_kill(&stage);
    stage.workloads[1].runs = false;
    stage_forget(&stage);

    stage_begin_life(&stage);
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage_heard(&stage, "router.register", "\"port\":40000"), 1);
    assert_int_equal(stage_heard(&stage, "dea.heartbeat", "\"state\":\"RUNNING\",\"state_timestamp\""), 2);
    assert_int_equal(stage_heard(&stage, "router.unregister", "\"port\":40001"), 1);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"index\":1,\"reason\":\"CRASHED\""), 1);
    assert_int_equal(stage_heard(&stage, "droplet.exited", ""), 1);
    assert_true(stage_heard_before(&stage, "droplet.exited", "dea.start"));
    struct dea_view view;
    dea_view(stage.machine, &view);
    assert_string_equal(view.uuid, STAGE_UUID);
    assert_int_equal(view.reserved_mb, 64);

    stage_forget(&stage); /* Its end is noticed as that of any other. */
    stage_end_workload(&stage, &stage.workloads[0], 9);
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"epoch\":5"), 1);
    stage_close(&stage);
}

static void a_crash_is_reported_in_one_life_only(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_end_workload(&stage, stage_newest(&stage), 9);
    stage_kill(&stage);
    stage_forget(&stage);
    stage_begin_life(&stage);
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage_heard(&stage, "droplet.exited", ""), 0);
    assert_int_equal(stage_heard(&stage, "dea.heartbeat", "\"state\":\"CRASHED\""), 1);
    stage_close(&stage);
}

static void what_was_told_to_stop_does_not_come_back(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_newest(&stage)->ignores_sigterm = true;
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7}");
    stage_kill(&stage);
    stage_forget(&stage);
    stage_begin_life(&stage);
    stage_pass_ms(&stage, 11000);
    assert_int_equal(stage_running(&stage), 0);
    assert_int_equal(stage_heard(&stage, "router.register", ""), 0);
    assert_int_equal(stage_heard(&stage, "droplet.exited", ""), 0);
    stage_close(&stage);
}

static void changed_uris_outlive_the_agent(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_tell(&stage, "dea.update", NULL, "{\"droplet\":7,\"uris\":[\"new.cupola.test\"]}");
    stage_kill(&stage);
    stage_forget(&stage);
    stage_begin_life(&stage);
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage_heard(&stage, "router.register", "\"uris\":[\"new.cupola.test\"]"), 1);
    stage_close(&stage);
}

static void a_new_life_gives_other_ports(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7}");
    stage_kill(&stage);
    stage_begin_life(&stage);
    stage_pass_ms(&stage, 10);
    stage_order(&stage, 0, 6);
    struct dea_instance_view view;
    assert_true(stage_look(&stage, 0, &view));
    assert_true(view.port > 40000);
    stage_close(&stage);
}

static void a_full_store_keeps_the_droplets_that_run(void **state)
{
    struct stage stage;
    (void)state;
    stage_prepare(&stage);
    stage.config.has_droplet_cache_mb = true;
    stage.config.droplet_cache_mb = 0;
    stage_begin_life(&stage);
    stage_pass_ms(&stage, 1);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    assert_string_equal(text_string(&stage.deleted), "");
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7}");
    stage_pass_ms(&stage, 10);
    stage_tell(&stage, "dea." STAGE_UUID ".start", NULL,
               "{\"droplet\":8,\"name\":\"other\",\"uris\":[],\"runtime\":\"node\",\"sha1\":\"" STAGE_DROPLET
               "\",\"executableUri\":\"http://127.0.0.1:9022/"
               "x\",\"version\":\"v\",\"limits\":{\"mem\":64},\"index\":0,\"epoch\":6}");
    stage_pass_ms(&stage, 10);
    assert_string_equal(text_string(&stage.deleted), STAGE_DIGEST "\n");
    assert_int_equal(stage_running(&stage), 1);
    stage_close(&stage);
}

static void a_stranger_among_the_workloads_is_removed(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_kill(&stage);
    text_clear(&stage.workloads[0].note);
    text_add_string(&stage.workloads[0].note, "\xff\xff\xff garbage");
    stage_begin_life(&stage);
    stage_pass_ms(&stage, 10);
    assert_false(stage.workloads[0].exists);
    stage_close(&stage);
}

static void a_damaged_state_is_a_first_life(void **state)
{
    struct stage stage;
    (void)state;
    stage_prepare(&stage);
    stage.config.id = NULL;
    text_add_string(&stage.saved, "\xff\xff\xff garbage");
    stage_begin_life(&stage);
    stage_pass_ms(&stage, 1);
    struct dea_view view;
    dea_view(stage.machine, &view);
    char uuid[48];
    snprintf(uuid, sizeof uuid, "%s", view.uuid);
    assert_int_equal(strlen(uuid), 32);
    stage_kill(&stage);
    stage_begin_life(&stage);
    stage_pass_ms(&stage, 1);
    dea_view(stage.machine, &view);
    assert_string_equal(view.uuid, uuid); /* Drawn once, kept for ever. */
    stage_close(&stage);
}

/* ---- Evacuation ---- */

static void an_evacuating_dea_serves_until_it_is_replaced(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_order(&stage, 1, 6);
    stage_pass_ms(&stage, 10);
    stage_forget(&stage);
    stage_tell(&stage, "dea." STAGE_UUID ".evacuate", NULL, "{}");
    assert_int_equal(stage_heard(&stage, "droplet.exited", "\"reason\":\"DEA_EVACUATION\""), 2);
    assert_int_equal(stage_heard(&stage, "router.unregister", ""), 0);
    stage_tell(&stage, "dea.discover", "_INBOX.a", "{\"droplet\":7,\"limits\":{\"mem\":1},\"runtime\":\"node\"}");
    stage_tell(&stage, "dea.status", "_INBOX.b", "{}");
    stage_pass_ms(&stage, 11000);
    assert_int_equal(stage_heard(&stage, "_INBOX.a", ""), 0);
    assert_int_equal(stage_heard(&stage, "_INBOX.b", "\"state\":\"SHUTTING_DOWN\""), 1);
    assert_int_equal(stage_heard(&stage, "dea.heartbeat", "{\"droplets\":[]"), 1);
    assert_int_equal(stage_running(&stage), 2);

    stage_tell(&stage, "router.register", NULL,
               "{\"dea\":\"other\",\"host\":\"10.0.0.9\",\"port\":1,\"uris\":[],\"app\":7,\"index\":1,\"epoch\":8}");
    assert_int_equal(stage_running(&stage), 1);
    assert_int_equal(stage_heard(&stage, "router.unregister", "\"index\":1"), 1);
    stage_tell(&stage, "router.register", NULL,
               "{\"dea\":\"other\",\"host\":\"10.0.0.9\",\"port\":1,\"uris\":[],\"app\":7,\"index\":0,\"epoch\":4}");
    assert_int_equal(stage_running(&stage), 1); /* An older one replaces nobody. */
    stage_tell(&stage, "router.register", NULL,
               "{\"dea\":\"other\",\"host\":\"10.0.0.9\",\"port\":2,\"uris\":[],\"app\":7,\"index\":0,\"epoch\":9}");
    assert_int_equal(stage_running(&stage), 0);
    stage_pass_ms(&stage, 1100);
    assert_true(stage.has_exited);
    assert_int_equal(stage.exit_status, 0);
    assert_int_equal(stage_heard(&stage, "droplet.exited", ""), 2);
    stage_close(&stage);
}

static void an_evacuation_ends_even_without_replacements(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_evacuate(&stage);
    stage_pass_ms(&stage, 29000);
    assert_int_equal(stage_running(&stage), 1);
    assert_int_equal(stage_heard(&stage, "router.unregister", ""), 0);
    stage_pass_ms(&stage, 3000);
    assert_int_equal(stage_running(&stage), 0);
    assert_int_equal(stage_heard(&stage, "router.unregister", ""), 1);
    assert_true(stage.has_exited);
    stage_close(&stage);
}

static void an_empty_dea_evacuates_at_once(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_evacuate(&stage);
    stage_pass_ms(&stage, 100);
    assert_true(stage.has_exited);
    stage_close(&stage);
}

static void nothing_registers_after_its_goodbye(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_newest(&stage)->ignores_sigterm = true;
    stage_tell(&stage, "dea.stop", NULL, "{\"droplet\":7}");
    stage_forget(&stage);
    stage_tell(&stage, "router.start", NULL, "{}");
    stage_tell(&stage, "dea.update", NULL, "{\"droplet\":7,\"uris\":[\"new.cupola.test\"]}");
    stage_pass_ms(&stage, 1000);
    assert_int_equal(stage_heard(&stage, "router.register", ""), 0);
    stage_close(&stage);
}

/* The inbox of the DEA's last question of that kind. */
static const char *find_inbox(struct stage *stage, const char *subject)
{
    for (size_t i = stage->asked_count; i > 0; i--)
        if (strcmp(stage->asked[i - 1].subject, subject) == 0)
            return stage->asked[i - 1].reply;
    return "";
}

static void what_was_mapped_while_the_agent_was_away_is_asked_for(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    stage_order(&stage, 0, 5);
    stage_pass_ms(&stage, 10);
    stage_kill(&stage);
    stage_forget(&stage);
    stage_begin_life(&stage);
    stage_pass_ms(&stage, 10);
    assert_int_equal(stage_heard(&stage, "cloudcontroller.uris", "{\"droplets\":[7]}"), 1);
    for (int i = 0; i < 60 && stage_heard(&stage, "cloudcontroller.uris", "") < 2; i++)
        stage_pass_ms(&stage, 100); /* Nobody answers: again. */
    stage_forget(&stage);
    stage_tell(&stage, find_inbox(&stage, "cloudcontroller.uris"), NULL,
               "{\"apps\":[{\"droplet\":7,\"uris\":[\"new.cupola.test\"],\"sequence\":9}]}");
    assert_int_equal(stage_heard(&stage, "router.unregister", "hello.cupola.test"), 1);
    assert_int_equal(stage_heard(&stage, "router.register", "new.cupola.test"), 1);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_mapped_while_the_agent_was_away_is_asked_for),
        cmocka_unit_test(stopping_the_agent_harms_no_instance),
        cmocka_unit_test(what_had_no_process_yet_is_given_back),
        cmocka_unit_test(a_new_life_adopts_the_survivors),
        cmocka_unit_test(a_crash_is_reported_in_one_life_only),
        cmocka_unit_test(what_was_told_to_stop_does_not_come_back),
        cmocka_unit_test(changed_uris_outlive_the_agent),
        cmocka_unit_test(a_new_life_gives_other_ports),
        cmocka_unit_test(a_full_store_keeps_the_droplets_that_run),
        cmocka_unit_test(a_stranger_among_the_workloads_is_removed),
        cmocka_unit_test(a_damaged_state_is_a_first_life),
        cmocka_unit_test(an_evacuating_dea_serves_until_it_is_replaced),
        cmocka_unit_test(an_evacuation_ends_even_without_replacements),
        cmocka_unit_test(an_empty_dea_evacuates_at_once),
        cmocka_unit_test(nothing_registers_after_its_goodbye),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
