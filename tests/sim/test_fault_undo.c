/* The undo of every fault is verified: the world is as before, and a fault that forgot to mend anything would be found
 * out. And of what is hit if only a share of the targets is. */
#include "tests/sim/fault_cloud.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void what_is_broken_shows_and_what_is_mended_is_as_before(void **state)
{
    (void)state;
    for (int kind = 1; kind < FAULT_KIND_END; kind++) {
        if (fault_kind_is_instant((enum fault_kind)kind))
            continue;
        struct cloud *cloud = converged_cloud();
        uint64_t before = fault_look(cloud, NULL);
        struct fault *fault = begin(cloud, (enum fault_kind)kind, NULL);
        if (fault_look(cloud, NULL) == before)
            fail_msg("%s breaks nothing that is looked at: nobody would see that it is not mended",
                     fault_kind_name((enum fault_kind)kind));
        cloud_run_for(cloud, 2 * NS_PER_S);
        fault_end(fault);
        struct text left = {0};
        if (fault_look(cloud, &left) != before)
            fail_msg("%s leaves: %s", fault_kind_name((enum fault_kind)kind), text_string(&left));
        text_free(&left);
        cloud_destroy(cloud);
    }
}

/* The first is over without having been mended. */
static void forget_to_mend(enum fault_kind kind)
{
    struct cloud *cloud = converged_cloud();
    struct fault *fault = begin(cloud, kind, NULL);
    fault->state = FAULT_OVER;
    struct fault_spec spec = {.kind = FAULT_REFUSE, .target = "outside"};
    fault_end(fault_begin(cloud, &spec));
}

static void an_undo_that_is_forgotten_ends_the_run(void **state)
{
    (void)state;
    for (int kind = 1; kind < FAULT_KIND_END; kind++) {
        if (fault_kind_is_instant((enum fault_kind)kind))
            continue;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            signal(SIGABRT, SIG_DFL); /* Not cmocka's. */
            fclose(stderr);
            forget_to_mend((enum fault_kind)kind);
            _exit(0);
        }
        int status = 0;
        waitpid(child, &status, 0);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
            fail_msg("%s was not mended, and nobody noticed", fault_kind_name((enum fault_kind)kind));
    }
}

static void of_two_that_overlap_the_one_that_is_left_holds(void **state)
{
    (void)state;
    for (int kind = 1; kind < FAULT_KIND_END; kind++) {
        if (fault_kind_is_instant((enum fault_kind)kind) || kind == FAULT_REBOOT || kind == FAULT_STRANGER)
            continue; /* A stranger finds the port taken by the first one. */
        struct cloud *cloud = converged_cloud();
        uint64_t before = fault_look(cloud, NULL);
        struct fault *first = begin(cloud, (enum fault_kind)kind, NULL);
        struct fault *second = begin(cloud, (enum fault_kind)kind, NULL);
        cloud_run_for(cloud, NS_PER_S);
        fault_end(first);
        if (fault_look(cloud, NULL) == before)
            fail_msg("the end of one %s ends another one", fault_kind_name((enum fault_kind)kind));
        cloud_run_for(cloud, NS_PER_S);
        fault_end(second);
        assert_int_equal(fault_look(cloud, NULL), before);
        cloud_destroy(cloud);
    }
}

/* ---- Shares ---- */

static size_t count_paused(const struct cloud *cloud)
{
    size_t count = 0;
    for (size_t i = 0; i < cloud->component_counts[ROLE_DEA]; i++)
        count += cloud->components[ROLE_DEA][i].process->is_paused;
    return count;
}

static void a_share_of_the_components_is_hit_and_always_another(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    size_t hits[3] = {0};
    for (int round = 0; round < 30; round++) {
        struct fault_spec spec = {.kind = FAULT_PAUSE, .target = "dea", .share_ppm = 300000};
        struct fault *fault = fault_begin(cloud, &spec);
        assert_int_equal(count_paused(cloud), 1); /* 30% of three. */
        for (size_t i = 0; i < 3; i++)
            hits[i] += cloud->components[ROLE_DEA][i].process->is_paused;
        fault_end(fault);
        assert_int_equal(count_paused(cloud), 0);
    }
    for (size_t i = 0; i < 3; i++)
        assert_true(hits[i] > 0);
    cloud_destroy(cloud);
}

