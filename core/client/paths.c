#include "core/client/paths.h"

#include "core/base/memory.h"
#include "core/wire/http.h"

#include <string.h>

void path_add_file(struct text *text, const char *instance, const char *path)
{
    text_add_string(text, "/instances/");
    uri_encode(text, instance);
    text_add_string(text, "/files/");
    while (*path == '/')
        path++;
    while (*path != '\0') {
        size_t size = strcspn(path, "/");
        char *segment = memory_copy_bytes(path, size);
        uri_encode(text, segment);
        memory_free(segment);
        path += size;
        if (*path == '/') {
            text_add_char(text, '/');
            path++;
        }
    }
}
