/* What a controller needs for one call of one user, and for one app in its memory, while users and apps grow: the REST
 * API, the fold and the journal's queue, in one process with a journal in memory.
 *
 * Prints "apps <n> list_us <p50> <p99> update_us <p50> <p99> start_us <p50> <p99> bytes_per_app <n> load_ms <n>
 * snapshot_ms <n> snapshot_mb <n>" for each size, then how the largest compares with the smallest.
 */
#include "core/base/memory.h"
#include "core/cloud_controller/controller.h"
#include "core/cloud_controller/state/snapshot.h"
#include "tests/core/cloud_controller/town.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 300, APPS_OF_A_USER = 10 };

enum { LIST, UPDATE, START, KINDS };

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static int by_size(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

/* ---- Other people's apps, straight into the journal ---- */

static void add_entry(struct town *town, const Cupola__JournalEntry *entry)
{
    struct text packed = {0};
    size_t size = cupola__journal_entry__get_packed_size(entry);
    cupola__journal_entry__pack(entry, text_room(&packed, size));
    text_grow(&packed, size);
    town->entries = memory_grow(town->entries, town->entry_count * sizeof *town->entries,
                                (town->entry_count + 1) * sizeof *town->entries);
    town->entries[town->entry_count++] = packed;
}

static void add_user(struct town *town, uint32_t number)
{
    char email[64];
    snprintf(email, sizeof email, "user%u@example.org", number);
    Cupola__JournalUser user = CUPOLA__JOURNAL_USER__INIT;
    user.email = email;
    user.password_hash = (char *)(uintptr_t) "hash";
    Cupola__UserChange change = CUPOLA__USER_CHANGE__INIT;
    change.user = &user;
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_USER_PUT;
    entry.user_put = &change;
    add_entry(town, &entry);
}

static void add_app(struct town *town, uint32_t number)
{
    char owner[64], name[32], uri[64], package[41], droplet[41], *uris[] = {uri};
    snprintf(owner, sizeof owner, "user%u@example.org", number / APPS_OF_A_USER);
    snprintf(name, sizeof name, "app%u", number);
    snprintf(uri, sizeof uri, "app%u.cupola.test", number);
    snprintf(package, sizeof package, "%040x", number);
    snprintf(droplet, sizeof droplet, "%040x", number + (1u << 30));
    Cupola__JournalApp app = CUPOLA__JOURNAL_APP__INIT;
    app.has_id = app.has_instances = app.has_memory_mb = app.has_started = app.has_run_live = app.has_package_state =
        app.has_run_count = app.has_lock_version = app.has_created_s = true;
    app.id = number + 1;
    app.owner = owner;
    app.name = name;
    app.framework = app.runtime = (char *)(uintptr_t) "node";
    app.nonce = (char *)(uintptr_t) "nonce";
    app.uris = uris;
    app.n_uris = 1;
    app.instances = 2;
    app.memory_mb = 64;
    app.started = app.run_live = true;
    app.package_state = CUPOLA__PACKAGE_STATE__PACKAGE_STAGED;
    app.package_sha1 = package;
    app.droplet_sha1 = droplet;
    Cupola__AppChange change = CUPOLA__APP_CHANGE__INIT;
    change.app = &app;
    Cupola__JournalEntry entry = CUPOLA__JOURNAL_ENTRY__INIT;
    entry.change_case = CUPOLA__JOURNAL_ENTRY__CHANGE_APP_PUT;
    entry.app_put = &change;
    add_entry(town, &entry);
}

/* ---- One user's calls ---- */

static char *begin_user(struct town *town)
{
    char *token = town_token(town, "ada@example.org");
    char body[256];
    for (int i = 0; i < APPS_OF_A_USER; i++) {
        snprintf(
            body, sizeof body,
            "{\"name\":\"own%d\",\"staging\":{\"framework\":\"node\"},\"uris\":[\"own%d.cupola.test\"],\"instances\":1,"
            "\"resources\":{\"memory\":64}}",
            i, i);
        town_request(town, token, "POST", "/apps", body);
    }
    town_upload(town, token, "own0", "bits");
    return token;
}

static void expect(int status, const char *what)
{
    if (status == 200)
        return;
    fprintf(stderr, "%s: status %d\n", what, status);
    exit(1);
}

static void call_all(struct town *town, const char *token, uint64_t passed_ns[KINDS][ROUNDS])
{
    char body[64];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t at_ns = clock_ns();
        expect(town_request(town, token, "GET", "/apps", ""), "list");
        passed_ns[LIST][round] = clock_ns() - at_ns;
        snprintf(body, sizeof body, "{\"env\":[\"ROUND=%d\"]}", round);
        at_ns = clock_ns();
        expect(town_request(town, token, "PUT", "/apps/own1", body), "update");
        passed_ns[UPDATE][round] = clock_ns() - at_ns;
        at_ns = clock_ns();
        expect(town_request(town, token, "PUT", "/apps/own0", "{\"state\":\"STARTED\"}"), "start");
        passed_ns[START][round] = clock_ns() - at_ns;
        expect(town_request(town, token, "PUT", "/apps/own0", "{\"state\":\"STOPPED\"}"), "stop");
        town_forget(town);
        town_pass_ms(town, 50);
    }
}

