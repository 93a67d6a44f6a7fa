/* Staging: packages of well- and ill-meaning people. */
#include "core/base/memory.h"
#include "drivers/real/blobs/archive.h"
#include "tests/drivers/real/puppet.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct stage stage;
static struct puppet_op op;
static char package[41];
static const char *framework, *command;

static int open_stage(void **state)
{
    (void)state;
    stage_open(&stage);
    framework = "node";
    command = "";
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    stage_close(&stage);
    puppet_op_reset(&op);
    return 0;
}

/* ---- Packages ---- */

struct entry {
    const char *name;
    const char *content; /* NULL: a folder. */
    const char *link;    /* A symbolic link if not NULL. */
};

static void add_entry(struct archive *zip, const struct entry *wanted)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, wanted->name);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_filetype(entry, wanted->link != NULL ? AE_IFLNK : wanted->content != NULL ? AE_IFREG : AE_IFDIR);
    if (wanted->link != NULL)
        archive_entry_set_symlink(entry, wanted->link);
    if (wanted->content != NULL)
        archive_entry_set_size(entry, (la_int64_t)strlen(wanted->content));
    assert_int_equal(archive_write_header(zip, entry), ARCHIVE_OK);
    if (wanted->content != NULL)
        archive_write_data(zip, wanted->content, strlen(wanted->content));
    archive_entry_free(entry);
}

/* A package of these entries, ended by one without a name. */
static void make_package(const struct entry *entries)
{
    static uint8_t bytes[1 << 20];
    size_t used;
    struct archive *zip = archive_write_new();
    archive_write_set_format_zip(zip);
    assert_int_equal(archive_write_open_memory(zip, bytes, sizeof bytes, &used), ARCHIVE_OK);
    for (; entries->name != NULL; entries++)
        add_entry(zip, entries);
    archive_write_close(zip);
    archive_write_free(zip);
    memcpy(package, stage_import(&stage, bytes, used), sizeof package);
}

static struct text heard; /* What the staging has said while it went on. */

static void hear(struct op *telling, struct io_bytes bytes)
{
    (void)telling;
    text_add(&heard, bytes.data, bytes.size);
}

static void begin(struct puppet *puppet)
{
    text_clear(&heard);
    puppet_op_reset(&op);
    op_stage(&puppet->machine, &op.op, package, framework, framework, command, 64, puppet_note);
    op_hear(&op.op, hear);
}

static const char *stage_it(void)
{
    puppet_do(stage.driver, begin);
    run_until(&stage, op.done);
    return text_string(&op.data);
}

static char *unpacked(const char *file)
{
    static char content[8192];
    char path[200];
    run_shell("rm -rf %s/out && mkdir %s/out && tar -xzf %s/blobs/%.2s/%s -C %s/out", stage.dir, stage.dir, stage.dir,
              text_string(&op.data), text_string(&op.data), stage.dir);
    snprintf(path, sizeof path, "%s/out/%s", stage.dir, file);
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    content[fread(content, 1, sizeof content - 1, stream)] = 0;
    fclose(stream);
    return content;
}

static void expect_refusal(const char *why)
{
    const char *log = stage_it();
    assert_int_equal(op.status, IO_INVALID);
    if (strstr(log, why) == NULL)
        fail_msg("not in the log: %s\n%s", why, log);
    run_shell("test -z \"$(ls %s/staging)\"", stage.dir);
}

/* ---- What people push ---- */

static void a_node_app_becomes_a_droplet(void **state)
{
    (void)state;
    make_package((struct entry[]){
        {.name = "server.js", .content = "//"}, {.name = "lib/"}, {.name = "lib/a.js", .content = "1"}, {0}});
    stage_it();
    assert_int_equal(op.status, IO_OK);
    assert_int_equal(op.data.size, 40);
    assert_true(op.number > 100);
    const char *startup = unpacked("startup");
    assert_non_null(strstr(startup, "runtime=\"%VCAP_LOCAL_RUNTIME%\"\n"));
    assert_non_null(strstr(startup, "exec \"$runtime\" server.js\n"));
    assert_string_equal(unpacked("app/lib/a.js"), "1");
    assert_non_null(strstr(unpacked("logs/staging.log"), "server.js"));
    assert_string_equal(text_string(&heard), unpacked("logs/staging.log"));
    run_shell("test -x %s/out/startup", stage.dir);
}

