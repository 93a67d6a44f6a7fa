/* What strangers upload: refused with a reason, and nothing of it stays; or it becomes a package. */
#include "tests/drivers/real/puppet.h"

#include "core/base/memory.h"
#include "drivers/real/blobs/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ARCHIVE_CAPACITY = 16 << 20, FILE_IN_BOMB = 8 << 20, MUTATIONS = 50, CUTS = 16 };

enum kind { KIND_END = 0, KIND_FILE, KIND_FOLDER, KIND_LINK, KIND_HARD_LINK, KIND_DEVICE, KIND_FIFO };

struct entry {
    enum kind kind;
    const char *name;
    const char *content; /* Or where the link leads. */
};

static struct stage stage;
static struct puppet_op op;
static char upload[41];
static const char *files; /* That are to be taken from the pool. */
static uint8_t *bytes;    /* The archive that is being made. */
static size_t size;

static int open_stage(void **state)
{
    (void)state;
    stage_open(&stage);
    files = "";
    bytes = memory_new(ARCHIVE_CAPACITY);
    run_shell("mkdir -p %s/staging %s/pool %s/blobs/temp", stage.dir, stage.dir, stage.dir);
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    stage_close(&stage);
    puppet_op_reset(&op);
    memory_free(bytes);
    return 0;
}

/* ---- Archives ---- */

static struct archive *begin_archive(bool is_zip)
{
    struct archive *archive = archive_write_new();
    if (is_zip) {
        archive_write_set_format_zip(archive);
    } else {
        archive_write_set_format_pax_restricted(archive);
        archive_write_add_filter_gzip(archive);
    }
    assert_int_equal(archive_write_open_memory(archive, bytes, ARCHIVE_CAPACITY, &size), ARCHIVE_OK);
    return archive;
}

static void add(struct archive *archive, enum kind kind, const char *name, const char *content)
{
    static const int types[] = {[KIND_FILE] = AE_IFREG,      [KIND_FOLDER] = AE_IFDIR, [KIND_LINK] = AE_IFLNK,
                                [KIND_HARD_LINK] = AE_IFREG, [KIND_DEVICE] = AE_IFCHR, [KIND_FIFO] = AE_IFIFO};
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_filetype(entry, (unsigned)types[kind]);
    archive_entry_set_size(entry, kind == KIND_FILE ? (la_int64_t)strlen(content) : 0);
    if (kind == KIND_LINK)
        archive_entry_set_symlink(entry, content);
    if (kind == KIND_HARD_LINK)
        archive_entry_set_hardlink(entry, content);
    if (archive_write_header(archive, entry) != ARCHIVE_OK)
        fail_msg("%s: %s", name, archive_error_string(archive));
    if (kind == KIND_FILE)
        archive_write_data(archive, content, strlen(content));
    archive_entry_free(entry);
}

static void end_archive(struct archive *archive)
{
    assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
}

static void make(bool is_zip, const struct entry *entries)
{
    struct archive *archive = begin_archive(is_zip);
    for (; entries->kind != KIND_END; entries++)
        add(archive, entries->kind, entries->name, entries->content);
    end_archive(archive);
}

/* ---- Uploads ---- */

static void begin(struct puppet *puppet)
{
    puppet_op_reset(&op);
    op_assemble(&puppet->machine, &op.op, upload, files, puppet_note);
}

static void assemble(const uint8_t *content, size_t content_size)
{
    memcpy(upload, stage_import(&stage, content, content_size), sizeof upload);
    puppet_do(stage.driver, begin);
    run_until(&stage, op.done);
}

/* All but the blobs themselves, which the controller counts and collects. */
static void list_to(const char *list)
{
    run_shell(
        "cd %s && find . -not -path './blobs/[0-9a-f]*/*' -not -path './blobs/[0-9a-f][0-9a-f]' -not -name list.\\* "
        "-not -name import | sort >%s",
        stage.dir, list);
}

