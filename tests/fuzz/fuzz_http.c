/* Random bytes as requests, responses, chunked bodies and URIs. Links: core_wire, core_base, program.
 *
 * Beyond "no crash": what is accepted points into the input, a head that is found can be parsed without reading past
 * it, and a chunked body decodes to the same data however it is cut. */
#include "core/base/assert.h"
#include "core/wire/http.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_limits limits = {.max_head_bytes = 8192, .max_headers = 64};

static void check_text(struct http_text text, const uint8_t *data, size_t size)
{
    const uint8_t *start = (const uint8_t *)text.data;
    assert_that(text.size == 0 || (text.size == 1 && *start == '/') ||
                (start >= data && start + text.size <= data + size));
}

static void check_head(const struct http_head *head, const uint8_t *data, size_t size)
{
    assert_that(head->header_count <= limits.max_headers);
    check_text(head->target, data, size);
    check_text(head->path, data, size);
    check_text(head->query, data, size);
    check_text(head->host, data, size);
    for (size_t i = 0; i < head->header_count; i++) {
        assert_that(head->headers[i].name.size > 0);
        check_text(head->headers[i].name, data, size);
        check_text(head->headers[i].value, data, size);
        (void)http_is_hop_by_hop(head, head->headers[i].name);
    }
}

static void feed_heads(const uint8_t *data, size_t size)
{
    struct http_head head;
    const char *reason = NULL;
    size_t scanned = 0, head_size = 0, scanned_slowly = 0, slow_size = 0;
    enum http_result found = http_find_head(data, size, &limits, &scanned, &head_size);
    enum http_result slowly = HTTP_INCOMPLETE;
    for (size_t i = 0; i <= size && slowly == HTTP_INCOMPLETE; i++)
        slowly = http_find_head(data, i, &limits, &scanned_slowly, &slow_size);
    assert_that(found == slowly);
    assert_that(found != HTTP_OK || head_size == slow_size);

    size_t parsed_size = found == HTTP_OK ? head_size : size;
    if (http_parse_request(data, parsed_size, &limits, &head, &reason) == HTTP_OK)
        check_head(&head, data, parsed_size);
    assert_that(reason != NULL);
    struct http_text get = {"GET", 3};
    if (http_parse_response(data, parsed_size, &limits, get, &head, &reason) == HTTP_OK)
        check_head(&head, data, parsed_size);
}

static void feed_chunks(const uint8_t *data, size_t size)
{
    struct http_chunks whole = {0}, cut = {0};
    struct text whole_data = {0}, cut_data = {0};
    size_t whole_used = 0, cut_used = 0;
    enum http_result result = http_chunks_feed(&whole, data, size, &whole_used, &whole_data);
    enum http_result cut_result = HTTP_INCOMPLETE;
    for (size_t i = 0; i < size && cut_result == HTTP_INCOMPLETE; i++) {
        size_t used = 0;
        cut_result = http_chunks_feed(&cut, data + i, 1, &used, &cut_data);
        cut_used += used;
    }
    assert_that(result == cut_result);
    assert_that(whole_used == cut_used);
    assert_that(whole_data.size == cut_data.size);
    assert_that(memcmp(text_string(&whole_data), text_string(&cut_data), whole_data.size) == 0);
    text_free(&whole_data);
    text_free(&cut_data);
}

static void feed_uris(const uint8_t *data, size_t size)
{
    struct http_text input = {(const char *)data, size};
    struct text text = {0}, again = {0};
    uri_normal_host(&text, input);
    text_clear(&text);
    if (uri_decode(&text, input)) {
        struct text encoded = {0};
        uri_encode(&encoded, text_string(&text));
        assert_that(uri_decode(&again, (struct http_text){text_string(&encoded), encoded.size}));
        assert_that(strcmp(text_string(&again), text_string(&text)) == 0);
        text_free(&encoded);
    }
    text_free(&text);
    text_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    feed_heads(data, size);
    feed_chunks(data, size);
    feed_uris(data, size);
    return 0;
}
