#include "core/dea/access/files.h"

#include "core/base/duration.h"
#include "core/base/memory.h"
#include "core/dea/dea.h"

#include <string.h>

enum {
    CHUNK_BYTES = 256 * 1024,           /* Asked of the driver at a time. */
    MOST_FILE_BYTES = 32 * 1024 * 1024, /* Larger ones are refused: an answer is held in memory. */
    MAX_CONNECTIONS = 64,
    MAX_BODY_BYTES = 4096,
    HEADER_TIMEOUT_S = 10,
    IDLE_TIMEOUT_S = 60,
};

static const char prefix[] = "/droplets/";
static const char text_type[] = "text/plain";

/* One request that is being read for. */
struct file_read {
    struct dea *dea;
    struct http_exchange *exchange; /* NULL: the client went away. */
    char workload[INSTANCE_ID_SIZE];
    char *path; /* Below the instance's directory; "" is that itself. */
    struct text content;
    struct op op;
    struct file_read *previous, *next;
};

/* ---- Opening ---- */

static void listen_on(struct dea *dea, uint16_t port);

static void on_listening(struct http_server *server, enum io_status status, uint16_t port)
{
    struct dea *dea = container_of(server, struct dea, files.server);
    bool is_given = dea->config->listen != NULL && dea->config->listen->port != 0;
    if (status != IO_OK && !is_given && dea->saved.viewer_port != 0) { /* Somebody else has it by now. */
        dea->saved.viewer_port = 0;
        http_server_destroy(server);
        listen_on(dea, 0);
        return;
    }
    if (status != IO_OK) {
        machine_log(&dea->machine, LOG_ERROR, "no file viewer: cannot listen on port %u: %s", port,
                    io_status_name(status));
    } else if (dea->saved.viewer_port != port) {
        dea->saved.viewer_port = port;
        dea_saved_write(dea);
    }
    dea->files.on_open(dea);
}

static void on_request(struct http_exchange *exchange);
static void on_aborted(struct http_exchange *exchange);

static void listen_on(struct dea *dea, uint16_t port)
{
    static const struct http_server_handlers handlers = {
        .on_listening = on_listening,
        .on_request = on_request,
        .on_aborted = on_aborted,
    };
    static const Cupola__Endpoint default_listen = CUPOLA__ENDPOINT__INIT;
    const Cupola__Endpoint *listen = dea->config->listen != NULL ? dea->config->listen : &default_listen;
    struct http_server_options options = {
        .host = listen->host,
        .port = port,
        .max_body_bytes = MAX_BODY_BYTES,
        .max_connections = MAX_CONNECTIONS,
        .header_timeout_ns = HEADER_TIMEOUT_S * NS_PER_S,
        .idle_timeout_ns = IDLE_TIMEOUT_S * NS_PER_S,
    };
    http_server_open(&dea->machine, &dea->files.server, &options, &handlers);
}

void dea_files_open(struct dea *dea, void (*on_open)(struct dea *dea))
{
    struct saved *saved = &dea->saved;
    dea->files.dea = dea;
    dea->files.on_open = on_open;
    if (saved->viewer_user[0] == 0 || saved->viewer_password[0] == 0) {
        struct random_stream stream = random_named(dea->machine.seed, "dea.file_viewer_credentials");
        random_hex(&stream, saved->viewer_user, 16);
        random_hex(&stream, saved->viewer_password, 16);
    }
    bool is_given = dea->config->listen != NULL && dea->config->listen->port != 0;
    listen_on(dea, is_given ? (uint16_t)dea->config->listen->port : saved->viewer_port);
}

void dea_files_add_uri(const struct dea *dea, struct text *text)
{
    text_addf(text, "http://%s:%u%s", dea->host, dea->files.server.port, prefix);
}

/* The name comes from a user: what would not survive in a URI is replaced, and only the id is looked at on the way in.
 */
void dea_files_add_staged(const struct instance *instance, struct text *text)
{
    for (const char *c = instance->order->name; *c != 0; c++) {
        bool is_letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        bool is_plain = is_letter || (*c >= '0' && *c <= '9') || *c == '.' || *c == '_' || *c == '-';
        text_add_char(text, is_plain ? *c : '_');
    }
    text_addf(text, "-%d-%s", instance->index, instance->id);
}

/* ---- The life of a read ---- */

static struct file_read *new_read(struct http_exchange *exchange, const struct instance *instance, const char *path)
{
    struct file_read *read = memory_new(sizeof *read);
    read->dea = instance->dea;
    read->exchange = exchange;
    exchange->user = read;
    memcpy(read->workload, instance->id, INSTANCE_ID_SIZE);
    read->path = memory_copy_text(path);
    read->next = read->dea->files.reads;
    if (read->next != NULL)
        read->next->previous = read;
    read->dea->files.reads = read;
    return read;
}

static void free_read(struct file_read *read)
{
    if (read->previous != NULL)
        read->previous->next = read->next;
    else
        read->dea->files.reads = read->next;
    if (read->next != NULL)
        read->next->previous = read->previous;
    op_forget(&read->op);
    text_free(&read->content);
    memory_free(read->path);
    memory_free(read);
}

void dea_files_destroy(struct dea *dea)
{
    if (dea->files.dea == NULL)
        return;
    while (dea->files.reads != NULL)
        free_read(dea->files.reads);
    http_server_destroy(&dea->files.server);
}

