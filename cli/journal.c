/* `cupola journal`: what operators do with a controller's journal while no controller runs on it. */
#include "cli/commands.h"
#include "cli/terminal.h"

#include "core/proto/journal.pb-c.h"
#include "drivers/real/journal_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: cupola journal check PLACE [--repair]\n"
    "       cupola journal export PLACE\n"
    "       cupola journal import PLACE\n"
    "\n"
    "PLACE is a SQLite file or a PostgreSQL connection string (postgresql://...). Stop the controllers first.\n"
    "\n"
    "  check    reads every entry: is it there, is it what was written, does it make sense? With --repair it keeps "
    "what\n"
    "           comes before the first damaged one; a file is kept aside as PLACE.damaged first.\n"
    "  export   prints the journal on standard output, one entry a line, for backups and for moving to another store\n"
    "  import   fills an empty journal with what export printed, from standard input\n"
    "\n"
    "Exit status: 0 done, 1 it is damaged or could not be done, 2 it was called wrongly.\n"
    "\n"
    "Examples:\n"
    "  cupola journal check /var/lib/cupola/journal.db\n"
    "  cupola journal export /var/lib/cupola/journal.db >backup.jsonl\n"
    "  cupola journal import 'postgresql://cupola@db.example.org/cupola' <backup.jsonl\n";

static enum io_status open_store(const char *place, struct journal_store **ret_store)
{
    struct text reason = {0};
    enum io_status status = journal_store_class_of(place)->open(place, 5000, ret_store, &reason);
    if (status != IO_OK)
        terminal_error("%s", text_string(&reason));
    text_free(&reason);
    return status;
}

/* A file that does not exist would be made by opening it. */
static bool is_missing_file(const char *place)
{
    if (journal_store_class_of(place) != &journal_sqlite_class || access(place, F_OK) == 0)
        return false;
    terminal_error("there is no journal at %s", place);
    return true;
}

/* ---- Walking through it ---- */

struct walk {
    struct journal_store *store;
    uint64_t count; /* Sound entries. */
    struct text reason;
    bool (*take)(struct walk *walk, uint64_t sequence, struct io_bytes data);
    FILE *out;
};

/* False at the first entry that is missing, damaged or refused. */
static bool walk_through(struct walk *walk)
{
    static struct journal_entries entries;
    bool ok = true;
    do {
        ok = walk->store->class->read(walk->store, walk->count, &entries, &walk->reason) == IO_OK;
        for (size_t i = 0; i < entries.count; i++) {
            if (!walk->take(walk, walk->count + 1, journal_entries_at(&entries, i))) {
                ok = false;
                break;
            }
            walk->count++;
        }
    } while (ok && entries.count > 0);
    journal_entries_free(&entries);
    return ok;
}

/* ---- check ---- */

static bool makes_sense(struct walk *walk, uint64_t sequence, struct io_bytes data)
{
    Cupola__JournalEntry *entry = cupola__journal_entry__unpack(NULL, data.size, data.data);
    bool ok = entry != NULL;
    if (ok)
        cupola__journal_entry__free_unpacked(entry, NULL);
    text_clear(&walk->reason);
    if (!ok)
        text_addf(&walk->reason, "journal: entry %llu is no entry of a controller", (unsigned long long)sequence);
    return ok;
}

