/* `cupola journal`: what operators do with a controller's journal while no controller runs on it. */
#include "cli/commands.h"
#include "cli/journal/export.h"
#include "cli/journal/first_page.h"
#include "cli/journal/walk.h"
#include "cli/terminal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: cupola journal check PLACE [--repair]\n"
    "       cupola journal export PLACE\n"
    "       cupola journal import PLACE\n"
    "\n"
    "PLACE is a SQLite file or a PostgreSQL connection string (postgresql://...). Stop the controllers first.\n"
    "\n"
    "  check    reads every entry: is it there, is it what was written, does it make sense, and are snapshots what "
    "the\n"
    "           entries come to? With --repair it keeps what comes before the first damaged one, or, if a snapshot "
    "stands\n"
    "           for what is damaged, the snapshot and all after it; a file is kept aside as PLACE.damaged first.\n"
    "  export   prints the journal on standard output, its oldest snapshot and one entry a line, for backups and for\n"
    "           moving to another store\n"
    "  import   fills an empty journal with what export printed, from standard input\n"
    "\n"
    "Exit status: 0 done, 1 it is damaged or could not be done, 2 it was called wrongly.\n"
    "\n"
    "Examples:\n"
    "  cupola journal check /var/lib/cupola/journal.db\n"
    "  cupola journal export /var/lib/cupola/journal.db >backup.jsonl\n"
    "  cupola journal import 'postgresql://cupola@db.example.org/cupola' <backup.jsonl\n";

/* ---- Keeping what is sound ---- */

/* The snapshot that the sound part begins with, and the one that lies in it. */
static bool copy_snapshot(struct walk *walk, struct journal_store *fresh, uint64_t sequence)
{
    for (size_t i = 0; i < walk->snapshot_count; i++) {
        const struct walk_snapshot *snapshot = &walk->snapshots[i];
        struct io_bytes bytes = {(const uint8_t *)text_string(&snapshot->data), snapshot->data.size};
        if (snapshot->sequence == sequence && snapshot->is_sound)
            return fresh->class->write_snapshot(fresh, sequence, bytes, &walk->reason) == IO_OK;
    }
    return true;
}

static bool copy_sound_part(struct walk *walk, struct journal_store *fresh)
{
    static struct journal_entries entries;
    bool ok = walk->base == 0 || copy_snapshot(walk, fresh, walk->base);
    for (uint64_t done = walk->base; ok && done < walk->at; done += entries.count) {
        walk->store->class->read(walk->store, done, &entries, &walk->reason);
        ok = entries.count > 0;
        for (size_t i = 0; i < entries.count && ok && done + i < walk->at; i++) {
            struct journal_append one = {.expected_head = done + i, .data = journal_entries_at(&entries, i)};
            ok = fresh->class->append(fresh, &one, 1, &walk->reason) == IO_OK &&
                 copy_snapshot(walk, fresh, done + i + 1);
        }
    }
    journal_entries_free(&entries);
    return ok;
}

/* The old file is kept aside; what belongs to it must not meet the new one. */
static bool swap_files(const char *place, const char *fresh, const char *aside)
{
    static const char *const sides[] = {"-wal", "-shm"};
    bool ok = rename(place, aside) == 0 && rename(fresh, place) == 0;
    for (size_t i = 0; i < 2 && ok; i++) {
        struct text side = {0};
        text_addf(&side, "%s%s", place, sides[i]);
        unlink(text_string(&side));
        text_free(&side);
    }
    return ok;
}

/* What is sound goes into a new file, which takes the place of the old one. */
static bool rebuild_file(struct walk *walk, const char *place)
{
    struct journal_store *fresh = NULL;
    struct text aside = {0}, path = {0};
    text_addf(&path, "%s.repaired", place);
    text_addf(&aside, "%s.damaged", place);
    unlink(text_string(&path));
    bool ok = journal_sqlite_class.open(text_string(&path), 5000, &fresh, &walk->reason) == IO_OK &&
              (walk->store == NULL || copy_sound_part(walk, fresh));
    if (fresh != NULL)
        fresh->class->close(fresh);
    if (walk->store != NULL)
        walk->store->class->close(walk->store);
    walk->store = NULL;
    ok = ok && swap_files(place, text_string(&path), text_string(&aside));
    if (ok)
        printf("what was there is at %s\n", text_string(&aside));
    text_free(&path);
    text_free(&aside);
    return ok;
}

