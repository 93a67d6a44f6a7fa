#include "cli/client/exec_lines.h"

#include "core/wire/json.h"

#include <string.h>

enum { LONG_BYTES = 65536 };

static void write_line(const char *name, const char *bytes, size_t size, struct text *ret_json)
{
    struct text line = {0};
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\0')
            text_add_string(&line, "\xef\xbf\xbd");
        else
            text_add_char(&line, bytes[i]);
    }
    text_addf(ret_json, "{\"%s\":", name);
    json_write_string(ret_json, text_string(&line));
    text_add_string(ret_json, "}\n");
    text_free(&line);
}

void exec_lines_add(struct exec_lines *lines, bool is_error, struct io_bytes bytes, struct text *ret_json)
{
    struct text *kept = is_error ? &lines->err : &lines->out;
    text_add(kept, bytes.data, bytes.size);
    size_t at = 0;
    for (;;) {
        const char *rest = text_string(kept) + at;
        const char *end = memchr(rest, '\n', kept->size - at);
        size_t size = end == NULL ? 0 : (size_t)(end - rest) + 1;
        if (end == NULL && kept->size - at >= LONG_BYTES)
            size = LONG_BYTES;
        if (size == 0)
            break;
        write_line(is_error ? "stderr" : "stdout", rest, size, ret_json);
        at += size;
    }
    text_consume(kept, at);
}

void exec_lines_end(struct exec_lines *lines, int code, struct text *ret_json)
{
    if (lines->out.size > 0)
        write_line("stdout", text_string(&lines->out), lines->out.size, ret_json);
    if (lines->err.size > 0)
        write_line("stderr", text_string(&lines->err), lines->err.size, ret_json);
    text_clear(&lines->out);
    text_clear(&lines->err);
    if (code >= 0)
        text_addf(ret_json, "{\"exit\":%d}\n", code);
}

void exec_lines_release(struct exec_lines *lines)
{
    text_free(&lines->out);
    text_free(&lines->err);
}