static void remember(void)
{
    list_to("list.before");
}

static void expect_nothing_left(void)
{
    list_to("list.after");
    run_shell("cd %s && diff list.before list.after && test ! -e /tmp/cupola-evil", stage.dir);
}

static void judge(const char *what, enum io_status status, const char *why)
{
    assemble(bytes, size);
    if (op.status != status || strstr(text_string(&op.data), why) == NULL)
        fail_msg("%s: %s: %s", what, io_status_name(op.status), text_string(&op.data));
}

static void expect(const char *what, enum io_status status, const char *why)
{
    remember();
    judge(what, status, why);
    expect_nothing_left();
}

/* ---- Names, links and kinds ---- */

static void what_leads_out_is_refused(void **state)
{
    (void)state;
    static const struct entry evil[] = {
        {KIND_FILE, "../cupola-evil", "x"},        {KIND_FILE, "/tmp/cupola-evil", "x"},
        {KIND_FILE, "a/../../cupola-evil", "x"},   {KIND_FOLDER, "../cupola-evil/", NULL},
        {KIND_LINK, "l", "/etc/passwd"},           {KIND_LINK, "l", "../../import"},
        {KIND_LINK, "a/l", "b/../../../../x"},     {KIND_LINK, "/tmp/cupola-evil", "a"},
        {KIND_HARD_LINK, "h", "../../import"},     {KIND_HARD_LINK, "h", "/etc/passwd"},
        {KIND_HARD_LINK, "../cupola-evil", "a.js"}};
    for (size_t i = 0; i < sizeof evil / sizeof evil[0]; i++) {
        for (int is_zip = evil[i].kind != KIND_HARD_LINK; is_zip >= 0; is_zip--) {
            make(is_zip != 0, (struct entry[]){{KIND_FILE, "a.js", "1"}, evil[i], {0}});
            expect(evil[i].name, IO_INVALID, "leads out");
        }
    }
}

/* Its text stays the same in another folder, and leads elsewhere. */
static void a_link_is_not_carried_out_by_a_hard_link_to_it(void **state)
{
    (void)state;
    make(false, (struct entry[]){{KIND_LINK, "a/b/l", "../../a.js"}, {KIND_HARD_LINK, "out", "a/b/l"}, {0}});
    expect("a hard link to a link", IO_INVALID, "a hard link to what is no file");
    make(false, (struct entry[]){{KIND_FOLDER, "d/", NULL}, {KIND_HARD_LINK, "h", "d"}, {0}});
    expect("a hard link to a folder", IO_INVALID, "a hard link to what is no file");
    make(false, (struct entry[]){{KIND_HARD_LINK, "h", "nothing"}, {0}});
    expect("a hard link to nothing", IO_INVALID, "h: ");
    make(false, (struct entry[]){{KIND_FILE, "a.js", "1"}, {KIND_HARD_LINK, "h.js", "a.js"}, {0}});
    expect("a hard link", IO_OK, "");
}

static void only_files_folders_and_links_are_made(void **state)
{
    (void)state;
    make(false, (struct entry[]){{KIND_FILE, "a.js", "1"}, {KIND_DEVICE, "null", NULL}, {0}});
    expect("a device", IO_INVALID, "null: neither a file nor a folder nor a link");
    make(false, (struct entry[]){{KIND_FIFO, "pipe", NULL}, {0}});
    expect("a pipe", IO_INVALID, "pipe: neither");
    make(false, (struct entry[]){{KIND_LINK, "l", "d"}, {KIND_FILE, "l/x", "1"}, {0}});
    expect("through a link", IO_INVALID, "l/x: ");
}