static bool clear_database(struct walk *walk)
{
    const struct journal_store_class *class = walk->store->class;
    bool ok = class->keep_only(walk->store, walk->base, walk->at, &walk->reason) == IO_OK;
    for (size_t i = 0; i < walk->snapshot_count && ok; i++) {
        const struct walk_snapshot *snapshot = &walk->snapshots[i];
        bool is_kept = snapshot->is_sound && snapshot->sequence >= walk->base && snapshot->sequence <= walk->at;
        ok = is_kept || class->drop_snapshot(walk->store, snapshot->sequence, &walk->reason) == IO_OK;
    }
    return ok;
}

/* As it is, or with another first page: whichever tells more. Of a file that cannot be opened nothing is a part, too.
 */
static bool find_sound_part(struct walk *walk, const char *place, const char *copy)
{
    bool is_found = walk->store == NULL || walk_find_sound_part(walk);
    if (journal_store_class_of(place) != &journal_sqlite_class)
        return is_found;
    struct walk other = {.store = journal_open_with_first_page(place, copy)};
    if (other.store != NULL)
        walk_begin(&other); /* What it cannot read is not there. */
    bool is_more = other.store != NULL && walk_find_sound_part(&other) && (!is_found || other.at > walk->at);
    struct walk less = is_more ? *walk : other;
    if (is_more)
        *walk = other;
    walk_free(&less);
    return is_found || is_more;
}

static bool keep_sound_part(struct walk *walk, const char *place, const char *copy)
{
    if (!find_sound_part(walk, place, copy)) {
        text_clear(&walk->reason);
        text_add_string(&walk->reason, "nothing that it could begin with is sound; restore a backup");
        return false;
    }
    bool is_file = journal_store_class_of(place) == &journal_sqlite_class;
    bool ok = is_file ? rebuild_file(walk, place) : clear_database(walk);
    if (ok && walk->base > 0)
        printf("the snapshot of entry %llu and the %llu entries after it are kept\n", (unsigned long long)walk->base,
               (unsigned long long)(walk->at - walk->base));
    else if (ok)
        printf("the first %llu entries are kept\n", (unsigned long long)walk->at);
    return ok;
}

static bool repair(struct walk *walk, const char *place)
{
    struct text copy = {0};
    text_addf(&copy, "%s.readable", place);
    bool ok = keep_sound_part(walk, place, text_string(&copy));
    if (walk->store != NULL)
        walk->store->class->close(walk->store);
    walk->store = NULL;
    journal_remove_copy(text_string(&copy));
    text_free(&copy);
    return ok;
}

/* ---- check ---- */

static void tell_sound(const struct walk *walk)
{
    if (walk->base > 0)
        printf("the snapshot of entry %llu and ", (unsigned long long)walk->base);
    printf("%llu entries, all of them sound\n", (unsigned long long)(walk->at - walk->base));
}

static void tell_damage(const struct walk *walk, bool wants_repair)
{
    terminal_error("%s; the %llu entries before it are sound%s", text_string(&walk->reason),
                   (unsigned long long)(walk->at - walk->base), wants_repair ? "" : " (`--repair` keeps those)");
}

/* Why it could not be opened. Tables that are not as they should be are an error like any other to SQLite. */
static bool is_damage(const char *place, enum io_status status)
{
    bool is_file = journal_store_class_of(place) == &journal_sqlite_class;
    return status == IO_CORRUPT || (is_file && status == IO_FAILED);
}

static int check(const char *place, bool wants_repair)
{
    enum io_status opened;
    if (walk_is_missing_file(place))
        return CLI_FAILED;
    struct walk walk = {.store = walk_open_store(place, &opened)};
    if (opened != IO_OK && !(wants_repair && is_damage(place, opened)))
        return CLI_FAILED;
    bool is_sound = opened == IO_OK && walk_begin(&walk) && walk_through(&walk);
    if (is_sound)
        tell_sound(&walk);
    else if (opened == IO_OK)
        tell_damage(&walk, wants_repair);
    if (!is_sound && wants_repair) {
        is_sound = repair(&walk, place);
        if (!is_sound)
            terminal_error("it cannot be repaired: %s", text_string(&walk.reason));
    }
    walk_free(&walk);
    return is_sound ? CLI_OK : CLI_FAILED;
}

int cli_journal(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(help, stdout);
        return CLI_OK;
    }
    bool wants_repair = argc == 4 && strcmp(argv[3], "--repair") == 0;
    if (argc == 3 || wants_repair) {
        if (strcmp(argv[1], "check") == 0)
            return check(argv[2], wants_repair);
        if (!wants_repair && strcmp(argv[1], "export") == 0)
            return journal_export(argv[2]);
        if (!wants_repair && strcmp(argv[1], "import") == 0)
            return journal_import(argv[2]);
    }
    terminal_error("journal: say what to do with which journal: `cupola journal check PLACE`; --help tells more");
    return CLI_USAGE;
}
