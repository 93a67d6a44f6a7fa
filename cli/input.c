#include "cli/input.h"

#include "cli/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK_BYTES = 65536, MOST_BYTES = 1 << 30 };

bool input_read_file(const char *path, struct text *ret_content)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        terminal_error("cannot read %s: %s", path, strerror(errno));
        return false;
    }
    struct stat about;
    bool is_large = fstat(fileno(file), &about) == 0 && about.st_size > MOST_BYTES;
    size_t size = is_large;
    while (!is_large && (size = fread(text_room(ret_content, BLOCK_BYTES), 1, BLOCK_BYTES, file)) > 0 &&
           ret_content->size <= MOST_BYTES)
        text_grow(ret_content, size);
    bool is_read = ferror(file) == 0 && size == 0;
    if (!is_read)
        terminal_error("cannot read %s: %s", path, size > 0 ? "it has more than a gigabyte" : strerror(errno));
    fclose(file);
    return is_read;
}

bool input_write_file(const char *path, const struct text *content)
{
    FILE *file = fopen(path, "wb");
    bool is_written = file != NULL && fwrite(text_string(content), 1, content->size, file) == content->size;
    if (file != NULL && fclose(file) != 0)
        is_written = false;
    if (!is_written)
        terminal_error("cannot write %s: %s", path, strerror(errno));
    return is_written;
}

bool input_number(const char *word, uint64_t *ret_number)
{
    char *end = NULL;
    if (word[0] < '0' || word[0] > '9')
        return false;
    errno = 0;
    *ret_number = strtoull(word, &end, 10);
    return errno == 0 && *end == 0;
}
