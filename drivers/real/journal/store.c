#include "drivers/real/journal/store.h"

#include <nettle/sha1.h>
#include <string.h>

const struct journal_store_class *journal_store_class_of(const char *place)
{
    bool is_database = strncmp(place, "postgresql://", 13) == 0 || strncmp(place, "postgres://", 11) == 0;
    return is_database ? &journal_postgres_class : &journal_sqlite_class;
}

void journal_checksum(uint64_t sequence, struct io_bytes data, uint8_t ret_checksum[JOURNAL_CHECKSUM_SIZE])
{
    uint8_t number[8];
    for (int i = 0; i < 8; i++)
        number[i] = (uint8_t)(sequence >> (8 * i));
    struct sha1_ctx hash;
    sha1_init(&hash);
    sha1_update(&hash, sizeof number, number);
    sha1_update(&hash, data.size, data.data);
    sha1_digest(&hash, JOURNAL_CHECKSUM_SIZE, ret_checksum);
}

enum io_status journal_entries_add(struct journal_entries *entries, uint64_t sequence, struct io_bytes data,
                                   struct io_bytes checksum, struct text *ret_reason)
{
    uint8_t expected[JOURNAL_CHECKSUM_SIZE];
    journal_checksum(sequence, data, expected);
    uint64_t next = entries->first + entries->count;
    bool is_sound = checksum.size == sizeof expected && memcmp(checksum.data, expected, sizeof expected) == 0;
    if (sequence != next || !is_sound) {
        text_clear(ret_reason);
        text_addf(ret_reason, "journal: entry %llu is %s", (unsigned long long)next,
                  sequence != next ? "missing" : "damaged");
        return IO_CORRUPT;
    }
    text_add(&entries->data, data.data, data.size);
    entries->ends[entries->count++] = entries->data.size;
    return IO_OK;
}

enum io_status journal_take_snapshot(uint64_t sequence, struct io_bytes data, struct io_bytes checksum,
                                     struct text *ret_data, struct text *ret_reason)
{
    uint8_t expected[JOURNAL_CHECKSUM_SIZE];
    journal_checksum(sequence, data, expected);
    if (checksum.size != sizeof expected || memcmp(checksum.data, expected, sizeof expected) != 0) {
        text_clear(ret_reason);
        text_addf(ret_reason, "journal: the snapshot of entry %llu is damaged", (unsigned long long)sequence);
        return IO_CORRUPT;
    }
    text_clear(ret_data);
    text_add(ret_data, data.data, data.size);
    return IO_OK;
}

enum io_status journal_read_sound_snapshot(struct journal_store *store, uint64_t before, uint64_t *ret_sequence,
                                           struct text *ret_data, struct text *ret_reason)
{
    enum io_status status = IO_CORRUPT;
    *ret_sequence = before;
    while (status == IO_CORRUPT && *ret_sequence > 0) {
        before = *ret_sequence;
        *ret_sequence = 0;
        status = store->class->read_snapshot(store, before, ret_sequence, ret_data, ret_reason);
    }
    return status;
}

struct io_bytes journal_entries_at(const struct journal_entries *entries, size_t index)
{
    size_t begin = index == 0 ? 0 : entries->ends[index - 1];
    return (struct io_bytes){(const uint8_t *)text_string(&entries->data) + begin, entries->ends[index] - begin};
}

void journal_entries_reset(struct journal_entries *entries, uint64_t first)
{
    text_clear(&entries->data);
    entries->count = 0;
    entries->first = first;
}

void journal_entries_free(struct journal_entries *entries)
{
    text_free(&entries->data);
}
