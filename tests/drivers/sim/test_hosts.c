/* Hosts: clocks that may be wrong, disks that keep what was synced, ports. */
#include "core/base/duration.h"
#include "core/base/memory.h"
#include "drivers/sim/host/host.h"
#include "drivers/sim/storage/blob_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct world *world;
static struct host *host;

static int open_world(void **state)
{
    (void)state;
    world = world_create(1);
    host = host_create(world, "host", "10.0.0.1", 0);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_destroy(world);
    return 0;
}

static void run_for(uint64_t duration_ns)
{
    uint64_t until_ns = world->now_ns + duration_ns;
    while (world_advance(world, until_ns)) {
    }
}

static void a_drifting_clock_runs_fast_and_its_deadlines_come_early(void **state)
{
    (void)state;
    uint64_t before_ns = host_local_ns(host);
    host_set_rate(host, 1100000000);
    assert_int_equal(host_world_ns(host, before_ns + 11 * NS_PER_S), 10 * NS_PER_S);
    run_for(10 * NS_PER_S);
    assert_int_equal(host_local_ns(host), before_ns + 11 * NS_PER_S);
    host_set_rate(host, 1000000000);
    run_for(NS_PER_S);
    assert_int_equal(host_local_ns(host), before_ns + 12 * NS_PER_S);
}

static void a_step_moves_the_wall_clock_only(void **state)
{
    (void)state;
    uint64_t local_ns = host_local_ns(host);
    int64_t wall_ns = host_wall_ns(host);
    host_step_wall(host, -(int64_t)(3600 * NS_PER_S));
    assert_int_equal(host_local_ns(host), local_ns);
    assert_int_equal(host_wall_ns(host), wall_ns - (int64_t)(3600 * NS_PER_S));
}

static void a_frozen_wall_clock_jumps_when_it_thaws(void **state)
{
    (void)state;
    int64_t wall_ns = host_wall_ns(host);
    host_freeze_wall(host, true);
    run_for(5 * NS_PER_S);
    assert_int_equal(host_wall_ns(host), wall_ns);
    host_freeze_wall(host, false);
    assert_int_equal(host_wall_ns(host), wall_ns + (int64_t)(5 * NS_PER_S));
}

static void a_time_that_has_passed_is_now(void **state)
{
    (void)state;
    run_for(10 * NS_PER_S);
    assert_int_equal(host_world_ns(host, 1), 10 * NS_PER_S);
    assert_true(host_world_ns(host, NEVER_NS) == NEVER_NS);
}

static const char *saved(void)
{
    static char text[64];
    struct slice bytes = disk_read_saved(&host->disk, "dea-0");
    memcpy(text, slice_data(bytes), bytes.size);
    text[bytes.size] = 0;
    buffer_unref(bytes.buffer);
    return text;
}

static void saved_state_survives_the_loss_of_power(void **state)
{
    (void)state;
    assert_string_equal(saved(), "");
    disk_save(&host->disk, "dea-0", slice_copy("first", 5));
    disk_save(&host->disk, "dea-0", slice_copy("second", 6));
    host_power_off(host);
    host_power_on(host);
    assert_string_equal(saved(), "second");
}

static void what_is_read_back_may_be_old_short_or_damaged(void **state)
{
    (void)state;
    struct disk_trouble old = {.is_old = true}, torn = {.is_torn = true}, rot = {.rots = true};
    disk_save(&host->disk, "dea-0", slice_copy("first", 5));
    disk_save(&host->disk, "dea-0", slice_copy("second", 6));
    disk_trouble_begin(&host->disk, &old);
    assert_string_equal(saved(), "first");
    disk_trouble_end(&host->disk, &old);
    disk_trouble_begin(&host->disk, &torn);
    assert_true(strlen(saved()) < 6);
    disk_trouble_end(&host->disk, &torn);
    disk_trouble_begin(&host->disk, &rot);
    assert_string_not_equal(saved(), "second");
    disk_trouble_end(&host->disk, &rot);
    assert_string_equal(saved(), "second");
}

static void nothing_is_written_to_a_read_only_disk(void **state)
{
    (void)state;
    struct disk_trouble trouble = {.is_read_only = true};
    uint64_t done_ns;
    disk_trouble_begin(&host->disk, &trouble);
    assert_int_equal(disk_plan_sync(&host->disk, &done_ns), IO_DENIED);
    assert_int_equal(disk_plan_read(&host->disk, &done_ns), IO_OK);
    disk_trouble_end(&host->disk, &trouble);
    assert_int_equal(disk_plan_sync(&host->disk, &done_ns), IO_OK);
}

