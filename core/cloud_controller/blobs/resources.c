#include "core/cloud_controller/blobs/resources.h"

#include "core/base/memory.h"
#include "core/proto/rest.pb-c.h"
#include "core/wire/json.h"
#include "core/wire/json/parts.h"

#include <stdio.h>
#include <string.h>

enum {
    POOLED_BYTES_LEAST = 65536,
    POOLED_BYTES_MOST = 512 * 1024 * 1024,
    DEFAULT_MODE = 0755, /* v1's clients do not tell; what need not be executable may be. */
};

static Cupola__RestResource *read_element(struct io_bytes element)
{
    struct json_error ignored;
    return (Cupola__RestResource *)json_read(&cupola__rest_resource__descriptor, element,
                                             JSON_LENIENT | JSON_NUMBER_TEXT, &ignored);
}

/* Digests are told in lower case; false if it is none. */
static bool fix_digest(char *sha1)
{
    if (sha1 == NULL || strlen(sha1) != 40)
        return false;
    for (char *c = sha1; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'F')
            *c = (char)(*c - 'A' + 'a');
    return strspn(sha1, "0123456789abcdef") == 40;
}

static bool is_size(const Cupola__RestResource *value, int64_t least)
{
    return value->has_size && value->size >= least && value->size <= POOLED_BYTES_MOST;
}

static void add_line(struct resources *resources, size_t index, const Cupola__RestResource *value, const char *name)
{
    unsigned mode = value->has_mode ? (unsigned)value->mode & 0777 : DEFAULT_MODE;
    text_addf(&resources->lines, "%s %lld %o %s\n", value->sha1, (long long)value->size, mode, name);
    resources->asked[resources->asked_count++] = index;
}

void cc_resources_read_wanted(struct resources *resources, struct io_bytes json)
{
    *resources = (struct resources){0};
    json_split_array(json, &resources->elements, &resources->count); /* What is no array has no elements. */
    resources->asked = memory_new(resources->count * sizeof *resources->asked);
    for (size_t i = 0; i < resources->count; i++) {
        Cupola__RestResource *value = read_element(resources->elements[i]);
        if (value != NULL && fix_digest(value->sha1) && is_size(value, POOLED_BYTES_LEAST))
            add_line(resources, i, value, "-");
        cupola__rest_resource__free_unpacked(value, NULL);
    }
}

/* Why a package cannot have a file of that name, or NULL. */
static const char *find_name_fault(const char *name)
{
    if (name == NULL || *name == '\0')
        return "is empty";
    if (*name == '/')
        return "is absolute";
    for (const char *c = name; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20)
            return "has control characters";
    for (const char *part = name; part != NULL; part = strchr(part, '/')) {
        part += *part == '/';
        size_t size = strcspn(part, "/");
        if (size == 2 && part[0] == '.' && part[1] == '.')
            return "leads out of the package";
    }
    return NULL;
}

static const char *find_fault(const Cupola__RestResource *value)
{
    if (value == NULL)
        return " makes no sense";
    if (!fix_digest(value->sha1))
        return ".sha1: expected 40 hex digits";
    if (!is_size(value, 0))
        return ".size: expected the number of bytes";
    return NULL;
}

bool cc_resources_read_given(struct resources *resources, struct io_bytes json, struct refusal *ret_refusal)
{
    *resources = (struct resources){0};
    if (json.size > 0 && !json_split_array(json, &resources->elements, &resources->count)) {
        cc_refusal_set(ret_refusal, ERROR_BAD_REQUEST_AT, "resources: expected an array", NULL);
        return false;
    }
    resources->asked = memory_new(resources->count * sizeof *resources->asked);
    for (size_t i = 0; i < resources->count && ret_refusal->error == ERROR_NONE; i++) {
        Cupola__RestResource *value = read_element(resources->elements[i]);
        const char *fault = find_fault(value), *name_fault = fault == NULL ? find_name_fault(value->fn) : NULL;
        char text[120];
        snprintf(text, sizeof text, "resources[%zu]%s%s", i, name_fault == NULL ? "" : ".fn: the name ",
                 name_fault != NULL ? name_fault
                 : fault != NULL    ? fault
                                    : "");
        if (fault != NULL || name_fault != NULL)
            cc_refusal_set(ret_refusal, ERROR_BAD_REQUEST_AT, text, NULL);
        else
            add_line(resources, i, value, value->fn);
        cupola__rest_resource__free_unpacked(value, NULL);
    }
    return ret_refusal->error == ERROR_NONE;
}

void cc_resources_write_found(const struct resources *resources, struct io_bytes found, struct text *json)
{
    bool is_first = true;
    text_add_char(json, '[');
    for (size_t i = 0; i < resources->asked_count && i < found.size; i++) {
        if (found.data[i] != '1')
            continue;
        if (!is_first)
            text_add_char(json, ',');
        is_first = false;
        struct io_bytes element = resources->elements[resources->asked[i]];
        text_add(json, element.data, element.size);
    }
    text_add_char(json, ']');
}

void cc_resources_free(struct resources *resources)
{
    memory_free(resources->elements);
    memory_free(resources->asked);
    text_free(&resources->lines);
    *resources = (struct resources){0};
}
