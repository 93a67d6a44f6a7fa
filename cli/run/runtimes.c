#include "cli/run/runtimes.h"

#include "core/wire/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* v1's names say versions of 2011; whoever asks for them gets what there is today. */
static const struct {
    const char *name, *program;
} known[] = {
    {"node", "node"},        {"node06", "node"},   {"python3", "python3"}, {"python26", "python3"},
    {"ruby18", "ruby"},      {"ruby19", "ruby"},   {"java", "java"},       {"php", "php"},
    {"erlangR14B02", "erl"}, {"groovy", "groovy"}, {"scala", "scala"},     {"shell", "bash"},
};

/* The program's whole path; the system's own before what somebody has in their PATH, as apps find it. */
static bool find(const char *program, char ret_path[512])
{
    const char *own = getenv("PATH");
    struct text path = {0};
    text_addf(&path, "/usr/bin:/usr/local/bin:/bin:%s", own == NULL ? "" : own);
    bool is_found = false;
    for (const char *at = text_string(&path); *at != '\0' && !is_found;) {
        size_t size = strcspn(at, ":");
        int length = snprintf(ret_path, 512, "%.*s/%s", (int)size, at, program);
        is_found = size > 0 && at[0] == '/' && length > 0 && length < 512 && access(ret_path, X_OK) == 0;
        at += size;
        at += *at == ':';
    }
    text_free(&path);
    return is_found;
}

void runtimes_add(struct text *json)
{
    bool is_first = true;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char path[512];
        if (!find(known[i].program, path))
            continue;
        text_addf(json, "%s{\"name\":\"%s\",\"executable\":", is_first ? "" : ",", known[i].name);
        json_write_string(json, path);
        text_add_char(json, '}');
        is_first = false;
    }
}