static void a_lying_sync_is_found_out_by_a_loss_of_power(void **state)
{
    (void)state;
    struct disk_trouble lie = {.lies = true};
    disk_save(&host->disk, "dea-0", slice_copy("true", 4));
    disk_trouble_begin(&host->disk, &lie);
    disk_save(&host->disk, "dea-0", slice_copy("lie", 3));
    assert_string_equal(saved(), "lie"); /* As long as the system runs, it looks well. */
    host_power_off(host);
    assert_string_equal(saved(), "true");
    disk_trouble_end(&host->disk, &lie);
}

static void a_full_disk_and_a_failing_one_say_so(void **state)
{
    (void)state;
    uint64_t done_ns;
    struct disk_trouble full = {.is_full = true}, error = {.read_error_ppm = 1000000, .write_error_ppm = 1000000};
    assert_int_equal(disk_plan_sync(&host->disk, &done_ns), IO_OK);
    disk_trouble_begin(&host->disk, &full);
    assert_int_equal(disk_plan_sync(&host->disk, &done_ns), IO_FULL);
    assert_int_equal(disk_plan_read(&host->disk, &done_ns), IO_OK);
    disk_trouble_begin(&host->disk, &error);
    assert_int_equal(disk_plan_read(&host->disk, &done_ns), IO_FAILED);
    disk_trouble_end(&host->disk, &full);
    disk_trouble_end(&host->disk, &error);
    assert_int_equal(disk_plan_sync(&host->disk, &done_ns), IO_OK);
}

static void a_later_sync_is_not_done_sooner(void **state)
{
    (void)state;
    host->disk.sync = distribution_uniform(NS_PER_MS, 50 * NS_PER_MS);
    uint64_t last_ns = 0, done_ns;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(disk_plan_sync(&host->disk, &done_ns), IO_OK);
        assert_true(done_ns > last_ns);
        last_ns = done_ns;
    }
}

static void blobs_are_found_by_the_digest_of_their_content(void **state)
{
    (void)state;
    struct blob_store *store = blob_store_create(host);
    char digest[BLOB_DIGEST_SIZE], again[BLOB_DIGEST_SIZE];
    blob_store_put(store, slice_copy("abc", 3), digest);
    blob_store_put(store, slice_copy("abc", 3), again);
    assert_string_equal(digest, "a9993e364706816aba3e25717850c26c9cd0d89d"); /* FIPS 180-4's example. */
    assert_string_equal(again, digest);
    blob_store_lose_power(store);
    assert_non_null(blob_store_find(store, digest));
    store->denials = 1;
    assert_null(blob_store_find(store, digest));
    store->denials = 0;
    blob_store_delete(store, digest);
    assert_null(blob_store_find(store, digest));
    blob_store_destroy(store);
}

static void a_port_belongs_to_one_and_zero_means_any(void **state)
{
    (void)state;
    struct port first = {.number = 80}, second = {.number = 80}, any = {0};
    assert_true(host_open_port(host, &first));
    assert_false(host_open_port(host, &second));
    assert_true(host_open_port(host, &any));
    assert_true(any.number >= 32768);
    host_close_port(host, &first);
    assert_true(host_open_port(host, &second));
    host_close_port(host, &second);
    host_close_port(host, &any);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_drifting_clock_runs_fast_and_its_deadlines_come_early, open_world,
                                        close_world),
        cmocka_unit_test_setup_teardown(a_step_moves_the_wall_clock_only, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_frozen_wall_clock_jumps_when_it_thaws, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_time_that_has_passed_is_now, open_world, close_world),
        cmocka_unit_test_setup_teardown(saved_state_survives_the_loss_of_power, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_lying_sync_is_found_out_by_a_loss_of_power, open_world, close_world),
        cmocka_unit_test_setup_teardown(what_is_read_back_may_be_old_short_or_damaged, open_world, close_world),
        cmocka_unit_test_setup_teardown(nothing_is_written_to_a_read_only_disk, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_full_disk_and_a_failing_one_say_so, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_later_sync_is_not_done_sooner, open_world, close_world),
        cmocka_unit_test_setup_teardown(blobs_are_found_by_the_digest_of_their_content, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_port_belongs_to_one_and_zero_means_any, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
