#include "cli/journal/export.h"

#include "cli/commands.h"
#include "cli/journal/walk.h"
#include "cli/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Out ---- */

static bool print_line(struct walk *walk, const char *kind, uint64_t sequence, struct io_bytes data)
{
    struct text line = {0};
    text_addf(&line, "{\"%s\":%llu,\"data\":\"", kind, (unsigned long long)sequence);
    text_add_hex(&line, data.data, data.size);
    text_add_string(&line, "\"}\n");
    bool ok = fwrite(text_string(&line), 1, line.size, stdout) == line.size;
    text_clear(&walk->reason);
    if (!ok)
        text_add_string(&walk->reason, "standard output cannot be written");
    text_free(&line);
    return ok;
}

static bool print_entry(struct walk *walk, uint64_t sequence, struct io_bytes data)
{
    return print_line(walk, "sequence", sequence, data);
}

static bool print_base(struct walk *walk)
{
    for (size_t i = 0; i < walk->snapshot_count; i++) {
        const struct text *data = &walk->snapshots[i].data;
        struct io_bytes bytes = {(const uint8_t *)text_string(data), data->size};
        if (walk->base > 0 && walk->snapshots[i].sequence == walk->base)
            return print_line(walk, "snapshot", walk->base, bytes);
    }
    return true;
}

int journal_export(const char *place)
{
    enum io_status status;
    if (walk_is_missing_file(place))
        return CLI_FAILED;
    struct walk walk = {.store = walk_open_store(place, &status), .take = print_entry};
    if (walk.store == NULL)
        return CLI_FAILED;
    bool ok = walk_begin(&walk) && print_base(&walk) && walk_through(&walk) && fflush(stdout) == 0;
    if (!ok)
        terminal_error("%s", text_string(&walk.reason));
    walk_free(&walk);
    return ok ? CLI_OK : CLI_FAILED;
}

/* ---- In ---- */

static int digit_of(char c)
{
    const char *digits = "0123456789abcdef", *at = strchr(digits, c);
    return c == '\0' || at == NULL ? -1 : (int)(at - digits);
}

/* The bytes of one exported line, if it is of that kind. */
static bool parse_line(const char *line, const char *kind, uint64_t *ret_sequence, struct text *ret_data)
{
    char format[40];
    unsigned long long sequence;
    int size = 0;
    snprintf(format, sizeof format, "{\"%s\":%%llu,\"data\":\"%%n", kind);
    if (sscanf(line, format, &sequence, &size) != 1 || size == 0)
        return false;
    *ret_sequence = sequence;
    const char *at = line + size;
    for (; digit_of(at[0]) >= 0 && digit_of(at[1]) >= 0; at += 2)
        text_add_char(ret_data, (char)(digit_of(at[0]) << 4 | digit_of(at[1])));
    return strcmp(at, "\"}\n") == 0 && ret_data->size > 0;
}

static bool refuse(struct walk *walk, const char *what)
{
    text_clear(&walk->reason);
    text_add_string(&walk->reason, what);
    return false;
}

static bool store_snapshot(struct walk *walk, uint64_t sequence, const struct text *data)
{
    struct walk_snapshot snapshot = {.sequence = sequence, .is_sound = true, .data = *data};
    struct io_bytes bytes = {(const uint8_t *)text_string(data), data->size};
    if (!walk_from_snapshot(walk, &snapshot))
        return false;
    enum io_status status = walk->store->class->write_snapshot(walk->store, sequence, bytes, &walk->reason);
    return status == IO_CONFLICT ? refuse(walk, "that journal is not empty") : status == IO_OK;
}

static bool store_entry(struct walk *walk, const struct text *data)
{
    struct journal_append one = {.expected_head = walk->at, .data = {(const uint8_t *)text_string(data), data->size}};
    if (!walk_fold(walk, walk->at + 1, one.data) ||
        walk->store->class->append(walk->store, &one, 1, &walk->reason) != IO_OK)
        return false;
    if (one.status != IO_OK)
        return refuse(walk, "that journal is not empty");
    walk->at++;
    return true;
}

static bool take_line(struct walk *walk, const char *line, uint64_t number)
{
    struct text data = {0};
    uint64_t sequence;
    bool ok = true;
    if (number == 1 && parse_line(line, "snapshot", &sequence, &data)) {
        ok = store_snapshot(walk, sequence, &data);
    } else if (parse_line(line, "sequence", &sequence, &data) && sequence == walk->at + 1) {
        ok = store_entry(walk, &data);
    } else {
        ok = false;
        text_clear(&walk->reason);
        text_addf(&walk->reason, "line %llu of standard input is not entry %llu of an export",
                  (unsigned long long)number, (unsigned long long)walk->at + 1);
    }
    text_free(&data);
    return ok;
}

int journal_import(const char *place)
{
    enum io_status status;
    struct walk walk = {.store = walk_open_store(place, &status)};
    char *line = NULL;
    size_t capacity = 0;
    uint64_t number = 0;
    bool ok = walk.store != NULL;
    while (ok && getline(&line, &capacity, stdin) > 0)
        ok = take_line(&walk, line, ++number);
    unsigned long long count = walk.at - walk.base;
    if (walk.store != NULL && !ok)
        terminal_error("%s; %llu entries were imported", text_string(&walk.reason), count);
    else if (ok && walk.base > 0)
        printf("the snapshot of entry %llu and %llu entries imported\n", (unsigned long long)walk.base, count);
    else if (ok)
        printf("%llu entries imported\n", count);
    free(line);
    walk_free(&walk);
    return ok ? CLI_OK : CLI_FAILED;
}