/* Those who are not hit are those from whom the others are cut off. */
static void who_is_not_hit_is_a_peer(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault_spec spec = {.kind = FAULT_PARTITION, .target = "dea", .share_ppm = 500000};
    struct fault *fault = fault_begin(cloud, &spec);
    size_t cut = 0;
    for (size_t i = 0; i < 3; i++)
        cut += network_is_blocked(&cloud->world->network, cloud->components[ROLE_DEA][i].host,
                                  cloud->components[ROLE_ROUTER][0].host);
    assert_int_equal(cut, 2);
    for (size_t i = 0; i < 3; i++) {
        const struct host *one = cloud->components[ROLE_DEA][i].host,
                          *next = cloud->components[ROLE_DEA][(i + 1) % 3].host;
        assert_int_equal(network_is_blocked(&cloud->world->network, one, next),
                         fault->hosts[one->number] != fault->hosts[next->number]);
    }
    heal(cloud, fault);
}

static size_t count_sick(const struct cloud *cloud)
{
    size_t count = 0;
    for (size_t i = 0; i < cloud->world->host_count; i++) {
        for (const struct workload *at = cloud->world->hosts[i]->workloads; at != NULL; at = at->next)
            count += at->is_sick;
    }
    return count;
}

static void a_share_of_the_instances_falls_ill(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    operator_scale(cloud, "shop", 10);
    expect_ok(cloud, cloud_run_for(cloud, 8 * NS_PER_S), "ten");
    struct fault_spec spec = {.kind = FAULT_SICK_INSTANCE, .target = "shop", .share_ppm = 400000};
    struct fault *fault = fault_begin(cloud, &spec);
    assert_int_equal(count_sick(cloud), 4);
    struct fault *all = begin(cloud, FAULT_SICK_INSTANCE, "shop");
    assert_int_equal(count_sick(cloud), 10);
    fault_end(all);
    assert_int_equal(count_sick(cloud), 4);
    heal(cloud, fault);
}

static void a_share_of_the_processes_that_start_is_concerned(void **state)
{
    (void)state;
    struct cloud *cloud = converged_cloud();
    struct fault_spec spec = {.kind = FAULT_APP_NEVER_BINDS, .target = "shop", .share_ppm = 500000};
    struct fault *fault = fault_begin(cloud, &spec);
    operator_scale(cloud, "shop", 19);
    expect_ok(cloud, cloud_run_for(cloud, 8 * NS_PER_S), "half of them");
    size_t serving = cloud_serving_instances(cloud, "shop");
    assert_true(serving > 5 && serving < 17);
    heal(cloud, fault);
}

static void what_has_no_targets_has_no_share(void **state)
{
    (void)state;
    struct cloud *cloud = small_cloud(1);
    static const struct fault_spec specs[] = {
        {.kind = FAULT_JOURNAL_OUTAGE, .share_ppm = 500000},
        {.kind = FAULT_SURGE, .amount = 2, .share_ppm = 500000},
        {.kind = FAULT_PAUSE, .target = "dea", .share_ppm = 1000001},
    };
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct text why = {0};
        assert_false(fault_spec_is_valid(cloud, &specs[i], &why));
        assert_non_null(strstr(text_string(&why), "share"));
        text_free(&why);
    }
    cloud_destroy(cloud);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_broken_shows_and_what_is_mended_is_as_before),
        cmocka_unit_test(an_undo_that_is_forgotten_ends_the_run),
        cmocka_unit_test(of_two_that_overlap_the_one_that_is_left_holds),
        cmocka_unit_test(a_share_of_the_components_is_hit_and_always_another),
        cmocka_unit_test(who_is_not_hit_is_a_peer),
        cmocka_unit_test(a_share_of_the_instances_falls_ill),
        cmocka_unit_test(a_share_of_the_processes_that_start_is_concerned),
        cmocka_unit_test(what_has_no_targets_has_no_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
