#include "cli/client/manifest.h"

#include "cli/terminal.h"
#include "core/base/memory.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

enum { MAX_TEXT = 4096 };

struct reader {
    struct manifest *manifest;
    struct request *request;
    const char *path;
    yaml_document_t document;
    bool failed;
};

static void complain(struct reader *reader, const yaml_node_t *node, const char *what)
{
    terminal_error("%s:%zu: %s", reader->path, node->start_mark.line + 1, what);
    reader->failed = true;
}

static char *keep(struct reader *reader, const char *text)
{
    struct manifest *manifest = reader->manifest;
    manifest->texts = memory_room(manifest->texts, manifest->count, &manifest->capacity, sizeof(char *));
    return manifest->texts[manifest->count++] = memory_copy_text(text);
}

/* The scalar's text, or NULL and a message. */
static const char *text_of(struct reader *reader, yaml_node_t *node)
{
    if (node->type == YAML_SCALAR_NODE && node->data.scalar.length <= MAX_TEXT)
        return (const char *)node->data.scalar.value;
    complain(reader, node, "expected one value");
    return NULL;
}

/* ---- The keys ---- */

static void take_text(struct reader *reader, yaml_node_t *node, char **field)
{
    const char *text = text_of(reader, node);
    if (text != NULL && *field == NULL)
        *field = keep(reader, text);
}

static void take_name(struct reader *reader, yaml_node_t *node)
{
    const char *text = text_of(reader, node);
    if (text != NULL)
        reader->manifest->name = keep(reader, text);
}

static void take_framework(struct reader *reader, yaml_node_t *node)
{
    take_text(reader, node, &reader->request->config.framework);
}

static void take_runtime(struct reader *reader, yaml_node_t *node)
{
    take_text(reader, node, &reader->request->config.runtime);
}

static void take_command(struct reader *reader, yaml_node_t *node)
{
    take_text(reader, node, &reader->request->config.start_command);
}

static void take_instances(struct reader *reader, yaml_node_t *node)
{
    Cupola__ClientConfig *config = &reader->request->config;
    const char *text = text_of(reader, node);
    int number = 0;
    if (text == NULL || config->has_instances)
        return;
    if (!request_number("instances", text, 0, 99999, &number)) {
        complain(reader, node, "instances: see above");
        return;
    }
    config->has_instances = true;
    config->instances = number;
}

static void take_memory(struct reader *reader, yaml_node_t *node)
{
    Cupola__ClientConfig *config = &reader->request->config;
    const char *text = text_of(reader, node);
    int megabytes = 0;
    if (text == NULL || config->has_memory_mb)
        return;
    if (!request_megabytes(text, &megabytes)) {
        complain(reader, node, "memory: see above");
        return;
    }
    config->has_memory_mb = true;
    config->memory_mb = megabytes;
}

static void add_url(struct reader *reader, yaml_node_t *node)
{
    Cupola__ClientConfig *config = &reader->request->config;
    const char *text = text_of(reader, node);
    if (text == NULL)
        return;
    if (config->n_uris == REQUEST_LISTS)
        complain(reader, node, "too many urls");
    else
        reader->request->uris[config->n_uris++] = keep(reader, text);
}

/* One, or a list of them; those of the command line win as a whole. */
static void take_urls(struct reader *reader, yaml_node_t *node)
{
    if (reader->request->config.n_uris > 0)
        return;
    if (node->type != YAML_SEQUENCE_NODE) {
        add_url(reader, node);
        return;
    }
    for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++)
        add_url(reader, yaml_document_get_node(&reader->document, *item));
}

static bool is_given(const struct request *request, const char *entry, size_t name_size)
{
    for (size_t i = 0; i < request->config.n_env; i++)
        if (strncmp(request->env[i], entry, name_size + 1) == 0)
            return true;
    return false;
}

static void take_env(struct reader *reader, yaml_node_t *node)
{
    struct request *request = reader->request;
    if (node->type != YAML_MAPPING_NODE) {
        complain(reader, node, "env: expected NAME: VALUE lines");
        return;
    }
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *key = yaml_document_get_node(&reader->document, pair->key);
        const char *name = text_of(reader, key);
        const char *value = text_of(reader, yaml_document_get_node(&reader->document, pair->value));
        if (name == NULL || value == NULL)
            return;
        struct text entry = {0};
        text_addf(&entry, "%s=%s", name, value);
        if (request->config.n_env == REQUEST_LISTS)
            complain(reader, key, "too many variables");
        else if (!is_given(request, text_string(&entry), strlen(name)))
            request->env[request->config.n_env++] = keep(reader, text_string(&entry));
        text_free(&entry);
    }
}

static const struct {
    const char *name;
    void (*take)(struct reader *reader, yaml_node_t *node);
} keys[] = {
    {"name", take_name},       {"instances", take_instances}, {"memory", take_memory}, {"framework", take_framework},
    {"runtime", take_runtime}, {"command", take_command},     {"url", take_urls},      {"urls", take_urls},
    {"env", take_env},
};

static void take_pair(struct reader *reader, const yaml_node_pair_t *pair)
{
    yaml_node_t *key = yaml_document_get_node(&reader->document, pair->key);
    const char *name = text_of(reader, key);
    for (size_t i = 0; name != NULL && i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(name, keys[i].name) == 0) {
            keys[i].take(reader, yaml_document_get_node(&reader->document, pair->value));
            return;
        }
    }
    if (name != NULL)
        complain(reader, key, "unknown key; known are name, instances, memory, framework, runtime, command, urls, env");
}

/* ---- The file ---- */

static void read_document(struct reader *reader)
{
    yaml_node_t *root = yaml_document_get_root_node(&reader->document);
    if (root == NULL)
        return; /* An empty file. */
    if (root->type != YAML_MAPPING_NODE) {
        complain(reader, root, "expected KEY: VALUE lines");
        return;
    }
    for (yaml_node_pair_t *pair = root->data.mapping.pairs.start;
         pair < root->data.mapping.pairs.top && !reader->failed; pair++)
        take_pair(reader, pair);
}

static bool read_file(struct reader *reader, FILE *file)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        terminal_error("%s: no memory to read it", reader->path);
        return false;
    }
    yaml_parser_set_input_file(&parser, file);
    if (yaml_parser_load(&parser, &reader->document)) {
        read_document(reader);
        yaml_document_delete(&reader->document);
    } else {
        terminal_error("%s:%zu: %s", reader->path, parser.problem_mark.line + 1,
                       parser.problem == NULL ? "it is no YAML" : parser.problem);
        reader->failed = true;
    }
    yaml_parser_delete(&parser);
    return !reader->failed;
}

bool manifest_read(struct manifest *manifest, struct request *request)
{
    static const char *const names[] = {"cupola.yml", "manifest.yml"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct text path = {0};
        text_addf(&path, "%s/%s", request->folder, names[i]);
        FILE *file = fopen(text_string(&path), "r");
        bool is_good = true;
        if (file != NULL) {
            struct reader reader = {.manifest = manifest, .request = request, .path = text_string(&path)};
            is_good = read_file(&reader, file);
            fclose(file);
        } else if (errno != ENOENT && errno != ENOTDIR) {
            terminal_error("%s: %s", text_string(&path), strerror(errno));
            is_good = false;
        }
        text_free(&path);
        if (file != NULL || !is_good)
            return is_good;
    }
    return true;
}

void manifest_release(struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++)
        memory_free(manifest->texts[i]);
    memory_free(manifest->texts);
}
