#include "core/cloud_controller/uris.h"

#include "core/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_URI_SIZE = 255 };

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static char *normalise(const char *uri)
{
    uri += strspn(uri, " \t\r\n");
    size_t size = strlen(uri);
    while (size > 0 && strchr(" \t\r\n", uri[size - 1]) != NULL)
        size--;
    char *copy = memory_copy_bytes(uri, size);
    for (size_t i = 0; i < size; i++)
        copy[i] = to_lower(copy[i]);
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < 2; i++) {
        size_t scheme = strlen(schemes[i]);
        if (strncmp(copy, schemes[i], scheme) == 0) {
            memmove(copy, copy + scheme, size - scheme + 1);
            break;
        }
    }
    return copy;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct uri_list cc_uris_normalise(char *const *uris, size_t count)
{
    struct uri_list list = {.uris = memory_new(count * sizeof(char *))};
    for (size_t i = 0; i < count; i++)
        list.uris[i] = normalise(uris[i]);
    if (count > 1)
        qsort(list.uris, count, sizeof(char *), compare_texts);
    for (size_t i = 0; i < count; i++) {
        if (list.count > 0 && strcmp(list.uris[list.count - 1], list.uris[i]) == 0)
            memory_free(list.uris[i]);
        else
            list.uris[list.count++] = list.uris[i];
    }
    return list;
}

void cc_uris_free(struct uri_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        memory_free(list->uris[i]);
    memory_free(list->uris);
    *list = (struct uri_list){0};
}

/* A host name, perhaps with a port: the text that the router will look for. */
static bool is_host(const char *uri)
{
    size_t size = strlen(uri);
    if (size == 0 || size > MAX_URI_SIZE || uri[0] == '.' || uri[0] == '-')
        return false;
    for (size_t i = 0; i < size; i++)
        if (!(uri[i] >= 'a' && uri[i] <= 'z') && !(uri[i] >= '0' && uri[i] <= '9') && strchr("-._:", uri[i]) == NULL)
            return false;
    return true;
}

static bool is_in_domain(const struct controller *controller, const char *uri)
{
    size_t size = strlen(uri);
    size_t domain = strlen(controller->app_domain);
    return domain > 0 && size > domain && strcmp(uri + size - domain, controller->app_domain) == 0;
}

static bool is_reserved(const struct controller *controller, const char *uri)
{
    const Cupola__CloudControllerConfig *config = controller->config;
    size_t label = strcspn(uri, ".");
    if (label <= config->reserved_length)
        return true;
    for (size_t i = 0; i < config->n_reserved_uris; i++)
        if (strlen(config->reserved_uris[i]) == label && strncmp(config->reserved_uris[i], uri, label) == 0)
            return true;
    return false;
}

/* One user may map one host to several apps; two users may not. */
static bool is_taken(const struct controller *controller, const char *owner, const char *uri)
{
    if (strcmp(uri, controller->config->external_uri) == 0)
        return true; /* Ours. */
    return cc_lists_is_others(&controller->state, uri, owner);
}

bool cc_uris_check(const struct controller *controller, const char *owner, const struct uri_list *list,
                   struct refusal *ret_refusal)
{
    bool is_admin = controller_is_admin(controller, owner);
    for (size_t i = 0; i < list->count; i++) {
        const char *uri = list->uris[i];
        enum cloud_error error = ERROR_NONE;
        if (!is_host(uri))
            error = ERROR_URI_INVALID;
        else if (!controller->config->allow_external_uris && !is_admin && !is_in_domain(controller, uri))
            error = ERROR_URI_EXTERNAL;
        else if ((!is_admin && is_reserved(controller, uri)) || is_taken(controller, owner, uri))
            error = ERROR_URI_TAKEN;
        if (error != ERROR_NONE) {
            cc_refusal_set(ret_refusal, error, uri, NULL);
            return false;
        }
    }
    return true;
}