static void the_same_package_gives_the_same_droplet(void **state)
{
    (void)state;
    make_package((struct entry[]){{.name = "b.js", .content = "1"}, {.name = "app.js", .content = "2"}, {0}});
    stage_it();
    char first[41];
    memcpy(first, text_string(&op.data), sizeof first);
    stage_it();
    assert_string_equal(first, text_string(&op.data));
}

static void package_json_tells_the_start(void **state)
{
    (void)state;
    make_package(
        (struct entry[]){{.name = "package.json", .content = "{\"scripts\":{\"start\":\"node bin/www --x\"}}"}, {0}});
    stage_it();
    assert_non_null(strstr(unpacked("startup"), "exec \"$runtime\" bin/www --x\n"));
    make_package((struct entry[]){
        {.name = "package.json", .content = "{\"main\":\"m.js\"}"}, {.name = "m.js", .content = ""}, {0}});
    stage_it();
    assert_non_null(strstr(unpacked("startup"), "exec \"$runtime\" m.js\n"));
}

static void python_has_a_procfile_or_a_known_file(void **state)
{
    (void)state;
    framework = "python";
    make_package((struct entry[]){{.name = "app.py", .content = ""}, {0}});
    stage_it();
    assert_non_null(strstr(unpacked("startup"), "exec \"$runtime\" app.py\n"));
    make_package((struct entry[]){
        {.name = "app.py", .content = ""}, {.name = "Procfile", .content = "worker: x\nweb: run 'it' $PORT\n"}, {0}});
    stage_it();
    assert_non_null(strstr(unpacked("startup"), "exec bash -c 'run '\\''it'\\'' $PORT'\n"));
}

static void a_given_command_wins(void **state)
{
    (void)state;
    framework = "unheard-of";
    command = "echo $PORT; sleep 1";
    make_package((struct entry[]){{.name = "x", .content = ""}, {0}});
    stage_it();
    assert_int_equal(op.status, IO_OK);
    assert_non_null(strstr(unpacked("startup"), "exec bash -c 'echo $PORT; sleep 1'\n"));
}

static void a_command_that_gives_way_needs_no_second_shell(void **state)
{
    (void)state;
    framework = "unheard-of";
    make_package((struct entry[]){{.name = "x", .content = ""}, {0}});
    command = "exec ./x $PORT";
    stage_it();
    assert_non_null(strstr(unpacked("startup"), "set --\nexec ./x $PORT\n"));
    command = "exec ./x || true";
    stage_it();
    assert_non_null(strstr(unpacked("startup"), "exec bash -c 'exec ./x || true'\n"));
}

static void links_that_stay_inside_are_kept(void **state)
{
    (void)state;
    make_package((struct entry[]){{.name = "a/b/server.js", .content = "x"},
                                  {.name = "server.js", .link = "a/b/server.js"},
                                  {.name = "a/b/up", .link = "../../server.js"},
                                  {.name = "main.js", .content = "y"},
                                  {0}});
    stage_it();
    assert_int_equal(op.status, IO_OK);
    assert_string_equal(unpacked("app/a/b/up"), "x");
}

/* UTF-8, and a byte that is none. */
static void names_need_not_be_ascii(void **state)
{
    (void)state;
    make_package((struct entry[]){{.name = "server.js", .content = ""},
                                  {.name = "gr\xc3\xbc\xc3\x9f", .content = "x"},
                                  {.name = "\xff", .content = "y"},
                                  {0}});
    stage_it();
    assert_int_equal(op.status, IO_OK);
    assert_string_equal(unpacked("app/gr\xc3\xbc\xc3\x9f"), "x");
    assert_string_equal(unpacked("app/\xff"), "y");
}

static void nothing_to_start_is_said(void **state)
{
    (void)state;
    make_package((struct entry[]){{.name = "readme", .content = ""}, {0}});
    expect_refusal("server.js");
    framework = "unheard-of";
    expect_refusal("Procfile");
}

/* ---- Stagers of one's own ---- */

static char *own_stagers[1];
static char own_folder[128];

