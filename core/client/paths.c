#include "core/client/paths.h"

#include "core/wire/http.h"

void path_add_file(struct text *text, const char *instance, const char *path)
{
    text_add_string(text, "/instances/");
    uri_encode(text, instance);
    text_add_string(text, "/files/");
    while (*path == '/')
        path++;
    uri_encode_path(text, path);
}