static void on_aborted(struct http_exchange *exchange)
{
    if (exchange->user != NULL && !dea_exec_on_aborted(exchange))
        free_read(exchange->user);
}

static void answer_and_free(struct file_read *read, int status, const char *text)
{
    http_answer_string(read->exchange, status, text_type, text);
    free_read(read);
}

/* ---- Reading ---- */

static bool starts_with(const char *line, size_t size, const char *start)
{
    return size >= strlen(start) && memcmp(line, start, strlen(start)) == 0;
}

/* At an instance's root only what belongs to the app is shown. */
static void keep_public_entries(struct text *listing)
{
    struct text kept = {0};
    const char *at = text_string(listing);
    while (*at != 0) {
        size_t size = strcspn(at, "\n");
        if (starts_with(at, size, "app/") || starts_with(at, size, "logs/") || starts_with(at, size, "tomcat/")) {
            if (kept.size > 0)
                text_add_char(&kept, '\n');
            text_add(&kept, at, size);
        }
        at += size + (at[size] == '\n');
    }
    text_free(listing);
    *listing = kept;
}

static void read_next_chunk(struct file_read *read);

static void on_chunk(struct op *op, const struct op_result *result)
{
    struct file_read *read = container_of(op, struct file_read, op);
    if (result->status == IO_NOT_FOUND) {
        answer_and_free(read, 404, "Entity not found.\n");
    } else if (result->status == IO_DENIED || result->status == IO_INVALID) {
        answer_and_free(read, 403, "Not accessible\n");
    } else if (result->status != IO_OK) {
        answer_and_free(read, 500, "Cannot be read\n");
    } else if (result->number > MOST_FILE_BYTES) {
        answer_and_free(read, 413, "Too large to be shown\n");
    } else {
        text_add(&read->content, result->data.data, result->data.size);
        bool is_whole = result->data.size == 0 || read->content.size >= result->number;
        if (!is_whole) {
            read_next_chunk(read);
            return;
        }
        if (read->path[0] == 0)
            keep_public_entries(&read->content);
        http_answer_text(read->exchange, 200, text_type, &read->content);
        free_read(read);
    }
}

static void read_next_chunk(struct file_read *read)
{
    op_workload_read_file(&read->dea->machine, &read->op, read->workload, read->path, read->content.size, CHUNK_BYTES,
                          on_chunk);
}

/* ---- Requests ---- */

/* "hello-0-ce5f...": the instance's id is what follows the last dash. */
static struct instance *find_staged(struct dea *dea, const char *staged, size_t size)
{
    enum { ID_DIGITS = INSTANCE_ID_SIZE - 1 };
    if (size < ID_DIGITS + 1 || staged[size - ID_DIGITS - 1] != '-')
        return NULL;
    char id[INSTANCE_ID_SIZE] = {0};
    memcpy(id, staged + size - ID_DIGITS, ID_DIGITS);
    struct instance *instance = dea_instance_find(dea, id);
    if (instance == NULL || instance->state == INSTANCE_FETCHING || instance->state == INSTANCE_LAUNCHING ||
        instance->state == INSTANCE_REMOVING)
        return NULL;
    return instance;
}

/* Scripts that carry the environment, and every way up. */
static bool is_forbidden(const char *path)
{
    return strstr(path, "..") != NULL || strcmp(path, "startup") == 0 || strcmp(path, "stop") == 0;
}

/* Drops slashes at both ends, so that "logs/" is "logs". Given. */
static char *trim_slashes(const char *path)
{
    path += strspn(path, "/");
    size_t size = strlen(path);
    while (size > 0 && path[size - 1] == '/')
        size--;
    return memory_copy_bytes(path, size);
}

static void answer_path(struct dea *dea, struct http_exchange *exchange, const char *staged)
{
    size_t staged_size = strcspn(staged, "/");
    char *path = trim_slashes(staged + staged_size);
    struct instance *instance = find_staged(dea, staged, staged_size);
    if (is_forbidden(path) || strstr(staged, "..") != NULL)
        http_answer_string(exchange, 403, text_type, "Not accessible\n");
    else if (instance == NULL)
        http_answer_string(exchange, 404, text_type, "Entity not found.\n");
    else
        read_next_chunk(new_read(exchange, instance, path));
    memory_free(path);
}

static void on_request(struct http_exchange *exchange)
{
    struct dea *dea = container_of(exchange->server, struct dea, files.server);
    bool is_get = http_text_equals(exchange->head.method, "GET") || http_text_equals(exchange->head.method, "HEAD");
    size_t prefix_size = sizeof prefix - 1;
    if (dea_exec_on_request(exchange))
        return;
    if (!http_has_basic(&exchange->head, dea->saved.viewer_user, dea->saved.viewer_password))
        http_answer(exchange, 401, text_type, "WWW-Authenticate: Basic realm=\"\"\r\n", (struct io_bytes){0});
    else if (!is_get)
        http_answer(exchange, 405, text_type, "Allow: GET, HEAD\r\n", (struct io_bytes){0});
    else if (strcmp(exchange->path, "/routes") == 0)
        dea_route_table_answer_viewer(dea, exchange);
    else if (strncmp(exchange->path, prefix, prefix_size) != 0)
        http_answer_string(exchange, 404, text_type, "Entity not found.\n");
    else if (exchange->path[prefix_size] == 0)
        http_answer_string(exchange, 200, text_type, ""); /* Who runs here is nobody's business. */
    else
        answer_path(dea, exchange, exchange->path + prefix_size);
}