static void names_that_stand_in_each_others_way_are_told(void **state)
{
    (void)state;
    for (int is_zip = 0; is_zip < 2; is_zip++) {
        make(is_zip != 0, (struct entry[]){{KIND_FILE, "a", "1"}, {KIND_FILE, "a/b", "2"}, {0}});
        expect("a file as a folder", IO_INVALID, "a/b: ");
        make(is_zip != 0, (struct entry[]){{KIND_FILE, "a/b", "1"}, {KIND_FILE, "a", "2"}, {0}});
        expect("a folder as a file", IO_INVALID, "a: ");
        make(is_zip != 0, (struct entry[]){{KIND_FILE, "a", "1"}, {KIND_FILE, "a", "2"}, {0}});
        expect("one name twice", IO_OK, "");
        /* Said to be UTF-8, which is not what the locale of a daemon says. */
        make(true, (struct entry[]){{KIND_FILE, "gr\xc3\xbc\xc3\x9f.js", "1"}, {0}});
        uint8_t *central = memmem(bytes, size, "PK\1\2", 4);
        assert_non_null(central);
        bytes[7] |= 8;
        central[9] |= 8;
        expect("a name that is not ASCII", IO_OK, "");
    }
}

static void long_and_deep_names_are_refused(void **state)
{
    (void)state;
    static char name[5001], deep[801];
    memset(name, 'n', sizeof name - 1);
    for (size_t i = 0; i < sizeof deep - 1; i++)
        deep[i] = i % 2 == 0 ? 'd' : '/';
    for (int is_zip = 0; is_zip < 2; is_zip++) {
        make(is_zip != 0, (struct entry[]){{KIND_FILE, name, "1"}, {0}});
        expect("5000 bytes", IO_INVALID, "too long");
        make(is_zip != 0, (struct entry[]){{KIND_FILE, name + sizeof name - 301, "1"}, {0}});
        expect("300 bytes", IO_INVALID, "too long");
        make(is_zip != 0, (struct entry[]){{KIND_FOLDER, deep, NULL}, {0}});
        expect("400 folders", IO_INVALID, "too many folders in each other");
        make(is_zip != 0, (struct entry[]){{KIND_FOLDER, deep + sizeof deep - 301, NULL}, {0}});
        expect("150 folders", IO_INVALID, "too many folders in each other");
    }
}

/* ---- Bombs ---- */

/* Packed again, each of the links is a file of its own. */
static void hard_links_count_with_what_they_link(void **state)
{
    (void)state;
    char *zeros = memory_new(FILE_IN_BOMB + 1), name[20];
    memset(zeros, '0', FILE_IN_BOMB);
    struct archive *archive = begin_archive(false);
    add(archive, KIND_FILE, "zeros", zeros);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "h%d", i);
        add(archive, KIND_HARD_LINK, name, "zeros");
    }
    end_archive(archive);
    memory_free(zeros);
    expect("hard links", IO_FULL, "larger than may be unpacked");
}

static void there_are_never_too_many_entries(void **state)
{
    (void)state;
    struct archive *archive = begin_archive(false);
    for (int i = 0; i <= UNPACKED_ENTRIES_MOST; i++)
        add(archive, KIND_FOLDER, "d/", NULL);
    end_archive(archive);
    expect("entries", IO_FULL, "too many entries");
}

/* Few entries make many folders, if each name has a hundred of its own. */
static void folders_that_only_names_bring_count_as_entries(void **state)
{
    (void)state;
    char name[240];
    struct archive *archive = begin_archive(false);
    for (int i = 0; i < UNPACKED_ENTRIES_MOST - 200; i++)
        add(archive, KIND_FOLDER, "d/", NULL);
    for (int i = 0; i < 3; i++) {
        size_t used = (size_t)snprintf(name, sizeof name, "d%d", i);
        for (int j = 0; j < 90; j++)
            used += (size_t)snprintf(name + used, sizeof name - used, "/a");
        add(archive, KIND_FILE, name, "");
    }
    end_archive(archive);
    expect("folders", IO_FULL, "too many entries");
}

/* ---- Damage ---- */

