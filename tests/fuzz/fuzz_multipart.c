/* Random bytes as a multipart body: the first line is the content type, the rest the body. Links: core_http, program.
 *
 * Beyond "no crash": the same bytes tell the same story and fail at the same place however they are cut, parts begin
 * and end in turn, and no more memory is held than one part's head. */
#include "core/base/assert.h"
#include "core/base/memory.h"
#include "core/base/random.h"
#include "core/http/multipart.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reader {
    struct multipart multipart;
    uint64_t hash; /* Of the parts; data is hashed byte by byte, so that its pieces do not matter. */
    bool is_in_a_part;
};

static uint64_t mix_string(uint64_t hash, const char *string)
{
    return string == NULL ? random_mix(hash, 1) : random_hash(hash, string, strlen(string));
}

static void on_part(struct multipart *multipart, const struct multipart_part *part)
{
    struct reader *reader = container_of(multipart, struct reader, multipart);
    assert_that(!reader->is_in_a_part);
    reader->is_in_a_part = true;
    reader->hash = mix_string(reader->hash, part->name);
    reader->hash = mix_string(reader->hash, part->filename);
    reader->hash = mix_string(reader->hash, part->content_type);
}

static void on_data(struct multipart *multipart, const uint8_t *bytes, size_t size)
{
    struct reader *reader = container_of(multipart, struct reader, multipart);
    assert_that(reader->is_in_a_part);
    assert_that(size > 0);
    for (size_t i = 0; i < size; i++)
        reader->hash = random_mix(reader->hash, bytes[i]);
}

static void on_part_end(struct multipart *multipart)
{
    struct reader *reader = container_of(multipart, struct reader, multipart);
    assert_that(reader->is_in_a_part);
    reader->is_in_a_part = false;
    reader->hash = random_mix(reader->hash, UINT64_C(1) << 32);
}

static uint64_t parse_all(struct http_text type, const uint8_t *body, size_t size, size_t piece)
{
    static const struct multipart_handlers handlers = {on_part, on_data, on_part_end};
    struct reader reader = {0};
    bool good = multipart_begin(&reader.multipart, &handlers, type);
    for (size_t at = 0; good && at < size; at += piece) {
        good = multipart_feed(&reader.multipart, body + at, piece < size - at ? piece : size - at);
        assert_that(reader.multipart.head.size <= MULTIPART_MAX_HEAD_BYTES);
    }
    if (good)
        good = multipart_end(&reader.multipart);
    assert_that(good == (reader.multipart.error[0] == '\0'));
    assert_that(!good || !reader.is_in_a_part);
    uint64_t hash = mix_string(reader.hash, reader.multipart.error);
    multipart_free(&reader.multipart);
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
    if (end == NULL)
        return 0;
    struct http_text type = {(const char *)data, (size_t)(end - data)};
    const uint8_t *body = end + 1;
    size_t body_size = size - type.size - 1;
    uint64_t whole = parse_all(type, body, body_size, body_size + 1);
    assert_that(parse_all(type, body, body_size, 1) == whole);
    assert_that(parse_all(type, body, body_size, 7) == whole);
    return 0;
}
