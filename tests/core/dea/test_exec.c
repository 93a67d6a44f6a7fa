/* Commands beside an instance's processes: asked for on the bus, joined on the file viewer's port, ended in time. */
#include "tests/core/dea/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ASKED "{\"droplet\":7,\"index\":0,\"command\":[\"ls\",\"-l\"],\"rows\":24,\"columns\":80}"
#define UPGRADE "Connection: Upgrade\r\nUpgrade: cupola-exec\r\n"

struct visitor {
    struct stage stage;
    char path[80]; /* "/exec/..." */
};

/* Asks, and keeps the ticket. */
static void ask(struct visitor *visitor)
{
    stage_forget(&visitor->stage);
    stage_tell(&visitor->stage, "dea.exec", "_INBOX.exec", ASKED);
    const char *said = strstr(text_string(&visitor->stage.said), "\"ticket\":\"");
    assert_non_null(said);
    assert_int_equal(stage_heard(&visitor->stage, "_INBOX.exec", "\"ip\":\"127.0.0.1\",\"port\":24345"), 1);
    snprintf(visitor->path, sizeof visitor->path, "/exec/%.32s", said + strlen("\"ticket\":\""));
}

static void open_with(struct visitor *visitor, uint32_t most)
{
    stage_prepare(&visitor->stage);
    visitor->stage.config.has_exec_sessions = true;
    visitor->stage.config.exec_sessions = most;
    stage_begin_life(&visitor->stage);
    stage_order(&visitor->stage, 0, 5);
    stage_pass_ms(&visitor->stage, 10);
}

static void whoever_has_the_ticket_is_joined_with_the_command_once(void **state)
{
    (void)state;
    struct visitor visitor;
    open_with(&visitor, 4);
    ask(&visitor);
    const char *answer = stage_get(&visitor.stage, visitor.path, "");
    assert_memory_equal(answer, "HTTP/1.1 426", 12);
    answer = stage_get(&visitor.stage, visitor.path, UPGRADE);
    assert_memory_equal(answer, "HTTP/1.1 101 Switching Protocols\r\n", 34);
    assert_non_null(strstr(answer, "\r\n\r\nls -l 24x80\n")); /* It had the secret, too. */
    answer = stage_get(&visitor.stage, visitor.path, UPGRADE);
    assert_memory_equal(answer, "HTTP/1.1 404", 12);
    answer = stage_get(&visitor.stage, "/exec/", UPGRADE);
    assert_memory_equal(answer, "HTTP/1.1 404", 12);
    stage_close(&visitor.stage);
}

static void nobody_answers_for_an_instance_that_does_not_run(void **state)
{
    (void)state;
    struct visitor visitor;
    open_with(&visitor, 4);
    stage_tell(&visitor.stage, "dea.exec", "_INBOX.exec", "{\"droplet\":7,\"index\":1,\"command\":[\"ls\"]}");
    stage_tell(&visitor.stage, "dea.exec", "_INBOX.exec", "{\"droplet\":8,\"index\":0,\"command\":[\"ls\"]}");
    stage_end_workload(&visitor.stage, stage_newest(&visitor.stage), 9);
    stage_tell(&visitor.stage, "dea.exec", "_INBOX.exec", ASKED);
    assert_int_equal(stage_heard(&visitor.stage, "_INBOX.exec", ""), 0);
    stage_close(&visitor.stage);
}

static void there_are_no_more_at_once_than_configured_and_tickets_grow_old(void **state)
{
    (void)state;
    struct visitor visitor;
    open_with(&visitor, 1);
    stage_tell(&visitor.stage, "dea.exec", "_INBOX.exec", "{\"droplet\":7,\"index\":0}");
    assert_int_equal(stage_heard(&visitor.stage, "_INBOX.exec", "\"refusal\":\"the command has no word"), 1);
    ask(&visitor);
    stage_tell(&visitor.stage, "dea.exec", "_INBOX.exec", ASKED);
    assert_int_equal(stage_heard(&visitor.stage, "_INBOX.exec", "\"refusal\":\"too many commands run"), 1);
    stage_pass_ms(&visitor.stage, 31000);
    const char *answer = stage_get(&visitor.stage, visitor.path, UPGRADE);
    assert_memory_equal(answer, "HTTP/1.1 404", 12);
    ask(&visitor); /* There is room again. */
    stage_close(&visitor.stage);
}

static void a_command_ends_with_its_instance_and_with_silence(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct visitor visitor;
        open_with(&visitor, 1);
        ask(&visitor);
        uint32_t client = stage_visit(&visitor.stage, 24345);
        char request[200];
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: dea\r\n" UPGRADE "\r\n", visitor.path);
        assert_non_null(strstr(stage_say(&visitor.stage, client, request), "\r\n\r\nls -l 24x80\n"));
        stage_pass_ms(&visitor.stage, 500000);
        assert_true(stage_is_visiting(&visitor.stage, client));
        if (i == 0)
            stage_tell(&visitor.stage, "dea.stop", NULL, "{\"droplet\":7}");
        else
            stage_pass_ms(&visitor.stage, 110000);
        assert_false(stage_is_visiting(&visitor.stage, client));
        stage_close(&visitor.stage);
    }
}

static void what_cannot_be_entered_is_told_with_the_reason(void **state)
{
    (void)state;
    struct visitor visitor;
    open_with(&visitor, 1);
    visitor.stage.launches_fail = true;
    ask(&visitor);
    const char *answer = stage_get(&visitor.stage, visitor.path, UPGRADE);
    assert_memory_equal(answer, "HTTP/1.1 503", 12);
    assert_non_null(strstr(answer, "\r\n\r\nthe instance could not be entered (denied)\n"));
    ask(&visitor); /* It is not counted any more. */
    stage_close(&visitor.stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_has_the_ticket_is_joined_with_the_command_once),
        cmocka_unit_test(nobody_answers_for_an_instance_that_does_not_run),
        cmocka_unit_test(there_are_no_more_at_once_than_configured_and_tickets_grow_old),
        cmocka_unit_test(a_command_ends_with_its_instance_and_with_silence),
        cmocka_unit_test(what_cannot_be_entered_is_told_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
