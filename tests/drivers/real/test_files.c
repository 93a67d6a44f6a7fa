/* Trees of files that strangers have made: removed and measured whole. */
#include "drivers/real/files.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { LEVELS = 1000, FILE_BYTES = 8192 };

static int begin(void **state)
{
    struct path folder = path_of("%s", "/tmp/cupola-files-XXXXXX");
    if (mkdtemp(folder.text) == NULL)
        return -1;
    struct path *kept = malloc(sizeof *kept);
    *kept = folder;
    *state = kept;
    return 0;
}

static int end(void **state)
{
    const struct path *folder = *state;
    files_remove_tree(folder->text, NULL);
    free(*state);
    return 0;
}

static void put_file(int folder, const char *name)
{
    static const char content[FILE_BYTES] = "x";
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(files_write_all(file, content, sizeof content), 0);
    close(file);
}

/* Folders one in the other, deeper than any path is long, with a file at the bottom. */
static void nest(const char *path, int levels)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < levels; i++) {
        assert_int_equal(mkdirat(folder, "lifted-0", 0700), 0);
        int child = openat(folder, "lifted-0", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(child >= 0);
        close(folder);
        folder = child;
    }
    put_file(folder, "bottom");
    close(folder);
}

static void a_tree_of_any_depth_is_removed(void **state)
{
    const struct path *folder = *state;
    nest(folder->text, LEVELS);
    struct text reason = {0};
    assert_int_equal(files_remove_tree(folder->text, &reason), IO_OK);
    assert_int_equal(access(folder->text, F_OK), -1);
    text_free(&reason);
}

static void what_lies_too_deep_is_more_than_any_quota(void **state)
{
    const struct path *folder = *state;
    nest(folder->text, 100);
    uint64_t bytes = files_measure_tree(folder->text);
    assert_in_range(bytes, FILE_BYTES, 10 * 1024 * 1024);
    struct path other = path_of("%s/other", folder->text);
    assert_int_equal(mkdir(other.text, 0700), 0);
    nest(other.text, LEVELS);
    assert_true(files_measure_tree(folder->text) >= FILES_TOO_DEEP_TO_MEASURE);
}

#define story(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(a_tree_of_any_depth_is_removed),
        story(what_lies_too_deep_is_more_than_any_quota),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