/* A folder of stagers beside the built-in ones, with one of that name. */
static void add_stager(const char *name, const char *compile, const char *release)
{
    snprintf(own_folder, sizeof own_folder, "%s/own", stage.dir);
    own_stagers[0] = own_folder;
    stage.config.stagers = own_stagers;
    stage.config.n_stagers = 1;
    stage_restart(&stage);
    run_shell("mkdir -p %s/%s && cd %s/%s && printf '#!/bin/sh\n%s\n' >compile && printf '#!/bin/sh\n%s\n' >release && "
              "chmod +x compile release",
              own_folder, name, own_folder, name, compile, release);
}

static void a_stager_of_ones_own_prepares_and_starts(void **state)
{
    (void)state;
    add_stager("cobol", "mktemp >/dev/null || exit 9; echo made >\"$1\"/made; echo \"prepared for $MEMORY_MB MB\"",
               "echo \"exec run $(cat $1/made)\"");
    framework = "cobol";
    make_package((struct entry[]){{.name = "x", .content = ""}, {0}});
    stage_it();
    assert_int_equal(op.status, IO_OK);
    assert_non_null(strstr(unpacked("startup"), "exec run made\n"));
    assert_string_equal(unpacked("app/made"), "made\n");
    assert_non_null(strstr(unpacked("logs/staging.log"), "prepared for 64 MB"));
    run_shell("test ! -e %s/out/stager", stage.dir);
    /* Whoever says how it is started, it is prepared. */
    command = "cat made";
    stage_it();
    assert_string_equal(unpacked("app/made"), "made\n");
    assert_non_null(strstr(unpacked("startup"), "exec bash -c 'cat made'\n"));
}

static void a_stager_that_fails_says_why(void **state)
{
    (void)state;
    framework = "cobol";
    make_package((struct entry[]){{.name = "x", .content = ""}, {0}});
    add_stager("cobol", "echo it is broken >&2; exit 3", "echo x");
    expect_refusal("it is broken\nStaging failed: compile ended with exit status 3");
    add_stager("cobol", "kill -9 $$", "echo x");
    expect_refusal("Staging failed: ");
    stage.config.has_stage_memory_mb = true;
    stage.config.stage_memory_mb = 64;
    add_stager("cobol", "head -c 100M /dev/zero | tail -n 1 >/dev/null", "echo x");
    expect_refusal("memory exhausted");
    stage.config.has_stage_deadline_s = true;
    stage.config.stage_deadline_s = 1;
    add_stager("cobol", "sleep 100", "echo x");
    expect_refusal("it took longer than 1 s");
    add_stager("cobol", "", "");
    expect_refusal("release printed no line");
}

/* By the kernel that is short of memory, say: that is not the application's fault. */
static void a_stager_that_is_killed_begins_anew(void **state)
{
    (void)state;
    framework = "cobol";
    make_package((struct entry[]){{.name = "x", .content = ""}, {0}});
    add_stager("cobol", "echo compiling", "echo x");
    stage_it();
    char undisturbed[41];
    memcpy(undisturbed, text_string(&op.data), sizeof undisturbed);
    run_shell("mkdir %s/staging/999999999-1", stage.dir); /* Of a process that is no more. */
    add_stager("cobol", "echo compiling; [ -e \"$2\"/once ] || { touch \"$2\"/once; kill -9 $$; }", "echo x");
    stage_it();
    assert_int_equal(op.status, IO_OK);
    assert_string_equal(text_string(&op.data), undisturbed);
    assert_non_null(strstr(text_string(&heard), "The stager was killed; it begins anew\n"));
    run_shell("test -z \"$(ls %s/staging)\"", stage.dir);
}

/* The scripts of a package run as nobody, and do not see what else we keep. */
static void a_stager_sees_nothing_of_ours(void **state)
{
    (void)state;
    framework = "cobol";
    make_package((struct entry[]){{.name = "x", .content = ""}, {0}});
    char compile[256];
    snprintf(compile, sizeof compile, "! ls %s/blobs/* && ! touch /etc/evil && test -w \"$2\" && id -u", stage.dir);
    add_stager("cobol", compile, "echo x");
    stage_it();
    assert_int_equal(op.status, IO_OK);
}

/* ---- What others push ---- */