static void make_good(bool is_zip)
{
    char noise[3000];
    uint32_t number = 1;
    for (size_t i = 0; i < sizeof noise - 1; i++) {
        number = number * 1664525 + 1013904223;
        noise[i] = (char)('!' + number % 90 / 3);
    }
    noise[sizeof noise - 1] = '\0';
    make(is_zip, (struct entry[]){{KIND_FILE, "a.js", noise},
                                  {KIND_FOLDER, "lib/", NULL},
                                  {KIND_FILE, "lib/b.js", noise + 1000},
                                  {KIND_LINK, "main.js", "a.js"},
                                  {0}});
    expect("the whole", IO_OK, "");
}

/* Also one that lacks only its end, where a zip has the modes of its files. */
static void cut_archives_are_refused(void **state)
{
    (void)state;
    for (int is_zip = 0; is_zip < 2; is_zip++) {
        make_good(is_zip != 0);
        size_t whole = size;
        remember();
        for (size_t i = 0; i < CUTS; i++) {
            size = whole * i / CUTS;
            judge("cut", IO_INVALID, "");
        }
        size = whole - 30;
        judge("its end is cut off", IO_INVALID, "");
        expect_nothing_left();
    }
}

static void damaged_archives_are_refused_or_packed(void **state)
{
    (void)state;
    for (int is_zip = 0; is_zip < 2; is_zip++) {
        make_good(is_zip != 0);
        remember();
        for (size_t i = 0; i < MUTATIONS; i++) {
            size_t at = (i * 7919) % size;
            uint8_t flip = (uint8_t)(1 + i * 31 % 255);
            bytes[at] ^= flip;
            assemble(bytes, size);
            bytes[at] ^= flip;
            if (op.status != IO_OK && op.status != IO_INVALID && op.status != IO_FULL)
                fail_msg("byte %zu: %s: %s", at, io_status_name(op.status), text_string(&op.data));
        }
        expect_nothing_left();
    }
}

/* ---- Files of the pool ---- */

static void names_of_pooled_files_stay_inside(void **state)
{
    (void)state;
    static const char *digest = "baf4b6549fa4f4fecdfe751f2a69fbb385694673"; /* Of the content. */
    static char content[70001], line[200];
    static const char *const names[] = {"../evil", "/tmp/cupola-evil", "a/../../evil", "a//b", "l/x", "a.js/x", "",
                                        "."};
    memset(content, 'c', sizeof content - 1);
    make(true, (struct entry[]){{KIND_FILE, "pooled.js", content}, {0}});
    assemble(bytes, size);
    assert_int_equal(op.status, IO_OK);
    make(true, (struct entry[]){{KIND_FILE, "a.js", "1"}, {KIND_LINK, "l", "d"}, {KIND_FOLDER, "d/", NULL}, {0}});
    files = line;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(line, sizeof line, "%s 70000 644 %s\n", digest, names[i]);
        expect(names[i], IO_INVALID, "");
    }
    snprintf(line, sizeof line, "%s 70000 644 lib/x.js\n", digest);
    expect("a pooled file", IO_OK, "");
}

#define upload_test(name) cmocka_unit_test_setup_teardown(name, open_stage, close_stage)

int main(void)
{
    const struct CMUnitTest tests[] = {
        upload_test(what_leads_out_is_refused),
        upload_test(a_link_is_not_carried_out_by_a_hard_link_to_it),
        upload_test(only_files_folders_and_links_are_made),
        upload_test(names_that_stand_in_each_others_way_are_told),
        upload_test(long_and_deep_names_are_refused),
        upload_test(hard_links_count_with_what_they_link),
        upload_test(there_are_never_too_many_entries),
        upload_test(folders_that_only_names_bring_count_as_entries),
        upload_test(cut_archives_are_refused),
        upload_test(damaged_archives_are_refused_or_packed),
        upload_test(names_of_pooled_files_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
