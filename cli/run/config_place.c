#include "cli/run/config_place.h"

#include "cli/input.h"
#include "core/base/memory.h"
#include "core/wire/json/parts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "users[1]" of "users[1].user": the member, then its element. NULL bytes: there is none. */
static struct io_bytes step_into(struct io_bytes json, const char *path, size_t size)
{
    struct text key = {0};
    struct io_bytes value = {0}, *elements = NULL;
    size_t name_size = strcspn(path, "[."), count = 0;
    text_add(&key, path, name_size);
    if (!json_find_member(json, text_string(&key), &value))
        value = (struct io_bytes){0};
    if (value.data != NULL && name_size < size) {
        size_t index = strtoul(path + name_size + 1, NULL, 10);
        bool is_there = json_split_array(value, &elements, &count) && index < count;
        value = is_there ? elements[index] : (struct io_bytes){0};
        memory_free(elements);
    }
    text_free(&key);
    return value;
}

void config_place(const char *file, const char *path, struct text *ret_place)
{
    struct text content = {0};
    text_add_string(ret_place, file);
    if (access(file, R_OK) == 0 && input_read_file(file, &content)) {
        const uint8_t *begin = (const uint8_t *)text_string(&content);
        struct io_bytes at = {begin, content.size};
        while (at.data != NULL && *path != 0) {
            size_t size = strcspn(path, ".");
            at = step_into(at, path, size);
            path += size + (path[size] == '.');
        }
        if (at.data != NULL) {
            size_t line = 1;
            for (const uint8_t *byte = begin; byte < at.data; byte++)
                line += *byte == '\n';
            text_addf(ret_place, ":%zu", line);
        }
    }
    text_free(&content);
}