static void names_that_lead_out_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"../evil", "/etc/evil", "a/../../evil", "a/../evil", "./../evil"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        make_package(
            (struct entry[]){{.name = "server.js", .content = ""}, {.name = names[i], .content = "evil"}, {0}});
        expect_refusal("leads out");
    }
}

static void links_that_lead_out_are_refused(void **state)
{
    (void)state;
    static const char *const targets[] = {"/etc/passwd", "..", "../../x", "a/../../x", "./../x", "b/.."};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        make_package((struct entry[]){{.name = "server.js", .content = ""}, {.name = "link", .link = targets[i]}, {0}});
        expect_refusal("leads out");
    }
}

static void nothing_is_written_through_a_link(void **state)
{
    (void)state;
    make_package(
        (struct entry[]){{.name = "d/"}, {.name = "l", .link = "d"}, {.name = "l/evil.js", .content = "x"}, {0}});
    stage_it();
    assert_int_not_equal(op.status, IO_OK);
}

/* Two megabytes out of two kilobytes; the limit that staging and starts give is higher, not different. */
static void a_bomb_is_stopped_by_its_size(void **state)
{
    (void)state;
    run_shell("cd %s && mkdir bomb out && head -c 2000000 /dev/zero > bomb/zeros && tar -czf bomb.tgz -C bomb .",
              stage.dir);
    char bomb[128], out[128];
    snprintf(bomb, sizeof bomb, "%s/bomb.tgz", stage.dir);
    snprintf(out, sizeof out, "%s/out", stage.dir);
    struct text reason = {0};
    assert_int_equal(archive_unpack(bomb, out, 2000000, &reason), IO_OK);
    assert_int_equal(archive_unpack(bomb, out, 1999999, &reason), IO_FULL);
    assert_non_null(strstr(text_string(&reason), "larger than may be unpacked"));
    text_free(&reason);
}

static void what_is_no_archive_is_said(void **state)
{
    (void)state;
    memcpy(package, stage_import(&stage, "this is no zip", 14), sizeof package);
    expect_refusal("cannot be read");
    memset(package, '0', 40);
    stage_it();
    assert_int_equal(op.status, IO_NOT_FOUND);
}

/* Every prefix and many mutations of a good package: refused or staged, never a crash. */
static void damaged_packages_do_no_harm(void **state)
{
    (void)state;
    make_package((struct entry[]){
        {.name = "server.js", .content = "hello hello hello"}, {.name = "l", .link = "server.js"}, {0}});
    char path[128];
    snprintf(path, sizeof path, "%s/blobs/%.2s/%s", stage.dir, package, package);
    uint8_t good[2048], bad[2048];
    FILE *file = fopen(path, "rb");
    size_t size = fread(good, 1, sizeof good, file);
    fclose(file);
    for (size_t i = 0; i < 60; i++) {
        memcpy(bad, good, size);
        bad[(i * 7919) % size] ^= (uint8_t)(1 + i * 31);
        memcpy(package, stage_import(&stage, bad, i < 30 ? size : size * (i - 30) / 30 + 1), sizeof package);
        stage_it();
    }
}

#define stage_test(name) cmocka_unit_test_setup_teardown(name, open_stage, close_stage)

int main(void)
{
    const struct CMUnitTest tests[] = {
        stage_test(a_node_app_becomes_a_droplet),
        stage_test(the_same_package_gives_the_same_droplet),
        stage_test(package_json_tells_the_start),
        stage_test(python_has_a_procfile_or_a_known_file),
        stage_test(a_given_command_wins),
        stage_test(a_command_that_gives_way_needs_no_second_shell),
        stage_test(links_that_stay_inside_are_kept),
        stage_test(names_need_not_be_ascii),
        stage_test(nothing_to_start_is_said),
        stage_test(a_stager_of_ones_own_prepares_and_starts),
        stage_test(a_stager_that_fails_says_why),
        stage_test(a_stager_that_is_killed_begins_anew),
        stage_test(a_stager_sees_nothing_of_ours),
        stage_test(names_that_lead_out_are_refused),
        stage_test(links_that_lead_out_are_refused),
        stage_test(nothing_is_written_through_a_link),
        stage_test(a_bomb_is_stopped_by_its_size),
        stage_test(what_is_no_archive_is_said),
        stage_test(damaged_packages_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
