#include "core/wire/exec_frame.h"

#include "core/base/assert.h"

void exec_frame_add(struct text *text, enum exec_frame_kind kind, const void *bytes, size_t size)
{
    assert_that(size <= EXEC_FRAME_BYTES_MOST);
    const uint8_t head[EXEC_FRAME_HEAD] = {(uint8_t)kind, (uint8_t)(size >> 24), (uint8_t)(size >> 16),
                                           (uint8_t)(size >> 8), (uint8_t)size};
    text_add(text, head, sizeof head);
    if (size > 0)
        text_add(text, bytes, size);
}

enum exec_frame_result exec_frame_read(struct io_bytes bytes, enum exec_frame_kind *ret_kind,
                                       struct io_bytes *ret_payload)
{
    if (bytes.size < EXEC_FRAME_HEAD)
        return EXEC_FRAME_INCOMPLETE;
    const uint8_t *at = bytes.data;
    size_t size = (size_t)at[1] << 24 | (size_t)at[2] << 16 | (size_t)at[3] << 8 | at[4];
    if (at[0] < EXEC_STDIN || at[0] > EXEC_ERROR || size > EXEC_FRAME_BYTES_MOST)
        return EXEC_FRAME_MALFORMED;
    if (bytes.size - EXEC_FRAME_HEAD < size)
        return EXEC_FRAME_INCOMPLETE;
    *ret_kind = (enum exec_frame_kind)at[0];
    *ret_payload = (struct io_bytes){at + EXEC_FRAME_HEAD, size};
    return EXEC_FRAME_WHOLE;
}