static bool copy_sound_entries(struct walk *walk, struct journal_store *fresh)
{
    static struct journal_entries entries;
    bool ok = true;
    for (uint64_t done = 0; ok && done < walk->count; done += entries.count) {
        walk->store->class->read(walk->store, done, &entries, &walk->reason);
        ok = entries.count > 0;
        for (size_t i = 0; i < entries.count && ok && done + i < walk->count; i++) {
            struct journal_append one = {.expected_head = done + i, .data = journal_entries_at(&entries, i)};
            ok = fresh->class->append(fresh, &one, 1, &walk->reason) == IO_OK;
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
              copy_sound_entries(walk, fresh);
    if (fresh != NULL)
        fresh->class->close(fresh);
    if (walk->store != NULL)
        walk->store->class->close(walk->store);
    walk->store = NULL;
    ok = ok && swap_files(place, text_string(&path), text_string(&aside));
    if (ok)
        printf("the first %llu entries are kept; what was there is at %s\n", (unsigned long long)walk->count,
               text_string(&aside));
    text_free(&path);
    text_free(&aside);
    return ok;
}

static bool repair(struct walk *walk, const char *place)
{
    if (journal_store_class_of(place) == &journal_sqlite_class)
        return rebuild_file(walk, place);
    bool ok = walk->store->class->truncate(walk->store, walk->count, &walk->reason) == IO_OK;
    if (ok)
        printf("the first %llu entries are kept\n", (unsigned long long)walk->count);
    return ok;
}

static int check(const char *place, bool wants_repair)
{
    struct walk walk = {.take = makes_sense};
    if (is_missing_file(place))
        return CLI_FAILED;
    enum io_status opened = open_store(place, &walk.store);
    if (opened != IO_OK && (opened != IO_CORRUPT || !wants_repair))
        return CLI_FAILED;
    bool is_sound = opened == IO_OK && walk_through(&walk);
    if (is_sound)
        printf("%llu entries, all of them sound\n", (unsigned long long)walk.count);
    else if (opened == IO_OK)
        terminal_error("%s; the %llu entries before it are sound%s", text_string(&walk.reason),
                       (unsigned long long)walk.count, wants_repair ? "" : " (`--repair` keeps those)");
    if (!is_sound && wants_repair) {
        is_sound = repair(&walk, place);
        if (!is_sound)
            terminal_error("it cannot be repaired: %s", text_string(&walk.reason));
    }
    if (walk.store != NULL)
        walk.store->class->close(walk.store);
    text_free(&walk.reason);
    return is_sound ? CLI_OK : CLI_FAILED;
}

/* ---- export and import: {"sequence":1,"data":"<hex>"} a line ---- */

static bool print_entry(struct walk *walk, uint64_t sequence, struct io_bytes data)
{
    struct text line = {0};
    text_addf(&line, "{\"sequence\":%llu,\"data\":\"", (unsigned long long)sequence);
    text_add_hex(&line, data.data, data.size);
    text_add_string(&line, "\"}");
    bool ok = fprintf(walk->out, "%s\n", text_string(&line)) > 0;
    text_clear(&walk->reason);
    if (!ok)
        text_add_string(&walk->reason, "standard output cannot be written");
    text_free(&line);
    return ok;
}

static int export(const char *place)
{
    struct walk walk = {.take = print_entry, .out = stdout};
    if (is_missing_file(place) || open_store(place, &walk.store) != IO_OK)
        return CLI_FAILED;
    bool ok = walk_through(&walk) && fflush(stdout) == 0;
    if (!ok)
        terminal_error("%s", text_string(&walk.reason));
    walk.store->class->close(walk.store);
    text_free(&walk.reason);
    return ok ? CLI_OK : CLI_FAILED;
}

static int digit_of(char c)
{
    const char *digits = "0123456789abcdef", *at = strchr(digits, c);
    return c == '\0' || at == NULL ? -1 : (int)(at - digits);
}

/* The bytes of one exported line, if it is the one with that number. */
static bool parse_line(const char *line, uint64_t sequence, struct text *ret_data)
{
    char head[64];
    int size = snprintf(head, sizeof head, "{\"sequence\":%llu,\"data\":\"", (unsigned long long)sequence);
    if (strncmp(line, head, (size_t)size) != 0)
        return false;
    const char *at = line + size;
    for (; digit_of(at[0]) >= 0 && digit_of(at[1]) >= 0; at += 2)
        text_add_char(ret_data, (char)(digit_of(at[0]) << 4 | digit_of(at[1])));
    return strcmp(at, "\"}\n") == 0 && ret_data->size > 0;
}

static bool append_line(struct walk *walk, const char *line)
{
    struct text data = {0};
    struct journal_append one = {.expected_head = walk->count};
    text_clear(&walk->reason);
    bool ok = parse_line(line, walk->count + 1, &data);
    if (!ok)
        text_addf(&walk->reason, "line %llu of standard input is not entry %llu of an export",
                  (unsigned long long)walk->count + 1, (unsigned long long)walk->count + 1);
    one.data = (struct io_bytes){(const uint8_t *)text_string(&data), data.size};
    ok = ok && makes_sense(walk, walk->count + 1, one.data) &&
         walk->store->class->append(walk->store, &one, 1, &walk->reason) == IO_OK;
    if (ok && one.status != IO_OK) {
        text_addf(&walk->reason, "that journal is not empty: it has %llu entries", (unsigned long long)one.sequence);
        ok = false;
    }
    walk->count += ok;
    text_free(&data);
    return ok;
}

static int import(const char *place)
{
    struct walk walk = {.count = 0};
    char *line = NULL;
    size_t capacity = 0;
    bool ok = open_store(place, &walk.store) == IO_OK;
    while (ok && getline(&line, &capacity, stdin) > 0)
        ok = append_line(&walk, line);
    if (walk.store != NULL && !ok)
        terminal_error("%s; %llu entries were imported", text_string(&walk.reason), (unsigned long long)walk.count);
    else if (ok)
        printf("%llu entries imported\n", (unsigned long long)walk.count);
    if (walk.store != NULL)
        walk.store->class->close(walk.store);
    free(line);
    text_free(&walk.reason);
    return ok ? CLI_OK : CLI_FAILED;
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
            return export(argv[2]);
        if (!wants_repair && strcmp(argv[1], "import") == 0)
            return import(argv[2]);
    }
    terminal_error("journal: say what to do with which journal: `cupola journal check PLACE`; --help tells more");
    return CLI_USAGE;
}
