/* Log streams of workloads: every line is in a file or counted as lost, in order, in files of a bounded size. */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "drivers/real/files.h"
#include "drivers/real/workloads/supervisor_log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static struct supervisor_log streams;
static int writers[LOG_STREAMS];
static uint64_t now_ns;

static int open_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/cupola-log-XXXXXX");
    assert_non_null(mkdtemp(folder));
    char logs[80];
    snprintf(logs, sizeof logs, "%s/logs", folder);
    assert_int_equal(mkdir(logs, 0755), 0);
    now_ns = 5 * NS_PER_S;
    return 0;
}

static int close_folder(void **state)
{
    (void)state;
    for (size_t i = 0; i < LOG_STREAMS; i++) {
        close(writers[i]);
        if (streams.streams[i].pipe >= 0)
            close(streams.streams[i].pipe);
        if (streams.streams[i].file >= 0)
            close(streams.streams[i].file);
    }
    close(streams.folder);
    assert_int_equal(files_remove_tree(folder, NULL), IO_OK);
    return 0;
}

static void open_log(uint64_t file_bytes, uint32_t files, uint64_t bytes_per_s)
{
    struct log_settings settings = {file_bytes, files, bytes_per_s};
    int readers[LOG_STREAMS];
    for (size_t i = 0; i < LOG_STREAMS; i++) {
        int ends[2];
        assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
        readers[i] = ends[0];
        writers[i] = ends[1];
    }
    supervisor_log_open(&streams, &settings, open(folder, O_RDONLY | O_DIRECTORY), readers, now_ns);
}

static void say(enum log_stream_id id, const char *text)
{
    assert_int_equal(write(writers[id], text, strlen(text)), (ssize_t)strlen(text));
    assert_true(supervisor_log_pump(&streams, id, now_ns));
}

static const char *content(const char *name)
{
    static struct text text;
    text_clear(&text);
    struct path path = path_of("%s/logs/%s", folder, name);
    files_read(path.text, 1 << 20, &text, NULL);
    return text_string(&text);
}

static void what_is_said_is_written_in_order(void **state)
{
    (void)state;
    open_log(1000, 2, 0);
    say(LOG_STDOUT, "one\ntw");
    say(LOG_STDERR, "bad\n");
    say(LOG_STDOUT, "o\nthree");
    assert_string_equal(content("stdout.log"), "one\ntwo\nthree");
    assert_string_equal(content("stderr.log"), "bad\n");
    supervisor_log_drain(&streams, now_ns);
    supervisor_log_end(&streams, "over\n");
    assert_string_equal(content("stderr.log"), "bad\nover\n");
}

static void files_are_rotated_between_lines_and_few_are_kept(void **state)
{
    (void)state;
    open_log(10, 2, 0);
    say(LOG_STDOUT, "11111\n222\n33");
    say(LOG_STDOUT, "333\n44\n55555\n66666\n77777\n");
    assert_string_equal(content("stdout.log"), "77777\n");
    assert_string_equal(content("stdout.log.1"), "66666\n");
    assert_string_equal(content("stdout.log.2"), "55555\n");
    assert_string_equal(content("stdout.log.3"), "");
}

static void a_line_longer_than_a_file_is_cut_and_nothing_is_lost(void **state)
{
    (void)state;
    open_log(10, 3, 0);
    say(LOG_STDOUT, "0123456789abcdefghijABC\n");
    assert_string_equal(content("stdout.log.2"), "0123456789");
    assert_string_equal(content("stdout.log.1"), "abcdefghij");
    assert_string_equal(content("stdout.log"), "ABC\n");
}

static void what_is_too_much_is_counted_where_it_is_missing(void **state)
{
    (void)state;
    open_log(100000, 2, 20);
    say(LOG_STDOUT, "aaaa\nbbbb\ncccc\ndddd\neeee\nff");
    assert_string_equal(content("stdout.log"), "aaaa\nbbbb\ncccc\ndddd\n");
    say(LOG_STDOUT, "ff\ngggg\nhh");
    say(LOG_STDERR, "the other stream\n");
    assert_string_equal(content("stderr.log"), "the other stream\n");
    now_ns += NS_PER_S;
    assert_true(supervisor_log_due_ns(&streams) <= now_ns);
    supervisor_log_tick(&streams, now_ns);
    say(LOG_STDOUT, "hh\niiii\n");
    assert_string_equal(content("stdout.log"), "aaaa\nbbbb\ncccc\ndddd\n"
                                               "cupola: 4 lines (20 bytes) lost: more than 20 bytes/s\niiii\n");
    assert_true(supervisor_log_due_ns(&streams) == UINT64_MAX);
}

static void a_loss_is_told_in_the_end_too(void **state)
{
    (void)state;
    open_log(100000, 2, 10);
    say(LOG_STDERR, "aaaa\nbbbb\ncccc\n");
    supervisor_log_drain(&streams, now_ns);
    supervisor_log_end(&streams, "");
    assert_string_equal(content("stderr.log"), "aaaa\nbbbb\ncupola: 1 lines (5 bytes) lost: more than 10 bytes/s\n");
}

/* The folder is the workload's: it cannot have us write somewhere else. */
static void links_and_pipes_are_not_followed(void **state)
{
    (void)state;
    char link[100], target[100], pipe_name[100];
    snprintf(link, sizeof link, "%s/logs/stdout.log", folder);
    snprintf(target, sizeof target, "%s/victim", folder);
    snprintf(pipe_name, sizeof pipe_name, "%s/logs/stderr.log", folder);
    assert_int_equal(symlink(target, link), 0);
    assert_int_equal(mkfifo(pipe_name, 0600), 0);
    open_log(1000, 2, 0);
    say(LOG_STDOUT, "evil\n");
    say(LOG_STDERR, "evil\n");
    assert_int_equal(access(target, F_OK), -1);
    assert_int_equal(streams.streams[LOG_STDOUT].lost_lines, 1);
}

/* As where a disk is full. The last line is ours, and there is a reserve for it. */
static void what_cannot_be_written_is_counted_as_such(void **state)
{
    (void)state;
    struct rlimit small = {0, RLIM_INFINITY}, large = {RLIM_INFINITY, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    open_log(100000, 2, 0);
    say(LOG_STDERR, "a\n");
    small.rlim_cur = 4;
    setrlimit(RLIMIT_FSIZE, &small);
    say(LOG_STDERR, "b\nc\nd\n");
    supervisor_log_drain(&streams, now_ns);
    setrlimit(RLIMIT_FSIZE, &large);
    supervisor_log_drain(&streams, now_ns);
    supervisor_log_end(&streams, "over\n");
    assert_string_equal(content("stderr.log"), "a\nb\n\ncupola: 3 lines (6 bytes) lost: no room to write them\nover\n");
}

#define log_test(name) cmocka_unit_test_setup_teardown(name, open_folder, close_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        log_test(what_is_said_is_written_in_order),
        log_test(files_are_rotated_between_lines_and_few_are_kept),
        log_test(a_line_longer_than_a_file_is_cut_and_nothing_is_lost),
        log_test(what_is_too_much_is_counted_where_it_is_missing),
        log_test(a_loss_is_told_in_the_end_too),
        log_test(what_cannot_be_written_is_counted_as_such),
        log_test(links_and_pipes_are_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