/* ---- One size ---- */

static uint64_t measure(uint32_t apps, uint64_t ret_p50_ns[KINDS])
{
    static struct town town;
    static uint64_t passed_ns[KINDS][ROUNDS];
    town_open(&town);
    town.config.has_user_requests_per_s = town.config.has_snapshot_entries = true;
    town.config.user_requests_per_s = town.config.snapshot_entries = 0;
    town_answer(&town, "dea.discover", "{\"id\":\"dea1\",\"ip\":\"10.0.0.1\",\"port\":1,\"version\":0.99}");
    for (uint32_t i = 0; i < apps / APPS_OF_A_USER; i++)
        add_user(&town, i);
    for (uint32_t i = 0; i < apps; i++)
        add_app(&town, i);
    town_kill(&town.controllers[0]);
    uint64_t at_ns = clock_ns();
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    town_revive(&town.controllers[0]);
    town_settle(&town);
    uint64_t load_ns = clock_ns() - at_ns;
    size_t bytes = mallinfo2().uordblks + mallinfo2().hblkhd - before;
    char *token = begin_user(&town);
    call_all(&town, token, passed_ns);
    struct controller *controller = container_of(town.controllers[0].machine, struct controller, machine);
    struct text snapshot = {0};
    at_ns = clock_ns();
    cc_snapshot_write(&controller->state, &snapshot);
    uint64_t snapshot_ns = clock_ns() - at_ns;
    static const char *const names[KINDS] = {"list_us", "update_us", "start_us"};
    printf("apps %u", apps);
    for (int kind = 0; kind < KINDS; kind++) {
        qsort(passed_ns[kind], ROUNDS, sizeof passed_ns[kind][0], by_size);
        ret_p50_ns[kind] = passed_ns[kind][ROUNDS / 2];
        printf(" %s %llu %llu", names[kind], (unsigned long long)ret_p50_ns[kind] / 1000,
               (unsigned long long)passed_ns[kind][ROUNDS * 99 / 100] / 1000);
    }
    printf(" bytes_per_app %zu load_ms %llu snapshot_ms %llu snapshot_mb %zu\n", bytes / apps,
           (unsigned long long)(load_ns / NS_PER_MS), (unsigned long long)(snapshot_ns / NS_PER_MS),
           snapshot.size >> 20);
    fflush(stdout);
    text_free(&snapshot);
    memory_free(token);
    town_close(&town);
    return bytes / apps;
}

int main(void)
{
    static const uint32_t sizes[] = {100, 1000, 10000, 100000};
    uint64_t first_ns[KINDS], last_ns[KINDS];
    measure(sizes[0], first_ns);
    for (size_t i = 1; i < sizeof sizes / sizeof sizes[0]; i++)
        measure(sizes[i], last_ns);
    printf("with a thousand times the apps: list %.2f, update %.2f, start %.2f times the time (p50)\n",
           (double)last_ns[LIST] / (double)first_ns[LIST], (double)last_ns[UPDATE] / (double)first_ns[UPDATE],
           (double)last_ns[START] / (double)first_ns[START]);
    return 0;
}
